"""Structured log lines of everything that happened.

Every line carries the fields `identity`, `role`, `messageId`, `action`, `frame_type`, `outcome` and
`origin` as attributes of its record (None where they do not apply). Payloads appear at DEBUG only, and
text from a peer only escaped, in the fields too. What may hold a password is never shown. A level that is
off costs one question to the logger.

What a peer can cause as often as it likes gives one warning per kind and address (IPv6: /64) in 60 s at most, and
the next one says how many were held back: security events, bad frames, replies that nobody takes, and at a CSMS
handshakes that come to nothing. The end of a connection or handshake that is a security event is told at INFO, so
that whoever floods us does not flood the log of warnings as well, and so is plain HTTP.
"""

import logging
from collections.abc import Mapping
from typing import Final

from ocpp_trio.errors import Closed, CloseReason, SecurityEventKind
from ocpp_trio.link.addresses import network_of
from ocpp_trio.link.instrument import CallReport, Instrument, Link, Outcome, SecurityEvent
from ocpp_trio.link.lifecycle import Transition
from ocpp_trio.observe.confidential import NOT_SHOWN, may_hold_a_password
from ocpp_trio.observe.plain import plain
from ocpp_trio.observe.throttle import Throttle
from ocpp_trio.wire.correlation import Match
from ocpp_trio.wire.frames import Call, CallError, Frame, Reply
from ocpp_trio.wire.leniency import Allowance
from ocpp_trio.wire.shape import quote

TEXT_LIMIT: Final = 2000
"""Characters of a frame that a DEBUG line shows."""
_NO_FIELDS: Final[Mapping[str, str | None]] = dict.fromkeys(("messageId", "action", "frame_type", "outcome", "origin"))
_FRAME_THAT_ENDED: Final[Mapping[Outcome, str]] = {
    "response": "CALLRESULT",
    "invalid_response": "CALLRESULT",
    "rejected": "CALLERROR",
}
_EXPECTED_ENDS: Final = frozenset({CloseReason.CLEAN, CloseReason.STOPPING, CloseReason.FORCED})


def frame_type(frame: Frame) -> str:
    """The name that OCPP-J gives a frame's kind."""
    return "CALL" if isinstance(frame, Call) else "CALLERROR" if isinstance(frame, CallError) else "CALLRESULT"


