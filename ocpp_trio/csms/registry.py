"""Which session speaks for which charge point; the newest connection of an identity wins.

Owns the table of live sessions and what is known of an identity's registration between them.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from ocpp_trio.errors import Closed, CloseReason
from ocpp_trio.link.registration import CsmsGate, Registration
from ocpp_trio.link.session import Session

GATES_KEPT: Final = 10_000
"""Identities remembered as Pending or Rejected while they are away; the oldest are forgotten first."""
SUPERSEDED: Final = Closed(CloseReason.SUPERSEDED, 1008, "superseded by a newer connection")
_HELD_BACK: Final = (Registration.PENDING, Registration.REJECTED)


@attrs.define(eq=False)
class _Place:
    """A connection's claim to speak for an identity; `gone` is set when every task of it has ended."""

    gone: trio.Event = attrs.Factory(trio.Event)
    waiting: trio.CancelScope = attrs.Factory(trio.CancelScope)
    session: Session | None = None
    superseded: bool = False

    def supersede(self) -> None:
        self.superseded = True
        self.waiting.cancel()
        if self.session is not None:
            self.session.close(SUPERSEDED)


class Registry:
    """Sessions by identity."""

    def __init__(self) -> None:
        self._holders: dict[str, _Place] = {}
        self._newest: dict[str, _Place] = {}
        self._gates: OrderedDict[str, CsmsGate] = OrderedDict()

    def __len__(self) -> int:
        return len(self._holders)

    def __iter__(self) -> Iterator[Session]:
        return iter([place.session for place in self._holders.values() if place.session is not None])

    @asynccontextmanager
    async def take_place(self, identity: str) -> AsyncIterator[bool]:
        """Hold an identity's place for the time of the body; False if a newer connection was quicker.

        A session that is there already is closed as superseded, and the body starts only when all its tasks
        are gone: no handler of the old session runs beside one of the new. Of several that wait for that only
        the newest goes on waiting, so that a station which comes again and again piles up nothing.
        """
        place = _Place()
        if identity in self._newest:
            self._newest[identity].supersede()
        self._newest[identity] = place
        try:
            with place.waiting:
                while (holder := self._holders.get(identity)) is not None:
                    await holder.gone.wait()
            if place.superseded:
                yield False
                return
            async with self._hold(identity, place):
                yield True
        finally:
            if self._newest.get(identity) is place:
                del self._newest[identity]

    @asynccontextmanager
    async def _hold(self, identity: str, place: _Place) -> AsyncIterator[None]:
        self._holders[identity] = place
        try:
            yield
        finally:
            del self._holders[identity]
            place.gone.set()

    def enter(self, session: Session) -> None:
        """The session of a place that is held has begun."""
        place = self._holders[session.identity]
        place.session = session
        if place.superseded:
            place.supersede()

    def gate(self, identity: str, boot_action: str) -> CsmsGate:
        """The gate of an identity, with what its last session left behind."""
        return self._gates.pop(identity, None) or CsmsGate(boot_action)

    def keep_gate(self, identity: str, gate: CsmsGate) -> None:
        """Remember a gate between sessions; only one that holds somebody back needs to be."""
        if gate.registration in _HELD_BACK:
            self._gates[identity] = gate
            if len(self._gates) > GATES_KEPT:
                self._gates.popitem(last=False)
