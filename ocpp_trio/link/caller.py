"""Outgoing CALLs: the slot, the correlation with replies, and how each call ends.

Owns every call from the wait for the slot to its one outcome. The session owns whether calls may be made
at all, and hands over the replies that its reader finds.
"""

import math
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attrs
import trio

from ocpp_trio.errors import (
    CallRejected,
    CallTimeout,
    ConnectionClosed,
    InvalidResponse,
    Origin,
    RemoteProtocolError,
)
from ocpp_trio.link.connection import Connection, Depth
from ocpp_trio.link.instrument import CallReport, Outcome
from ocpp_trio.link.settings import Settings
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.correlation import CallState, CorrelationTable, Happening, Match, PendingCall
from ocpp_trio.wire.frames import Call, CallResult, Reply, dump_call
from ocpp_trio.wire.message import Request, Response, Version

if TYPE_CHECKING:
    # The session owns its caller; here it is only who says whether a call may be made.
    from ocpp_trio.link.session import Session

ResponseT = TypeVar("ResponseT", bound=Response)


@attrs.define(eq=False)
class _Waiting:
    """A caller at its pending call."""

    call: PendingCall
    woken: trio.Event
    since: float = math.inf
    """When it was handed over."""


class Caller:
    """The sending half of a session."""

    def __init__(
        self, session: "Session", connection: Connection, version: Version, settings: Settings, nursery: trio.Nursery
    ) -> None:
        self._session = session
        self._connection = connection
        self._version = version
        self._codec = codec_of(version, settings.leniency)
        self._settings = settings
        self._nursery = nursery
        self._table = CorrelationTable()
        self._waiting: dict[str, _Waiting] = {}
        # One unanswered CALL per direction (OCPP-J 1.6 section 4.1.1); callers wait here in order.
        self._slot = trio.Semaphore(settings.limits.outstanding_calls)
        self.calls_waiting = Depth()
        self.deadlines = Depth()

    @property
    def pending(self) -> int:
        """CALLs that are out and not settled."""
        return len(self._table)

    @property
    def busy(self) -> bool:
        """Whether anybody waits for a reply or for the slot."""
        return bool(self.pending or self.calls_waiting.now)

    async def call(self, request: Request[Any, ResponseT]) -> ResponseT:
        """Send a request and wait for its response; `Session.call` says the rest."""
        payload = self._codec.encode(request)
        try:
            self._slot.acquire_nowait()
        except trio.WouldBlock:
            await self._wait_for_slot(request)
        waiting: _Waiting | None = None
        try:
            waiting = await self._hand_over(request, payload)
            with self.deadlines, trio.move_on_after(self._settings.limits.call_timeout):
                await waiting.woken.wait()
            # The response type is the request's, by construction of the table and the codec.
            return cast("ResponseT", self._conclude(waiting))
        except trio.Cancelled:
            self._abandon(waiting)
            raise
        finally:
            if waiting is None or waiting.call.state is not CallState.CANCELLED:
                self._slot.release()
            self._session.note_progress()

    async def _wait_for_slot(self, request: Request[Any, Any]) -> None:
        """Take the slot in one's turn, if the call may still be made by then."""
        with self.calls_waiting:
            await self._slot.acquire()
        try:
            self._session.check_call(request)
        except BaseException:
            self._slot.release()
            self._session.note_progress()
            raise

    async def _hand_over(self, request: Request[Any, Any], payload: bytes) -> _Waiting:
        call = Call(self._settings.new_message_id(), type(request).action, payload)
        text = dump_call(call.message_id, call.action, call.payload)
        waiting = _Waiting(self._table.open(call.message_id, request), trio.Event())
        self._waiting[call.message_id] = waiting
        sent = self._settings.instrument.frame_sent
        note = partial(sent, self._session.link, call, action=call.action, text=text)
        try:
            await self._connection.send(text, note=note)
        except BaseException:
            self._table.withdraw(waiting.call)
            self._waiting.pop(call.message_id, None)
            raise
        waiting.since = trio.current_time()
        return waiting

    def _conclude(self, waiting: _Waiting) -> Response:
        """The response, or the error that stands for how the call ended. The value is looked at first."""
        call = waiting.call
        if call.state is CallState.WAITING:
            self._settle(waiting, Happening.TIME_IS_UP)
            self._report(waiting, "timeout", "local")
            seconds = self._settings.limits.call_timeout
            raise CallTimeout(f"no reply to {type(call.request).action} within {seconds:g} s")
        if call.state is CallState.LOST:
            self._report(waiting, "closed", "local")
            assert self._session.closed is not None  # which is what lost the call
            raise ConnectionClosed(self._session.closed, was_sent=True)
        assert call.reply is not None
        if not isinstance(call.reply, CallResult):
            code = self._version.spell(call.reply.code)
            self._report(waiting, "rejected", "remote", code)
            raise CallRejected(code, call.reply.description, call.reply.details, origin="remote")
        return self._read_response(waiting, call.reply)

    def _read_response(self, waiting: _Waiting, reply: CallResult) -> Response:
        response_type = waiting.call.request.response
        try:
            response = self._codec.decode(response_type, reply.payload, note=self._session.note_allowance)
        except RemoteProtocolError as exc:
            self._report(waiting, "invalid_response", "local", exc.code)
            raise InvalidResponse(f"{response_type.__name__}: {exc.description}") from exc
        self._report(waiting, "response", "remote")
        return response

    def _abandon(self, waiting: _Waiting | None) -> None:
        """The caller was cancelled. What was handed over stays outstanding until it is answered."""
        if waiting is None:
            return
        self._report(waiting, "cancelled", "local")
        if waiting.call.state is CallState.WAITING:
            self._table.happen(waiting.call, Happening.CALLER_GONE)
            self._nursery.start_soon(self._keep_slot, waiting)

    async def _keep_slot(self, waiting: _Waiting) -> None:
        """Hold the slot of a cancelled call for as long as the call itself would have."""
        try:
            with self.deadlines, trio.move_on_at(waiting.since + self._settings.limits.call_timeout):
                await waiting.woken.wait()
            if waiting.call.state is CallState.CANCELLED:
                self._settle(waiting, Happening.TIME_IS_UP)
        finally:
            self._slot.release()
            self._session.note_progress()

    def _settle(self, waiting: _Waiting, happening: Happening) -> None:
        self._table.happen(waiting.call, happening)
        del self._waiting[waiting.call.message_id]

    def _report(self, waiting: _Waiting, outcome: Outcome, origin: Origin, code: str | None = None) -> None:
        self._settings.instrument.call_ended(
            self._session.link,
            CallReport(
                message_id=waiting.call.message_id,
                action=type(waiting.call.request).action,
                outcome=outcome,
                origin=origin,
                code=code,
                seconds=trio.current_time() - waiting.since,
            ),
        )

    def match(self, reply: Reply) -> tuple[Match, Request[Any, Any] | None]:
        """Settle the call that a reply belongs to: what the reply is, and to which request."""
        match, call = self._table.match(reply)
        return match, None if call is None else call.request

    def match_broken(self, message_id: str) -> Match:
        """What a malformed reply is; it settles nothing."""
        return self._table.match_broken(message_id)

    def wake(self, message_id: str) -> None:
        """Let the caller of a settled call look at its reply."""
        self._waiting.pop(message_id).woken.set()

    def lose_all(self) -> None:
        """The connection ended, and with it every call."""
        for call in self._table:
            waiting = self._waiting[call.message_id]
            self._settle(waiting, Happening.CONNECTION_ENDED)
            waiting.woken.set()
