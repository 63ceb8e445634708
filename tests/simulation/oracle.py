"""What must hold at every step of a simulated world, whatever the network does. Knows no fault and no station.

Judges by what anybody could see: the bytes on the wire, how calls end, what the instruments tell, statistics.
"""

from collections import Counter
from collections.abc import Awaitable, Callable

import attrs
import trio

from ocpp_trio import (
    Call,
    CallError,
    CallRejected,
    CallReport,
    CallResult,
    CallTimeout,
    Closed,
    ConnectionClosed,
    Frame,
    FrameError,
    Instrument,
    InvalidResponse,
    Limits,
    Link,
    Match,
    Session,
    SessionStatistics,
    parse_frame,
)
from ocpp_trio.testing import MemoryLink, stall_cpu
from ocpp_trio.testing.decoding import WireDecoder
from ocpp_trio.testing.network import Direction

OUTCOMES = {
    CallRejected: "rejected",
    InvalidResponse: "invalid response",
    CallTimeout: "timeout",
    ConnectionClosed: "closed",
}


class Violated(AssertionError):
    """Something happened that must not."""


class Oracle:
    """Judges a world; `violation` is the first thing found, and `found` is set by it."""

    def __init__(self, note: Callable[[str, str], None], *, honest: frozenset[str], limits: Limits) -> None:
        self._note = note
        self.honest = honest
        self.limits = limits
        self.violation: Violated | None = None
        self.found = trio.Event()
        self.outcomes: Counter[str] = Counter()
        self.outcomes_of_others: Counter[str] = Counter()
        self.lives = 0
        self.stall_at_answer = 0.0
        self.calls_started = 0
        self.calls_ended = 0
        # An honest caller waits for at most this many others, each for a whole timeout, and for a stalled CPU.
        self.call_bound = 6 * limits.call_timeout + 60.0
        self.handed_over: dict[str, float] = {}
        """When each CALL was given to its writer, by message id: its timeout runs from there."""
        self._sequences: dict[tuple[str, str], int] = {}
        self._newest_session: dict[str, int] = {}
        self._sessions: list[Session] = []

    def violate(self, rule: str, detail: str) -> None:
        self._note("oracle", f"{rule}: {detail}")
        if self.violation is None:
            self.violation = Violated(f"{rule}: {detail}")
            self.found.set()

    async def call(self, who: str, call: Callable[[], Awaitable[object]]) -> None:
        """Make a call and see that it ends once, in time, and in one of the documented ways."""
        self.calls_started += 1
        began, outcome = trio.current_time(), "response"
        try:
            await call()
        except (CallRejected, InvalidResponse, CallTimeout, ConnectionClosed) as exc:
            outcome = OUTCOMES[type(exc)]
        except trio.Cancelled:
            outcome = "cancelled"
            raise
        except BaseException as exc:
            outcome = "undocumented"
            self.violate("UNDOCUMENTED_OUTCOME", f"a call of {who} ended with {exc!r}")
            raise
        finally:
            self.calls_ended += 1
            (self.outcomes if who in self.honest else self.outcomes_of_others)[outcome] += 1
            if trio.current_time() - began > self.call_bound:
                self.violate("CALL_TOO_LONG", f"a call of {who} took {trio.current_time() - began:g} s")

    def handled(self, session: Session, tag: str) -> None:
        """A handler got a request; its tag is `caller sequence`."""
        caller, _, text = tag.partition(" ")
        key, number = (session.link.identity + session.link.role, caller), int(text)
        if number <= self._sequences.get(key, -1):
            self.violate("SEEN_TWICE_OR_OUT_OF_ORDER", f"{key} sent {number} after {self._sequences[key]}")
        self._sequences[key] = number
        if session.link.role == "csms":
            newest = self._newest_session.setdefault(session.identity, session.link.number)
            if session.link.number < newest:
                self.violate(
                    "SESSIONS_INTERLEAVE", f"{session.identity} handled by {session.link.number} after {newest}"
                )
            self._newest_session[session.identity] = max(newest, session.link.number)

    def new_server(self) -> None:
        """Another process serves from here on: its connections count from 1 again."""
        self.lives += 1
        self._newest_session.clear()
        self._sessions.clear()

    def watch(self, session: Session) -> None:
        """Audit this session until it is over."""
        self._sessions.append(session)

    def audit(self, stations: list[SessionStatistics]) -> None:
        """Look at the insides that statistics show; to be called now and then."""
        for statistics in [*stations, *(session.statistics() for session in self._sessions)]:
            self._audit(statistics)
        self._sessions = [session for session in self._sessions if session.closed is None]
        long_ago = trio.current_time() - 600
        self.handed_over = {message_id: at for message_id, at in self.handed_over.items() if at > long_ago}

    def _audit(self, statistics: SessionStatistics) -> None:
        if statistics.max_writes_in_flight > 1:
            self.violate("TWO_WRITES", f"{statistics.max_writes_in_flight} writes were in flight at once")
        if statistics.closed is not None and (statistics.pending_calls or statistics.deadlines):
            self.violate("PENDING_AFTER_CLOSE", f"{statistics}")
        if statistics.inbox > self.limits.inbox or statistics.refusals > self.limits.refusals:
            self.violate("UNBOUNDED", f"{statistics.inbox} in an inbox, {statistics.refusals} refusals")

    def audit_tasks(self, bound: int) -> None:
        """No more tasks than a world of this size can need."""
        living = trio.lowlevel.current_statistics().tasks_living
        if living > bound:
            self.violate("TASKS_UNBOUNDED", f"{living} tasks live, expected at most {bound}")


