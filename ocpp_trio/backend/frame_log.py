"""The frames of the stations as lines of the log, for people who watch one at this moment.

Owns the wording of a line. What may hold a password is never shown; text of a peer only escaped, and cut.
"""

from collections.abc import Callable

from ocpp_trio import Closed, Frame, Instrument, Link
from ocpp_trio.backend.live import LiveState
from ocpp_trio.observe.confidential import NOT_SHOWN, may_hold_a_password
from ocpp_trio.observe.logs import frame_type
from ocpp_trio.observe.plain import plain


class FrameLog(Instrument):
    """Announces lines through a live state.

    Nothing is announced of a station that `wanted` denies: frames are many, and the hub's history is for changes.
    Whoever was away for a while therefore misses the lines of that while.
    """

    def __init__(self, live: LiveState, *, wanted: Callable[[str], bool]) -> None:
        self._live = live
        self._wanted = wanted

    def connection_opened(self, link: Link) -> None:
        self._say(link, f"connected from {plain(link.peer)}" if link.peer else "connected")

    def connection_closed(self, link: Link, closed: Closed) -> None:
        self._say(link, f"closed: {plain(str(closed))}")

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        self._frame(link, "sent", frame, action, text)

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        self._frame(link, "received", frame, action, text)

    def frame_refused(self, link: Link, description: str, *, text: str) -> None:
        self._say(link, f"refused a frame: {plain(description)}")

    def _frame(self, link: Link, direction: str, frame: Frame, action: str | None, text: str) -> None:
        if self._wanted(link.identity):
            shown = NOT_SHOWN if may_hold_a_password(frame, action, text) else plain(text)
            self._say(link, f"{direction} {frame_type(frame)} {'' if action is None else plain(action)} {shown}")

    def _say(self, link: Link, line: str) -> None:
        if self._wanted(link.identity):
            self._live.log(link.identity, line)
