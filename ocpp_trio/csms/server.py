"""The server: one listener, one barrier per connection, one session per charge point.

Owns every connection's task. What goes wrong on one connection is logged there and touches no other.
"""

import logging
import math
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random, SystemRandom
from typing import Any

import attrs
import trio

from ocpp_trio.csms.admission import Admission
from ocpp_trio.csms.authentication import Acceptance, Authenticator
from ocpp_trio.csms.draining import farewell, let_go
from ocpp_trio.csms.handshake import identity_of
from ocpp_trio.csms.knocks import Knock
from ocpp_trio.csms.registry import Registry
from ocpp_trio.csms.turnstile import Turnstile
from ocpp_trio.errors import Closed, CloseReason, ConnectionClosed, HandshakeError, is_loss
from ocpp_trio.link.addresses import network_of
from ocpp_trio.link.handshake import open_server
from ocpp_trio.link.instrument import Instrument, Link, tell_offence
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.message_ids import new_message_ids
from ocpp_trio.link.nursery import open_background
from ocpp_trio.link.router import Router
from ocpp_trio.link.session import Session, open_session
from ocpp_trio.link.settings import Settings
from ocpp_trio.link.sockets import peer_address
from ocpp_trio.link.tls import secure_server
from ocpp_trio.link.transport import GOING_AWAY, Transport
from ocpp_trio.wire.leniency import Leniency

logger = logging.getLogger(__name__)

Listen = Callable[..., Awaitable[Sequence[trio.abc.Listener[Any]]]]
CsmsSessionTask = Callable[[Session], Awaitable[None]]


@attrs.frozen(kw_only=True)
class CsmsStatistics:
    """A snapshot of a server; all counts are of this moment unless they say otherwise."""

    sessions: int
    pending_handshakes: int
    max_pending_handshakes: int
    connections: int
    shed: int
    """Connections turned away or dropped so far because they were too many, at once or in a short time."""
    draining: bool


