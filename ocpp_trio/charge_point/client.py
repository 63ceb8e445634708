"""The charge point: one supervised connection to its CSMS, for as long as the `async with` lasts.

Owns the loop connecting -> booting -> resuming -> online -> backing off. There is one task that dials, so
two connects in flight are impossible.
"""

import logging
import math
import random
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

import attrs
import trio

from ocpp_trio.charge_point.backoff import ReconnectPolicy
from ocpp_trio.charge_point.boot import Boot
from ocpp_trio.charge_point.connect import Dial, open_transport
from ocpp_trio.charge_point.endpoint import endpoint_of
from ocpp_trio.charge_point.heartbeat import Heartbeat
from ocpp_trio.charge_point.statistics import ChargePointStatistics as ChargePointStatistics
from ocpp_trio.charge_point.supervisor import LEAVING, Lifecycle
from ocpp_trio.errors import CallTimeout, Closed, CloseReason, ConnectionClosed, HandshakeError
from ocpp_trio.link.basic import basic_authorization
from ocpp_trio.link.instrument import Link, tell_offence
from ocpp_trio.link.lifecycle import ConnectionState, Transition
from ocpp_trio.link.nursery import open_background
from ocpp_trio.link.registration import Registration
from ocpp_trio.link.router import Router
from ocpp_trio.link.session import NOT_CONNECTED, Session, open_session
from ocpp_trio.link.settings import Settings
from ocpp_trio.wire.message import Request, Response

logger = logging.getLogger(__name__)

ResponseT = TypeVar("ResponseT", bound=Response)

SessionTask = Callable[["ChargePoint"], Awaitable[None]]

_REBOOTING: Final = Closed(CloseReason.STOPPING, 1001, "rebooting")
_RECONNECTING: Final = Closed(CloseReason.STOPPING, 1001, "reconnecting")
_NO_HEART: Final = Closed(CloseReason.STOPPING, 1001, "the heartbeat has ended")
_ON_PURPOSE: Final = (CloseReason.FORCED, CloseReason.STOPPING)
_DROPPED: Final = Closed(CloseReason.FORCED, None, "the link was dropped on purpose")


