"""Incoming CALLs: judge, queue, run the handler, answer, and what follows the answer.

Owns the inbox and everything bounded about it. The reader calls `accept`, which never waits; handlers
run in tasks of the session's nursery.
"""

import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import attrs
import trio

from ocpp_trio.errors import (
    CallRejected,
    Closed,
    CloseReason,
    ConnectionClosed,
    RemoteProtocolError,
    SecurityEventKind,
    is_loss,
)
from ocpp_trio.link.connection import Connection, Depth
from ocpp_trio.link.registration import Gate, Verdict
from ocpp_trio.link.router import Afterthought, Handler, Router
from ocpp_trio.link.settings import Settings
from ocpp_trio.link.tally import Tally
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.frames import Call, CallError, CallResult, dump_error, dump_result
from ocpp_trio.wire.message import Defect, Request, Response

if TYPE_CHECKING:
    # The session owns its dispatcher; here it is only what handlers are given.
    from ocpp_trio.link.session import Session

logger = logging.getLogger(__name__)

_FOLLOWS: Final = "what follows"


@attrs.define(eq=False)
class _Job:
    """A CALL, and its answer once there is one: a response and that as JSON, or an error."""

    call: Call
    request_type: type[Request[Any, Any]]
    handler: Handler[Any, Any]
    afterthought: Afterthought[Any, Any] | None
    request: Request[Any, Any] | None = None
    response: Response | None = None
    payload: bytes = b""
    error: CallError | None = None


