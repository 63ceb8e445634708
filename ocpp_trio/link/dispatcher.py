"""Incoming CALLs: judge, queue, run the handler, answer, and what follows the answer.

Owns the inbox and everything bounded about it. The reader calls `accept`, which never waits; handlers
run in tasks of the session's nursery.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import trio

from ocpp_trio.errors import CallRejected, Closed, CloseReason, ConnectionClosed, ErrorCode, RemoteProtocolError
from ocpp_trio.link.connection import Connection, Depth
from ocpp_trio.link.instrument import Link
from ocpp_trio.link.registration import Gate, Verdict
from ocpp_trio.link.router import Afterthought, Handler, Router
from ocpp_trio.link.settings import Settings
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.frames import Call, CallError, CallResult, dump_error, dump_result
from ocpp_trio.wire.message import Defect, Request, Response

if TYPE_CHECKING:
    # The session owns its dispatcher; here it is only what handlers are given.
    from ocpp_trio.link.session import Session

logger = logging.getLogger(__name__)


@attrs.frozen
class _Job:
    call: Call
    request_type: type[Request[Any, Any]]
    handler: Handler[Any, Any]


@attrs.frozen
class _Answered:
    """A request that was answered with a response, for what follows."""

    request: Request[Any, Any]
    response: Response


class Dispatcher:
    """The receiving half of a session."""

    def __init__(
        self, session: "Session", connection: Connection, router: Router, settings: Settings, nursery: trio.Nursery
    ) -> None:
        self._session = session
        self._connection = connection
        self._router = router
        self._settings = settings
        self._nursery = nursery
        self._codec = codec_of(router.version)
        self._in_progress: set[str] = set()
        # A peer that keeps the one-CALL rule never has a second CALL here. What does not fit is refused at
        # once: the reader neither waits nor drops in silence.
        self._to_handlers, self._inbox = trio.open_memory_channel[_Job](settings.limits.inbox)
        self._afterthought_slots = trio.Semaphore(settings.limits.afterthoughts)
        self.refusals = Depth()
        self.handlers = Depth()

    @property
    def waiting(self) -> int:
        """CALLs in the inbox."""
        return self._inbox.statistics().current_buffer_used

    @property
    def busy(self) -> bool:
        """Whether any CALL that was accepted or refused is still without its answer."""
        return bool(self.waiting or self.handlers.now or self.refusals.now)

    def close(self) -> None:
        """Take no more CALLs; what waits in the inbox is not handled any more."""
        self._to_handlers.close()
        self._inbox.close()

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
            self._enqueue(_Job(call, request_type, handler))

    def _enqueue(self, job: _Job) -> None:
        try:
            self._to_handlers.send_nowait(job)
        except trio.WouldBlock:
            self.refuse(job.call.message_id, Defect.OVERLOADED, "too many unanswered CALLs")
        else:
            self._in_progress.add(job.call.message_id)

    def refuse(self, message_id: str, defect: Defect, description: str) -> None:
        """Answer with a CALLERROR without waiting; a peer that piles these up is cut off."""
        limit = self._settings.limits.refusals
        if self.refusals.now >= limit:
            self._session.close(Closed(CloseReason.PROTOCOL_ERROR, 1008, f"more than {limit} excess CALLs at once"))
            return
        code = self._router.version.error_codes[defect]
        self.refusals.__enter__()
        self._nursery.start_soon(self._send_refusal, CallError(message_id, code, description))

    async def _send_refusal(self, error: CallError) -> None:
        try:
            await self._send_error(error, action="")
        except ConnectionClosed:
            pass
        finally:
            self.refusals.__exit__()
            self._session.note_progress()

    async def serve(self) -> None:
        """Handle CALLs in the order in which they came. `limits.handlers` of these run side by side."""
        async for job in self._inbox:
            with self.handlers:
                try:
                    await self._handle(job)
                except ConnectionClosed:
                    return
            self._session.note_progress()

    async def _handle(self, job: _Job) -> None:
        try:
            answered = await self._answer(job)
        finally:
            self._in_progress.discard(job.call.message_id)
        if answered is None:
            return
        afterthought = self._router.afterthought(job.request_type)
        if afterthought is not None and self._session.closed is None:
            await self._afterthought_slots.acquire()
            self._nursery.start_soon(self._follow, afterthought, answered, job.call.message_id)

    async def _answer(self, job: _Job) -> _Answered | None:
        """Run the handler and see the reply written; the answer if it was a response."""
        message_id, action = job.call.message_id, job.call.action
        try:
            request = self._codec.decode(job.request_type, job.call.payload)
        except RemoteProtocolError as exc:
            await self._send_error(CallError(message_id, exc.code, exc.description, exc.details), action=action)
            return None
        response = await self._run_handler(job, request)
        if isinstance(response, CallError):
            await self._send_error(response, action=action)
            return None
        answered = _Answered(request, response)
        result = CallResult(message_id, self._codec.encode(response))
        self._session.note_answer(answered.request, answered.response)
        text = dump_result(message_id, result.payload)
        receipt = await self._connection.send(text)
        self._settings.instrument.frame_sent(self._link, result, action=action, text=text)
        return answered if await receipt.wait_written() else None

    async def _run_handler(self, job: _Job, request: Request[Any, Any]) -> Response | CallError:
        """What the handler says, with everything it may do wrong turned into a CALLERROR."""
        seconds = self._settings.limits.handler_deadline
        try:
            with trio.move_on_after(seconds):
                response = await job.handler(self._session, request)
                if type(response) is not request.response:
                    expected = request.response.__name__
                    raise TypeError(f"handler of {job.call.action}: expected {expected}, found {response!r}")
                self._codec.encode(response)
                return response
        except CallRejected as rejection:
            return self._rejected(job, rejection) if rejection.origin == "local" else self._failed(job, rejection)
        except Exception as exc:
            return self._failed(job, exc)
        return self._failed(job, None)

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
        message_id, action = job.call.message_id, job.call.action
        if self._session.closed is None:
            self._settings.instrument.handler_failed(self._link, action, message_id=message_id, error=error)
            if error is not None:
                logger.error("handler of %s failed", action, exc_info=error)
            else:
                logger.error("handler of %s did not answer within %g s", action, self._settings.limits.handler_deadline)
        description = "the handler failed" if error is not None else "the handler did not answer in time"
        return CallError(message_id, self._router.version.error_codes[Defect.HANDLER_FAILED], description)

    async def _send_error(self, error: CallError, *, action: str) -> None:
        text = dump_error(error)
        await self._connection.send(text)
        self._settings.instrument.frame_sent(self._link, error, action=action, text=text)

    async def _follow(self, afterthought: Afterthought[Any, Any], answered: _Answered, message_id: str) -> None:
        try:
            await afterthought(self._session, answered.request, answered.response)
        except ConnectionClosed:
            logger.debug("connection ended during what follows %s", type(answered.request).action)
        except Exception as exc:
            action = type(answered.request).action
            self._settings.instrument.handler_failed(self._link, action, message_id=message_id, error=exc)
            logger.exception("what follows %s failed", action)
        finally:
            self._afterthought_slots.release()

    @property
    def _link(self) -> Link:
        return self._session.link
