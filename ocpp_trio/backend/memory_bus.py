"""A bus in memory for nodes of one process, with everything that can go wrong on a real one, by script.

Owns the order of what is written, and the faults. No sockets, no threads: safe under an autojump clock.
"""

import logging
from collections import deque
from collections.abc import Iterable
from typing import Final

import attrs
import trio

from ocpp_trio.backend.bus import BusStatus, Deliver
from ocpp_trio.backend.node_numbers import NodeNumber, NumberConflict, claim_from
from ocpp_trio.backend.outbox import Outbox

logger = logging.getLogger(__name__)

LENGTH: Final = 10_000
"""Letters kept for those who are slow or parted; like a stream on a server it forgets the oldest."""
BATCH: Final = 64
_AWAY: Final = "the exchange is out of reach"


@attrs.frozen
class _Entry:
    sheet: bytes
    written_at: float


class MemoryExchange:
    """Where the buses of one process meet.

    `delay` is how many seconds a letter takes to each reader. `duplicate` letters from now on are written twice, as
    by a carrier that did not hear that the first attempt succeeded; before `swap` letters the next one
    gets in first. `numbers` are those of the nodes, by name.
    """

    def __init__(self, *, length: int = LENGTH) -> None:
        self._length = length
        self._log: deque[_Entry] = deque()
        self._forgotten = 0
        self._parted: set[str] = set()
        self._down = False
        self.numbers: dict[str, int] = {}
        self._changed = trio.Event()
        self._held: list[_Entry] | None = None
        self.delay = 0.0
        self.duplicate = 0
        self.swap = 0

    def bus(self, name: str) -> "MemoryBus":
        """A new end of the bus, named for the faults that shall strike it."""
        return MemoryBus(self, name)

    def partition(self, *names: str) -> None:
        """Let these ends neither write nor read until `heal`."""
        self._parted.update(names)
        self._change()

    def heal(self, *names: str) -> None:
        """Undo the partition of these ends, or without a name of all."""
        self._parted.difference_update(names or set(self._parted))
        self._change()

    def stop(self, *, forget: bool = False) -> None:
        """Let nobody write or read until `start`; a server that is killed forgets everything."""
        self._down = True
        if forget:
            self.numbers.clear()
            self._forgotten += len(self._log)
            self._log.clear()
        self._change()

    def start(self) -> None:
        """Work again."""
        self._down = False
        self._change()

    @property
    def end(self) -> int:
        """The place after the last letter."""
        return self._forgotten + len(self._log)

    def reaches(self, name: str) -> bool:
        """Whether an end can write and read."""
        return not self._down and name not in self._parted

    def write(self, sheets: Iterable[bytes]) -> None:
        """Append letters."""
        for sheet in sheets:
            entries = [_Entry(sheet, trio.current_time())] * self._copies()
            if self.swap and self._held is None:
                self._held = entries
                continue
            self._log.extend(entries)
            if self._held is not None:
                self._log.extend(self._held)
                self._held, self.swap = None, self.swap - 1
        while len(self._log) > self._length:
            self._log.popleft()
            self._forgotten += 1
        self._change()

    def _copies(self) -> int:
        if not self.duplicate:
            return 1
        self.duplicate -= 1
        return 2

    def at(self, place: int) -> tuple[int, _Entry] | None:
        """The first letter at or after a place, and the place after it; None at the end."""
        place = max(place, self._forgotten)
        return (place + 1, self._log[place - self._forgotten]) if place < self.end else None

    async def wait_changed(self) -> None:
        """Wait until something is written or a fault begins or ends."""
        await self._changed.wait()

    def _change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class MemoryBus:
    """One node's end. Made by `MemoryExchange.bus`."""

    def __init__(self, exchange: MemoryExchange, name: str) -> None:
        self._exchange = exchange
        self._name = name
        self._status = BusStatus(healthy=False, detail="not running")
        self._number = NodeNumber()

    @property
    def status(self) -> BusStatus:
        """Whether letters get through at this moment."""
        return self._status

    async def claim_number(self, name: str, *, known: int | None = None) -> int:
        """The number of the node of this name, from 0: a new one for a new name, and the same ever after.

        Raises NumberConflict if the exchange knows better than `known`, and ConnectionError if it is out of reach.
        """
        await trio.lowlevel.checkpoint()
        self._number.hold(name, known)
        if not self._exchange.reaches(self._name):
            raise ConnectionError(f"no node number from the server: {_AWAY}")
        return self._number.settle(claim_from(self._exchange.numbers, name, known))

    async def run(
        self, outbox: Outbox, deliver: Deliver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Carry letters until cancelled."""
        self._note()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch)
            nursery.start_soon(self._write, outbox)
            nursery.start_soon(self._read, deliver, self._exchange.end)
            task_status.started()

    def _note(self) -> None:
        detail = self._fault()
        if detail != self._status.detail:
            if detail not in ("", _AWAY):
                logger.error("this node is kept off the bus: %a", detail)
            self._status = BusStatus(healthy=not detail, since=trio.current_time(), detail=detail)

    def _fault(self) -> str:
        """What is between this end and the exchange; empty if nothing is."""
        if not self._exchange.reaches(self._name):
            return _AWAY
        if self._number.name is not None and self._number.number is not None:
            try:
                self._number.settle(claim_from(self._exchange.numbers, self._number.name, self._number.number))
            except NumberConflict as conflict:
                return str(conflict)
        return ""

    async def _watch(self) -> None:
        while True:
            self._note()
            await self._exchange.wait_changed()

    async def _reach(self) -> None:
        while self._fault():
            await self._exchange.wait_changed()

    async def _write(self, outbox: Outbox) -> None:
        while True:
            await outbox.take(BATCH)
            await self._reach()
            # Once more, because some may have expired while this waited.
            self._exchange.write(await outbox.take(BATCH))
            outbox.done()

    async def _read(self, deliver: Deliver, place: int) -> None:
        while True:
            await self._reach()
            found = self._exchange.at(place)
            if found is None:
                await self._exchange.wait_changed()
                continue
            await trio.sleep_until(found[1].written_at + self._exchange.delay)
            if not self._fault():
                place = found[0]
                deliver(found[1].sheet, trio.current_time() - found[1].written_at)
