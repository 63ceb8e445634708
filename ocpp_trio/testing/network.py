"""TCP in memory: listeners and streams with bounded buffers, and faults on demand.

Owns bytes in flight. A `MemoryNetwork` gives `dial` to `open_charge_point` and `listen` to `serve_csms`;
the WebSocket framing above is the real one. No sockets, no threads: safe under an autojump clock.

    network = MemoryNetwork()
    server = await nursery.start(partial(serve_csms, [router], 9000, listen=network.listen))
    async with open_charge_point("ws://csms:9000/ocpp", "CP-1", dial=network.dial, ...) as station:
        await station.wait_online()
        network.links[-1].cut()  # a pulled cable: see how long each end takes to notice

Bytes take no time: what one end sends the other can read at the same instant of the virtual clock.
"""

import errno
import itertools
import operator
from typing import Final

import attrs
import trio

BUFFER_SIZE: Final = 64 * 1024
"""Bytes that a direction holds before its sender waits; about what a kernel's socket buffers hold."""
BACKLOG: Final = 128
"""Connections that wait to be accepted; as with TCP the next dial waits."""
FIRST_FREE_PORT: Final = 49152
"""Where the ports begin that `listen(0)` takes (RFC 6335 section 6)."""


@attrs.define(eq=False)
class _Pipe:
    """One direction, as the network sees it. `cut` swallows what is sent, as a pulled cable does."""

    data: bytearray = attrs.Factory(bytearray)
    ended: bool = False
    """The reader is told that nothing more comes."""
    refused: bool = False
    """The writer is told that nobody reads any more."""
    broken: bool = False
    cut: bool = False
    stalled: bool = False
    changed: trio.Event = attrs.Factory(trio.Event)

    def wake(self) -> None:
        self.changed.set()
        self.changed = trio.Event()

    @property
    def full(self) -> bool:
        return len(self.data) >= BUFFER_SIZE and not self.cut

    def put(self, view: memoryview) -> int:
        """Take as much as there is room for."""
        if self.cut:
            return len(view)
        taken = min(len(view), BUFFER_SIZE - len(self.data))
        self.data += view[:taken]
        self.wake()
        return taken

    def take(self, max_bytes: int) -> bytes | None:
        """What has arrived, b"" at the end; None if the reader has to wait."""
        if self.stalled or not (self.data or self.ended):
            return None
        taken = bytes(self.data[:max_bytes])
        del self.data[:max_bytes]
        self.wake()
        return taken

    def end(self) -> None:
        self.ended = self.ended or not self.cut
        self.wake()

    def refuse(self) -> None:
        self.refused = self.refused or not self.cut
        self.wake()


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

    def __init__(self, outbound: _Pipe, inbound: _Pipe, peer: str) -> None:
        self._outbound = outbound
        self._inbound = inbound
        self._closed = False
        self._sent_eof = False
        self._sending = _OneAtATime("sending on")
        self._receiving = _OneAtATime("receiving from")
        self.peer = peer

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
                await self._outbound.changed.wait()
                self._check_sending()
            await trio.lowlevel.cancel_shielded_checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the peer's buffer has room, or raise what `send_all` would."""
        with self._sending:
            await trio.lowlevel.checkpoint()
            self._check_sending()
            while self._outbound.full:
                await self._outbound.changed.wait()
                self._check_sending()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has arrived, at least a byte; b"" when the peer has ended. Cancelling loses nothing.

        Raises BrokenResourceError if the connection was reset, ClosedResourceError if this end was closed.
        """
        size = BUFFER_SIZE if max_bytes is None else operator.index(max_bytes)
        if size < 1:
            raise ValueError(f"max_bytes: expected a positive number, found {max_bytes}")
        with self._receiving:
            await trio.lowlevel.checkpoint()
            self._check_receiving()
            while (data := self._inbound.take(size)) is None:
                await self._inbound.changed.wait()
                self._check_receiving()
            return data

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
        await trio.lowlevel.checkpoint()

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this stream was closed")

    def _check_sending(self) -> None:
        self._check_open()
        if self._sent_eof:
            raise trio.ClosedResourceError("this stream has sent its EOF")
        if self._outbound.broken or self._outbound.refused:
            raise trio.BrokenResourceError("connection reset by peer")

    def _check_receiving(self) -> None:
        self._check_open()
        if self._inbound.broken:
            raise trio.BrokenResourceError("connection reset by peer")


@attrs.frozen(eq=False)
class MemoryLink:
    """One connection of the network, for a test to harm. `client` dialled `port`, `server` accepted."""

    client: MemoryStream
    server: MemoryStream
    port: int
    _up: _Pipe
    _down: _Pipe

    def reset(self) -> None:
        """Drop the connection as a TCP reset does: both ends fail at once, bytes in flight are lost."""
        for pipe in (self._up, self._down):
            pipe.broken = True
            pipe.wake()

    def cut(self) -> None:
        """Pull the cable: from here on whatever is sent vanishes, an end or a close too, and nobody is told.

        What had arrived before can still be read. Writes seem to succeed for ever; to see one block, `stall`
        the reading end.
        """
        for pipe in (self._up, self._down):
            pipe.cut = True
            pipe.wake()

    def stall(self, *, client: bool = False, server: bool = False) -> None:
        """Keep that end from reading: what is sent to it fills the buffer and then blocks the sender.

        `stall()` without arguments lets both read on.
        """
        self._down.stalled, self._up.stalled = client, server
        self._down.wake()
        self._up.wake()


class MemoryListener(trio.abc.Listener[MemoryStream]):
    """Where a server waits for connections. Made by `MemoryNetwork.listen`."""

    def __init__(self, network: "MemoryNetwork", host: str | None, port: int) -> None:
        self._network = network
        self.host = host
        self.port = port
        self._from_dials, self._backlog = trio.open_memory_channel[MemoryLink](BACKLOG)

    async def arrive(self, link: MemoryLink) -> None:
        """Queue a connection; waits while the backlog is full. Raises ConnectionRefusedError if closed."""
        try:
            await self._from_dials.send(link)
        except trio.ClosedResourceError:
            raise ConnectionRefusedError(f"nobody listens on port {self.port} any more") from None

    async def accept(self) -> MemoryStream:
        """The next connection. Cancelling loses none. Raises ClosedResourceError."""
        try:
            return (await self._backlog.receive()).server
        except trio.EndOfChannel:
            raise trio.ClosedResourceError("this listener was closed") from None

    async def aclose(self) -> None:
        """Free the port; connections that nobody accepted are reset, those that were go on."""
        self._network.forget(self)
        # Dials that wait are refused before the backlog has room for them.
        self._from_dials.close()
        while self._backlog.statistics().current_buffer_used:
            self._backlog.receive_nowait().reset()
        await trio.lowlevel.checkpoint()


class MemoryNetwork:
    """Hosts and ports in memory.

    `links` are the connections so far, in the order of their dialling. Set `refuse` to let every dial fail,
    or `silent` to let every dial succeed with nobody behind it; both are for new connections only.
    """

    def __init__(self) -> None:
        self._listeners: dict[tuple[str | None, int], MemoryListener] = {}
        self._free_ports = itertools.count(FIRST_FREE_PORT)
        self.links: list[MemoryLink] = []
        self.refuse = False
        self.silent = False

    async def listen(self, port: int, *, host: str | None = None) -> list[MemoryListener]:
        """Listen on a port; 0 takes a free one. Raises OSError if the port of this host is taken.

        Without a host the listener takes what no listener of a named host takes.
        """
        await trio.lowlevel.checkpoint()
        if port == 0:
            taken = {port for _, port in self._listeners}
            port = next(free for free in self._free_ports if free not in taken)
        if (host, port) in self._listeners:
            raise OSError(errno.EADDRINUSE, f"port {port} is taken")
        listener = self._listeners[host, port] = MemoryListener(self, host, port)
        return [listener]

    async def dial(self, host: str, port: int) -> MemoryStream:
        """Connect. Raises ConnectionRefusedError if nobody listens, or while `refuse` is set.

        While `silent` is set the connection comes to be and nobody ever accepts it.
        """
        await trio.lowlevel.checkpoint()
        listener = self._listeners.get((host, port)) or self._listeners.get((None, port))
        if self.refuse or listener is None:
            raise ConnectionRefusedError(f"nobody listens on {host}:{port}")
        up, down = _Pipe(), _Pipe()
        number = len(self.links) + 1
        link = MemoryLink(
            MemoryStream(up, down, f"{host}:{port}"), MemoryStream(down, up, f"memory:{number}"), port, up, down
        )
        self.links.append(link)
        if not self.silent:
            await listener.arrive(link)
        return link.client

    def forget(self, listener: MemoryListener) -> None:
        """A listener was closed: its port is free again, unless somebody else has taken it since."""
        if self._listeners.get((listener.host, listener.port)) is listener:
            del self._listeners[listener.host, listener.port]