class CsmsServer:
    """A running CSMS. `serve_csms` hands it out."""

    def __init__(
        self,
        routers: Mapping[str, Router],
        listeners: Sequence[trio.abc.Listener[Any]],
        settings: Settings,
        *,
        authenticate: Authenticator | None,
        session_task: CsmsSessionTask | None,
        ssl_context: ssl.SSLContext | None,
        rng: Random,
    ) -> None:
        self._routers = routers
        self._settings = settings
        self._admission = Admission(routers, authenticate=authenticate)
        self._session_task = session_task
        self._ssl_context = ssl_context
        self._registry = Registry(settings.instrument)
        self._turnstile = Turnstile(settings.limits, rng)
        self._knocks: set[Knock] = set()
        self._connections = 0
        self._accepting = trio.CancelScope()
        self._farewell = GOING_AWAY
        self._port = _port_of(listeners[0])
        self.listeners = tuple(listeners)

    @property
    def sessions(self) -> Mapping[str, Session]:
        """The live sessions by identity, as they are at this moment."""
        return {session.identity: session for session in self._registry if session.closed is None}

    @property
    def port(self) -> int:
        """The TCP port of the first listener, also when it is closed; 0 for a listener that has none."""
        return self._port

    def statistics(self) -> CsmsStatistics:
        """A frozen snapshot for introspection and tests."""
        return CsmsStatistics(
            sessions=len(self.sessions),
            pending_handshakes=len(self._turnstile.knocks),
            max_pending_handshakes=self._turnstile.knocks.peak,
            connections=self._connections,
            shed=self._turnstile.shed,
            draining=self._accepting.cancel_called,
        )

    async def drain(self, seconds: float, *, code: int = 1001, per_second: float = math.inf) -> None:
        """Stop in an orderly way: accept no more connections, and let the sessions go.

        A session whose turn has come takes no new CALLs, and is closed with `code` when those that are open have
        been answered. After `seconds` whatever is left is closed as it is, and what is not upgraded yet is dropped.

        For a planned restart: `drain(60, code=1012, per_second=100)`. So many sessions a second get their turn, the
        oldest first, and work on until then; the stations come back at the pace at which they were let go. Let
        `seconds` be more than the number of sessions divided by `per_second`.

        `serve_csms` returns when the last connection is gone. Cancelling skips the rest of the wait. Raises
        ValueError for a code other than 1001, 1012 and 1013, or a rate that is not positive, and nothing happened.
        """
        closed = farewell(code)
        if not per_second > 0:
            raise ValueError(f"per_second: expected a positive number, found {per_second!r}")
        self._farewell = closed
        self._accepting.cancel()
        try:
            with trio.move_on_after(seconds):
                await let_go(self._registry, closed, per_second=per_second)
        finally:
            for session in self._registry:
                session.close(closed)
            for knock in self._knocks:
                knock.drop(GOING_AWAY)

    async def serve(self) -> None:
        """Accept connections until drained, and wait for the last one to end."""
        async with trio.open_nursery() as connections:
            with self._accepting:
                await trio.serve_listeners(self._serve_stream, list(self.listeners), handler_nursery=connections)
        if not self._accepting.cancel_called:  # cancelled, but not from around us: it would look like a drain's end
            raise RuntimeError("expected a drain to end the server, found its tasks cancelled")

    async def _serve_stream(self, stream: trio.abc.Stream) -> None:
        """The barrier: whatever happens on a connection ends here."""
        self._connections += 1
        number = self._connections
        try:
            link = Link(identity="", role="csms", number=number, peer=peer_address(stream))
            await self._attend(stream, link)
        # Of a cancelled group only what is not Cancelled: a task may fail while it cleans up.
        except* Exception:
            logger.exception("connection %d failed", number)

    async def _attend(self, stream: trio.abc.Stream, link: Link) -> None:
        deadline = trio.current_time() + self._settings.limits.handshake_deadline
        with self._telling_failures(link), self._knocking(link) as knock:
            await self._turnstile.let_in(knock, stream, answer=self._ssl_context is None)
            if self._ssl_context is not None:
                stream = await secure_server(stream, self._ssl_context, limits=self._settings.limits, deadline=deadline)
            async with open_server(stream, limits=self._settings.limits, deadline=deadline) as upgrade:
                knock.asked = True
                link = attrs.evolve(link, identity=identity_of(upgrade.path) or "")
                with self._telling_failures(link):
                    acceptance = await self._admission.judge(upgrade, link, deadline)
                    arrival = trio.current_time()
                    async with self._registry.take_place(link, authenticated=acceptance.authenticated) as refusal:
                        # Others have to answer in this time, so it is not the newcomer's.
                        deadline += trio.current_time() - arrival
                        if refusal is not None:
                            await self._admission.refuse(upgrade, refusal, deadline)
                        transport = await self._admission.accept(upgrade, deadline)
                        self._let_through(knock)
                        if self._accepting.cancel_called:
                            transport.end(self._farewell)
                        else:
                            await self._serve_session(transport, link, self._settings_for(acceptance))

    @contextmanager
    def _knocking(self, link: Link) -> Iterator[Knock]:
        """A connection that may be dropped, by drain or for the sake of others, until it is let through."""
        knock = Knock(network_of(link.peer))
        with knock.scope:
            self._knocks.add(knock)
            try:
                if self._accepting.cancel_called:
                    knock.drop(GOING_AWAY)
                yield knock
            finally:
                self._let_through(knock)
        if knock.scope.cancelled_caught:
            raise HandshakeError(knock.dropped or GOING_AWAY)

    def _let_through(self, knock: Knock) -> None:
        self._knocks.discard(knock)
        self._turnstile.knocks.leave(knock)

    @contextmanager
    def _telling_failures(self, link: Link) -> Iterator[None]:
        """What keeps a connection from becoming a session ends here; the instrument is told."""
        try:
            yield
        except HandshakeError as failure:
            self._note_failure(link, failure.closed, failure.status)
        except ConnectionClosed as exc:
            self._note_failure(link, exc.closed, None)

    def _note_failure(self, link: Link, closed: Closed, status: int | None) -> None:
        self._settings.instrument.handshake_failed(link, closed, status=status)
        tell_offence(self._settings.instrument, link, closed)

    def _settings_for(self, acceptance: Acceptance) -> Settings:
        if acceptance.leniency is None:
            return self._settings
        return attrs.evolve(self._settings, leniency=acceptance.leniency)

    async def _serve_session(self, transport: Transport, link: Link, settings: Settings) -> None:
        assert transport.subprotocol is not None  # the handshake chose one of our routers' keys
        router = self._routers[transport.subprotocol]
        gate = self._registry.gate(link.identity, router.version.boot.action)
        try:
            async with (
                open_session(transport, router, link=link, settings=settings, gate=gate) as session,
                open_background() as nursery,
            ):
                self._registry.enter(session)
                if self._accepting.cancel_called:
                    session.close(self._farewell)
                elif self._session_task is not None:
                    nursery.start_soon(self._run_session_task, self._session_task, session)
                await session.wait_closed()
        finally:
            self._registry.keep_gate(link.identity, gate)

    async def _run_session_task(self, task: CsmsSessionTask, session: Session) -> None:
        """A session task that fails ends its session with 1011 and no other."""
        try:
            await task(session)
        except* Exception as group:
            _end_of_task(session, group)


