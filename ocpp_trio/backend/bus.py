"""How the nodes' letters get from one to the other: the interface, and the default for one node alone.

Owns nothing of what the letters mean. A bus that reaches other machines is a room of its own.
"""

import math
from collections.abc import Callable
from typing import Protocol, TypeAlias

import attrs
import trio

from ocpp_trio.backend.outbox import Outbox

Deliver: TypeAlias = Callable[[bytes, float], None]
"""Takes a letter as bytes, and how many seconds ago it was written."""


@attrs.frozen(kw_only=True)
class BusStatus:
    """Whether letters get through. `since` is the instant of trio's clock from which on they do, or do not."""

    healthy: bool
    since: float = -math.inf
    detail: str = ""
    """What went wrong last, if it is not healthy."""


class Bus(Protocol):
    """What a node needs of a bus: whatever one node writes reaches all that run, in the order of its writing.

    It may reach them twice, late, or not at all: letters are numbered, and a node that misses some asks anew. What
    was written before a node came does not reach it.
    """

    @property
    def status(self) -> BusStatus:
        """Whether letters get through at this moment."""

    async def run(
        self, outbox: Outbox, deliver: Deliver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Carry what is in the outbox, and hand what others wrote to `deliver`, until cancelled.

        An outage is not an error: it shows in `status`, and ends when it ends.
        """


class NumberingBus(Bus, Protocol):
    """A bus whose server gives each node a number."""

    async def claim_number(self, name: str, *, known: int | None = None) -> int:
        """The number of the node of this name, from 0: a new one for a new name, and the same ever after.

        `known` is what this node's store remembers; a server that has forgotten it is told, now and whenever `run`
        reaches one. Raises NumberConflict if the server knows better, and ConnectionError if it cannot be asked.
        """


class LocalBus:
    """A bus with nobody else on it."""

    status = BusStatus(healthy=True)

    async def run(
        self, outbox: Outbox, deliver: Deliver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Throw the letters away; nothing ever comes."""
        task_status.started()
        while True:
            await outbox.take(256)
            outbox.done()
