"""TCP in memory: listeners and streams with bounded buffers, and faults on demand.

Owns bytes in flight. A `MemoryNetwork` gives `dial` to `open_charge_point` and `listen` to `serve_csms`;
the WebSocket framing above is the real one. No sockets, no threads: safe under an autojump clock.
"""

from typing import Final

import attrs
import trio

BUFFER_SIZE: Final = 64 * 1024
"""Bytes that a direction holds before its sender waits; about what a kernel's socket buffers hold."""
BACKLOG: Final = 128
"""Connections that wait to be accepted; as with TCP the next dial waits."""


@attrs.define(eq=False)
class _Pipe:
    """One direction. `cut` swallows what is sent, as a pulled cable does."""

    data: bytearray = attrs.Factory(bytearray)
    ended: bool = False
    broken: bool = False
    cut: bool = False
    stalled: bool = False
    changed: trio.Event = attrs.Factory(trio.Event)

    def wake(self) -> None:
        self.changed.set()
        self.changed = trio.Event()

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self.broken or self.ended:
                raise trio.BrokenResourceError("connection reset by peer")
            room = BUFFER_SIZE - len(self.data)
            if room > 0:
                if not self.cut:
                    self.data += view[:room]
                view = view[room:]
                self.wake()
            else:
                await self.changed.wait()

    async def receive(self, max_bytes: int) -> bytes:
        while True:
            if self.broken:
                raise trio.BrokenResourceError("connection reset by peer")
            if not self.stalled and self.data:
                taken = bytes(self.data[:max_bytes])
                del self.data[:max_bytes]
                self.wake()
                return taken
            if self.ended and not self.stalled:
                return b""
            await self.changed.wait()


class MemoryStream(trio.abc.HalfCloseableStream):
    """One end of a connection."""

    def __init__(self, outbound: _Pipe, inbound: _Pipe, peer: str) -> None:
        self._outbound = outbound
        self._inbound = inbound
        self._closed = False
        self._sending = False
        self.peer = peer

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self._sending:
            raise trio.BusyResourceError("another task is sending on this stream")
        self._sending = True
        try:
            await trio.lowlevel.checkpoint()
            self._check_open()
            await self._outbound.send(bytes(data))
        finally:
            self._sending = False

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()
        self._check_open()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        self._check_open()
        data = await self._inbound.receive(max_bytes or BUFFER_SIZE)
        self._check_open()
        return data

    async def send_eof(self) -> None:
        self._outbound.ended = True
        self._outbound.wake()
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Both directions end; the peer reads what is in flight, and its next write is refused."""
        if not self._closed:
            self._closed = True
            self._outbound.ended = True
            self._inbound.ended = True
            self._outbound.wake()
            self._inbound.wake()
        await trio.lowlevel.checkpoint()

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this stream was closed")


@attrs.frozen(eq=False)
class MemoryLink:
    """One connection of the network, for a test to harm. `client` dialled, `server` accepted."""

    client: MemoryStream
    server: MemoryStream
    port: int
    _up: _Pipe
    _down: _Pipe

    def reset(self) -> None:
        """Drop the connection as a TCP reset does: both ends fail at once, bytes in flight are lost."""
        for pipe in (self._up, self._down):
            pipe.broken = True
            pipe.data.clear()
            pipe.wake()

    def cut(self) -> None:
        """Pull the cable: bytes vanish in both directions and nobody is told."""
        for pipe in (self._up, self._down):
            pipe.cut = True

    def stall(self, *, client: bool = False, server: bool = False) -> None:
        """Keep that end from reading: what is sent to it fills the buffer and then blocks the sender."""
        self._down.stalled, self._up.stalled = client, server
        self._down.wake()
        self._up.wake()


class MemoryListener(trio.abc.Listener[MemoryStream]):
    """Where a server waits for connections."""

    def __init__(self, network: "MemoryNetwork", host: str | None, port: int) -> None:
        self._network = network
        self.host = host
        self.port = port
        self.to_accept, self._arrivals = trio.open_memory_channel[MemoryStream](BACKLOG)

    async def accept(self) -> MemoryStream:
        return await self._arrivals.receive()

    async def aclose(self) -> None:
        self._network.forget(self)
        self.to_accept.close()
        self._arrivals.close()
        await trio.lowlevel.checkpoint()


class MemoryNetwork:
    """Hosts and ports in memory. `links` are the connections so far, in the order of their dialling."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[str | None, int], MemoryListener] = {}
        self._next_port = 49152
        self.links: list[MemoryLink] = []
        self.refuse = False
        self.silent = False

    async def listen(self, port: int, *, host: str | None = None) -> list[MemoryListener]:
        """Listen on a port; 0 takes a free one. Without a host for every host. Raises OSError if taken."""
        await trio.lowlevel.checkpoint()
        if port == 0:
            self._next_port += 1
            port = self._next_port
        if (host, port) in self._listeners:
            raise OSError(f"port {port} is taken")
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
            await listener.to_accept.send(link.server)
        return link.client

    def forget(self, listener: MemoryListener) -> None:
        """A listener was closed: its port is free again."""
        self._listeners.pop((listener.host, listener.port), None)
