"""What must hold at every step of a simulated world, whatever the network does. Knows no fault and no station.

Judges by what anybody could see: how calls end, what handlers are given, statistics. What the wire, the
instruments and the dialling show is judged in files of their own and reported here.
"""

from collections import Counter
from collections.abc import Awaitable, Callable

import attrs
import trio

from ocpp_trio import (
    CallRejected,
    CallTimeout,
    ConnectionClosed,
    InvalidResponse,
    Limits,
    Link,
    Session,
    SessionStatistics,
)
from ocpp_trio.testing import SeededRun

OUTCOMES = {
    CallRejected: "rejected",
    InvalidResponse: "invalid response",
    CallTimeout: "timeout",
    ConnectionClosed: "closed",
}
AT_ONCE = 0.001
"""Seconds for what takes none."""
SLOTS_AHEAD = 6
"""An honest caller waits for at most this many others, each for a whole timeout."""


class Violated(AssertionError):
    """Something happened that must not."""


@attrs.frozen
class Moment:
    """An instant, and how long the CPU had stalled until then."""

    at: float
    stalled: float


@attrs.define(eq=False)
class _OpenCall:
    who: str
    role: str
    number: int
    began: Moment
    lost: Moment | None = None
    """When its connection ended."""
    written: Moment | None = None
    """When the last byte of its frame was."""


