"""A WebSocket as text in, text out, with every known fault of the engine contained.

The only importer of trio_websocket. Owns the stream: nobody else writes to it or closes it. Must not know OCPP
beyond the subprotocol that was agreed.
"""

import logging
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NoReturn, Self

import trio
import trio_websocket
import wsproto
from wsproto.events import CloseConnection, Request

from ocpp_trio.errors import Closed, CloseReason, ConnectionClosed
from ocpp_trio.link.guard import Guard
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.referee import Referee

logger = logging.getLogger(__name__)

Headers = Sequence[tuple[bytes, bytes]]

ENGINE_SIZE_LIMIT: Final = 2**62
"""The engine counts characters and dies of a second oversize message; the referee counts instead."""
_ABNORMAL: Final = Closed(CloseReason.TRANSPORT_ERROR, 1006, "the stream ended without a close frame")
_GONE: Final = (
    trio.BrokenResourceError,
    trio.ClosedResourceError,
    trio_websocket.ConnectionClosed,
    wsproto.utilities.LocalProtocolError,
)
GOING_AWAY: Final = Closed(CloseReason.STOPPING, 1001, "going away")


class Transport:
    """One WebSocket connection after its handshake. Made by `open_client` and `Upgrade.accept`."""

    def __init__(self, websocket: trio_websocket.WebSocketConnection, referee: Referee, guard: Guard) -> None:
        self._websocket = websocket
        self._referee = referee
        self._guard = guard
        self._pings = 0
        self._reader = trio.CancelScope(shield=True)
        self._reader_done = trio.Event()
        self._ended: Closed | None = None
        self.subprotocol: str | None = None

    @classmethod
    def client(
        cls, guard: Guard, referee: Referee, *, host: str, resource: str, subprotocols: Sequence[str], headers: Headers
    ) -> Self:
        """What asks for an upgrade as soon as it runs."""
        websocket = trio_websocket.WebSocketConnection(
            guard,
            referee,
            host=host,
            path=resource,
            client_subprotocols=list(subprotocols),
            client_extra_headers=list(headers),
            max_message_size=ENGINE_SIZE_LIMIT,
        )
        return cls(websocket, referee, guard)

    @classmethod
    def server(cls, guard: Guard, referee: Referee) -> Self:
        """What waits for a request, to be answered by `accept_upgrade` or `reject_upgrade`."""
        websocket = trio_websocket.WebSocketConnection(guard, referee, max_message_size=ENGINE_SIZE_LIMIT)
        return cls(websocket, referee, guard)

    @property
    def closed(self) -> Closed | None:
        """How the connection ended, the first cause if there are several; None while it is open."""
        lost = _ABNORMAL if self._websocket.closed is not None or self._guard.lost else None
        return self._ended or self._guard.failure or self._referee.violation or self._referee.peer_close or lost

    @property
    def failure(self) -> Closed | None:
        """What broke below the WebSocket: a write that did not finish, or TLS."""
        return self._guard.failure

    @property
    def writes_in_flight(self) -> int:
        """Writes on the stream at this moment: 0 or 1."""
        return self._guard.writes_in_flight

    @property
    def max_writes_in_flight(self) -> int:
        """The most there ever were."""
        return self._guard.max_writes_in_flight

    async def send(self, text: str) -> None:
        """Write one message. Only the writer task calls this.

        Cancelling may leave half a frame behind; then nothing more is ever written and the connection is
        of no more use. Raises ConnectionClosed.
        """
        try:
            await self._guard.send_message(text)
        except _GONE as exc:
            raise ConnectionClosed(self.closed or _ABNORMAL) from exc

    def send_at_once(self, text: str, note: Callable[[], None] | None) -> bool | None:
        """Write a message in the place of `send` if that can be done without waiting; whether it went out.

        `note` is told just before. None, and `note` was not told, if `send` has to do it: messages that go in
        frames always wait for their turn.
        """
        return self._guard.send_at_once(text, note) if self._ended is None else None

    async def receive(self) -> str:
        """The next message. Cancelling loses nothing. Raises ConnectionClosed."""
        try:
            return await self._referee.arrivals.take()
        except trio.EndOfChannel:
            raise ConnectionClosed(self.closed or _ABNORMAL) from None

    async def forward(self, taker: Callable[[str], None]) -> NoReturn:
        """Call `taker` with every message as it comes, which spares `receive` a task of its own for each.

        It runs inside the task that reads, so it must not take long. Raises ConnectionClosed, or what `taker` raises.
        """
        try:
            await self._referee.arrivals.forward(taker)
        except trio.EndOfChannel:
            raise ConnectionClosed(self.closed or _ABNORMAL) from None

    async def ping(self) -> None:
        """Send a ping and wait for its pong; never returns if the connection dies, so bound it.

        Cancelling in mid-write has the effect described at `send`. Raises ConnectionClosed.
        """
        self._pings += 1
        try:
            await self._websocket.ping(struct.pack("!I", self._pings))
        except (trio_websocket.ConnectionClosed, wsproto.utilities.LocalProtocolError) as exc:
            raise ConnectionClosed(self.closed or _ABNORMAL) from exc

    async def wait_sign(self) -> None:
        """Wait until the peer sends anything but a close frame. Cancelling loses nothing.

        Raises ConnectionClosed when this end lets go; that the peer did is for `receive` to find out.
        """
        if self._ended is None:
            await self._referee.wait_stirred()
        if self._ended is not None:
            raise ConnectionClosed(self._ended)

    def end(self, closed: Closed) -> None:
        """Record why this end lets go; leaving the context then says `closed.code` to the peer."""
        self._ended = self.closed or closed
        self._referee.arrivals.discard()
        self._referee.stir()

    def abort(self, closed: Closed) -> None:
        """Let go at once and without a word: `receive` raises, and nothing more is written."""
        self.end(closed)
        self._guard.cut()
        self._reader.cancel()

    async def run(self) -> None:
        """The engine's reader, until the stream or the connection ends. What it raises ends only this.

        Runs shielded until `let_go`, so that a close frame can still go out and be answered while the
        tasks around are being cancelled.
        """
        with self._reader:
            try:
                await self._websocket._reader_task()
            except Exception as exc:
                # Its text may quote the request, and with that a password.
                logger.debug("websocket engine gave up: %s", type(exc).__name__)
            finally:
                self._referee.settled.set()
                self._referee.arrivals.close()
                self._referee.explained.set()
                self._reader_done.set()

    async def let_go(self, stream: trio.abc.Stream, limits: Limits) -> None:
        """Say goodbye within the close timeout, whatever the peer does, and close the stream."""
        closed = self._ended = self.closed or GOING_AWAY
        self._referee.arrivals.discard()
        self._referee.stir()
        try:
            with trio.move_on_after(limits.close_timeout, shield=True), suppress(*_GONE):
                await self._say_goodbye(stream, closed)
        finally:
            self._reader.cancel()
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)

    async def _say_goodbye(self, stream: trio.abc.Stream, closed: Closed) -> None:
        if self._guard.torn:
            return
        if self._referee.peer_close is None and self._referee.violation is None and closed.code is not None:
            await self._websocket.aclose(closed.code, closed.detail)
        elif self._referee.violation is not None and not self._guard.close_sent:
            self._reader.cancel()
            await self._reader_done.wait()  # so that nobody else reads from the stream
            await self._send_close_frame(closed)
            await _linger(stream)

    async def _send_close_frame(self, closed: Closed) -> None:
        """The frame that the engine leaves out when the peer broke WebSocket itself."""
        if self._referee.open and closed.code is not None:
            frame = self._referee.send(CloseConnection(code=closed.code, reason=closed.detail))
            await self._guard.send_all(frame)


