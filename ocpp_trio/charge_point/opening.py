"""Opening a charge point: what a caller says, checked before anything is dialled, and the life around the body."""

import random
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from ocpp_trio.charge_point.backoff import ReconnectPolicy
from ocpp_trio.charge_point.client import ChargePoint, SessionTask
from ocpp_trio.charge_point.connect import Dial
from ocpp_trio.link.instrument import Instrument
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.message_ids import new_message_ids
from ocpp_trio.link.nursery import open_background
from ocpp_trio.link.router import Router
from ocpp_trio.link.settings import Settings
from ocpp_trio.link.tls import client_context
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.leniency import Leniency
from ocpp_trio.wire.message import Request


@asynccontextmanager
async def open_charge_point(
    url: str,
    identity: str,
    *,
    router: Router,
    boot: Request[Any, Any],
    reconnect: ReconnectPolicy | None = None,
    session_task: SessionTask | None = None,
    heartbeat_interval: float = 0.0,
    limits: Limits | None = None,
    instrument: Instrument | None = None,
    new_message_id: Callable[[], str] | None = None,
    leniency: Leniency = Leniency.STRICT,
    dial: Dial = trio.open_tcp_stream,
    rng: random.Random | None = None,
    ssl_context: ssl.SSLContext | None = None,
    password: bytes | None = None,
) -> AsyncIterator[ChargePoint]:
    """Connect a charge point to its CSMS and keep it connected for the time of the body.

    Returns at once; `await station.wait_online()` waits for registration. `boot` is sent on every
    connection (see `ReconnectPolicy.boot_on_reconnect`), heartbeats go out at the interval the CSMS names,
    or at `heartbeat_interval` seconds where it names none. `session_task` runs once per time online and
    is cancelled with the link. `leniency` names defects of incoming payloads that are let pass.

    A wss:// URL speaks TLS, by default with `client_context()`: TLS 1.2 at least, and a server that the
    system's CAs vouch for. `password` is the AuthorizationKey as raw bytes, not its hexadecimal digits, sent
    with every upgrade request (security profiles 1 and 2); over ws:// everybody on the way can read it.

    A CallTimeout that a session task lets out, alone or beside ConnectionClosed, is a failure of the link and
    no bug: the link is dropped as a transport error, with a warning in the log, and the charge point
    reconnects. Catch it in the task to keep the link. Everything else that it raises ends the charge point.

    Leaving the body, also by cancellation, closes the connection within a few close timeouts. The body's
    own exception leaves bare; so does a session task's. If both happen they leave in a group.

    Raises ValueError for a bad URL, identity, router or boot request, for an `ssl_context` that is a server's
    or goes with a ws:// URL, and for a password with an identity that has a colon.
    """
    _check_boot(router, boot)
    settings = Settings(
        limits=limits or Limits(),
        instrument=instrument or Instrument(),
        new_message_id=new_message_id or new_message_ids(),
        leniency=leniency,
    )
    station = ChargePoint(
        url,
        identity,
        router=router,
        boot=boot,
        policy=reconnect or ReconnectPolicy(),
        session_task=session_task,
        settings=settings,
        heartbeat_interval=heartbeat_interval,
        dial=dial,
        rng=rng or random.SystemRandom(),
        ssl_context=_context_for(url, ssl_context),
        password=password,
    )
    left = False
    try:
        async with open_background() as nursery:
            nursery.start_soon(station.supervise)
            nursery.start_soon(_leave_when_failed, station, nursery.cancel_scope)
            try:
                yield station
                left = True
            finally:
                station.begin_closing()
    except BaseException as exc:
        if station.failure is None:
            raise
        failures = [exc, station.failure]
        raise BaseExceptionGroup("the session task failed beside the body", failures) from None  # noqa: ASYNC104  # it holds Cancelled
    finally:
        station.end_closing()
    if station.failure is not None:
        raise station.failure
    if not left:  # cancelled, but not from around us: it would look as if the body had run to its end
        raise RuntimeError(f"expected the body to end charge point {identity!r}, found its tasks cancelled")


async def _leave_when_failed(station: ChargePoint, body: trio.CancelScope) -> None:
    await station.failed.wait()
    station.begin_closing()
    body.cancel()


def _context_for(url: str, ssl_context: ssl.SSLContext | None) -> ssl.SSLContext | None:
    if not url.lower().startswith("wss:"):
        if ssl_context is not None:
            raise ValueError("expected a wss:// URL with an ssl_context, or none")
        return None
    if ssl_context is not None and ssl_context.protocol is ssl.PROTOCOL_TLS_SERVER:
        raise ValueError("expected a client's ssl_context, found a server's")
    return ssl_context or client_context()


def _check_boot(router: object, boot: Request[Any, Any]) -> None:
    """Raise ValueError here for what would fail on every connection."""
    if not isinstance(router, Router):
        raise ValueError(f"expected a Router as router, found {router!r}")
    if type(boot) is not router.version.boot:
        raise ValueError(f"expected a {router.version.boot.__name__} as boot, found {type(boot).__name__}")
    codec_of(router.version).encode(boot)
