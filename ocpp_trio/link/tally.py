"""What a session counts of itself and tells the instrument; `observe.Counters` counts more, and over many.

Owns what is done for each frame where nobody listens: a count, and nothing is put together to be told. Must not
know the session.
"""

from collections.abc import Callable
from functools import partial

import attrs
import trio

from ocpp_trio.errors import Origin
from ocpp_trio.link.instrument import CallReport, Instrument, Link, Outcome, listens
from ocpp_trio.wire.correlation import Match, PendingCall
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


class Tally:
    """Counts the events of one session, each as it is told: the methods are an instrument's, but for the link."""

    def __init__(self, instrument: Instrument, link: Link) -> None:
        self._instrument = instrument
        self._link = link
        self._hears_sent = listens(instrument, "frame_sent")
        self._hears_received = listens(instrument, "frame_received")
        self._hears_ended = listens(instrument, "call_ended")
        self._counts = dict.fromkeys((field.name for field in attrs.fields(SessionCounters)), 0)

    def snapshot(self, *, frames_sent: int) -> SessionCounters:
        """The counts at this moment; who hands frames over knows how many there were."""
        return SessionCounters(**{**self._counts, "frames_sent": frames_sent})

    def note_of(self, frame: Frame, *, action: str, text: str) -> Callable[[], None] | None:
        """What is to be called when this frame goes out, if anybody listens; the connection counts what it sends."""
        if not self._hears_sent:
            return None
        return partial(self._instrument.frame_sent, self._link, frame, action=action, text=text)

    def frame_received(self, frame: Frame, *, action: str | None, text: str) -> None:
        self._counts["frames_received"] += 1
        if self._hears_received:
            self._instrument.frame_received(self._link, frame, action=action, text=text)

    def frame_refused(self, description: str, *, text: str) -> None:
        self._counts["bad_frames"] += 1
        self._instrument.frame_refused(self._link, description, text=text)

    def reply_dropped(self, match: Match, *, message_id: str, action: str | None, frame: Reply | None) -> None:
        self._counts["replies_dropped"] += 1
        self._instrument.reply_dropped(self._link, match, message_id=message_id, action=action, frame=frame)

    def call_ended(
        self, call: PendingCall, outcome: Outcome, origin: Origin, code: str | None = None, *, since: float
    ) -> None:
        """An outgoing call that was handed over at `since` has its outcome."""
        self._counts["calls_ended"] += 1
        self._counts["timeouts"] += outcome == "timeout"
        if self._hears_ended:
            report = CallReport(
                message_id=call.message_id,
                action=type(call.request).action,
                outcome=outcome,
                origin=origin,
                code=code,
                seconds=trio.current_time() - since,
            )
            self._instrument.call_ended(self._link, report)

    def handler_failed(self, action: str, *, message_id: str, error: Exception | None) -> None:
        self._counts["handler_failures"] += 1
        self._instrument.handler_failed(self._link, action, message_id=message_id, error=error)
