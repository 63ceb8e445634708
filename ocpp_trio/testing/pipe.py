"""One direction of a connection in memory: bytes on their way, and what may go wrong with them.

Owns bytes in flight and the instants at which they arrive. Must not know which end is a station.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from random import Random
from typing import Final

import attrs
import trio

from ocpp_trio import TextSink

BUFFER_SIZE: Final = 64 * 1024
"""Bytes that a direction holds before its sender waits; about what a kernel's socket buffers hold."""
SEGMENT_SIZE: Final = 1460
"""Bytes that arrive together where a direction has a bandwidth or a jitter: an Ethernet frame's worth of TCP."""


@attrs.frozen(kw_only=True)
class Conditions:
    """What a direction is like; the defaults are a cable of no length.

    `latency` seconds pass from the write to the arrival, and for every piece of at most `SEGMENT_SIZE` bytes
    up to `jitter` seconds more; the order is kept, as TCP keeps it. `bandwidth` and `read_rate` are bytes a
    second: a slow network, and an end that reads slowly. One read returns at most `piece` bytes, and `buffer`
    bytes wait for the reader before the sender does; with a small one every write is done in parts.
    """

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: float = math.inf
    read_rate: float = math.inf
    piece: int = BUFFER_SIZE
    buffer: int = BUFFER_SIZE

    def __attrs_post_init__(self) -> None:
        for name in ("latency", "jitter"):
            if getattr(self, name) < 0:
                raise ValueError(f"Conditions.{name}: expected no negative number, found {getattr(self, name)!r}")
        for name in ("bandwidth", "read_rate", "piece", "buffer"):
            if not getattr(self, name) > 0:
                raise ValueError(f"Conditions.{name}: expected a positive number, found {getattr(self, name)!r}")

    @cached_property
    def immediate(self) -> bool:
        """Whether what is written has arrived, and may be read at once."""
        return not (self.latency or self.in_segments) and self.read_rate == math.inf

    @property
    def in_segments(self) -> bool:
        """Whether the pieces of one write may arrive at different instants."""
        return self.jitter > 0 or self.bandwidth < math.inf