@attrs.define
class _Lane:
    """One direction of one link, as the wire shows it."""

    decoder: WireDecoder = attrs.Factory(WireDecoder)
    broken: bool = False
    calls: dict[str, bool] = attrs.Factory(dict)
    """By message id, whether an answer has been seen."""
    open_call: str | None = None


class WireOracle:
    """Judges what honest ends write."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._lanes: dict[tuple[int, Direction], _Lane] = {}
        self._newest: dict[tuple[str, Direction], int] = {}
        self._highest_link = 0

    def tap(self, link: MemoryLink, direction: Direction, data: bytes) -> None:
        if link.client_host not in self._oracle.honest:
            return
        lane = self._lane(link.number, direction)
        if lane.broken:
            return
        try:
            for frame in lane.decoder.feed(data):
                if frame.kind == "text":
                    self._judge(link, direction, lane, frame.text)
        except ValueError as exc:
            lane.broken = True
            self._oracle.violate("TORN_FRAME", f"link {link.number} {direction}: {exc}")

    def forget(self, live: set[int]) -> None:
        """Links that are over have nothing more to say."""
        self._lanes = {key: lane for key, lane in self._lanes.items() if key[0] in live}

    def _lane(self, number: int, direction: Direction) -> _Lane:
        return self._lanes.setdefault((number, direction), _Lane())

    def _judge(self, link: MemoryLink, direction: Direction, lane: _Lane, text: str) -> None:
        where = f"link {link.number} of {link.client_host} {direction}"
        try:
            frame = parse_frame(text)
        except FrameError as exc:
            self._oracle.violate("BAD_FRAME_SENT", f"{where}: {exc} in {text[:80]!r}")
            return
        if isinstance(frame, Call):
            self._judge_call(link, direction, lane, frame, where)
        else:
            self._judge_answer(self._lane(link.number, "down" if direction == "up" else "up"), frame, where)

    def _judge_call(self, link: MemoryLink, direction: Direction, lane: _Lane, call: Call, where: str) -> None:
        now, limits = trio.current_time(), self._oracle.limits
        number = int(call.message_id.rpartition("-")[2])
        key = link.client_host, direction
        if number <= self._newest.get(key, -1):
            self._oracle.violate("ID_USED_AGAIN", f"{where}: {call.message_id}")
        self._newest[key] = max(number, self._newest.get(key, -1))
        if lane.open_call is not None:
            handed_over = self._oracle.handed_over.get(lane.open_call, now)
            if now - handed_over < limits.call_timeout - 0.001:
                self._oracle.violate("TWO_CALLS_OUT", f"{where}: {call.message_id} while {lane.open_call} is open")
        lane.calls[call.message_id] = False
        lane.open_call = call.message_id

    def _judge_answer(self, asking: _Lane, answer: Frame, where: str) -> None:
        message_id = answer.message_id or ""
        if message_id not in asking.calls:
            self._oracle.violate("STALE_ANSWER", f"{where}: {message_id} was never asked on this link")
        elif asking.calls[message_id]:
            self._oracle.violate("TWO_ANSWERS", f"{where}: {message_id} is answered again")
        asking.calls[message_id] = True
        if asking.open_call == message_id:
            asking.open_call = None


class Ear(Instrument):
    """Judges what one end tells about itself."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._live: dict[tuple[str, str], set[int]] = {}
        self._read: dict[tuple[str, str, int], dict[str, float]] = {}
        self.replies_read: Counter[str] = Counter()
        self.replies_dropped: Counter[str] = Counter()
        self.replies_taken: Counter[str] = Counter()
        self.losses: Counter[str] = Counter()

    def connection_opened(self, link: Link) -> None:
        live = self._live.setdefault((link.role, link.identity), set())
        live.add(link.number)
        if len(live) > 1:
            self._oracle.violate(
                "TWO_LIVE_SESSIONS", f"{link.identity} has the sessions {sorted(live)} at its {link.role}"
            )

    def connection_closed(self, link: Link, closed: Closed) -> None:
        self._live[link.role, link.identity].discard(link.number)
        if link.identity in self._oracle.honest:
            self.losses[f"{link.role}: {closed.reason.name}"] += 1

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        if isinstance(frame, Call):
            self._oracle.handed_over[frame.message_id] = trio.current_time()

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        if isinstance(frame, Call):
            return
        self.replies_read[link.role] += 1
        if action is not None and frame.message_id is not None:
            read = self._read.setdefault((link.role, link.identity, link.number), {})
            read[frame.message_id] = trio.current_time()
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
        self._read.get((link.role, link.identity, link.number), {}).pop(message_id or "", None)

    def call_ended(self, link: Link, report: CallReport) -> None:
        read = self._read.get((link.role, link.identity, link.number), {}).pop(report.message_id, None)
        if report.outcome == "timeout" and read is not None:
            self._oracle.violate("RESULT_LOST", f"{report.message_id} timed out, but its answer was read at {read:g} s")
        if report.outcome in ("response", "rejected", "invalid_response"):
            self.replies_taken[link.role] += 1
            if read is None and link.identity in self._oracle.honest:
                self._oracle.violate("RESULT_INVENTED", f"{report.message_id} ended without an answer that was read")
