"""Telling another node this node's state, when it begins to want it or has missed something.

Owns the pieces in which it goes, so that a large state neither stops the loop nor fills the outbox.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar

import attrs
import trio

from ocpp_trio.backend.events import Change, Event, Topic
from ocpp_trio.backend.interest import Want
from ocpp_trio.backend.letters import Part, WrittenEvent, write_event, write_wants
from ocpp_trio.backend.live import LiveState
from ocpp_trio.backend.outbox import Outbox

PIECE: Final = 64
"""Entries a letter: some ten kilobytes, and well under a millisecond to write."""
ROSTER_PIECE: Final = 512
"""Stations a letter, of which only the name goes."""
Name = tuple[Topic, str, str]
T = TypeVar("T")


@attrs.define
class _Debt:
    wants: dict[Want, None]
    whole: bool


class StateSender:
    """Owes other nodes a state, and pays one after the other."""

    def __init__(
        self,
        live: LiveState,
        outbox: Outbox,
        *,
        roster: Mapping[str, None],
        is_ours: Callable[[Topic, str, str], bool],
        new_event_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._live = live
        self._outbox = outbox
        self._roster = roster
        self._is_ours = is_ours
        self._new_event_id = new_event_id
        self._now = now
        self._debts: dict[str, _Debt] = {}
        self._owing = trio.Event()

    def owe(self, to: str, wants: Mapping[Want, None], *, whole: bool) -> None:
        """Tell a node what is known of these; `whole` with all stations that are here."""
        debt = self._debts.setdefault(to, _Debt({}, False))
        debt.wants.update(wants)
        debt.whole = debt.whole or whole
        self._owing.set()

    async def run(self) -> None:
        """Pay, until cancelled; whoever was being told then has not heard the last part."""
        while True:
            while not self._debts:
                self._owing = trio.Event()
                await self._owing.wait()
            to = next(iter(self._debts))
            await self._pay(to, self._debts.pop(to))

    async def _pay(self, to: str, debt: _Debt) -> None:
        wants = write_wants(tuple(debt.wants))
        roster = pieces(tuple(self._roster) if debt.whole else (), ROSTER_PIECE)
        names = pieces(tuple(dict.fromkeys(self._names(debt.wants))), PIECE)
        parts: list[tuple[tuple[str, ...], tuple[Name, ...]]] = [(piece, ()) for piece in roster]
        parts += [((), piece) for piece in names] or [((), ())]
        for number, (stations, entries) in enumerate(parts):
            await self._outbox.wait_room()
            # What was so a moment ago may have changed, and was told as news before this.
            part = Part(
                first=number == 0,
                last=number == len(parts) - 1,
                whole=debt.whole,
                wants=wants,
                roster=tuple(identity for identity in stations if identity in self._roster),
                entries=tuple(self._entries(entries)),
            )
            self._outbox.post(part, to=to)
            await trio.lowlevel.checkpoint()

    def _names(self, wants: Mapping[Want, None]) -> Iterator[Name]:
        for want in wants:
            for identity, key in self._live.names(want.topic, want.identity):
                yield want.topic, identity, key

    def _entries(self, names: tuple[Name, ...]) -> Iterator[WrittenEvent]:
        for name in names:
            value = self._live.known(*name)
            if value is not None and self._is_ours(*name):
                topic, identity, key = name
                yield write_event(
                    Event(
                        event_id=self._new_event_id(),
                        node="",
                        topic=topic,
                        change=Change.UPDATED,
                        identity=identity,
                        key=key,
                        value=value,
                        at=self._now(),
                    )
                )


def pieces(whole: tuple[T, ...], size: int) -> list[tuple[T, ...]]:
    """A tuple in parts of at most so many."""
    return [whole[start : start + size] for start in range(0, len(whole), size)]
