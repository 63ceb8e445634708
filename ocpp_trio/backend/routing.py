"""Calls to stations that are connected to another node.

Owns which error tells what became of one, and the calls that are open. Nothing is ever sent twice: a letter that
comes again is dropped before it gets here, and one that comes too late is not acted on.
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final, TypeVar

import attrs
import msgspec
import trio

from ocpp_trio import (
    CallFailed,
    CallRejected,
    CallTimeout,
    Closed,
    CloseReason,
    ConnectionClosed,
    InvalidResponse,
    LocalProtocolError,
    RemoteProtocolError,
    Request,
    Response,
    Session,
    Version,
    codec_of,
)
from ocpp_trio.backend.letters import Answer, Ask, Failure
from ocpp_trio.backend.outbox import Outbox
from ocpp_trio.backend.peers import Peer

ResponseT = TypeVar("ResponseT", bound=Response)

SERVED_AT_ONCE: Final = 256
"""Calls for other nodes that this one makes at once, a task each."""


@attrs.define(eq=False)
class _Open:
    life: str
    ended: trio.Event = attrs.Factory(trio.Event)
    result: Answer | Failure | None = None


class Calls:
    """The calls that this node has asked others for, and those that it makes for others."""

    def __init__(self, outbox: Outbox, sessions: Callable[[], Mapping[str, Session]], version: Version) -> None:
        self._outbox = outbox
        self._sessions = sessions
        self._version = version
        self._ids = count(1)
        self._open: dict[str, _Open] = {}
        self.serving = 0

    @property
    def open(self) -> int:
        """Calls that others have not answered yet."""
        return len(self._open)

    async def ask(self, peer: Peer, identity: str, request: Request[Any, ResponseT], *, within: float) -> ResponseT:
        """Have a node call one of its stations, and wait for the reply for so many seconds, or less if the caller's
        own deadline comes sooner. Raises what `Session.call` raises.
        """
        payload = codec_of(self._version).encode(request)
        until = min(trio.current_time() + within, trio.current_effective_deadline())
        # With the life, because the answer to a process before this one may still come.
        call_id, call = f"{self._outbox.life}-{next(self._ids)}", _Open(peer.life)
        self._open[call_id] = call
        ask = Ask(call_id, identity, self._version.subprotocol, type(request).action, payload, 0.0)
        try:
            self._outbox.post(ask, to=peer.name, until=until)
            with trio.move_on_at(until):
                await call.ended.wait()
        finally:
            del self._open[call_id]
        if call.result is None:
            raise CallTimeout(f"no reply within {within:g} s by way of node {peer.name!r}")
        if isinstance(call.result, Failure):
            raise _error_of(call.result)
        try:
            # As the session does it: the class attribute is typed for any response.
            reply: ResponseT = codec_of(self._version).decode(request.response, call.result.payload)  # type: ignore[assignment]
            return reply
        except RemoteProtocolError as wrong:
            raise InvalidResponse(str(wrong)) from None

    def end(self, peer: Peer, result: Answer | Failure) -> None:
        """A node has answered; nothing happens if nobody waits any more."""
        call = self._open.get(result.call_id)
        if call is not None and call.life == peer.life and call.result is None:
            call.result = result
            call.ended.set()

    def lose(self, peer: Peer) -> None:
        """A node is gone, and with it every call that it was asked for."""
        closed = Closed(CloseReason.TRANSPORT_ERROR, None, f"node {peer.name!r}, which it was connected to, is gone")
        for call_id, call in self._open.items():
            if call.life == peer.life and call.result is None:
                call.result = _closed_failure(call_id, closed, was_sent=True)
                call.ended.set()

    async def serve(self, asker: str, ask: Ask, age: float) -> None:
        """Make a call for another node and tell it what came of it, unless it is too late for that."""
        until = trio.current_time() + ask.within - age
        if until <= trio.current_time():
            return
        self.serving += 1
        try:
            with trio.move_on_at(until):
                self._outbox.post(await self._make(ask), to=asker, until=until)
        finally:
            self.serving -= 1

    async def _make(self, ask: Ask) -> Answer | Failure:
        session = self._sessions().get(ask.identity)
        if session is None:
            closed = Closed(CloseReason.TRANSPORT_ERROR, None, f"{ask.identity!r} is not connected to that node")
            return _closed_failure(ask.call_id, closed, was_sent=False)
        if self.serving > SERVED_AT_ONCE:
            closed = Closed(CloseReason.REFUSED, None, f"expected up to {SERVED_AT_ONCE} calls for others at once")
            return _closed_failure(ask.call_id, closed, was_sent=False)
        try:
            reply: Response = await session.call(_request_of(session.version, ask))
            return Answer(ask.call_id, codec_of(session.version).encode(reply))
        except (CallFailed, LocalProtocolError, RemoteProtocolError, ValueError) as exc:
            return _failure_of(ask.call_id, exc)


def _request_of(version: Version, ask: Ask) -> Request[Any, Any]:
    if version.subprotocol != ask.subprotocol:
        raise LocalProtocolError(f"expected a request of {version.subprotocol}, found one of {ask.subprotocol!r}")
    for request_type in version.csms_requests:
        if request_type.action == ask.action:
            return codec_of(version).decode(request_type, ask.payload)
    raise LocalProtocolError(f"expected an action that a central system may send, found {ask.action!r}")


def _failure_of(call_id: str, exc: Exception) -> Failure:
    match exc:
        case ConnectionClosed():
            return _closed_failure(call_id, exc.closed, was_sent=exc.was_sent)
        case CallRejected():
            details = msgspec.json.encode(exc.details)
            return Failure(call_id, "CallRejected", exc.description, str(exc.code), details)
        case CallTimeout():
            return Failure(call_id, "CallTimeout", str(exc))
        case InvalidResponse():
            return Failure(call_id, "InvalidResponse", str(exc))
        case LocalProtocolError():
            return Failure(call_id, "LocalProtocolError", str(exc))
    return Failure(call_id, "ValueError", str(exc))


def _closed_failure(call_id: str, closed: Closed, *, was_sent: bool) -> Failure:
    return Failure(
        call_id,
        "ConnectionClosed",
        closed.detail,
        reason=closed.reason,
        close_code=closed.code,
        was_sent=was_sent,
    )


def _error_of(failure: Failure) -> Exception:
    match failure.error:
        case "ConnectionClosed":
            closed = Closed(failure.reason, failure.close_code, failure.text)
            return ConnectionClosed(closed, was_sent=failure.was_sent)
        case "CallRejected":
            return CallRejected(
                failure.code, failure.text, details=msgspec.json.decode(failure.details), origin="remote"
            )
        case "CallTimeout":
            return CallTimeout(failure.text)
        case "InvalidResponse":
            return InvalidResponse(failure.text)
        case "LocalProtocolError":
            return LocalProtocolError(failure.text)
    return ValueError(failure.text)