async def _linger(stream: trio.abc.Stream) -> None:
    """Read until the peer is done: closing TCP over unread data resets it and eats our last words."""
    if isinstance(stream, trio.abc.HalfCloseableStream):
        await stream.send_eof()
    while await stream.receive_some(65536):
        pass


async def accept_upgrade(transport: Transport, request: Request, subprotocol: str | None) -> None:
    """Answer 101. Raises ConnectionClosed; cancelling ends the connection."""
    with _answering(transport) as websocket:
        await trio_websocket.WebSocketRequest(websocket, request).accept(subprotocol=subprotocol)
    transport.subprotocol = subprotocol


async def reject_upgrade(transport: Transport, request: Request, status: int, *, headers: Headers, body: bytes) -> None:
    """Answer with an HTTP status. Raises ConnectionClosed; cancelling ends the connection."""
    transport.end(Closed(CloseReason.REFUSED, None, f"HTTP status {status}"))
    with _answering(transport) as websocket:
        answer = trio_websocket.WebSocketRequest(websocket, request)
        await answer.reject(status, extra_headers=list(headers), body=body)


@contextmanager
def _answering(transport: Transport) -> Iterator[trio_websocket.WebSocketConnection]:
    """Map what the engine raises during the handshake."""
    try:
        yield transport._websocket
    except (trio_websocket.ConnectionClosed, wsproto.utilities.ProtocolError) as exc:
        raise ConnectionClosed(transport.closed or _ABNORMAL) from exc
    except trio.Cancelled:
        transport.abort(GOING_AWAY)  # wsproto believes that the answer went out, so nothing may follow it
        raise