class Logs(Instrument):
    """Writes to a logger: frames at DEBUG, ends of connections and what was let pass at INFO, faults at WARNING."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("ocpp_trio")
        self._throttle = Throttle()

    def _on(self, level: int) -> bool:
        return self._logger.isEnabledFor(level)

    def _log(self, level: int, link: Link, message: str, *args: object, **fields: str | None) -> None:
        self._write(level, link.identity, link.role, message, *args, **fields)

    def _write(self, level: int, identity: str, role: str, message: str, *args: object, **fields: str | None) -> None:
        told = {**_NO_FIELDS, "identity": identity, "role": role, **fields}
        extra = {name: None if value is None else plain(value) for name, value in told.items()}
        self._logger.log(level, f"%s %s: {message}", role, quote(identity), *args, extra=extra)

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        if self._on(logging.DEBUG):
            self._log_frame(link, frame, action, text, "sent")

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        if self._on(logging.DEBUG):
            self._log_frame(link, frame, action, text, "received")

    def _log_frame(self, link: Link, frame: Frame, action: str | None, text: str, direction: str) -> None:
        kind = frame_type(frame)
        self._log(
            logging.DEBUG,
            link,
            "%s %s %s",
            direction,
            kind,
            NOT_SHOWN if may_hold_a_password(frame, action, text) else ascii(text[:TEXT_LIMIT]),
            messageId=frame.message_id,
            action=action,
            frame_type=kind,
            outcome=direction,
        )

    def frame_refused(self, link: Link, description: str, *, text: str) -> None:
        if self._on(logging.WARNING) and (more := self._not_held_back(link, "bad_frame")) is not None:
            self._log(logging.WARNING, link, "bad frame: %s%s", plain(description), more, outcome="bad_frame")

    def reply_dropped(
        self, link: Link, match: Match, *, message_id: str | None, action: str | None, frame: Reply | None
    ) -> None:
        if self._on(logging.WARNING) and (more := self._not_held_back(link, match.value)) is not None:
            self._log(
                logging.WARNING,
                link,
                "dropped a reply that is %s: %s%s",
                match.value,
                quote(message_id),
                more,
                messageId=message_id,
                action=action,
                frame_type=None if frame is None else frame_type(frame),
                outcome=match.value,
                origin="remote",
            )

    def call_ended(self, link: Link, report: CallReport) -> None:
        level = logging.DEBUG if report.outcome == "response" else logging.WARNING
        if self._on(level):
            self._log(
                level,
                link,
                "%s ended after %.3f s: %s (%s)%s",
                report.action,
                report.seconds,
                report.outcome,
                report.origin,
                f" {quote(str(report.code))}" if report.code else "",
                messageId=report.message_id,
                action=report.action,
                frame_type=_FRAME_THAT_ENDED.get(report.outcome, "CALL"),
                outcome=report.outcome,
                origin=report.origin,
            )

    def handler_failed(self, link: Link, action: str, *, message_id: str, error: Exception | None) -> None:
        if self._on(logging.ERROR):
            self._log(
                logging.ERROR,
                link,
                "handler of %s %s",
                plain(action),
                "did not answer in time" if error is None else f"raised {type(error).__name__}",
                messageId=message_id,
                action=action,
                frame_type="CALL",
                outcome="handler_failed",
                origin="local",
            )

    def leniency_used(self, link: Link, allowance: Allowance) -> None:
        if self._on(logging.INFO):
            self._log(
                logging.INFO,
                link,
                "let pass %s in %s at %s: expected %s",
                allowance.kind,
                allowance.payload_type,
                allowance.path,
                allowance.expected,
                outcome=allowance.kind,
                origin="remote",
            )

    def security_event(self, link: Link, event: SecurityEvent) -> None:
        level = logging.INFO if event.kind is SecurityEventKind.PLAIN_HTTP else logging.WARNING
        if self._on(level) and (more := self._not_held_back(link, event.kind.value)) is not None:
            self._log(
                level,
                link,
                "security event %s, peer %s: %s%s",
                event.kind.value,
                plain(link.peer),
                plain(event.detail),
                more,
                outcome=event.kind.value,
            )

    def _not_held_back(self, link: Link, kind: str) -> str | None:
        """What the line says of those that were held back before it; None for one more of them."""
        number = self._throttle.held_back((kind, network_of(link.peer)))
        return None if number is None else f" ({number} more were held back)" if number else ""

    def connection_opened(self, link: Link) -> None:
        if self._on(logging.INFO):
            self._log(logging.INFO, link, "connected, peer %s", link.peer, outcome="opened")

    def connection_closed(self, link: Link, closed: Closed) -> None:
        level = logging.INFO if closed.reason in _EXPECTED_ENDS else _level_of(closed)
        if self._on(level):
            self._log(level, link, "closed: %a", str(closed), outcome=closed.reason.value)

    def handshake_failed(self, link: Link, closed: Closed, *, status: int | None) -> None:
        level, more = _level_of(closed), ""
        if not self._on(level):
            return
        if link.role == "csms" and level == logging.WARNING:
            told = self._not_held_back(link, closed.reason.value)
            if told is None:
                return
            more = told
        http = f"HTTP status {status}"
        self._log(
            level,
            link,
            "no session with %s: %a%s%s",
            link.peer,
            str(closed),
            "" if status is None or http in closed.detail else f" ({http})",
            more,
            outcome=closed.reason.value,
        )

    def state_changed(self, identity: str, transition: Transition) -> None:
        if self._on(logging.INFO):
            previous, state = transition.previous.value, transition.state.value
            self._write(logging.INFO, identity, "charge_point", "%s -> %s", previous, state, outcome=state)


def _level_of(closed: Closed) -> int:
    """A security event has a warning of its own."""
    return logging.WARNING if closed.offence is None else logging.INFO
