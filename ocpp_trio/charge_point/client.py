"""The charge point: one supervised connection to its CSMS, for as long as the `async with` lasts.

Owns the loop connecting -> booting -> resuming -> online -> backing off. There is one task that dials, so
two connects in flight are impossible.
"""

import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, TypeVar

import attrs
import trio

from ocpp_trio.charge_point.backoff import ReconnectPolicy
from ocpp_trio.charge_point.endpoint import endpoint_of
from ocpp_trio.charge_point.supervisor import Lifecycle
from ocpp_trio.errors import CallRejected, CallTimeout, Closed, CloseReason, ConnectionClosed, HandshakeError, InvalidResponse
from ocpp_trio.link.instrument import Instrument, Link
from ocpp_trio.link.lifecycle import ConnectionState, Transition
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.message_ids import new_message_ids
from ocpp_trio.link.nursery import open_background
from ocpp_trio.link.registration import ChargePointGate, Registration
from ocpp_trio.link.router import Router
from ocpp_trio.link.session import NOT_CONNECTED, Session, SessionStatistics, open_session
from ocpp_trio.link.settings import Settings
from ocpp_trio.link.transport import Transport, open_client
from ocpp_trio.wire.message import Request, Response

ResponseT = TypeVar("ResponseT", bound=Response)

Dial = Callable[[str, int], Awaitable[trio.abc.Stream]]
SessionTask = Callable[["ChargePoint"], Awaitable[None]]

_NO_ANSWER = (CallTimeout, CallRejected, InvalidResponse)


