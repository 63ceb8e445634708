"""What must hold of what an end tells about itself: judges the events that its instrument is told of."""

from collections import Counter

from ocpp_trio import (
    Call,
    CallError,
    CallReport,
    CallResult,
    Closed,
    ConnectionState,
    Frame,
    Instrument,
    Link,
    Match,
    SecurityEvent,
    Transition,
)
from ocpp_trio.testing import stall_cpu
from tests.simulation.dials import DialOracle
from tests.simulation.memory import Memory
from tests.simulation.oracle import AT_ONCE, Moment, Oracle

_Key = tuple[str, str, int]
_ANSWERED = ("response", "rejected", "invalid_response")


class Ear(Instrument):
    """Judges what one end tells about itself."""

    def __init__(self, oracle: Oracle, dials: DialOracle, memory: Memory) -> None:
        self._oracle = oracle
        self._dials = dials
        self._memory = memory
        self._live: dict[tuple[str, str], set[int]] = {}
        self._read: dict[_Key, dict[str, float]] = {}
        """Answers that were matched and whose callers have not looked yet: when they were read."""
        self.replies_read = 0
        self.replies_taken = 0
        self.replies_too_late: int = 0
        """Matched, but their callers were cancelled before they looked."""
        self.replies_dropped: Counter[str] = Counter()
        self.losses: Counter[str] = Counter()
        self.security: Counter[str] = Counter()

    @property
    def live(self) -> dict[str, set[int]]:
        """The numbers of the live sessions by identity."""
        return {identity: numbers for (_, identity), numbers in self._live.items() if numbers}

    def connection_opened(self, link: Link) -> None:
        live = self._live.setdefault((link.role, link.identity), set())
        live.add(link.number)
        if len(live) > 1:
            self._oracle.violate(
                "TWO_LIVE_SESSIONS", f"{link.identity} has the sessions {sorted(live)} at its {link.role}"
            )

    def connection_closed(self, link: Link, closed: Closed) -> None:
        self._live[link.role, link.identity].discard(link.number)
        self._oracle.connection_ended(link)
        if link.identity in self._oracle.honest:
            self.losses[f"{link.role}: {closed.reason.name}"] += 1

    def handshake_failed(self, link: Link, closed: Closed, *, status: int | None) -> None:
        if link.role == "charge_point" and status is not None:
            self._dials.refused(link.identity, status)

    def security_event(self, link: Link, event: SecurityEvent) -> None:
        self.security[event.kind.value] += 1

    def state_changed(self, identity: str, transition: Transition) -> None:
        self._dials.moved(identity, online=transition.state is ConnectionState.ONLINE)

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        if isinstance(frame, Call):
            self._oracle.handed_over[frame.message_id] = self._oracle.moment
            if action == "Heartbeat":
                self._dials.beat(link.identity)

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        if isinstance(frame, Call):
            if link.identity not in self._oracle.honest:
                self._oracle.audit_flooded(link.identity)
                self._memory.audit()
            return
        self.replies_read += 1
        if action is not None and frame.message_id is not None:
            self._read.setdefault(_key(link), {})[frame.message_id] = self._oracle.moment.at
            if seconds := self._oracle.stall_at_answer:
                self._oracle.stall_at_answer = 0.0
                stall_cpu(seconds)  # between the answer and its caller: the deadline is over when that one looks

    def reply_dropped(
        self,
        link: Link,
        match: Match,
        *,
        message_id: str | None,
        action: str | None,
        frame: CallResult | CallError | None,
    ) -> None:
        self.replies_dropped[match.name] += 1
        if frame is None:
            self.replies_read += 1  # one that nobody could read is told here only
        if action is not None:  # without one it is not the answer that was noted, but another of the same id
            self._read.get(_key(link), {}).pop(message_id or "", None)

    def call_ended(self, link: Link, report: CallReport) -> None:
        if report.message_id in self._oracle.ended:
            self._oracle.violate("ENDED_TWICE", f"{report.message_id} ended before, and now as {report.outcome}")
        self._oracle.ended[report.message_id] = self._oracle.moment
        read = self._read.get(_key(link), {}).pop(report.message_id, None)
        if report.outcome == "timeout" and read is not None:
            self._oracle.violate("RESULT_LOST", f"{report.message_id} timed out, but its answer was read at {read:g} s")
        if report.outcome in _ANSWERED:
            self.replies_taken += 1
            if read is None and link.identity in self._oracle.honest:
                self._oracle.violate("RESULT_INVENTED", f"{report.message_id} ended without an answer that was read")
        elif read is not None:
            self.replies_too_late += 1
        if (since := self._oracle.handed_over.get(report.message_id)) is not None:
            self._judge_time(since, report)

    def _judge_time(self, since: Moment, report: CallReport) -> None:
        took, timeout = self._oracle.since(since), self._oracle.limits.call_timeout
        if took > timeout + AT_ONCE:
            self._oracle.violate("CALL_TOO_LONG", f"{report.message_id} ended as {report.outcome} after {took:g} s")
        if report.outcome == "timeout" and self._oracle.moment.at - since.at < timeout - AT_ONCE:
            self._oracle.violate("TIMEOUT_TOO_SOON", f"{report.message_id} after {took:g} s")

    def judge_sums(self) -> None:
        """Of the answers that came, none may be lost: each was taken, or dropped for a reason; at the end."""
        waiting = sum(map(len, self._read.values()))
        accounted = self.replies_taken + self.replies_too_late + self.replies_dropped.total()
        if waiting or self.replies_read != accounted:
            self._oracle.violate(
                "REPLIES_LOST",
                f"{self.replies_read} came: {self.replies_taken} taken, {dict(self.replies_dropped)}, "
                f"{self.replies_too_late} after their callers had gone, {waiting} never looked at",
            )


def _key(link: Link) -> _Key:
    return link.role, link.identity, link.number
