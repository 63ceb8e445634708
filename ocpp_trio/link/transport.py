"""A WebSocket as text in, text out, with every known fault of the engine contained.

The only importer of trio_websocket, and with `engine` of wsproto. Owns the stream: nobody else writes to it or
closes it. Must not know OCPP beyond the subprotocol that was agreed.
"""

import base64
import binascii
import logging
import math
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, NoReturn

import trio
import trio_websocket
import wsproto
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, Request

from ocpp_trio.errors import Closed, CloseReason, ConnectionClosed, HandshakeError
from ocpp_trio.link.certificate import PeerCertificate
from ocpp_trio.link.engine import SUPERSEDED as SUPERSEDED
from ocpp_trio.link.engine import Guard, Referee
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.nursery import open_background
from ocpp_trio.link.refusal import explanation_of

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
        self._guard.torn = True
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
        if self._referee.state is ConnectionState.OPEN and closed.code is not None:
            frame = self._referee.send(CloseConnection(code=closed.code, reason=closed.detail))
            await self._guard.send_all(frame)


async def _linger(stream: trio.abc.Stream) -> None:
    """Read until the peer is done: closing TCP over unread data resets it and eats our last words."""
    if isinstance(stream, trio.abc.HalfCloseableStream):
        await stream.send_eof()
    while await stream.receive_some(65536):
        pass


@asynccontextmanager
async def open_client(
    stream: trio.abc.Stream,
    *,
    host: str,
    resource: str,
    subprotocols: Sequence[str],
    headers: Headers = (),
    limits: Limits,
) -> AsyncIterator[Transport]:
    """Upgrade a stream as the client, and close it on the way out.

    The handshake has `limits.handshake_deadline` seconds. Raises HandshakeError if the peer refuses, stays
    silent, goes away, or does not agree on one of `subprotocols` (OCPP-J 1.6 section 3.2).
    """
    referee = Referee(ConnectionType.CLIENT, limits)
    guard = Guard(stream, referee, limits)
    websocket = trio_websocket.WebSocketConnection(
        guard,
        referee,
        host=host,
        path=resource,
        client_subprotocols=list(subprotocols),
        client_extra_headers=list(headers),
        max_message_size=ENGINE_SIZE_LIMIT,
    )
    _tune(stream, limits)
    transport = Transport(websocket, referee, guard)
    async with open_background() as nursery:
        try:
            nursery.start_soon(transport.run)
            await _wait_for_answer(transport, referee, headers, limits)
            yield transport
        finally:
            await transport.let_go(stream, limits)  # noqa: ASYNC102  # shields and bounds itself


async def _wait_for_answer(transport: Transport, referee: Referee, headers: Headers, limits: Limits) -> None:
    with trio.move_on_after(limits.handshake_deadline):
        await referee.settled.wait()
    match referee.answer:
        case AcceptConnection(subprotocol=str(subprotocol)):
            transport.subprotocol = subprotocol
        case AcceptConnection():
            closed = Closed(CloseReason.PROTOCOL_ERROR, 1002, "the server agreed on no subprotocol")
            transport.end(closed)
            raise HandshakeError(closed)
        case RejectConnection() as refusal:
            raise await _refused(transport, referee, refusal, headers, limits)
        case _:
            silent = not referee.settled.is_set()
            detail = f"no answer within {limits.handshake_deadline:g} s" if silent else "the server went away"
            fallback = Closed(CloseReason.TRANSPORT_ERROR, None, f"websocket handshake: {detail}")
            closed = transport.failure or referee.violation or fallback
            transport.abort(closed)
            raise HandshakeError(closed)


async def _refused(
    transport: Transport, referee: Referee, refusal: RejectConnection, headers: Headers, limits: Limits
) -> HandshakeError:
    """A refusal with the words of its body, which may come after the head, or never."""
    status = f"HTTP status {refusal.status_code}"
    with trio.move_on_after(limits.close_timeout):
        await referee.explained.wait()
    secrets = [value.rpartition(b" ")[2] for name, value in headers if name.lower() == b"authorization"]
    explanation = explanation_of(referee.explanation, secrets=secrets)
    closed = Closed(CloseReason.REFUSED, None, f"{status}: {explanation}" if explanation else status)
    transport.abort(closed)
    return HandshakeError(
        closed,
        status=refusal.status_code,
        retry_after=_retry_after(refusal.headers),
        explanation=explanation,
    )