@attrs.frozen(kw_only=True)
class ChargePointStatistics:
    """A snapshot of a charge point; `session` is that of the current connection, or of the last one."""

    state: ConnectionState
    online: bool
    attempt: int
    current_backoff: float | None
    closed: Closed | None
    connections: int
    heartbeat_interval: float
    session: SessionStatistics | None

    @property
    def pending_calls(self) -> int:
        """Calls that wait for a reply."""
        return self.session.pending_calls if self.session else 0

    @property
    def deadlines(self) -> int:
        """Call timeouts that are running."""
        return self.session.deadlines if self.session else 0


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
    ) -> None:
        if type(boot) is not router.version.boot:
            raise ValueError(f"expected a {router.version.boot.__name__} as boot, found {type(boot).__name__}")
        self.identity = identity
        self._endpoint = endpoint_of(url, identity)
        self._router = router
        self._boot_request = boot
        self._policy = policy
        self._session_task = session_task
        self._settings = settings
        self._dial = dial
        self._rng = rng
        self._lifecycle = Lifecycle(identity, settings.instrument)
        self._gate = ChargePointGate(router.version.boot.action)
        self._session: Session | None = None
        self._connections = 0
        self._delays: Iterator[float] = policy.backoff.delays(rng)
        self._reconnect_at = -math.inf
        self._rebooting = False
        self._boot_now = trio.Event()
        self._heartbeat_interval = heartbeat_interval
        self._interval_changed = trio.Event()
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

    can_send = online

    @property
    def attempt(self) -> int:
        """Attempts to connect since the last time online; 0 while online."""
        return self._lifecycle.attempt

    @property
    def current_backoff(self) -> float | None:
        """The wait in seconds that is running, if one is."""
        return self._lifecycle.backoff

    @property
    def registration(self) -> Registration:
        """The last answer to our BootNotification."""
        return self._gate.registration

    def statistics(self) -> ChargePointStatistics:
        """A frozen snapshot for introspection and tests."""
        return ChargePointStatistics(
            state=self.state,
            online=self.online,
            attempt=self.attempt,
            current_backoff=self.current_backoff,
            closed=self._lifecycle.closed,
            connections=self._connections,
            heartbeat_interval=self._heartbeat_interval,
            session=self._session.statistics() if self._session is not None else None,
        )

    async def wait_online(self) -> None:
        """Wait until calls are allowed. Cancelling changes nothing."""
        await self._lifecycle.wait_online()

    async def wait_offline(self) -> None:
        """Wait until calls are not allowed. Cancelling changes nothing."""
        await self._lifecycle.wait_offline()

    def transitions(self) -> AbstractContextManager[trio.MemoryReceiveChannel[Transition]]:
        """Subscribe to the changes of state: `with station.transitions() as changes: async for …`.

        The subscription keeps 64 unread changes and then drops the oldest; nobody waits for its reader.
        """
        return self._lifecycle.subscribe()

    async def call(self, request: Request[Any, ResponseT]) -> ResponseT:
        """Send a request to the CSMS and wait for its response; see `Session.call`.

        Raises ConnectionClosed at once while not online: nothing is queued in secret, and nothing is ever
        sent again by itself.
        """
        if not self.online or self._session is None:
            raise ConnectionClosed(self._lifecycle.closed or NOT_CONNECTED, was_sent=False)
        return await self._session.call(request)

    def set_heartbeat_interval(self, seconds: float) -> None:
        """Beat at this interval from now on (OCPP 1.6 section 9.1.9); 0 or less stops beating.

        The interval of the next accepted BootNotification overrides it.
        """
        self._heartbeat_interval = seconds
        self._interval_changed.set()
        self._interval_changed = trio.Event()

    def boot_now(self) -> None:
        """Send the next BootNotification without waiting for its time: somebody triggered it."""
        self._boot_now.set()
        self._boot_now = trio.Event()

    def drop_link(self) -> None:
        """Cut the connection without a word, as a broken cable would; the supervisor reconnects."""
        if self._session is not None:
            self._session.drop(Closed(CloseReason.FORCED, None, "the link was dropped on purpose"))

    def reboot(self) -> None:
        """Close the connection in an orderly way, connect at once and boot: what follows a Reset."""
        self._gate.reset()
        if self._session is not None and self._session.closed is None:
            self._rebooting = True
            self._session.close(Closed(CloseReason.STOPPING, 1001, "rebooting"))

    def begin_closing(self) -> None:
        """No reconnect from here on; what is connected is closed in an orderly way."""
        if self.state is not ConnectionState.CLOSING:
            self._lifecycle.to(ConnectionState.CLOSING)
        if self._session is not None:
            self._session.close(Closed(CloseReason.STOPPING, 1000, ""))

    def end_closing(self) -> None:
        """Everything of this charge point is gone."""
        self._lifecycle.to(ConnectionState.DISCONNECTED)

    async def supervise(self) -> None:
        """The loop, until stopped: live one connection, wait, live the next."""
        while True:
            try:
                await self._live()
            except HandshakeError as failure:
                self._settings.instrument.handshake_failed(self._link(), failure.closed, status=failure.status)
                self._back_off(failure.closed, failure)
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
        async with self._open_transport() as transport:
            async with (
                open_session(
                    transport,
                    self._router,
                    link=self._link(),
                    settings=self._settings,
                    gate=self._gate,
                    on_closed=self._on_closed,
                ) as session,
                open_background() as nursery,
            ):
                self._session = session
                nursery.start_soon(self._be_online, session)
                try:
                    await session.wait_closed()
                except trio.Cancelled:
                    self.begin_closing()  # before the session's end is taken for a loss
                    raise

    @asynccontextmanager
    async def _open_transport(self) -> AsyncIterator[Transport]:
        limits, endpoint = self._settings.limits, self._endpoint
        stream: trio.abc.Stream | None = None
        try:
            with trio.move_on_after(limits.handshake_deadline):
                stream = await self._dial(endpoint.host, endpoint.port)
        except OSError as exc:
            raise HandshakeError(Closed(CloseReason.TRANSPORT_ERROR, None, f"cannot connect: {exc}")) from exc
        if stream is None:
            detail = f"cannot connect within {limits.handshake_deadline:g} s"
            raise HandshakeError(Closed(CloseReason.TRANSPORT_ERROR, None, detail))
        async with open_client(
            stream,
            host=endpoint.authority,
            resource=endpoint.resource,
            subprotocols=[self._router.version.subprotocol],
            limits=limits,
        ) as transport:
            yield transport

    def _on_closed(self, closed: Closed) -> None:
        """Offline first: this runs before any pending call learns of the loss."""
        if self.state is not ConnectionState.CLOSING:
            self._back_off(closed, None)

    def _back_off(self, closed: Closed, failure: HandshakeError | None) -> None:
        """Schedule the one reconnect."""
        since = self._lifecycle.online_since
        if since is not None and trio.current_time() - since >= self._policy.reset_after:
            self._delays = self._policy.backoff.delays(self._rng)
            self._lifecycle.attempt = 0
        self._lifecycle.attempt += 1
        delay = 0.0 if self._rebooting else next(self._delays)
        self._rebooting = False
        if failure is not None and failure.status in (401, 403):
            delay = max(delay, self._policy.denied_wait)
        if failure is not None and failure.retry_after is not None:
            delay = max(delay, failure.retry_after)
        self._reconnect_at = trio.current_time() + delay
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

    def _advance(self, session: Session, state: ConnectionState) -> None:
        """One step towards online; not if the connection ended while this task was about to run."""
        if session.closed is not None:
            raise ConnectionClosed(session.closed)
        if state is ConnectionState.ONLINE and self._policy.reset_after <= 0:
            self._lifecycle.attempt = 0
        self._lifecycle.to(state)

    async def _register(self, session: Session) -> float:
        """Be accepted by the CSMS; the instant at which we were."""
        if self._policy.boot_on_reconnect or self._gate.registration is not Registration.ACCEPTED:
            self._gate.reset()
            self._advance(session, ConnectionState.BOOTING)
            await self._boot(session)
        self._advance(session, ConnectionState.RESUMING)
        return trio.current_time()

    async def _boot(self, session: Session) -> None:
        """BootNotification until Accepted (OCPP 1.6 section 4.2); an interval of 0 leaves the wait to us."""
        wait = self._policy.boot_retry
        while True:
            try:
                response: Any = await session.call(self._boot_request)
            except _NO_ANSWER:
                pass
            else:
                wait = response.interval if response.interval > 0 else self._policy.boot_retry
                if self._gate.registration is Registration.ACCEPTED:
                    self._heartbeat_interval = response.interval or self._heartbeat_interval
                    return
            with trio.move_on_after(wait):
                await self._boot_now.wait()

    async def _beat(self, session: Session, registered_at: float) -> None:
        """Heartbeats at `registered_at` plus whole intervals; those whose time passed unsent are skipped."""
        last = registered_at
        while True:
            interval = self._heartbeat_interval if self._heartbeat_interval > 0 else math.inf
            due = max(last + interval, registered_at + self._policy.resume_delay)
            with trio.move_on_at(due) as wait:
                await self._interval_changed.wait()
            if not wait.cancelled_caught:
                last = trio.current_time()
                continue
            try:
                await session.call(self._router.version.heartbeat())
            except _NO_ANSWER:
                pass  # counted by the instrument; a dead link is found by the keepalive
            except ConnectionClosed:
                return
            last = due + interval * math.floor((trio.current_time() - due) / interval)

    async def _run_session_task(self, task: SessionTask, session: Session) -> None:
        """A session task that fails is a bug of its author, not of the network: it ends the charge point."""
        try:
            await task(self)
        except Exception as exc:
            if isinstance(exc, ConnectionClosed) and session.closed is not None:
                return
            self.failure = exc
            self.failed.set()


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
    dial: Dial = trio.open_tcp_stream,
    rng: random.Random | None = None,
) -> AsyncIterator[ChargePoint]:
    """Connect a charge point to its CSMS and keep it connected for the time of the body.

    Returns at once; `await station.wait_online()` waits for registration. `boot` is sent on every
    connection (see `ReconnectPolicy.boot_on_reconnect`), heartbeats go out at the interval the CSMS names,
    or at `heartbeat_interval` seconds where it names none. `session_task` runs once per time online and
    is cancelled with the link.

    Leaving the body, also by cancellation, closes the connection within a few close timeouts. The body's
    own exception leaves bare; so does what a session task raises.

    Raises ValueError for a bad URL, identity or boot request.
    """
    settings = Settings(
        limits=limits or Limits(),
        instrument=instrument or Instrument(),
        new_message_id=new_message_id or new_message_ids(),
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
    )
    try:
        async with open_background() as nursery:
            nursery.start_soon(station.supervise)
            nursery.start_soon(_cancel_when, station.failed, nursery.cancel_scope)
            try:
                yield station
            finally:
                station.begin_closing()
    finally:
        station.end_closing()
    if station.failure is not None:
        raise station.failure


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
