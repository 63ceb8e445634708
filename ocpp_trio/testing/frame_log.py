"""Every frame of a memory network, read off the wire, with assertions that show the whole story when they fail.

Owns the record. Reads bytes as they are written: what a fault does to them afterwards is not its business.
"""

import math
from collections.abc import Sequence
from typing import Final, NoReturn

import attrs
import trio

from ocpp_trio import Call, CallError, Frame, FrameError, parse_frame
from ocpp_trio.testing.decoding import WireDecoder, WireFrame
from ocpp_trio.testing.link import MemoryLink
from ocpp_trio.testing.network import Direction, MemoryNetwork

SHOWN: Final = 100
"""Characters of a frame in a timeline."""

LINES: Final = 100
"""Frames of the timeline of a failure."""


@attrs.frozen(kw_only=True)
class LoggedFrame:
    """A WebSocket frame: written at `at`, on the link of this number, from the station ("up") or to it."""

    at: float
    link: int
    host: str
    direction: Direction
    wire: WireFrame
    frame: Frame | None = None
    action: str = ""
    """The CALL's, also for the replies to it."""

    @property
    def title(self) -> str:
        """What it is in a few words: "up Heartbeat", "down result of Heartbeat", "up ping"."""
        if self.frame is None:
            return f"{self.direction} {self.wire.kind}"
        if isinstance(self.frame, Call):
            return f"{self.direction} {self.action}"
        kind = f"error {self.frame.code}" if isinstance(self.frame, CallError) else "result"
        return f"{self.direction} {kind} of {self.action or 'nothing'}"

    @property
    def message_id(self) -> str | None:
        """Of the OCPP frame; None if it is none, or an error that cannot say."""
        return None if self.frame is None else self.frame.message_id

    def __str__(self) -> str:
        arrow = "──>" if self.direction == "up" else "<──"
        kind = "" if self.wire.kind == "text" else f"{self.wire.kind} "
        text = kind + _in_one_line(self.wire.text)
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
        return f"{self.at:12.3f}  {self.host or 'station':<10} #{self.link:<4} {arrow} {shown}"


