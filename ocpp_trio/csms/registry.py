"""Which session speaks for which charge point, and what becomes of a second connection.

Owns the table of live sessions and what is known of an identity's registration between them. Who has proved
to be the charge point takes the place of the session before; who has not gets it only if that one is silent.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import attrs
import trio

from ocpp_trio.csms.authentication import Refusal
from ocpp_trio.csms.swaps import SWAPS, WINDOW, Swaps
from ocpp_trio.errors import ConnectionClosed, SecurityEventKind
from ocpp_trio.link.instrument import Instrument, Link, SecurityEvent
from ocpp_trio.link.referee import SUPERSEDED
from ocpp_trio.link.registration import CsmsGate, Registration
from ocpp_trio.link.session import Session

GATES_KEPT: Final = 10_000
"""Identities remembered as Pending or Rejected while they are away; the oldest are forgotten first."""
ANSWER_WITHIN: Final = 3.0
"""Seconds for a sign of life of the session that is there; a mobile network answers a ping in one."""
GONE_WITHIN: Final = 6.0
"""Seconds for the tasks of a session that was closed; with those of the ping below the 10 s that clients wait."""
_COME_AGAIN: Final = 5
_TWIN: Final = SecurityEventKind.TWIN_CONNECTION
_HELD_BACK: Final = (Registration.PENDING, Registration.REJECTED)


@attrs.define(eq=False)
class _Place:
    """A connection's claim to speak for an identity; `gone` is set when every task of it has ended."""

    gone: trio.Event = attrs.Factory(trio.Event)
    session: Session | None = None
    superseded: bool = False

    @property
    def ending(self) -> bool:
        return self.superseded or (self.session is not None and self.session.closed is not None)

    def supersede(self) -> None:
        self.superseded = True
        if self.session is not None:
            self.session.close(SUPERSEDED)


@attrs.define(eq=False)
class _Newcomer:
    """A connection that wants the place of its identity, and waits for it until the scope is cancelled."""

    link: Link
    proven: bool
    scope: trio.CancelScope = attrs.Factory(trio.CancelScope)


class Registry:
    """Sessions by identity."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._holders: dict[str, _Place] = {}
        self._waiting: dict[str, _Newcomer] = {}
        self._swaps = Swaps()
        self._gates: OrderedDict[str, CsmsGate] = OrderedDict()

    def __len__(self) -> int:
        return len(self._holders)

    def __iter__(self) -> Iterator[Session]:
        return iter([place.session for place in self._holders.values() if place.session is not None])

    @asynccontextmanager
    async def take_place(self, link: Link, *, authenticated: bool) -> AsyncIterator[Refusal | None]:
        """Hold an identity's place for the time of the body, or give it the refusal to answer with.

        The newest connection that proved who it is wins: the session that is there is closed as superseded. One
        without proof wins over a session that gives no sign of life within 3 s of a ping, and over no other; and
        while an identity is flapping, so does one with proof. The body starts only when all tasks of the old
        session are gone: no handler of it runs beside one of the new.

        Of those that wait for that, one goes on: the newest with proof, or without any the first. The wait is bounded
        by 3 s for the ping and 6 s for the tasks.
        """
        newcomer = _Newcomer(link, authenticated and self._swaps.cool_down(link.identity) is None)
        refusal = await self._queue(newcomer)
        if refusal is not None:
            yield refusal
            return
        place = self._holders[link.identity] = _Place()
        try:
            yield None
        finally:
            if self._holders.get(link.identity) is place:
                del self._holders[link.identity]
            place.gone.set()

    async def _queue(self, newcomer: _Newcomer) -> Refusal | None:
        """Wait for the place, as the only one of this identity."""
        identity = newcomer.link.identity
        other = self._waiting.get(identity)
        if other is not None:
            if not newcomer.proven:
                return _again("another connection of this identity is being judged", offence=_TWIN)
            other.scope.cancel()
        self._waiting[identity] = newcomer
        refusal: Refusal | None = None
        try:
            with newcomer.scope:
                refusal = await self._clear(newcomer)
        finally:
            if self._waiting.get(identity) is newcomer:
                del self._waiting[identity]
        # Asked of the call and not of what it caught: it may have come when the wait was over already.
        if newcomer.scope.cancel_called:
            return _again("a newer connection of this identity came", offence=_TWIN)
        return refusal

    async def _clear(self, newcomer: _Newcomer) -> Refusal | None:
        """See that nobody holds the place. Others cannot take it meanwhile: they would have to wait first."""
        holder = self._holders.get(newcomer.link.identity)
        if holder is None:
            return None
        if not holder.ending:
            refusal = None if newcomer.proven else await self._ask(holder, newcomer.link)
            if refusal is not None:
                return refusal
        if not holder.ending:
            self._supersede(holder, newcomer)
        with trio.move_on_after(GONE_WITHIN):
            await holder.gone.wait()
        return None if holder.gone.is_set() else _again("the session before this one is still ending")

    async def _ask(self, holder: _Place, link: Link) -> Refusal | None:
        """The refusal that a session with a sign of life means for a newcomer, or None if there was none."""
        if holder.session is None:
            return _again("another connection of this identity is being accepted", offence=_TWIN)
        with trio.move_on_after(ANSWER_WITHIN) as deadline:
            try:
                await holder.session.ping()
            except ConnectionClosed:
                return None
        if deadline.cancelled_caught:
            return None
        seconds = self._swaps.cool_down(link.identity)
        if seconds is not None:
            detail = f"{SWAPS} connections took this identity's place from each other within {WINDOW:g} s"
            return _again(detail, seconds=seconds, offence=SecurityEventKind.FLAPPING_IDENTITY)
        return Refusal(403, "this identity has a session that is alive", offence=_TWIN)

    def _supersede(self, holder: _Place, newcomer: _Newcomer) -> None:
        link = newcomer.link
        self._swaps.note(link.identity)
        holder.supersede()
        why = "proved who it is" if newcomer.proven else "found it silent"
        event = SecurityEvent(_TWIN, f"a newer connection took the place of this identity's session: it {why}")
        self._instrument.security_event(link, event)

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


def _again(detail: str, *, seconds: int = _COME_AGAIN, offence: SecurityEventKind | None = None) -> Refusal:
    """Not now: 503 and when to come again."""
    return Refusal(503, detail, headers=[(b"Retry-After", b"%d" % seconds)], offence=offence)
