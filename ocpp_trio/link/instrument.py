"""The tap: what the stack tells about itself while it works.

Every method is synchronous, cheap and does nothing by default; an instrument overrides what it wants to
know. Methods run inside the tasks they report on. One that raises is a bug of its author: at a CSMS it ends
that connection, at a charge point the charge point.
"""

from collections.abc import Iterable
from typing import Final, Literal

import attrs
import msgspec

from ocpp_trio.errors import Closed, Origin, SecurityEventKind
from ocpp_trio.link.lifecycle import Transition
from ocpp_trio.wire.correlation import Match
from ocpp_trio.wire.frames import Frame, Reply
from ocpp_trio.wire.leniency import Allowance

Outcome = Literal["response", "rejected", "invalid_response", "timeout", "closed", "cancelled"]
Role = Literal["charge_point", "csms"]


@attrs.frozen(kw_only=True)
class Link:
    """Which connection is meant: whose it is, which end we are, and its number at that end."""

    identity: str
    role: Role
    number: int
    peer: str = ""


# A value like all others, but made for every call: attrs would take ten times as long.
class CallReport(msgspec.Struct, kw_only=True, frozen=True):
    """How an outgoing call ended.

    `origin` is "remote" if the peer's frame said so and "local" if we concluded it ourselves; `code` is
    the CALLERROR code of a rejection; `seconds` run from the hand-over to the writer.
    """

    message_id: str
    action: str
    outcome: Outcome
    origin: Origin
    code: str | None = None
    seconds: float = 0.0


@attrs.frozen
class SecurityEvent:
    """Something that whoever watches over the system should hear of. `detail` may quote the peer."""

    kind: SecurityEventKind
    detail: str = ""


class Instrument:
    """Base of all instruments: every event as a method that does nothing."""

    def connection_opened(self, link: Link) -> None:
        """The WebSocket handshake is done and a session begins."""

    def connection_closed(self, link: Link, closed: Closed) -> None:
        """The session ended; comes before its pending calls learn of it."""

    def handshake_failed(self, link: Link, closed: Closed, *, status: int | None) -> None:
        """No session came to be; `status` is the HTTP status that was sent or received."""

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        """A frame was handed to the writer; `action` is the CALL's, also for replies."""

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        """A well-formed frame came; `action` is None for a reply that nobody waits for."""

    def frame_refused(self, link: Link, description: str, *, text: str) -> None:
        """Text came that is no OCPP-J frame."""

    def reply_dropped(
        self, link: Link, match: Match, *, message_id: str | None, action: str | None, frame: Reply | None
    ) -> None:
        """A reply came that no call takes: late, duplicate, unknown or mismatched.

        `frame` is None where it could not be read; `action` is None where its call is not known any more.
        """

    def call_ended(self, link: Link, report: CallReport) -> None:
        """An outgoing call has its outcome."""

    def handler_failed(self, link: Link, action: str, *, message_id: str, error: Exception | None) -> None:
        """A handler raised `error`, or (None) did not answer within its deadline."""

    def leniency_used(self, link: Link, allowance: Allowance) -> None:
        """A payload came with a defect that the settings let pass; once for each defect."""

    def security_event(self, link: Link, event: SecurityEvent) -> None:
        """A peer did what it should not; `link.identity` is only what it calls itself. Once for each fault."""

    def ping_sent(self, link: Link) -> None:
        """The keepalive sends a ping; what does not answer it is cut off at the pong deadline."""

    def pong_received(self, link: Link, *, seconds: float) -> None:
        """A ping was answered after `seconds`."""

    def state_changed(self, identity: str, transition: Transition) -> None:
        """A charge point's connection went from one state to another."""


class Instruments(Instrument):
    """Several instruments as one, told in order; of an event only those that override its method."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        every = tuple(instruments)
        self._of = {event: tuple(each for each in every if listens(each, event)) for event in _EVENTS}
        for event, listeners in self._of.items():
            if len(listeners) == 1 and getattr(type(self), event) is getattr(Instruments, event):
                setattr(self, event, getattr(listeners[0], event))  # no step between

    def connection_opened(self, link: Link) -> None:
        for instrument in self._of["connection_opened"]:
            instrument.connection_opened(link)

    def connection_closed(self, link: Link, closed: Closed) -> None:
        for instrument in self._of["connection_closed"]:
            instrument.connection_closed(link, closed)

    def handshake_failed(self, link: Link, closed: Closed, *, status: int | None) -> None:
        for instrument in self._of["handshake_failed"]:
            instrument.handshake_failed(link, closed, status=status)

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        for instrument in self._of["frame_sent"]:
            instrument.frame_sent(link, frame, action=action, text=text)

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        for instrument in self._of["frame_received"]:
            instrument.frame_received(link, frame, action=action, text=text)

    def frame_refused(self, link: Link, description: str, *, text: str) -> None:
        for instrument in self._of["frame_refused"]:
            instrument.frame_refused(link, description, text=text)

    def reply_dropped(
        self, link: Link, match: Match, *, message_id: str | None, action: str | None, frame: Reply | None
    ) -> None:
        for instrument in self._of["reply_dropped"]:
            instrument.reply_dropped(link, match, message_id=message_id, action=action, frame=frame)

    def call_ended(self, link: Link, report: CallReport) -> None:
        for instrument in self._of["call_ended"]:
            instrument.call_ended(link, report)

    def handler_failed(self, link: Link, action: str, *, message_id: str, error: Exception | None) -> None:
        for instrument in self._of["handler_failed"]:
            instrument.handler_failed(link, action, message_id=message_id, error=error)

    def leniency_used(self, link: Link, allowance: Allowance) -> None:
        for instrument in self._of["leniency_used"]:
            instrument.leniency_used(link, allowance)

    def security_event(self, link: Link, event: SecurityEvent) -> None:
        for instrument in self._of["security_event"]:
            instrument.security_event(link, event)

    def ping_sent(self, link: Link) -> None:
        for instrument in self._of["ping_sent"]:
            instrument.ping_sent(link)

    def pong_received(self, link: Link, *, seconds: float) -> None:
        for instrument in self._of["pong_received"]:
            instrument.pong_received(link, seconds=seconds)

    def state_changed(self, identity: str, transition: Transition) -> None:
        for instrument in self._of["state_changed"]:
            instrument.state_changed(identity, transition)


_EVENTS: Final = tuple(name for name in vars(Instrument) if not name.startswith("_"))


def listens(instrument: Instrument, event: str) -> bool:
    """Whether it does anything at an event. What stands for others listens to what one of them listens to."""
    method = getattr(instrument, event)
    function = getattr(method, "__func__", method)
    if isinstance(instrument, Instruments) and function is getattr(Instruments, event):
        return bool(instrument._of[event])
    return function is not getattr(Instrument, event)


def tell_offence(instrument: Instrument, link: Link, closed: Closed) -> None:
    """Report the security event that an end is, if it is one."""
    if closed.offence is not None:
        instrument.security_event(link, SecurityEvent(closed.offence, closed.detail))
