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
_SUPERSEDED: Final = Closed(CloseReason.SUPERSEDED, 1008, "superseded by a newer connection")
_HELD_BACK: Final = (Registration.PENDING, Registration.REJECTED)


@attrs.define(eq=False)
class _Place:
    """An identity's place in the table; `gone` is set when every task of its session has ended."""

    gone: trio.Event
    session: Session | None = None
    superseded: bool = False

    def supersede(self) -> None:
        self.superseded = True
        if self.session is not None:
            self.session.close(_SUPERSEDED)


class Registry:
    """Sessions by identity."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._gates: OrderedDict[str, CsmsGate] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Session]:
        return iter([place.session for place in self._places.values() if place.session is not None])

    @asynccontextmanager
    async def take_place(self, identity: str) -> AsyncIterator[None]:
        """Hold an identity's place for the time of the body.

        A session that is there already is closed as superseded, and the body starts only when all its tasks
        are gone: no handler of the old session runs beside one of the new.
        """
        while (place := self._places.get(identity)) is not None:
            place.supersede()
            await place.gone.wait()
        place = self._places[identity] = _Place(trio.Event())
        try:
            yield
        finally:
            del self._places[identity]
            place.gone.set()

    def enter(self, session: Session) -> None:
        """The session of a place that is held has begun."""
        place = self._places[session.identity]
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