class ChargePoint:
    """A charge point's end of OCPP. Made by `open_charge_point`."""

    def __init__(
        self,
        url: str,
        identity: str,
        *,
        router: Router,
        boot: Request[Any, Any],
        policy: ReconnectPolicy,
        session_task: SessionTask | None,
        settings: Settings,
        heartbeat_interval: float,
        dial: Dial,
        rng: random.Random,
        ssl_context: ssl.SSLContext | None,
        password: bytes | None,
    ) -> None:
        self.identity = identity
        self._endpoint = endpoint_of(url, identity)
        self._ssl_context = ssl_context
        self._headers: tuple[tuple[bytes, bytes], ...] = ()
        self.set_password(password)
        self._router = router
        self._boot = Boot(boot, retry=policy.boot_retry)
        self._heartbeat = Heartbeat(router.version.heartbeat, heartbeat_interval)
        self._policy = policy
        self._session_task = session_task
        self._settings = settings
        self._dial = dial
        self._rng = rng
        self._lifecycle = Lifecycle(identity, settings.instrument)
        self._session: Session | None = None
        self._connections = 0
        self._delays: Iterator[float] = policy.backoff.delays(rng)
        self._reconnect_at = -math.inf
        self._at_once = False
        # Shielded: it ends by begin_closing and in no other way, so that a session that is cancelled is one
        # that somebody closed before.
        self._supervision = trio.CancelScope(shield=True)
        self.failed = trio.Event()
        self.failure: Exception | None = None

    @property
    def state(self) -> ConnectionState:
        """Where the connection is."""
        return self._lifecycle.state

    @property
    def online(self) -> bool:
        """Whether calls are allowed: connected, registered, and the resume delay is over."""
        return self.state is ConnectionState.ONLINE

    @property
    def can_send(self) -> bool:
        """`online` by the name of its purpose: whether `call` would send now."""
        return self.online

    @property
    def attempt(self) -> int:
        """Attempts to connect since the last time online that lasted (`ReconnectPolicy.reset_after`)."""
        return self._lifecycle.attempt

    @property
    def current_backoff(self) -> float | None:
        """The wait in seconds that is running, if one is."""
        return self._lifecycle.backoff

    @property
    def registration(self) -> Registration:
        """The last answer to our BootNotification."""
        return self._boot.gate.registration

    def statistics(self) -> ChargePointStatistics:
        """A frozen snapshot for introspection and tests."""
        return ChargePointStatistics(
            state=self.state,
            online=self.online,
            attempt=self.attempt,
            current_backoff=self.current_backoff,
            closed=self._lifecycle.closed,
            connections=self._connections,
            reconnects=self._lifecycle.reconnects,
            reconnect_seconds=self._lifecycle.reconnect_seconds,
            seconds_online=self._lifecycle.seconds_online(),
            heartbeat_interval=self._heartbeat.interval,
            session=self._session.statistics() if self._session is not None else None,
        )

    async def wait_online(self) -> None:
        """Wait until calls are allowed. Cancelling changes nothing.

        Raises ConnectionClosed once the charge point is leaving: it will not be online again.
        """
        await self._lifecycle.wait_online()

    async def wait_offline(self) -> None:
        """Wait until calls are not allowed. Cancelling changes nothing."""
        await self._lifecycle.wait_offline()

    def transitions(self) -> AbstractContextManager[trio.MemoryReceiveChannel[Transition]]:
        """Subscribe to the changes of state: `with station.transitions() as changes: async for …`.

        The subscription keeps 64 unread changes and then drops the oldest; nobody waits for its reader. It
        ends with the charge point, after the change to DISCONNECTED.
        """
        return self._lifecycle.subscribe()

    async def call(self, request: Request[Any, ResponseT]) -> ResponseT:
        """Send a request to the CSMS and wait for its response; see `Session.call`.

        Raises ConnectionClosed at once while not online: nothing is queued in secret, and nothing is ever
        sent again by itself.
        """
        if self._session is None or not self.online:
            raise ConnectionClosed(self._lifecycle.closed or NOT_CONNECTED, was_sent=False)
        return await self._session.call(request)

    def set_heartbeat_interval(self, seconds: float) -> None:
        """Beat at this interval from now on (OCPP 1.6 section 9.1.9); 0 or less stops beating.

        The interval of the next accepted BootNotification overrides it.
        """
        self._heartbeat.interval = seconds

    def boot_now(self) -> None:
        """Send the next BootNotification without waiting for its time: somebody triggered it."""
        self._boot.now()

    @property
    def has_password(self) -> bool:
        """Whether a password goes with every upgrade request."""
        return bool(self._headers)

    def set_password(self, password: bytes | None) -> None:
        """Show this AuthorizationKey, the raw bytes of it, on every connection from the next one on.

        After a CSMS has changed the key and was answered: `set_password(new)`, then
        `reconnect()`. Raises ValueError for what is no bytes, and for any password where the identity has a colon.
        """
        if password is None:
            self._headers = ()
            return
        if not isinstance(password, bytes):
            raise ValueError(f"expected a password as bytes or None, found {type(password).__name__}")
        self._headers = ((b"Authorization", basic_authorization(self.identity, password)),)

    def drop_link(self) -> None:
        """Cut the connection without a word, as a broken cable would; the supervisor reconnects."""
        if self._session is not None:
            self._session.drop(_DROPPED)

    def reboot(self) -> None:
        """Close the connection in an orderly way, connect at once and boot: what follows a Reset.

        Without a connection the next one boots, when its time has come.
        """
        self._boot.forget()
        self._close_and_connect(_REBOOTING)

    def reconnect(self) -> None:
        """Close the connection in an orderly way and connect at once: what follows a new password.

        Without a connection nothing changes.
        """
        self._close_and_connect(_RECONNECTING)

    def _close_and_connect(self, closed: Closed) -> None:
        if self._session is not None and self._session.closed is None:
            self._at_once = True
            self._session.close(closed)

    def begin_closing(self) -> None:
        """No reconnect from here on; what is connected is closed in an orderly way."""
        if self.state is not ConnectionState.CLOSING:
            self._lifecycle.to(ConnectionState.CLOSING, LEAVING)
        if self._session is not None:
            self._session.close(LEAVING)
        self._supervision.cancel()

    def end_closing(self) -> None:
        """Everything of this charge point is gone."""
        self._lifecycle.to(ConnectionState.DISCONNECTED)

    async def supervise(self) -> None:
        """The loop, until `begin_closing`: live one connection, wait, live the next."""
        with self._supervision:
            while self.state is not ConnectionState.CLOSING:  # left before this task ran for the first time
                try:
                    await self._live()
                except HandshakeError as failure:
                    closed = attrs.evolve(failure.closed, status=failure.status)
                    self._settings.instrument.handshake_failed(self._link(), closed, status=failure.status)
                    tell_offence(self._settings.instrument, self._link(), closed)
                    self._back_off(closed, failure)
                await trio.sleep_until(self._reconnect_at)

    def _link(self) -> Link:
        endpoint = self._endpoint
        return Link(
            identity=self.identity,
            role="charge_point",
            number=self._connections,
            peer=f"{endpoint.host}:{endpoint.port}",
        )

    async def _live(self) -> None:
        """One connection, from the dial to the loss."""
        self._connections += 1
        self._lifecycle.to(ConnectionState.CONNECTING)
        async with (
            open_transport(
                self._endpoint,
                dial=self._dial,
                subprotocol=self._router.version.subprotocol,
                limits=self._settings.limits,
                ssl_context=self._ssl_context,
                headers=self._headers,
            ) as transport,
            open_session(
                transport,
                self._router,
                link=self._link(),
                settings=self._settings,
                gate=self._boot.gate,
                on_closed=self._on_closed,
            ) as session,
            open_background() as nursery,
        ):
            self._session = session
            if self.state is ConnectionState.CLOSING:  # left while this task was about to run
                session.close(LEAVING)
            nursery.start_soon(self._be_online, session)
            await session.wait_closed()

    def _on_closed(self, closed: Closed) -> None:
        """Offline first: this runs before any pending call learns of the loss."""
        self._back_off(closed, None)

    def _back_off(self, closed: Closed, failure: HandshakeError | None) -> None:
        """Schedule the one reconnect, unless the station is leaving."""
        if self.state is ConnectionState.CLOSING:
            return
        since = self._lifecycle.online_since
        if since is not None and trio.current_time() - since >= self._policy.reset_after:
            self._delays = self._policy.backoff.delays(self._rng)
            self._lifecycle.attempt = 0
        self._lifecycle.attempt += 1
        delay = 0.0 if self._at_once else next(self._delays)
        self._at_once = False
        if failure is not None and failure.status in (401, 403):
            delay = max(delay, self._policy.denied_wait)
        if failure is not None and failure.retry_after is not None:
            delay = max(delay, failure.retry_after)
        self._reconnect_at = trio.current_time() + delay
        # Somebody who plugged in no instrument must still learn why nothing happens.
        level = logging.INFO if closed.reason in _ON_PURPOSE else logging.WARNING
        logger.log(level, "%a: offline, next try in %.1f s: %a", self.identity, delay, str(closed))
        self._lifecycle.to(ConnectionState.BACKING_OFF, closed, backoff=delay)

    async def _be_online(self, session: Session) -> None:
        """Boot, resume, then beat and run the session task, until the connection ends."""
        try:
            registered_at = await self._register(session)
            await trio.sleep_until(registered_at + self._policy.resume_delay)
            self._advance(session, ConnectionState.ONLINE)
        except ConnectionClosed:
            return  # the session tells the supervisor
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._beat, session, registered_at)
            if self._session_task is not None:
                nursery.start_soon(self._run_session_task, self._session_task, session)
        # It beats until the connection ends, unless something cancelled it. Online without it is worse than offline.
        session.close(_NO_HEART)

    async def _beat(self, session: Session, registered_at: float) -> None:
        not_before = registered_at + self._policy.resume_delay
        await self._heartbeat.beat(session, start=registered_at, not_before=not_before)

    def _advance(self, session: Session, state: ConnectionState) -> None:
        """One step towards online; not if the connection ended while this task was about to run."""
        closed = session.closed or (LEAVING if self.state is ConnectionState.CLOSING else None)
        if closed is not None:
            raise ConnectionClosed(closed)
        if state is ConnectionState.ONLINE and self._policy.reset_after <= 0:
            self._lifecycle.attempt = 0
        self._lifecycle.to(state)

    async def _register(self, session: Session) -> float:
        """Be accepted by the CSMS; the instant at which we were."""
        if self._policy.boot_on_reconnect or not self._boot.registered:
            if self._boot.registered:
                self._boot.forget()
            self._advance(session, ConnectionState.BOOTING)
            interval = await self._boot.register(session)
            self._heartbeat.interval = interval or self._heartbeat.interval
        self._advance(session, ConnectionState.RESUMING)
        return trio.current_time()

    async def _run_session_task(self, task: SessionTask, session: Session) -> None:
        """A session task that fails is a bug of its author and ends the charge point; `_judge` knows what is none."""
        try:
            try:
                await task(self)
            except Exception as exc:
                self._judge(exc, session)
        except* Exception as group:  # errors beside Cancelled, which travels on
            self._judge(group, session)

    def _judge(self, error: Exception, session: Session) -> None:
        causes = list(_leaves(error))
        timeout = next((cause for cause in causes if isinstance(cause, CallTimeout)), None)
        lost = all(isinstance(cause, CallTimeout | ConnectionClosed) for cause in causes)
        if lost and session.closed is not None:
            return
        if lost and timeout is not None:  # a cut cable is often noticed by a call before the keepalive does
            detail = f"a call of the session task timed out: {timeout}"
            session.drop(Closed(CloseReason.TRANSPORT_ERROR, None, detail))
            return
        self.failure = error
        self.failed.set()


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """What was raised; side by side calls say it in groups."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
