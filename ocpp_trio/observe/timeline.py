"""Who did what at which instant: a record of both ends that a person can read.

0.000  CP-1  charge_point  connecting
0.000  CP-1  charge_point  -> CALL BootNotification {"chargePointVendor":"Acme",…
0.250  CP-1  charge_point  online
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import attrs
import trio

from ocpp_trio.errors import Closed
from ocpp_trio.link.instrument import CallReport, Instrument, Link, SecurityEvent
from ocpp_trio.link.lifecycle import Transition
from ocpp_trio.observe.logs import frame_type
from ocpp_trio.observe.plain import plain
from ocpp_trio.wire.correlation import Match
from ocpp_trio.wire.frames import CallError, Frame, Reply
from ocpp_trio.wire.shape import quote

ENTRIES_KEPT: Final = 10_000
"""Enough for any test or demonstration; the oldest go first."""
_PAYLOAD_SHOWN: Final = 100
_BYTES_DECODED: Final = 4 * (_PAYLOAD_SHOWN + 1)
"""One character more than is shown, however long each is: a letter that is cut in two is never among those shown."""


@attrs.frozen
class Entry:
    """Something that happened: seconds of trio's clock, whose connection, at which end, and what."""

    at: float
    identity: str
    role: str
    what: str


class Timeline(Instrument):
    """Records entries. `echo` is called with every line as it happens, its instants counted from `start`."""

    def __init__(self, echo: Callable[[str], None] | None = None, *, start: float = 0.0) -> None:
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_KEPT)
        self._echo = echo
        self._start = start

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __str__(self) -> str:
        return "\n".join(self.line(entry) for entry in self._entries)

    def line(self, entry: Entry) -> str:
        """An entry as text."""
        return f"{entry.at - self._start:9.3f}  {plain(entry.identity) or '-':<10}  {entry.role:<12}  {entry.what}"

    def note(self, identity: str, role: str, what: str) -> None:
        """Add an entry of one's own: one line, so control characters are escaped and a long text is cut."""
        entry = Entry(trio.current_time(), identity, role, plain(what))
        self._entries.append(entry)
        if self._echo is not None:
            self._echo(self.line(entry))

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        self._note_frame(link, "->", frame, action)

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        self._note_frame(link, "<-", frame, action)

    def _note_frame(self, link: Link, arrow: str, frame: Frame, action: str | None) -> None:
        if isinstance(frame, CallError):
            content = f"{frame.code}: {frame.description}"
        else:
            content = frame.payload[:_BYTES_DECODED].decode(errors="replace")
        shown = content if len(content) <= _PAYLOAD_SHOWN else content[:_PAYLOAD_SHOWN] + "…"
        self.note(link.identity, link.role, f"{arrow} {frame_type(frame)} {action or '?'} {shown}")

    def frame_refused(self, link: Link, description: str, *, text: str) -> None:
        self.note(link.identity, link.role, f"<- bad frame: {description}")

    def reply_dropped(
        self, link: Link, match: Match, *, message_id: str | None, action: str | None, frame: Reply | None
    ) -> None:
        self.note(link.identity, link.role, f"dropped a reply that is {match.value}: {quote(message_id)}")

    def call_ended(self, link: Link, report: CallReport) -> None:
        if report.origin == "local":
            self.note(link.identity, link.role, f"{report.action} ended here: {report.outcome}")

    def handler_failed(self, link: Link, action: str, *, message_id: str, error: Exception | None) -> None:
        failure = "no answer in time" if error is None else repr(error)
        self.note(link.identity, link.role, f"handler of {action} failed: {failure}")

    def security_event(self, link: Link, event: SecurityEvent) -> None:
        self.note(link.identity, link.role, f"security event {event.kind.value}: {event.detail}")

    def connection_opened(self, link: Link) -> None:
        self.note(link.identity, link.role, "connected")

    def connection_closed(self, link: Link, closed: Closed) -> None:
        self.note(link.identity, link.role, f"closed: {closed}")

    def handshake_failed(self, link: Link, closed: Closed, *, status: int | None) -> None:
        self.note(link.identity, link.role, f"no session: {closed}")

    def state_changed(self, identity: str, transition: Transition) -> None:
        wait = "" if transition.backoff is None else f" for {transition.backoff:.3f} s"
        self.note(identity, "charge_point", f"{transition.state.value}{wait}")
