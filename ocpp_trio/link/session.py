"""An OCPP session: calls out, calls in, over one live connection.

Owns the correlation of replies with calls, the call slot, and the one place where everything pending
ends when the connection does. Outlives nothing: when its context is left, no task of it is there.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import attrs
import trio

from ocpp_trio.errors import (
    Closed,
    CloseReason,
    ConnectionClosed,
    LocalProtocolError,
    RemoteProtocolError,
    SecurityEventKind,
)
from ocpp_trio.link.caller import Caller
from ocpp_trio.link.connection import Connection, open_connection
from ocpp_trio.link.dispatcher import Dispatcher
from ocpp_trio.link.instrument import Link, tell_offence
from ocpp_trio.link.nursery import open_background
from ocpp_trio.link.registration import Gate, Registration
from ocpp_trio.link.router import Router
from ocpp_trio.link.settings import Settings
from ocpp_trio.link.tally import SessionCounters, Tally
from ocpp_trio.link.transport import GOING_AWAY, Transport
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.correlation import Match
from ocpp_trio.wire.frames import Call, CallResult, FrameError, Reply, parse_frame
from ocpp_trio.wire.leniency import Allowance
from ocpp_trio.wire.message import Defect, Request, Response, Version, actions_of

ResponseT = TypeVar("ResponseT", bound=Response)

NOT_CONNECTED: Final = Closed(CloseReason.TRANSPORT_ERROR, None, "not connected")


@attrs.frozen(kw_only=True)
class SessionStatistics:
    """A snapshot of a session; all counts are of this moment unless they say `max_`."""

    closed: Closed | None
    registration: Registration
    pending_calls: int
    deadlines: int
    calls_waiting: int
    max_calls_waiting: int
    writes_waiting: int
    max_writes_waiting: int
    writes_in_flight: int
    max_writes_in_flight: int
    inbox: int
    handlers_running: int
    refusals: int
    counters: SessionCounters


class Session:
    """A live OCPP connection. Handlers get one; `open_charge_point` and `serve_csms` make them."""

    _connection: Connection
    _caller: Caller
    _dispatcher: Dispatcher
    _nursery: trio.Nursery

    def __init__(
        self,
        router: Router,
        settings: Settings,
        *,
        link: Link,
        gate: Gate,
        on_closed: Callable[[Closed], None] | None,
    ) -> None:
        self.link = link
        self._router = router
        self._tally = Tally(settings.instrument, link)
        self._settings = settings
        self._gate = gate
        self._on_closed = on_closed
        self._version = router.version
        self._codec = codec_of(router.version, settings.leniency)
        ours, theirs = self._version.charge_point_requests, self._version.csms_requests
        if link.role == "csms":
            ours, theirs = theirs, ours
        self._outgoing, self._incoming = actions_of(ours), actions_of(theirs)
        self._bad_frames = 0
        self._draining = False
        self._quiet = trio.Event()
        self._closed: Closed | None = None
        self._closed_event = trio.Event()

    @property
    def identity(self) -> str:
        """The charge point's identity, at either end."""
        return self.link.identity

    @property
    def version(self) -> Version:
        """The OCPP version that both ends agreed on."""
        return self._version

    @property
    def closed(self) -> Closed | None:
        """How the session ended; None while it lives."""
        return self._closed

    @property
    def registration(self) -> Registration:
        """The last answer to a BootNotification, as far as this process knows."""
        return self._gate.registration

    def statistics(self) -> SessionStatistics:
        """A frozen snapshot for introspection and tests."""
        return SessionStatistics(
            closed=self._closed,
            registration=self._gate.registration,
            pending_calls=self._caller.pending,
            deadlines=self._caller.deadlines,
            calls_waiting=self._caller.calls_waiting.now,
            max_calls_waiting=self._caller.calls_waiting.peak,
            writes_waiting=self._connection.writes_waiting.now,
            max_writes_waiting=self._connection.writes_waiting.peak,
            writes_in_flight=self._connection.transport.writes_in_flight,
            max_writes_in_flight=self._connection.transport.max_writes_in_flight,
            inbox=self._dispatcher.waiting,
            handlers_running=self._dispatcher.running,
            refusals=self._dispatcher.refusals.now,
            counters=self._tally.snapshot(frames_sent=self._connection.messages_sent),
        )

    async def wait_closed(self) -> Closed:
        """Wait until the session has ended and say how."""
        await self._closed_event.wait()
        assert self._closed is not None
        return self._closed

    async def call(self, request: Request[Any, ResponseT]) -> ResponseT:
        """Send a request and wait for its response (OCPP-J 1.6 section 4.1).

        Callers wait in order for the call slot; the call timeout starts when the frame is handed to the
        writer. Tighten it with `trio.fail_after`.

        Cancelling before the hand-over sends nothing. After it the frame goes out whole, the reply is
        dropped as late, and the slot stays taken until the reply or the call timeout, because to the peer
        the CALL is unanswered.

        Raises:
            ValueError: a text that cannot be sent.
            LocalProtocolError: this end may not send this request, or not before it is registered.
            CallRejected: the peer answered with a CALLERROR.
            CallTimeout: no reply within the call timeout.
            InvalidResponse: the reply is not a response to this request.
            ConnectionClosed: the connection ended; `was_sent` says whether the CALL may have arrived.
        """
        self.check_call(request)
        return await self._caller.call(request)

    def check_call(self, request: Request[Any, Any]) -> None:
        """Raise what `call` raises before anything is sent. An end goes before the gate, which it may have reset."""
        action = getattr(request, "action", "")
        if self._outgoing.get(action) is not type(request):
            raise LocalProtocolError(f"a {self.link.role} cannot send {type(request).__name__} here")
        closed = self._closed or (GOING_AWAY if self._draining else None)
        if closed is not None:
            raise ConnectionClosed(closed, was_sent=False)
        if not self._gate.may_send(action):
            raise LocalProtocolError(f"cannot send {action} while registration is {self.registration.value}")

    def _learn(self, request: Request[Any, Any], reply: Reply) -> None:
        """Tell the gate of a reply while reading it: the peer's next frame may already count on it."""
        if isinstance(reply, CallResult) and (
            type(request) is self._version.boot or type(request) in self._version.triggers
        ):
            with suppress(RemoteProtocolError):  # which the caller will hear of
                self.note_answer(request, self._codec.decode(request.response, reply.payload))

    def note_allowance(self, allowance: Allowance) -> None:
        """A defect of an incoming payload was let pass."""
        self._settings.instrument.leniency_used(self.link, allowance)

    def note_answer(self, request: Request[Any, Any], response: Response) -> None:
        """Keep the gate informed: boot replies and accepted triggers decide what may be said."""
        if type(request) is self._version.boot:
            self._gate.note_boot(str(getattr(response, "status", "")))
        triggered_by = self._version.triggers.get(type(request))
        action = triggered_by(request, response) if triggered_by is not None else None
        if action is not None:
            self._gate.note_trigger(action)

    async def ping(self) -> None:
        """Have a WebSocket ping sent and wait for a sign of life: its pong, or whatever comes before that.

        Bound it: a half-open link is silent, and ends by the keepalive's pong deadline only. Cancelling leaves the
        ping to the keepalive. Raises ConnectionClosed.
        """
        if self._closed is None:
            try:
                await self._connection.ping()
            except ConnectionClosed:
                await self.wait_closed()  # the reader is about to learn of it
        if self._closed is not None:
            raise ConnectionClosed(self._closed)

    @property
    def draining(self) -> bool:
        """Whether new CALLs are refused because this end is shutting down."""
        return self._draining

    async def drain(self) -> None:
        """Take no new CALLs, from here or from the peer, and wait until those that are open have ended.

        Cancelling leaves the session draining. The session is not closed by this.
        """
        self._draining = True
        self.note_progress()
        await self._quiet.wait()

    def note_progress(self) -> None:
        """Something ended; while draining that may have been the last."""
        if self._draining and not (self._caller.busy or self._dispatcher.busy):
            self._quiet.set()

    def close(self, closed: Closed) -> None:
        """End the session in an orderly way: `closed.code` goes to the peer once the context is left."""
        self._end(closed)

    def drop(self, closed: Closed) -> None:
        """Cut the session without a word to the peer."""
        self._connection.abort(closed)
        self._end(closed)

    def _end(self, closed: Closed) -> None:
        """The one place where everything pending ends: mark first, then wake."""
        if self._closed is not None:
            return
        self._closed = closed
        self._connection.end(closed)  # a caller may be waiting there behind a write that does not get through
        if self._on_closed is not None:
            self._on_closed(closed)
        self._settings.instrument.connection_closed(self.link, closed)
        tell_offence(self._settings.instrument, self.link, closed)
        self._caller.lose_all()
        self._dispatcher.close()
        self._quiet.set()
        self._closed_event.set()
        self._nursery.cancel_scope.cancel()

    async def run(
        self, connection: Connection, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """The session's tasks, until it ends: the reader and the handlers with all they start."""
        async with trio.open_nursery() as nursery:
            self._connection, self._nursery = connection, nursery
            self._caller = Caller(self, connection, self._version, self._settings, self._tally, nursery)
            self._dispatcher = Dispatcher(self, connection, self._router, self._settings, self._tally, nursery)
            nursery.start_soon(self._read)
            for _ in range(self._settings.limits.handlers):
                nursery.start_soon(self._dispatcher.serve)
            task_status.started()

    async def _read(self) -> None:
        """The reader task: what comes is parsed, matched and dispatched as it comes, and nothing of that waits."""
        closed = GOING_AWAY
        try:
            await self._connection.forward(self._take)
        except ConnectionClosed as exc:
            closed = exc.closed
        finally:
            # Cancelled from outside this comes before the nursery closes, which then could not keep the slot
            # of a caller that is being cancelled as well.
            self._end(closed)

    def _take(self, text: str) -> None:
        if self._closed is not None:
            return  # ended while this was already on its way to us, and nobody is there to handle it
        try:
            frame = parse_frame(text)
        except FrameError as error:
            self._take_bad_frame(error, text)
            return
        self._bad_frames = 0
        if isinstance(frame, Call):
            self._tally.frame_received(frame, action=frame.action, text=text)
            self._dispatcher.accept(frame, self._incoming, self._gate)
        else:
            self._take_reply(frame, text)

    def _take_reply(self, reply: Reply, text: str) -> None:
        match, call = self._caller.match(reply)
        action = type(call.request).action if call is not None else None
        self._tally.frame_received(reply, action=action, text=text)
        if match is not Match.MATCHED:
            self._tally.reply_dropped(match, message_id=reply.message_id, action=action, frame=reply)
        if call is not None:
            self._learn(call.request, reply)
            call.settled.set()

    def _take_bad_frame(self, error: FrameError, text: str) -> None:
        """Answer what can be answered, count the rest; a peer that sends nothing else is cut off."""
        self._tally.frame_refused(error.description, text=text)
        if error.reply_id is not None:
            match = self._caller.match_broken(error.reply_id)
            self._tally.reply_dropped(match, message_id=error.reply_id, action=None, frame=None)
        self._bad_frames += 1
        if self._bad_frames >= self._settings.limits.bad_frames:
            detail, offence = f"{self._bad_frames} bad frames in a row", SecurityEventKind.MALFORMED_FRAMES
            self.close(Closed(CloseReason.PROTOCOL_ERROR, 1008, detail, offence=offence))
        elif error.call_id is not None:
            self._dispatcher.refuse(error.call_id, Defect.MALFORMED, error.description)


@asynccontextmanager
async def open_session(
    transport: Transport,
    router: Router,
    *,
    link: Link,
    settings: Settings,
    gate: Gate | None = None,
    on_closed: Callable[[Closed], None] | None = None,
) -> AsyncIterator[Session]:
    """Run a session over a transport for the time of the body.

    The body is not cancelled when the connection ends: it waits on `session.wait_closed()`. `on_closed`
    runs first of all then, before pending calls learn of it. Leaving the body closes the session.
    """
    session = Session(router, settings, link=link, gate=gate or Gate(router.version.boot.action), on_closed=on_closed)
    async with (
        open_connection(transport, limits=settings.limits, instrument=settings.instrument, link=link) as connection,
        open_background() as nursery,
    ):
        settings.instrument.connection_opened(link)
        try:
            await nursery.start(session.run, connection)
            yield session
        finally:
            session.close(GOING_AWAY)
