"""Counters of everything that happened, by name and labels; `Counters` has the table of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ocpp_trio.errors import Closed, ErrorCode
from ocpp_trio.link.instrument import CallReport, Instrument, Link, SecurityEvent
from ocpp_trio.link.lifecycle import ConnectionState, Transition
from ocpp_trio.wire.correlation import Match
from ocpp_trio.wire.frames import Call, CallError, Frame, Reply
from ocpp_trio.wire.leniency import Allowance

Labels = tuple[tuple[str, str], ...]

_LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    "frames": ("direction",),
    "bad_frames": (),
    "call": ("direction",),
    "call_result": ("direction",),
    "call_error": ("direction", "code"),
    "heartbeats": ("direction",),
    "calls_ended": ("outcome", "origin"),
    "timeouts": (),
    "dropped_replies": ("match",),
    "leniencies": ("kind",),
    "handler_failures": (),
    "opens": (),
    "closes": ("reason",),
    "handshake_failures": ("reason",),
    "security_events": ("kind",),
    "pings": (),
    "pongs": (),
    "reconnects": (),
}
_KNOWN_CODES: Final = frozenset(code.value for code in ErrorCode)


class Counters(Instrument):
    """Counts; give one to as many ends as should be counted together.

    | name | labels | counts |
    |---|---|---|
    | frames | direction | well-formed frames |
    | bad_frames | | texts that are no OCPP-J frame |
    | call, call_result | direction | frames of the kind |
    | call_error | direction, code | CALLERRORs; codes outside the specification count as "other" |
    | heartbeats | direction | Heartbeat CALLs |
    | calls_ended | outcome, origin | outgoing calls; origin "local" never was a frame |
    | timeouts | | outgoing calls without a reply in time |
    | dropped_replies | match | replies nobody took: late, duplicate, unknown, mismatched |
    | leniencies | kind | defects of incoming payloads that were let pass |
    | handler_failures | | handlers that raised or took too long |
    | opens | | sessions begun |
    | closes | reason | sessions ended |
    | handshake_failures | reason | connections that never became a session |
    | security_events | kind | what a peer did that it should not, by `SecurityEventKind` |
    | pings | | pings that the keepalive sent |
    | pongs | | pings that were answered |
    | reconnects | | waits scheduled by a charge point's supervisor |

    Iterating gives name, labels and count of each that is not 0.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Labels]] = Counter()

    def value(self, name: str, **labels: str) -> int:
        """The count of a name over all its labels, or over those that carry the given values.

        Raises ValueError for a name or a label that no counter has, of which there would be 0 for ever.
        """
        _check(name, labels)
        wanted = labels.items()
        return sum(n for (counted, at), n in self._counts.items() if counted == name and wanted <= dict(at).items())

    def __iter__(self) -> Iterator[tuple[str, Mapping[str, str], int]]:
        """Every counter as name, labels and count, in order."""
        for (name, labels), count in sorted(self._counts.items()):
            yield name, dict(labels), count

    def _count(self, name: str, **labels: str) -> None:
        self._counts[name, tuple(labels.items())] += 1

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        self._count_frame(frame, "sent")

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        self._count_frame(frame, "received")

    def _count_frame(self, frame: Frame, direction: str) -> None:
        self._count("frames", direction=direction)
        if isinstance(frame, Call):
            self._count("call", direction=direction)
            if frame.action == "Heartbeat":
                self._count("heartbeats", direction=direction)
        elif isinstance(frame, CallError):
            code = frame.code if frame.code in _KNOWN_CODES else "other"
            self._count("call_error", direction=direction, code=code)
        else:
            self._count("call_result", direction=direction)

    def frame_refused(self, link: Link, description: str, *, text: str) -> None:
        self._count("bad_frames")

    def call_ended(self, link: Link, report: CallReport) -> None:
        self._count("calls_ended", outcome=report.outcome, origin=report.origin)
        if report.outcome == "timeout":
            self._count("timeouts")

    def reply_dropped(
        self, link: Link, match: Match, *, message_id: str | None, action: str | None, frame: Reply | None
    ) -> None:
        self._count("dropped_replies", match=match.value)

    def handler_failed(self, link: Link, action: str, *, message_id: str, error: Exception | None) -> None:
        self._count("handler_failures")

    def leniency_used(self, link: Link, allowance: Allowance) -> None:
        self._count("leniencies", kind=allowance.kind)

    def connection_opened(self, link: Link) -> None:
        self._count("opens")

    def connection_closed(self, link: Link, closed: Closed) -> None:
        self._count("closes", reason=closed.reason.value)

    def handshake_failed(self, link: Link, closed: Closed, *, status: int | None) -> None:
        self._count("handshake_failures", reason=closed.reason.value)

    def security_event(self, link: Link, event: SecurityEvent) -> None:
        self._count("security_events", kind=event.kind.value)

    def ping_sent(self, link: Link) -> None:
        self._count("pings")

    def pong_received(self, link: Link, *, seconds: float) -> None:
        self._count("pongs")

    def state_changed(self, identity: str, transition: Transition) -> None:
        if transition.state is ConnectionState.BACKING_OFF:
            self._count("reconnects")


def _check(name: str, labels: Iterable[str]) -> None:
    if name not in _LABELS:
        raise ValueError(f"expected a counter among {sorted(_LABELS)}, found {name!r}")
    if unknown := sorted(set(labels) - set(_LABELS[name])):
        raise ValueError(f"expected labels of {name!r} among {list(_LABELS[name])}, found {unknown}")
