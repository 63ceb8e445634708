"""What must hold on the wire: judges the bytes that honest ends write, and nothing that becomes of them later."""

import json
import re
from contextlib import suppress

import attrs
import trio

from ocpp_trio import Call, Frame, FrameError, parse_frame
from ocpp_trio.testing import MemoryLink
from ocpp_trio.testing.decoding import WireDecoder
from ocpp_trio.testing.network import Direction
from tests.simulation.oracle import AT_ONCE, Oracle

HEAD_SIZE = 2000
"""Bytes in which the head of an upgrade's answer ends."""
PING_SIZE = 4
"""Bytes of our pings, which are numbered: others are the rest of something else."""


@attrs.define
class _Lane:
    """One direction of one link, as the wire shows it, since `began`."""

    began: float
    decoder: WireDecoder = attrs.Factory(WireDecoder)
    head: bytes = b""
    broken: bool = False
    calls: dict[str, bool] = attrs.Factory(dict)
    """By message id, whether an answer has been seen."""
    open_call: str | None = None
    newest_call: int = 0
    """How many calls of the workload had begun when the newest that is here did."""


class WireOracle:
    """Judges what honest ends write."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._lanes: dict[tuple[int, Direction], _Lane] = {}
        self._newest_id: dict[tuple[str, Direction], int] = {}
        self._newest_link: dict[str, int] = {}

    def tap(self, link: MemoryLink, direction: Direction, data: bytes) -> None:
        if link.client_host not in self._oracle.honest:
            if direction == "down":
                self._overhear(link, data)
            return
        lane = self._lane(link.number, direction)
        self._newest_link[link.client_host] = link.number
        if lane.broken:
            return
        if len(lane.head) < HEAD_SIZE:
            lane.head += data
        try:
            for frame in lane.decoder.feed(data):
                if frame.kind == "text":
                    self._judge(link, direction, lane, frame.text)
                elif frame.kind == "ping" and len(frame.payload) != PING_SIZE:
                    raise ValueError(f"expected a ping of {PING_SIZE} bytes, found {frame.payload!r}")
        except ValueError as exc:
            lane.broken = True
            self._oracle.violate("TORN_FRAME", f"link {link.number} {direction}: {exc}")

    def _overhear(self, link: MemoryLink, data: bytes) -> None:
        """What the CSMS writes to others is not judged, but one of them may be taken for an honest end."""
        lane = self._lane(link.number, "down")
        with suppress(ValueError):
            for frame in lane.decoder.feed(data):
                if frame.kind == "text" and isinstance(call := parse_frame(frame.text), Call):
                    self._oracle.written(_tag(call))

    def retry_after(self, host: str) -> float:
        """The seconds that the last answer to a host asked it to stay away."""
        lane = self._lanes.get((self._newest_link.get(host, 0), "down"), _Lane(0.0))
        found = re.match(rb"HTTP/1.1 503 .*?\r\nretry-after: *(\d+)\r\n", lane.head, re.DOTALL | re.IGNORECASE)
        return float(found.group(1)) if found else 0.0

    def wrote(self, number: int, direction: Direction) -> bool:
        """Whether an honest end ever wrote in this direction of a link that is still remembered."""
        return (number, direction) in self._lanes

    def forget(self, live: set[int]) -> None:
        """Links that are over have nothing more to say."""
        self._lanes = {key: lane for key, lane in self._lanes.items() if key[0] in live}

    def _lane(self, number: int, direction: Direction) -> _Lane:
        return self._lanes.setdefault((number, direction), _Lane(trio.current_time()))

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
        if number <= self._newest_id.get(key, -1):
            self._oracle.violate("ID_USED_AGAIN", f"{where}: {call.message_id}")
        self._newest_id[key] = max(number, self._newest_id.get(key, -1))
        if direction == "up" and not lane.calls and call.action != "BootNotification":
            self._oracle.violate("NOT_BOOTED", f"{where}: {call.action} before any BootNotification")
        if lane.open_call is not None:
            handed_over = self._oracle.handed_over.get(lane.open_call)
            if handed_over is None or now - handed_over.at < limits.call_timeout - AT_ONCE:
                self._oracle.violate("TWO_CALLS_OUT", f"{where}: {call.message_id} while {lane.open_call} is open")
        if (handed_over := self._oracle.handed_over.get(call.message_id)) is not None and handed_over.at < lane.began:
            self._oracle.violate("STALE_CALL", f"{where}: {call.message_id} was given to another link's writer")
        self._judge_order(lane, call, where)
        lane.calls[call.message_id] = False
        lane.open_call = call.message_id

    def _judge_order(self, lane: _Lane, call: Call, where: str) -> None:
        """Whoever called first is written first."""
        begun = self._oracle.written(_tag(call))
        if 0 < begun < lane.newest_call:
            self._oracle.violate("OUT_OF_ORDER", f"{where}: {call.message_id} overtook a call that began before it")
        lane.newest_call = max(begun, lane.newest_call)

    def _judge_answer(self, asking: _Lane, answer: Frame, where: str) -> None:
        message_id = answer.message_id or ""
        if message_id not in asking.calls:
            self._oracle.violate("STALE_ANSWER", f"{where}: {message_id} was never asked on this link")
        elif asking.calls[message_id]:
            self._oracle.violate("TWO_ANSWERS", f"{where}: {message_id} is answered again")
        asking.calls[message_id] = True
        if asking.open_call == message_id:
            asking.open_call = None


def _tag(call: Call) -> str:
    """What the workload calls it."""
    return str(json.loads(call.payload).get("data", ""))