def _end_of_task(session: Session, group: ExceptionGroup[Exception]) -> None:
    """Only to learn of its own session's end is no failure of a task that makes calls on it."""
    ended = session.closed is not None or session.draining
    if ended and is_loss(group):
        return
    logger.exception("session task of %r failed", session.identity)
    session.close(Closed(CloseReason.STOPPING, 1011, "internal error"))


def _port_of(listener: trio.abc.Listener[Any]) -> int:
    if isinstance(listener, trio.SocketListener):
        return int(listener.socket.getsockname()[1])
    return int(getattr(listener, "port", 0))


def _by_subprotocol(routers: object) -> Mapping[str, Router]:
    if not isinstance(routers, Sequence) or not all(isinstance(router, Router) for router in routers):
        raise ValueError(f"expected a sequence of Routers, found {routers!r}")
    table = {router.version.subprotocol: router for router in routers}
    if not routers or len(table) != len(routers):
        raise ValueError(f"expected one router per OCPP version, found {len(routers)} for {list(table)}")
    return table


async def serve_csms(
    routers: Sequence[Router],
    port: int,
    *,
    host: str | None = None,
    authenticate: Authenticator | None = None,
    session_task: CsmsSessionTask | None = None,
    limits: Limits | None = None,
    instrument: Instrument | None = None,
    new_message_id: Callable[[], str] | None = None,
    leniency: Leniency = Leniency.STRICT,
    rng: Random | None = None,
    listen: Listen = trio.open_tcp_listeners,
    ssl_context: ssl.SSLContext | None = None,
    task_status: trio.TaskStatus[CsmsServer] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve charge points: `server = await nursery.start(serve_csms, [router], 9000)`.

    One router per OCPP version; the client's order decides between them. `authenticate` is asked about every
    upgrade request that names an identity, within the handshake deadline, and accepts it or refuses it with an HTTP
    status before the upgrade; if it raises, the answer is 500. Whatever it says, an Authorization header that is
    broken, or whose user is not the identity of the path, is refused with 401, unless there is a client certificate.
    Without `authenticate` everybody is let in, as nobody who proved anything (security profile 0). Ready-made ones
    are `PasswordHashes` and `CertificateNames`, alone or under `any_of`, in a `NeverLower`, in an `AttemptLimit`.

    `session_task` runs once per session and is cancelled with it. `leniency` names defects of incoming payloads
    that are let pass instead of answered with an error; an `Acceptance` may have one of its own for its station.
    With an `ssl_context` (see `server_context`) every connection begins with TLS, within the handshake deadline.
    `rng` spreads the times at which stations that are too many at once are told to come back. Port 0 lets the
    system choose; `server.port` tells.

    An identity has one session. A second connection that `authenticate` found to be who it says takes its place:
    the old session is closed with 1008, and the new one begins when all tasks of the old are gone. One without
    proof is refused with 403 while the old session answers a ping within 3 s, and takes the place of one that is
    silent. After 3 such swaps within 60 s proof alone is not enough for 10 minutes, and who comes while the
    session is alive is refused with 503. Each second connection is a security event of the instrument.

    Runs until drained or cancelled; cancelling closes every session with 1001, within a few close timeouts.
    Raises OSError if the port cannot be bound, ValueError for two routers of one version, for what is no
    sequence of Routers, or for a client's `ssl_context`.
    """
    settings = Settings(
        limits=limits or Limits(),
        instrument=instrument or Instrument(),
        new_message_id=new_message_id or new_message_ids(),
        leniency=leniency,
    )
    by_subprotocol = _by_subprotocol(routers)
    if ssl_context is not None and ssl_context.protocol is ssl.PROTOCOL_TLS_CLIENT:
        raise ValueError("expected a server's ssl_context, found a client's")
    listeners = await listen(port, host=host)
    server = CsmsServer(
        by_subprotocol,
        listeners,
        settings,
        authenticate=authenticate,
        session_task=session_task,
        ssl_context=ssl_context,
        rng=rng or SystemRandom(),
    )
    task_status.started(server)
    await server.serve()
