"""An end of a connection in memory, with the manners of a socket. Knows its two directions and nothing else."""

import operator

import attrs
import trio

from ocpp_trio import TextSink
from ocpp_trio.testing.pipe import BUFFER_SIZE, Pipe


@attrs.define
class _OneAtATime:
    """Two tasks that send, or two that receive, would get pieces of each other's bytes."""

    activity: str
    busy: bool = False

    def __enter__(self) -> None:
        if self.busy:
            raise trio.BusyResourceError(f"another task is {self.activity} this stream")
        self.busy = True

    def __exit__(self, *exc_info: object) -> None:
        self.busy = False


class MemoryStream(trio.abc.HalfCloseableStream):
    """One end of a connection, with the manners of `trio.SocketStream`. `peer` names the other end."""

    def __init__(self, outbound: Pipe, inbound: Pipe, peer: str) -> None:
        self._outbound = outbound
        self._inbound = inbound
        self._closed = False
        self._sent_eof = False
        self._sending = _OneAtATime("sending on")
        self._receiving = _OneAtATime("receiving from")
        self.peer = peer

    @property
    def closed(self) -> bool:
        """Whether this end was closed."""
        return self._closed

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send; waits while the peer's buffer is full. Cancelling may leave the first part sent.

        Raises BrokenResourceError if the peer closed or the connection was reset, ClosedResourceError if this
        end was closed or has sent its EOF.
        """
        with self._sending:
            # As a socket does: cancelled before the first byte or while waiting for room, never in between.
            await trio.lowlevel.checkpoint_if_cancelled()
            self._check_sending()
            view = memoryview(bytes(data))
            while view := view[self._outbound.put(view) :]:
                await self._outbound.wait_writable()
                self._check_sending()
            await trio.lowlevel.cancel_shielded_checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the peer's buffer has room, or raise what `send_all` would."""
        with self._sending:
            await trio.lowlevel.checkpoint()
            self._check_sending()
            while self._outbound.full:
                await self._outbound.wait_writable()
                self._check_sending()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has arrived, at least a byte; b"" when the peer has ended. Cancelling loses nothing.

        Raises BrokenResourceError if the connection was reset, ClosedResourceError if this end was closed.
        """
        size = BUFFER_SIZE if max_bytes is None else operator.index(max_bytes)
        if size < 1:
            raise ValueError(f"max_bytes: expected a positive number, found {max_bytes}")
        with self._receiving:
            await trio.lowlevel.checkpoint_if_cancelled()
            self._check_receiving()
            data = self._inbound.take(size)
            if data is not None:
                await trio.lowlevel.cancel_shielded_checkpoint()
            while data is None:
                await self._wait_readable()
                self._check_receiving()
                data = self._inbound.take(size)
            return data

    async def _wait_readable(self) -> None:
        await self._inbound.wait_readable()

    async def send_eof(self) -> None:
        """End this direction; the other one goes on."""
        with self._sending:
            await trio.lowlevel.checkpoint()
            self._check_open()
            self._sent_eof = True
            self._outbound.end()

    async def aclose(self) -> None:
        """Both directions end; the peer reads what is in flight, and its next write is refused."""
        if not self._closed:
            self._closed = True
            self._outbound.end()
            self._inbound.refuse()
            # Tasks of this end are told at once, whatever the other end hears.
            self._outbound.wake()
            self._inbound.wake()
        await trio.lowlevel.checkpoint()

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this stream was closed")

    def _check_sending(self) -> None:
        self._check_open()
        if self._sent_eof:
            raise trio.ClosedResourceError("this stream has sent its EOF")
        if self._outbound.refusing:
            raise trio.BrokenResourceError("connection reset by peer")

    def _check_receiving(self) -> None:
        self._check_open()
        if self._inbound.broken:
            raise trio.BrokenResourceError("connection reset by peer")


class MemoryTextStream(MemoryStream):
    """A stream that carries messages whole, beside the bytes of the upgrade, the pings and the close.

    A `TextStream` of the link. Whoever reads the bytes passes on the messages that do not come by themselves.
    """

    def deliver_texts_to(self, sink: TextSink) -> None:
        self._inbound.sink = sink

    def takes_at_once(self, text: str) -> bool:
        return not (self._closed or self._sent_eof) and self._outbound.takes_at_once(text)

    def send_text_nowait(self, text: str) -> None:
        self._outbound.put_text(text)

    async def send_text(self, text: str) -> None:
        with self._sending:
            await trio.lowlevel.checkpoint_if_cancelled()
            self._check_sending()
            while self._outbound.full:
                await self._outbound.wait_writable()
                self._check_sending()
            self._outbound.put_text(text)
            while self._outbound.overfull:
                await self._outbound.wait_writable()
                self._check_sending()
            await trio.lowlevel.cancel_shielded_checkpoint()

    async def _wait_readable(self) -> None:
        if not self._inbound.text_due:
            await super()._wait_readable()
        elif self._inbound.sink is None:
            raise RuntimeError("expected frames, found a message without: this network has `framing=False`")
        else:
            await self._inbound.sink.wait_room()
            if self._inbound.text_due:
                self._inbound.sink.put_text(self._inbound.take_text())