class FrameLog:
    """Listen in on the connections of a network that are dialled from now on.

        log = FrameLog(network)
        ...
        log.assert_titles(["up BootNotification", "down result of BootNotification", "up Heartbeat"])
        log.assert_instants("up Heartbeat", [10.25, 20.25])

    Every assertion may be narrowed to one host. When it fails, its message ends in the timeline up to the frame that is
    wrong, or to the end; in the last 100 lines of it, since that of a fleet for a day would be a book.
    """

    def __init__(self, network: MemoryNetwork) -> None:
        self.frames: list[LoggedFrame] = []
        self._decoders: dict[tuple[int, Direction], WireDecoder] = {}
        self._broken: set[tuple[int, Direction]] = set()
        self._actions: dict[tuple[int, Direction, str], str] = {}
        # In the middle of a connection nobody can tell where a frame begins.
        self._too_old = {link.number for link in network.live_links}
        network.taps.append(self._tap)

    def _tap(self, link: MemoryLink, direction: Direction, data: bytes) -> None:
        key = link.number, direction
        if key in self._broken or link.number in self._too_old:
            return
        decoder = self._decoders.setdefault(key, WireDecoder())
        try:
            for wire in decoder.feed(data):
                self._note(link, direction, wire)
        except ValueError:
            self._broken.add(key)

    def _note(self, link: MemoryLink, direction: Direction, wire: WireFrame) -> None:
        frame = _parsed(wire)
        action = "" if frame is None else self._action(link.number, direction, frame)
        now = trio.current_time()
        host = link.client_host
        self.frames.append(
            LoggedFrame(at=now, link=link.number, host=host, direction=direction, wire=wire, frame=frame, action=action)
        )

    def _action(self, link: int, direction: Direction, frame: Frame) -> str:
        if isinstance(frame, Call):
            self._actions[link, direction, frame.message_id] = frame.action
            return frame.action
        asked: Direction = "down" if direction == "up" else "up"
        return self._actions.get((link, asked, frame.message_id or ""), "")

    def ocpp(self, *, host: str | None = None) -> list[LoggedFrame]:
        """The OCPP-J frames, without the WebSocket's own."""
        return [frame for frame in self.frames if frame.frame is not None and host in (None, frame.host)]

    def calls(self, *, host: str | None = None) -> list[LoggedFrame]:
        """The CALLs, of both directions."""
        return [frame for frame in self.ocpp(host=host) if isinstance(frame.frame, Call)]

    def torn(self) -> list[tuple[int, Direction]]:
        """The directions of links that wrote what is no frame, or that end in the middle of one."""
        return sorted(self._broken | {key for key, decoder in self._decoders.items() if decoder.rest})

    def timeline(self, *, host: str | None = None) -> str:
        """What went over the wire, a line for each frame, stations on the left and their CSMS on the right."""
        return "\n".join(map(str, self._of(host))) or "nothing was sent"

    def _of(self, host: str | None) -> list[LoggedFrame]:
        return [frame for frame in self.frames if host in (None, frame.host)]

    def assert_titles(self, expected: Sequence[str], *, host: str | None = None) -> None:
        """Exactly these OCPP frames, in this order."""
        frames = self.ocpp(host=host)
        found = [frame.title for frame in frames]
        for number, (want, have) in enumerate(zip(expected, found, strict=False), 1):
            if want != have:
                self._fail(f"frame {number}: expected {want!r}, found {have!r}", host, frames[number - 1])
        if len(expected) != len(found):
            rest = list(expected[len(found) :]) or found[len(expected) :]
            kind = "missing" if len(expected) > len(found) else "more than expected"
            self._fail(f"expected {len(expected)} frames, found {len(found)}; {kind}: {rest}", host)

    def assert_in_order(self, expected: Sequence[str], *, host: str | None = None) -> None:
        """These OCPP frames in this order, whatever else is between them."""
        found = iter(frame.title for frame in self.ocpp(host=host))
        for want in expected:
            if want not in found:
                self._fail(f"expected {want!r} at its place in {list(expected)}, found none", host)

    def assert_instants(self, title: str, expected: Sequence[float], *, host: str | None = None) -> None:
        """The frames of this title were written at exactly these instants. Raises ValueError for what is no title."""
        if not title.startswith(("up ", "down ")):
            raise ValueError(f"expected a title as 'up Heartbeat' or 'down result of Heartbeat', found {title!r}")
        found = [round(frame.at, 9) for frame in self._of(host) if frame.title == title]
        if found != [round(at, 9) for at in expected]:
            self._fail(f"expected {title!r} at {list(expected)}, found it at {found}", host)

    def assert_one_call_at_a_time(self, *, host: str | None = None, call_timeout: float = math.inf) -> None:
        """No CALL of a direction leaves while another of the same link is open (OCPP-J 1.6, 4.1.1).

        It is open until it is answered, or for the seconds of `call_timeout`: on the wire nobody sees a timeout.
        """
        open_calls: dict[tuple[int, Direction], LoggedFrame] = {}
        for logged in self.ocpp(host=host):
            message_id = logged.message_id
            if isinstance(logged.frame, Call):
                before = open_calls.get((logged.link, logged.direction))
                if before is not None and logged.at < before.at + call_timeout:
                    was = before.message_id
                    self._fail(
                        f"expected no CALL while {was!r} is open, found {message_id!r} on #{logged.link}", host, logged
                    )
                open_calls[logged.link, logged.direction] = logged
            else:
                asked: Direction = "down" if logged.direction == "up" else "up"
                asking = open_calls.get((logged.link, asked))
                if asking is not None and asking.message_id == message_id:
                    del open_calls[logged.link, asked]

    def assert_answered_once(self, *, host: str | None = None) -> None:
        """No CALL has two answers, and no answer is to a CALL that its own link never saw."""
        seen: set[tuple[int, Direction, str]] = set()
        for logged in self.ocpp(host=host):
            if logged.frame is None or isinstance(logged.frame, Call):
                continue
            key = logged.link, logged.direction, str(logged.frame.message_id)
            if not logged.action:
                self._fail(f"expected a CALL {key[2]!r} on #{logged.link}, found an answer to it only", host, logged)
            if key in seen:
                self._fail(f"expected one answer to {key[2]!r} on #{logged.link}, found another", host, logged)
            seen.add(key)

    def assert_ids_are_new(self, *, host: str | None = None) -> None:
        """No message id is used for two CALLs of one host and direction, whatever the link (4.1.4)."""
        seen: set[tuple[str, Direction, str]] = set()
        for logged in self.calls(host=host):
            key = logged.host, logged.direction, str(logged.message_id)
            if key in seen:
                self._fail(f"expected message ids to be new, found {key[2]!r} again on #{logged.link}", host, logged)
            seen.add(key)

    def _fail(self, message: str, host: str | None, wrong: LoggedFrame | None = None) -> NoReturn:
        frames = self._of(host)
        if wrong is not None:  # by identity: frames of one instant may be equal
            frames = frames[: 1 + next(place for place, frame in enumerate(frames) if frame is wrong)]
        left_out = [f"({len(frames) - LINES} frames before these)"] if len(frames) > LINES else []
        story = [*left_out, *map(str, frames[-LINES:])] or ["nothing was sent"]
        raise AssertionError("\n".join([message, *story]))


def _in_one_line(text: str) -> str:
    """A ping carries any bytes, and JSON may have line feeds."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _parsed(wire: WireFrame) -> Frame | None:
    if wire.kind != "text":
        return None
    try:
        return parse_frame(wire.text)
    except FrameError:
        return None
