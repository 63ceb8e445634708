"""What happened in a seeded run, to be read by people and compared by machines. Owns records, no behaviour."""

import re
from collections import deque
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import attrs
import trio

from ocpp_trio import CallError, CallReport, CallResult, Closed, Instrument, Link, Match, SecurityEvent, Transition
from ocpp_trio.testing.faults import Fault
from ocpp_trio.testing.link import MemoryLink
from ocpp_trio.testing.network import Direction

EVENTS_KEPT: Final = 10_000
"""The newest events of a run that can be read afterwards; the digest is over all of them."""

# Python's own way to show an object, which differs from process to process.
_ADDRESS: Final = re.compile(" at 0x[0-9a-fA-F]+")


@attrs.frozen
class Event:
    """Something happened at `at` on trio's clock to `who`."""

    at: float
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.at:12.3f}  {self.who:<12}  {self.what}"


@attrs.frozen(kw_only=True)
class Transcript:
    """A run as it was. Two runs of one seed have the same; the digests are SHA-256 in hexadecimal.

    `wire` is over every byte written, `happened` over every event, `schedule` over every step of every task.
    """

    seed: int
    seconds: float
    steps: int
    wire: str
    happened: str
    schedule: str
    bytes_written: int
    events: tuple[Event, ...]
    events_dropped: int
    faults: Mapping[str, int]
    result: Any = attrs.field(default=None, eq=False)

    @property
    def digests(self) -> tuple[str, str, str, int]:
        """What has to be the same in any process: wire, events, schedule, number of steps."""
        return self.wire, self.happened, self.schedule, self.steps

    def tail(self, count: int = 30) -> str:
        """The newest events, a line for each."""
        return "\n".join(str(event) for event in self.events[-count:])


class Recorder:
    """Writes a transcript while it happens."""

    def __init__(self, *, kept: int = EVENTS_KEPT) -> None:
        self._wire = sha256()
        self._happened = sha256()
        self._noted = 0
        self.bytes_written = 0
        self.events: deque[Event] = deque(maxlen=kept)
        self.faults: dict[str, int] = {}

    def note(self, who: str, what: str) -> None:
        """Write down that something happened now; where an object lies in memory is left out."""
        if " at 0x" in what:
            what = _ADDRESS.sub(" at 0x…", what)
        event = Event(trio.current_time(), who, what)
        self._noted += 1
        self._happened.update(f"{event.at!r} {who!r} {what!r}\n".encode())
        self.events.append(event)

    def note_bytes(self, link: MemoryLink, direction: Direction, data: bytes) -> None:
        """A tap for the network."""
        self.bytes_written += len(data)
        self._wire.update(f"{trio.current_time()!r} {link.number} {direction} {len(data)}\n".encode())
        self._wire.update(data)

    def note_fault(self, fault: Fault) -> None:
        """Write down that a fault began."""
        self.faults[fault.kind] = self.faults.get(fault.kind, 0) + 1
        self.note(fault.host or "network", f"fault: {fault.kind} of {fault.amount:g} for {fault.seconds:g} s")

    def transcript(self, *, seed: int, seconds: float, steps: int, schedule: str, result: object) -> Transcript:
        """What was written so far."""
        return Transcript(
            seed=seed,
            seconds=seconds,
            steps=steps,
            wire=self._wire.hexdigest(),
            happened=self._happened.hexdigest(),
            schedule=schedule,
            bytes_written=self.bytes_written,
            events=tuple(self.events),
            events_dropped=self._noted - len(self.events),
            faults=dict(self.faults),
            result=result,
        )


class RecordingInstrument(Instrument):
    """Tells a recorder what the stack tells about itself, frames aside, which are on the wire anyway."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def _note(self, link: Link, what: str) -> None:
        self._recorder.note(link.identity or f"{link.role} {link.number}", f"{link.role} {link.number}: {what}")

    def connection_opened(self, link: Link) -> None:
        self._note(link, "opened")

    def connection_closed(self, link: Link, closed: Closed) -> None:
        self._note(link, f"closed: {closed.reason.name} {closed.code} {closed.detail}")

    def handshake_failed(self, link: Link, closed: Closed, *, status: int | None) -> None:
        self._note(link, f"handshake failed: {status} {closed.detail}")

    def frame_refused(self, link: Link, description: str, *, text: str) -> None:
        self._note(link, f"frame refused: {description}")

    def reply_dropped(
        self,
        link: Link,
        match: Match,
        *,
        message_id: str | None,
        action: str | None,
        frame: CallResult | CallError | None,
    ) -> None:
        self._note(link, f"reply dropped: {match.name} {message_id}")

    def security_event(self, link: Link, event: SecurityEvent) -> None:
        self._note(link, f"security event: {event.kind.value} {event.detail}")

    def call_ended(self, link: Link, report: CallReport) -> None:
        self._note(link, f"{report.action} {report.message_id} ended: {report.outcome} {report.code or ''}".rstrip())

    def handler_failed(self, link: Link, action: str, *, message_id: str, error: Exception | None) -> None:
        self._note(link, f"handler of {action} {message_id} failed: {error!r}")

    def state_changed(self, identity: str, transition: Transition) -> None:
        why = f", {transition.closed.detail}" if transition.closed is not None else ""
        self._recorder.note(identity, f"{transition.previous.value} -> {transition.state.value}{why}")
