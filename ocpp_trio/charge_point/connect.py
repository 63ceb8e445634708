"""From an endpoint to a WebSocket: dial, upgrade, and one kind of error for everything that prevents it."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from ocpp_trio.charge_point.endpoint import Endpoint
from ocpp_trio.errors import Closed, CloseReason, HandshakeError
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.transport import Transport, open_client

Dial = Callable[[str, int], Awaitable[trio.abc.Stream]]


@asynccontextmanager
async def open_transport(
    endpoint: Endpoint, *, dial: Dial, subprotocol: str, limits: Limits
) -> AsyncIterator[Transport]:
    """Connect to an endpoint and close the connection on the way out.

    Dialling and the upgrade have `limits.handshake_deadline` seconds each. Raises HandshakeError.
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
    async with open_client(
        stream,
        host=endpoint.authority,
        resource=endpoint.resource,
        subprotocols=[subprotocol],
        limits=limits,
    ) as transport:
        yield transport


def _not_connected(exc: Exception) -> Closed:
    """Why dialling failed; a `dial` that speaks TLS raises ssl's errors, or trio's with one as the cause."""
    tls = isinstance(exc, ssl.SSLError) or isinstance(exc.__cause__, ssl.SSLError)
    reason = CloseReason.TLS_FAILURE if tls else CloseReason.TRANSPORT_ERROR
    return Closed(reason, None, f"cannot connect: {_first(exc.__cause__ or exc)}")


def _first(exc: BaseException) -> BaseException:
    """The one that says why: trio gathers the attempts on all addresses of a host in a group."""
    return _first(exc.exceptions[0]) if isinstance(exc, BaseExceptionGroup) else exc