@attrs.define(eq=False)
class Pipe:
    """One direction, as the network sees it."""

    rng: Random
    conditions: Conditions
    taps: Sequence[object]
    """Who is told by `tell`; if there is nobody, it need not be called."""
    tell: Callable[[bytes | str], None]
    """Tells what the sender wrote, a message that goes without frames as text, whatever becomes of it."""
    sink: TextSink | None = None
    """Where such messages go in the end."""
    broken: bool = False
    stalled: bool = False
    """The reader gets nothing, not even the end."""
    cut: bool = False
    """What is sent vanishes, as with a pulled cable, and nobody is told."""
    parted: bool = False
    """What is sent waits for the way to be free again, as TCP repeats what nobody confirmed."""
    quota: int | None = None
    """Bytes that still get through before `spent` is called; the rest of that write is lost."""
    spent: Callable[[], None] = lambda: None
    flip_at: int | None = None
    """Bytes until one is changed on the way."""
    refused_at: float = math.inf
    """When the writer learns that nobody reads any more."""
    changed: trio.Event = attrs.Factory(trio.Event)
    _segments: deque[tuple[float, bytes | str]] = attrs.Factory(deque)
    _size: int = 0
    _ended_at: float | None = None
    _line_free_at: float = -math.inf
    _reads_again_at: float = -math.inf
    _refused_apart: bool = False

    def wake(self) -> None:
        self.changed.set()
        self.changed = trio.Event()

    @property
    def full(self) -> bool:
        return self._size >= self.conditions.buffer and not self.cut

    @property
    def size(self) -> int:
        """Bytes that were written and not read yet."""
        return self._size

    @property
    def refusing(self) -> bool:
        """Whether the writer knows that nobody reads any more."""
        return self.broken or (self.refused_at < math.inf and self.refused_at <= trio.current_time())

    def put(self, view: memoryview) -> int:
        """Take as much as there is room for."""
        if self.cut:
            return self._swallow(view)
        data = bytes(view[: max(0, self.conditions.buffer - self._size)])
        if not data:
            return 0
        if self.taps:
            self.tell(data)
        taken = len(data)
        if self.quota is not None:
            data, self.quota = data[: self.quota], max(0, self.quota - taken)
        self._queue(self._flipped(data))
        self.wake()
        if self.quota == 0:
            self.quota = None
            self.spent()
            return len(view)
        return taken

    def takes_at_once(self, text: str) -> bool:
        """Whether a message can be put without its sender waiting."""
        if self.refusing:
            return False
        return self._size + len(text) <= self.conditions.buffer or self.cut

    @property
    def overfull(self) -> bool:
        """Whether the sender of a message that was put has to wait for the reader still."""
        return self._size > self.conditions.buffer and not self.cut

    def put_text(self, text: str) -> None:
        """Take a message whole, however much room there is.

        If nothing is between who sends it and where it goes, no task has to carry it.
        """
        if self.taps:
            self.tell(text)
        in_the_way = self._segments or self.stalled or self.parted or self.broken or self._ended_at is not None
        harmed = self.cut or self.quota is not None or self.flip_at is not None or not self.conditions.immediate
        if in_the_way or harmed or self.sink is None or not self.sink.take_at_once(text):
            self._forward(text)

    def _forward(self, text: str) -> None:
        if self.cut or self.broken:
            return
        whole = self.quota is None or len(text) <= self.quota
        if self.quota is not None:
            self.quota = max(0, self.quota - len(text))
        if self.flip_at is not None:
            text = self._flipped(text.encode()).decode(errors="replace")
        if whole:
            self._size += len(text)
            self._segments.append((self._arrival(len(text)), text))
            self.wake()
        if self.quota == 0:
            self.quota = None
            self.spent()

    @property
    def text_due(self) -> bool:
        """Whether what comes next is a message, and has arrived."""
        now = trio.current_time()
        if self.stalled or now < self._reads_again_at or not self._segments:
            return False
        at, data = self._segments[0]
        return at <= now and isinstance(data, str)

    def take_text(self) -> str:
        """The message that is due."""
        _, text = self._segments.popleft()
        assert isinstance(text, str)
        self._taken(len(text))
        return text

    def _taken(self, size: int) -> None:
        self._size -= size
        if self.conditions.read_rate < math.inf:
            self._reads_again_at = trio.current_time() + size / self.conditions.read_rate
        self.wake()

    def _swallow(self, view: memoryview) -> int:
        if self.taps:
            self.tell(bytes(view))
        return len(view)

    def _flipped(self, data: bytes) -> bytes:
        if self.flip_at is None:
            return data
        place, self.flip_at = self.flip_at, self.flip_at - len(data)
        if place >= len(data):
            return data
        self.flip_at = None
        return data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]

    def _queue(self, data: bytes) -> None:
        self._size += len(data)
        step = SEGMENT_SIZE if self.conditions.in_segments else len(data)
        for start in range(0, len(data), step or 1):
            part = data[start : start + step]
            self._segments.append((self._arrival(len(part)), part))

    def _arrival(self, size: int) -> float:
        """When so many bytes arrive that are written now: never before what was written earlier."""
        if self.parted:
            return math.inf
        conditions, now = self.conditions, trio.current_time()
        sent = max(now, self._line_free_at) + size / conditions.bandwidth
        self._line_free_at = sent
        arrival = sent + conditions.latency + (self.rng.uniform(0, conditions.jitter) if conditions.jitter else 0.0)
        return max(arrival, self._segments[-1][0]) if self._segments else arrival

    def take(self, max_bytes: int) -> bytes | None:
        """What has arrived, b"" at the end; None if the reader has to wait."""
        now = trio.current_time()
        if self.stalled or now < self._reads_again_at:
            return None
        limit, taken = min(max_bytes, self.conditions.piece), bytearray()
        while len(taken) < limit and self._segments and self._segments[0][0] <= now:
            at, data = self._segments[0]
            if isinstance(data, str):
                break
            self._segments.popleft()
            room = limit - len(taken)
            taken += data[:room]
            if len(data) > room:
                self._segments.appendleft((at, data[room:]))
        if not taken:
            return b"" if not self._segments and self._ended_at is not None and self._ended_at <= now else None
        self._taken(len(taken))
        return bytes(taken)

    async def wait_readable(self) -> None:
        """Wait until `take` may have something new to say. Cancelling is harmless."""
        arrival = self._segments[0][0] if self._segments else self._ended_at
        if self.stalled or arrival is None:
            await self._wait(math.inf)
        else:
            await self._wait(max(arrival, self._reads_again_at))

    async def wait_writable(self) -> None:
        """Wait until there may be room, or somebody to say that there never will be. Cancelling is harmless."""
        await self._wait(self.refused_at)

    async def _wait(self, until: float) -> None:
        if until == math.inf:
            await self.changed.wait()
        else:
            with trio.move_on_at(until):
                await self.changed.wait()

    def end(self) -> None:
        """The writer has ended: the reader learns it behind everything that is on its way."""
        if self._ended_at is None and not self.cut:
            self._ended_at = self._arrival(0)
        self.wake()

    def refuse(self) -> None:
        """The reader has closed: the writer learns it a latency later."""
        if not self.cut:
            later = math.inf if self.parted else trio.current_time() + self.conditions.latency
            self.refused_at = min(self.refused_at, later)
            self._refused_apart = self.parted
        self.wake()

    def break_off(self) -> None:
        """Both who reads and who writes is told at once, and what was on its way is lost."""
        self.broken = True
        self._segments.clear()
        self._size = 0
        self.wake()

    def pull(self) -> None:
        """Swallow everything from here on; what has not arrived yet is lost as well."""
        now = trio.current_time()
        self._segments = deque((at, data) for at, data in self._segments if at <= now)
        self._size = sum(len(data) for _, data in self._segments)
        if self._ended_at is not None and self._ended_at > now:
            self._ended_at = None
        self.cut = True
        self.wake()

    def part(self) -> None:
        """Let nothing more through until `rejoin`."""
        self.parted = True

    def rejoin(self) -> None:
        """What waited goes on its way now."""
        self.parted = False
        waiting = [data for at, data in self._segments if at == math.inf]
        self._segments = deque((at, data) for at, data in self._segments if at < math.inf)
        for data in waiting:
            self._segments.append((self._arrival(len(data)), data))
        if self._ended_at == math.inf:
            self._ended_at = self._arrival(0)
        if self._refused_apart:
            self.refuse()
        self.wake()
