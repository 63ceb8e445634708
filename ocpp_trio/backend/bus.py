"""How nodes hear of each other: the interface, and the default for one node alone.

Owns nothing of what the events mean. A bus that reaches other machines is a room of its own.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import trio

from ocpp_trio.backend.events import Event
from ocpp_trio.backend.interest import Want


class EventBus(Protocol):
    """What a node needs of a bus."""

    def publish(self, event: Event) -> None:
        """Tell the other nodes of a change here. Never waits; what it cannot pass on in time is its own to count."""

    def declare_interest(self, wants: Iterable[Want]) -> None:
        """Say what this node's subscribers want now, in place of what was said before."""

    async def run(
        self, apply: Callable[[Event], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Hand other nodes' events to `apply`, each once, until cancelled."""


class LocalBus:
    """A bus with nobody else on it."""

    def publish(self, event: Event) -> None:
        """Nobody to tell."""

    def declare_interest(self, wants: Iterable[Want]) -> None:
        """Nobody to tell."""

    async def run(
        self, apply: Callable[[Event], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Wait until cancelled; nothing ever comes."""
        task_status.started()
        await trio.sleep_forever()
