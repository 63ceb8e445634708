"""What a session counts of itself, for its `statistics()`; `observe.Counters` counts more, and over many."""

import attrs

from ocpp_trio.link.instrument import CallReport, Instrument, Link
from ocpp_trio.wire.correlation import Match
from ocpp_trio.wire.frames import Frame, Reply


@attrs.frozen(kw_only=True)
class SessionCounters:
    """How often things happened since the session began."""

    frames_sent: int = 0
    frames_received: int = 0
    bad_frames: int = 0
    calls_ended: int = 0
    timeouts: int = 0
    replies_dropped: int = 0
    handler_failures: int = 0


class Tally(Instrument):
    """Counts the events of one session."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys((field.name for field in attrs.fields(SessionCounters)), 0)

    def snapshot(self) -> SessionCounters:
        """The counts at this moment."""
        return SessionCounters(**self._counts)

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        self._counts["frames_sent"] += 1

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        self._counts["frames_received"] += 1

    def frame_refused(self, link: Link, description: str, *, text: str) -> None:
        self._counts["bad_frames"] += 1

    def call_ended(self, link: Link, report: CallReport) -> None:
        self._counts["calls_ended"] += 1
        self._counts["timeouts"] += report.outcome == "timeout"

    def reply_dropped(
        self, link: Link, match: Match, *, message_id: str | None, action: str | None, frame: Reply | None
    ) -> None:
        self._counts["replies_dropped"] += 1

    def handler_failed(self, link: Link, action: str, *, message_id: str, error: Exception | None) -> None:
        self._counts["handler_failures"] += 1