class Dispatcher:
    """The receiving half of a session."""

    def __init__(
        self,
        session: "Session",
        connection: Connection,
        router: Router,
        settings: Settings,
        tally: Tally,
        nursery: trio.Nursery,
    ) -> None:
        self._session = session
        self._connection = connection
        self._router = router
        self._settings = settings
        self._tally = tally
        self._nursery = nursery
        self._codec = codec_of(router.version, settings.leniency)
        self._in_progress: set[str] = set()
        # A peer that keeps the one-CALL rule never has a second CALL here. What does not fit is refused at
        # once: the reader neither waits nor drops in silence.
        self._to_handlers, self._inbox = trio.open_memory_channel[_Job](settings.limits.inbox)
        self.afterthoughts = Depth()
        self.refusals = Depth()

    @property
    def waiting(self) -> int:
        """CALLs in the inbox."""
        return self._inbox.statistics().current_buffer_used

    @property
    def running(self) -> int:
        """CALLs that a handler has."""
        return len(self._in_progress) - self.waiting

    @property
    def busy(self) -> bool:
        """Whether any CALL is still without its answer, or what follows an answer still runs."""
        return bool(self._in_progress or self.refusals.now or self.afterthoughts.now)

    def close(self) -> None:
        """Take no more CALLs; what waits in the inbox is not handled any more."""
        self._to_handlers.close()
        with suppress(trio.EndOfChannel):
            while True:
                self._end(self._inbox.receive_nowait())

    def accept(self, call: Call, known: Mapping[str, type[Request[Any, Any]]], gate: Gate) -> None:
        """Queue a CALL for its handler, or refuse it at the first check that fails (OCPP-J 1.6 section 4.2.3)."""
        verdict = gate.judge(call.action)
        request_type = known.get(call.action)
        handler = self._router.handler(request_type) if request_type is not None else None
        if verdict is Verdict.IGNORE:
            return
        if call.message_id in self._in_progress:
            self.refuse(call.message_id, Defect.DUPLICATE_ID, "a CALL with this id is being processed")
        elif request_type is None:
            self.refuse(call.message_id, Defect.UNKNOWN_ACTION, f"no action {call.action!r} here")
        elif handler is None:
            self.refuse(call.message_id, Defect.NO_HANDLER, f"{call.action} is not supported here")
        elif self._session.draining:
            self.refuse(call.message_id, Defect.OVERLOADED, "shutting down")
        elif verdict is Verdict.REFUSE:
            self.refuse(call.message_id, Defect.NOT_ACCEPTED, f"{call.action} before BootNotification was accepted")
        else:
            self._enqueue(_Job(call, request_type, handler, self._router.afterthought(request_type)))

    def _enqueue(self, job: _Job) -> None:
        if job.afterthought is not None and self.afterthoughts.now >= self._settings.limits.afterthoughts:
            self.refuse(job.call.message_id, Defect.OVERLOADED, "too much follows from earlier CALLs")
            return
        try:
            self._to_handlers.send_nowait(job)
        except trio.WouldBlock:
            self.refuse(job.call.message_id, Defect.OVERLOADED, "too many unanswered CALLs")
            return
        self._in_progress.add(job.call.message_id)
        if job.afterthought is not None:
            self.afterthoughts.up()

    def refuse(self, message_id: str, defect: Defect, description: str) -> None:
        """Answer with a CALLERROR without waiting; a peer that piles these up is cut off."""
        limit = self._settings.limits.refusals
        if self.refusals.now >= limit:
            detail = f"more than {limit} excess CALLs at once"
            self._session.close(Closed(CloseReason.PROTOCOL_ERROR, 1008, detail, offence=SecurityEventKind.FLOOD))
            return
        code = self._router.version.error_codes[defect]
        self.refusals.up()
        self._nursery.start_soon(self._send_refusal, CallError(message_id, code, description))

    async def _send_refusal(self, error: CallError) -> None:
        try:
            await self._send_error(error, action="")
        except ConnectionClosed:
            pass
        finally:
            self.refusals.down()
            self._session.note_progress()

    async def serve(self) -> None:
        """Handle CALLs in the order in which they came. `limits.handlers` of these run side by side."""
        with suppress(ConnectionClosed, trio.EndOfChannel):
            while True:
                await self._handle_from(await self._inbox.receive())

    async def _handle_from(self, job: _Job) -> None:
        """Handle this CALL and those after it, until a handler takes too long.

        They share a cancel scope, each with a deadline of its own: to move it costs half of what a scope does.
        """
        unended = True
        try:
            with trio.CancelScope() as patience:
                while True:
                    await self._run_handler(job, patience)
                    if patience.cancel_called:
                        break
                    await self._answer(job)
                    self._end(job)
                    unended = False
                    del job  # which may be large, and the next one hours away
                    job = await self._inbox.receive()
                    unended = True
            await self._answer(job)
        finally:
            if unended:
                self._end(job)

    async def _run_handler(self, job: _Job, patience: trio.CancelScope) -> None:
        """Keep what the handler says, with everything it may do wrong turned into a CALLERROR.

        If it takes too long this is cancelled by `patience`, and the job has no answer.
        """
        try:
            request = job.request = self._codec.decode(
                job.request_type, job.call.payload, note=self._session.note_allowance
            )
        except RemoteProtocolError as exc:
            job.error = CallError(job.call.message_id, exc.code, exc.description, exc.details)
            return
        failure: Exception | None = None
        patience.deadline = trio.current_time() + self._settings.limits.handler_deadline
        try:
            try:
                response = await job.handler(self._session, request)
                if type(response) is not request.response:
                    expected = request.response.__name__
                    raise TypeError(f"handler of {job.call.action}: expected {expected}, found {response!r}")
                job.payload = self._codec.encode(response)
                job.response = response
            except Exception as exc:
                failure = exc
        except* Exception as group:  # errors beside Cancelled, which travels on
            self._note_failure(job.call.action, job.call.message_id, group)
        finally:
            patience.deadline = math.inf
        if failure is not None:
            job.error = self._error_for(job, failure)

    async def _answer(self, job: _Job) -> None:
        """Send the answer, and start what follows it once it is written."""
        message_id, action = job.call.message_id, job.call.action
        if job.request is None or job.response is None:
            await self._send_error(job.error or self._failed(job, None), action=action)
            return
        self._session.note_answer(job.request, job.response)
        text = dump_result(message_id, job.payload)
        result = CallResult(message_id, job.payload)
        receipt = await self._connection.send(text, note=self._tally.note_of(result, action=action, text=text))
        # Only what follows the answer has to know that it went out; otherwise the writer is left to itself.
        if job.afterthought is not None and await receipt.wait_written():
            self._nursery.start_soon(self._follow, job.afterthought, job.request, job.response, message_id)
            job.afterthought = None

    def _end(self, job: _Job) -> None:
        """The CALL has its answer or never will; of what follows an answer and has begun this is not the end."""
        self._in_progress.discard(job.call.message_id)
        if job.afterthought is not None:
            self.afterthoughts.down()
        self._session.note_progress()

    def _error_for(self, job: _Job, failure: Exception) -> CallError:
        """The answer for what a handler raised."""
        if isinstance(failure, CallRejected) and failure.origin == "local":
            return self._rejected(job, failure)
        return self._failed(job, failure)

    def _rejected(self, job: _Job, rejection: CallRejected) -> CallError:
        """The answer that the handler chose, if it can be put into a frame."""
        code = self._router.version.spell(rejection.code)
        error = CallError(job.call.message_id, code, rejection.description, rejection.details)
        try:
            dump_error(error)
        except (TypeError, ValueError, RecursionError) as exc:
            return self._failed(job, exc)
        return error

    def _failed(self, job: _Job, error: Exception | None) -> CallError:
        """The answer for a handler that failed: no internals on the wire, the traceback to the log."""
        self._note_failure(job.call.action, job.call.message_id, error)
        description = "the handler failed" if error is not None else "the handler did not answer in time"
        code = self._router.version.error_codes[Defect.HANDLER_FAILED]
        return CallError(job.call.message_id, code, description)

    def _note_failure(self, action: str, message_id: str, error: Exception | None, *, what: str = "handler of") -> None:
        """Log a failure of user code; to learn of the end of its own connection is none."""
        if self._session.closed is not None and (error is None or is_loss(error)):
            return
        self._tally.handler_failed(action, message_id=message_id, error=error)
        if error is not None:
            logger.error("%s %s failed", what, action, exc_info=error)
        else:
            logger.error("%s %s did not answer within %g s", what, action, self._settings.limits.handler_deadline)

    async def _send_error(self, error: CallError, *, action: str) -> None:
        text = dump_error(error)
        await self._connection.send(text, note=self._tally.note_of(error, action=action, text=text))

    async def _follow(
        self, afterthought: Afterthought[Any, Any], request: Request[Any, Any], response: Response, message_id: str
    ) -> None:
        action = type(request).action
        try:
            try:
                await afterthought(self._session, request, response)
            except Exception as exc:
                self._note_failure(action, message_id, exc, what=_FOLLOWS)
        except* Exception as group:  # errors beside Cancelled, which travels on
            self._note_failure(action, message_id, group, what=_FOLLOWS)
        finally:
            self.afterthoughts.down()
            self._session.note_progress()
