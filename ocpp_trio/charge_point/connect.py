"""From an endpoint to a WebSocket: dial, upgrade, and one kind of error for everything that prevents it."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from ocpp_trio.charge_point.endpoint import Endpoint
from ocpp_trio.errors import Closed, CloseReason, HandshakeError
from ocpp_trio.link.handshake import open_client
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.tls import secure_client
from ocpp_trio.link.tls_failure import tls_failure
from ocpp_trio.link.transport import Headers, Transport

Dial = Callable[[str, int], Awaitable[trio.abc.Stream]]


@asynccontextmanager
async def open_transport(
    endpoint: Endpoint,
    *,
    dial: Dial,
    subprotocol: str,
    limits: Limits,
    ssl_context: ssl.SSLContext | None = None,
    headers: Headers = (),
) -> AsyncIterator[Transport]:
    """Connect to an endpoint and close the connection on the way out.

    Speaks TLS if there is an `ssl_context`. Dialling, the TLS handshake and the upgrade have
    `limits.handshake_deadline` seconds each. Raises HandshakeError.
    """
    stream: trio.abc.Stream | None = None
    try:
        with trio.move_on_after(limits.handshake_deadline):
            stream = await dial(endpoint.host, endpoint.port)
    except (OSError, trio.BrokenResourceError) as exc:
        raise HandshakeError(_not_connected(exc)) from exc
    if stream is None:
        detail = f"cannot connect within {limits.handshake_deadline:g} s"
        raise HandshakeError(Closed(CloseReason.TRANSPORT_ERROR, None, detail))
    if ssl_context is not None:
        stream = await secure_client(stream, ssl_context, host=endpoint.host, limits=limits)
    async with open_client(
        stream,
        host=endpoint.authority,
        resource=endpoint.resource,
        subprotocols=[subprotocol],
        headers=headers,
        limits=limits,
    ) as transport:
        yield transport


def _not_connected(exc: Exception) -> Closed:
    """Why dialling failed; a `dial` that speaks TLS raises ssl's errors, or trio's with one as the cause."""
    if (detail := tls_failure(exc)) is not None:
        return Closed(CloseReason.TLS_FAILURE, None, f"cannot connect: {detail}")
    return Closed(CloseReason.TRANSPORT_ERROR, None, f"cannot connect: {_first(exc.__cause__ or exc)}")


def _first(exc: BaseException) -> BaseException:
    """The one that says why: trio gathers the attempts on all addresses of a host in a group."""
    return _first(exc.exceptions[0]) if isinstance(exc, BaseExceptionGroup) else exc