def _retry_after(headers: Headers) -> float | None:
    """Seconds of a Retry-After header; its date form is not used by anything that speaks OCPP."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.strip().isdigit():
            return min(float(value), 86400.0)
    return None


class Upgrade:
    """A request to become a WebSocket, not answered yet. Made by `open_server`."""

    def __init__(self, transport: Transport, request: Request, *, stream: trio.abc.Stream, http_1_1: bool) -> None:
        self._transport = transport
        self._request = request
        self._http_1_1 = http_1_1
        self.tls = isinstance(stream, trio.SSLStream)
        self.certificate = PeerCertificate.of(stream)

    @property
    def path(self) -> str:
        """The raw request target, still percent-encoded."""
        return self._request.target

    @property
    def headers(self) -> Headers:
        """Names in lower case and values, as sent; without Host and the WebSocket negotiation lists."""
        return self._request.extra_headers

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """What the client offers, most preferred first."""
        return tuple(self._request.subprotocols)

    @property
    def defect(self) -> str | None:
        """What is wrong with the request that the engine overlooks (RFC 6455 section 4.2.1), or None."""
        if not self._http_1_1:
            return "expected HTTP/1.1"
        if not self.path.startswith("/"):
            return "expected a path that begins with a slash"
        keys = [value for name, value in self.headers if name == b"sec-websocket-key"]
        if len(keys) != 1:
            return f"expected one Sec-WebSocket-Key, found {len(keys)}"
        with suppress(binascii.Error):
            if len(base64.b64decode(keys[0], validate=True)) == 16:
                return None
        return "expected a Sec-WebSocket-Key of 16 bytes in base64"

    async def accept(self, subprotocol: str | None) -> Transport:
        """Answer 101. `subprotocol` is one of those offered, or None for "no match".

        Raises ConnectionClosed if the client has gone. Cancelling ends the connection.
        """
        request = trio_websocket.WebSocketRequest(self._transport._websocket, self._request)
        with _as_connection_closed(self._transport):
            await request.accept(subprotocol=subprotocol)
        self._transport.subprotocol = subprotocol
        return self._transport

    async def reject(self, status: int, *, headers: Headers = (), body: bytes = b"") -> None:
        """Answer with an HTTP status instead. Raises ConnectionClosed; cancelling ends the connection."""
        self._transport.end(Closed(CloseReason.REFUSED, None, f"HTTP status {status}"))
        request = trio_websocket.WebSocketRequest(self._transport._websocket, self._request)
        with _as_connection_closed(self._transport):
            await request.reject(status, extra_headers=[(b"Connection", b"close"), *headers], body=body)


@contextmanager
def _as_connection_closed(transport: Transport) -> Iterator[None]:
    """Map what the engine raises during the handshake."""
    try:
        yield
    except (trio_websocket.ConnectionClosed, wsproto.utilities.ProtocolError) as exc:
        raise ConnectionClosed(transport.closed or _ABNORMAL) from exc
    except trio.Cancelled:
        transport.abort(GOING_AWAY)  # wsproto believes that the answer went out, so nothing may follow it
        raise


@asynccontextmanager
async def open_server(stream: trio.abc.Stream, *, limits: Limits, deadline: float = math.inf) -> AsyncIterator[Upgrade]:
    """Read an upgrade request from a stream, and close the stream on the way out.

    Raises HandshakeError if no request comes within `limits.handshake_deadline` seconds, or by `deadline` on
    trio's clock if that is earlier; what came instead is answered by the engine (400, 426) where it is HTTP at all.
    """
    referee = Referee(ConnectionType.SERVER, limits)
    guard = Guard(stream, referee, limits)
    websocket = trio_websocket.WebSocketConnection(guard, referee, max_message_size=ENGINE_SIZE_LIMIT)
    _tune(stream, limits)
    transport = Transport(websocket, referee, guard)
    async with open_background() as nursery:
        try:
            nursery.start_soon(transport.run)
            with trio.move_on_at(min(deadline, trio.current_time() + limits.handshake_deadline)):
                await referee.settled.wait()
            if referee.request is None:
                fallback = Closed(CloseReason.TRANSPORT_ERROR, None, "no upgrade request came")
                closed = guard.failure or referee.violation or fallback
                transport.end(closed)
                raise HandshakeError(closed)
            yield Upgrade(transport, referee.request, stream=stream, http_1_1=guard.http_1_1)
        finally:
            await transport.let_go(stream, limits)  # noqa: ASYNC102  # shields and bounds itself


def _tune(stream: trio.abc.Stream, limits: Limits) -> None:
    """Let the kernel give up on a cut cable: without this a half-open write blocks for many minutes."""
    tcp = _below_tls(stream)
    if isinstance(tcp, trio.SocketStream) and hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, math.ceil(limits.tcp_user_timeout * 1000))


def _below_tls(stream: trio.abc.Stream) -> trio.abc.Stream:
    while isinstance(stream, trio.SSLStream):
        stream = stream.transport_stream
    return stream


def peer_address(stream: trio.abc.Stream) -> str:
    """`host:port` of a socket's peer, or what the stream calls itself; "" if it is already gone."""
    stream = _below_tls(stream)
    if not isinstance(stream, trio.SocketStream):
        return str(getattr(stream, "peer", ""))
    try:
        address = stream.socket.getpeername()
    except OSError:
        return ""
    match address:
        case (host, port, *_):
            return f"{host}:{port}"
    return str(address)  # a Unix socket's, which is mostly empty
