"""Outgoing CALLs: the slot, the correlation with replies, and how each call ends.

Owns every call from the wait for the slot to its one outcome. The session owns whether calls may be made
at all, and hands over the replies that its reader finds.
"""

import math
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
from ocpp_trio.link.instrument import Outcome
from ocpp_trio.link.settings import Settings
from ocpp_trio.link.tally import Tally
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.correlation import CallState, CorrelationTable, Happening, Match, PendingCall
from ocpp_trio.wire.frames import Call, CallResult, Reply, dump_call
from ocpp_trio.wire.message import Request, Response, Version

if TYPE_CHECKING:
    # The session owns its caller; here it is only who says whether a call may be made.
    from ocpp_trio.link.session import Session

ResponseT = TypeVar("ResponseT", bound=Response)


@attrs.define(eq=False)
class OutgoingCall(PendingCall):
    """A pending call, and the event that its caller waits for."""

    settled: trio.Event = attrs.Factory(trio.Event)
    since: float = math.inf
    """When it was handed over."""


class Caller:
    """The sending half of a session."""

    def __init__(
        self,
        session: "Session",
        connection: Connection,
        version: Version,
        settings: Settings,
        tally: Tally,
        nursery: trio.Nursery,
    ) -> None:
        self._session = session
        self._connection = connection
        self._version = version
        self._codec = codec_of(version, settings.leniency)
        self._settings = settings
        self._tally = tally
        self._nursery = nursery
        self._table = CorrelationTable[OutgoingCall]()
        # One unanswered CALL per direction (OCPP-J 1.6 section 4.1.1); callers wait here in order.
        self._slot = trio.Semaphore(settings.limits.outstanding_calls)
        self.calls_waiting = Depth()
        self.deadlines = 0
        """Call timeouts that run."""

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
        call: OutgoingCall | None = None
        try:
            call = await self._hand_over(request, payload)
            await self._wait_settled(call)
            # The response type is the request's, by construction of the table and the codec.
            return cast("ResponseT", self._conclude(call))
        except trio.Cancelled:
            self._abandon(call)
            raise
        finally:
            if call is None or call.state is not CallState.CANCELLED:
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

    async def _hand_over(self, request: Request[Any, Any], payload: bytes) -> OutgoingCall:
        frame = Call(self._settings.new_message_id(), type(request).action, payload)
        text = dump_call(frame.message_id, frame.action, payload)
        call = self._table.open(OutgoingCall(frame.message_id, request))
        try:
            await self._connection.send(text, note=self._tally.note_of(frame, action=frame.action, text=text))
        except BaseException:
            self._table.withdraw(call)
            raise
        call.since = trio.current_time()
        return call

    async def _wait_settled(self, call: OutgoingCall) -> None:
        """Wait until the call has its end, and not longer than the call timeout."""
        self.deadlines += 1
        try:
            with trio.CancelScope(deadline=call.since + self._settings.limits.call_timeout):
                await call.settled.wait()
        finally:
            self.deadlines -= 1

    def _conclude(self, call: OutgoingCall) -> Response:
        """The response, or the error that stands for how the call ended. The value is looked at first."""
        if call.state is CallState.WAITING:
            self._table.happen(call, Happening.TIME_IS_UP)
            self._report(call, "timeout", "local")
            seconds = self._settings.limits.call_timeout
            raise CallTimeout(f"no reply to {type(call.request).action} within {seconds:g} s")
        if call.state is CallState.LOST:
            self._report(call, "closed", "local")
            assert self._session.closed is not None  # which is what lost the call
            raise ConnectionClosed(self._session.closed, was_sent=True)
        assert call.reply is not None
        if not isinstance(call.reply, CallResult):
            code = self._version.spell(call.reply.code)
            self._report(call, "rejected", "remote", code)
            raise CallRejected(code, call.reply.description, call.reply.details, origin="remote")
        return self._read_response(call, call.reply)

    def _read_response(self, call: OutgoingCall, reply: CallResult) -> Response:
        response_type = call.request.response
        try:
            response = self._codec.decode(response_type, reply.payload, note=self._session.note_allowance)
        except RemoteProtocolError as exc:
            self._report(call, "invalid_response", "local", exc.code)
            raise InvalidResponse(f"{response_type.__name__}: {exc.description}") from exc
        self._report(call, "response", "remote")
        return response

    def _abandon(self, call: OutgoingCall | None) -> None:
        """The caller was cancelled. What was handed over stays outstanding until it is answered."""
        if call is None:
            return
        self._report(call, "cancelled", "local")
        if call.state is CallState.WAITING:
            self._table.happen(call, Happening.CALLER_GONE)
            self._nursery.start_soon(self._keep_slot, call)

    async def _keep_slot(self, call: OutgoingCall) -> None:
        """Hold the slot of a cancelled call for as long as the call itself would have."""
        try:
            await self._wait_settled(call)
            if call.state is CallState.CANCELLED:
                self._table.happen(call, Happening.TIME_IS_UP)
        finally:
            self._slot.release()
            self._session.note_progress()

    def _report(self, call: OutgoingCall, outcome: Outcome, origin: Origin, code: str | None = None) -> None:
        self._tally.call_ended(call, outcome, origin, code, since=call.since)

    def match(self, reply: Reply) -> tuple[Match, OutgoingCall | None]:
        """Settle the call that a reply belongs to: what the reply is, and which call. Its caller still sleeps."""
        return self._table.match(reply)

    def match_broken(self, message_id: str) -> Match:
        """What a malformed reply is; it settles nothing."""
        return self._table.match_broken(message_id)

    def lose_all(self) -> None:
        """The connection ended, and with it every call."""
        for call in self._table:
            self._table.happen(call, Happening.CONNECTION_ENDED)
            call.settled.set()
