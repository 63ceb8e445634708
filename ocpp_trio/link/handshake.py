"""From a stream to a WebSocket: the upgrade asked for as a client, and answered as a server.

Owns the deadline of the handshake and what a refusal says. Must not know the engine, which `transport` hides.
"""

import base64
import binascii
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import trio
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, RejectConnection, Request

from ocpp_trio.errors import Closed, CloseReason, HandshakeError
from ocpp_trio.link.certificate import PeerCertificate
from ocpp_trio.link.guard import Guard
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.nursery import open_background
from ocpp_trio.link.referee import Referee
from ocpp_trio.link.refusal import explanation_of
from ocpp_trio.link.sockets import tune
from ocpp_trio.link.transport import Headers, Transport, accept_upgrade, reject_upgrade


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
    transport = Transport.client(
        guard, referee, host=host, resource=resource, subprotocols=subprotocols, headers=headers
    )
    tune(stream, limits)
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
        await accept_upgrade(self._transport, self._request, subprotocol)
        return self._transport

    async def reject(self, status: int, *, headers: Headers = (), body: bytes = b"") -> None:
        """Answer with an HTTP status instead. Raises ConnectionClosed; cancelling ends the connection."""
        close = (b"Connection", b"close")
        await reject_upgrade(self._transport, self._request, status, headers=[close, *headers], body=body)


@asynccontextmanager
async def open_server(stream: trio.abc.Stream, *, limits: Limits, deadline: float = math.inf) -> AsyncIterator[Upgrade]:
    """Read an upgrade request from a stream, and close the stream on the way out.

    Raises HandshakeError if no request comes within `limits.handshake_deadline` seconds, or by `deadline` on
    trio's clock if that is earlier; what came instead is answered by the engine (400, 426) where it is HTTP at all.
    """
    referee = Referee(ConnectionType.SERVER, limits)
    guard = Guard(stream, referee, limits)
    transport = Transport.server(guard, referee)
    tune(stream, limits)
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