class Oracle:
    """Judges a world; `violation` is the first thing found, and `found` is set by it.

    `calm` says that nothing befalls the honest stations, so nothing may ever fail for them; until `over` is set.
    """

    def __init__(self, run: SeededRun, *, honest: frozenset[str], limits: Limits, calm: bool = False) -> None:
        self._run = run
        self._calm = calm
        self.honest = honest
        self.limits = limits
        self.over = False
        self.violation: Violated | None = None
        self.found = trio.Event()
        self.outcomes: Counter[str] = Counter()
        self.outcomes_of_others: Counter[str] = Counter()
        self.lives = 0
        self.stall_at_answer = 0.0
        self.calls_started = 0
        self.calls_ended = 0
        self.handed_over: dict[str, Moment] = {}
        """When each CALL was given to its writer, by message id: its timeout runs from there."""
        self.ended: dict[str, Moment] = {}
        """When each CALL that was given to its writer ended, by message id."""
        self._open: dict[str, _OpenCall] = {}
        self._sequences: dict[tuple[str, str], int] = {}
        self._newest_session: dict[str, int] = {}
        self._sessions: list[Session] = []

    def violate(self, rule: str, detail: str) -> None:
        self._run.note("oracle", f"{rule}: {detail}")
        if self.violation is None:
            self.violation = Violated(f"{rule}: {detail}")
            self.found.set()

    @property
    def moment(self) -> Moment:
        return Moment(trio.current_time(), self._run.stalled)

    def since(self, moment: Moment) -> float:
        """Seconds since then in which somebody could have done something."""
        now = self.moment
        return now.at - moment.at - (now.stalled - moment.stalled)

    @property
    def calm(self) -> bool:
        """Whether whatever fails for an honest station is a defect."""
        return self._calm and not self.over

    async def call(self, who: str, role: str, tag: str, call: Callable[[], Awaitable[object]]) -> None:
        """Make a call and see that it ends once, in time, and in one of the documented ways; `tag` is in its frame."""
        self.calls_started += 1
        mine = self._open[tag] = _OpenCall(who, role, self.calls_started, self.moment)
        outcome = "response"
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
            del self._open[tag]
            self._judge_end(mine, outcome)

    def _judge_end(self, call: _OpenCall, outcome: str) -> None:
        (self.outcomes if call.who in self.honest else self.outcomes_of_others)[outcome] += 1
        if self.since(call.began) > SLOTS_AHEAD * self.limits.call_timeout:
            self.violate("CALL_TOO_LONG", f"a call of {call.who} took {self.since(call.began):g} s")
        if call.lost is not None and self.since(call.lost) > AT_ONCE:
            self._outlives(call)
        if outcome == "timeout" and call.who in self.honest:
            self._judge_timeout(call)
        if self.calm and call.who in self.honest and outcome not in ("response", "rejected", "cancelled"):
            self.violate("NOT_CALM", f"a call of {call.who} ended as {outcome}")

    def _judge_timeout(self, call: _OpenCall) -> None:
        """The clock of a call starts when the writer takes it, and that has the write timeout to write it."""
        now = self.moment
        if now.stalled != call.began.stalled:
            return  # the deadlines of the write and of the call may be over in any order
        if call.written is None:
            self.violate("TIMEOUT_UNSENT", f"a call of {call.who} timed out, and was never written")
        elif now.at - call.written.at < self.limits.call_timeout - 2 * self.limits.write_timeout - AT_ONCE:
            self.violate(
                "TIMEOUT_TOO_SOON", f"a call of {call.who}, {now.at - call.written.at:g} s after it was written"
            )

    def written(self, tag: str) -> int:
        """The frame of this call is on the wire; how many calls had begun when it did, 0 if nobody waits for it."""
        call = self._open.get(tag)
        if call is None:
            return 0
        call.written = self.moment
        return call.number

    def _outlives(self, call: _OpenCall) -> None:
        seconds = 0.0 if call.lost is None else self.since(call.lost)
        self.violate("CALL_OUTLIVES_CONNECTION", f"a call of {call.who} at its {call.role}, by {seconds:g} s")

    def connection_ended(self, link: Link) -> None:
        """Every call that is open there has to end now."""
        for call in self._open.values():
            if call.lost is None and (call.who, call.role) == (link.identity, link.role):
                call.lost = self.moment
        if self.calm and link.identity in self.honest:
            self.violate("NOT_CALM", f"{link.identity} lost its connection at its {link.role}")

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
        for statistics in stations:
            self._audit(statistics)
        self.audit_sessions()
        for call in self._open.values():
            if call.lost is not None and self.since(call.lost) > AT_ONCE:
                self._outlives(call)
        self.handed_over, self.ended = _lately(self.handed_over), _lately(self.ended)

    def audit_sessions(self) -> None:
        """Look at those that are watched, and for the last time at those that are over."""
        for session in self._sessions:
            self._audit(session.statistics())
        self._sessions = [session for session in self._sessions if session.closed is None]

    def audit_flooded(self, identity: str) -> None:
        """Look at the session of a peer that sends what it likes, at the moment in which it does."""
        for session in self._sessions:
            if session.identity == identity:
                self._audit(session.statistics())

    def _audit(self, statistics: SessionStatistics) -> None:
        limits = self.limits
        if statistics.max_writes_in_flight > 1:
            self.violate("TWO_WRITES", f"{statistics.max_writes_in_flight} writes were in flight at once")
        if statistics.closed is not None and (statistics.pending_calls or statistics.deadlines):
            self.violate("PENDING_AFTER_CLOSE", f"{statistics}")
        for name, found, bound in (
            ("in an inbox", statistics.inbox, limits.inbox),
            ("refusals", statistics.refusals, limits.refusals),
            ("handlers", statistics.handlers_running, limits.handlers),
            (
                "at a writer",
                statistics.max_writes_waiting,
                limits.handlers + limits.refusals + limits.outstanding_calls,
            ),
        ):
            if found > bound:
                self.violate("UNBOUNDED", f"{found} {name}, expected at most {bound}")

    def audit_tasks(self, bound: int) -> None:
        """No more tasks than a world of this size can need."""
        living = trio.lowlevel.current_statistics().tasks_living
        if living > bound:
            self.violate("TASKS_UNBOUNDED", f"{living} tasks live, expected at most {bound}")


def _lately(moments: dict[str, Moment]) -> dict[str, Moment]:
    long_ago = trio.current_time() - 600
    return {message_id: moment for message_id, moment in moments.items() if moment.at > long_ago}
