"""Who waits for which message id: the pending table, sans I/O.

Owns the fate of every outgoing CALL. A call is settled exactly once; what comes for its id afterwards
is told apart as late or duplicate, and what comes for an id that never was as unknown.

    state      reply      time is up   caller gone   connection ends
    WAITING    ANSWERED   TIMED_OUT    CANCELLED     LOST
    CANCELLED  ABSORBED   TIMED_OUT    -             LOST

All other states are final. A cancelled call stays in the table: its CALL is on the wire and unanswered,
so it still counts as outstanding (OCPP-J 1.6 section 4.1.1).
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Any, Final, Generic, TypeVar

import attrs

from ocpp_trio.errors import LocalProtocolError
from ocpp_trio.wire.frames import MESSAGE_ID_LIMIT, Reply
from ocpp_trio.wire.message import Request

# A reply may still come after we gave up, and a peer may answer twice, so the ids of settled calls are
# kept for a while: late is not the same as unknown.
SETTLED_KEPT: Final = 64


class CallState(Enum):
    """Where a call is in its life."""

    __hash__ = object.__hash__  # by identity and in C: two of these are hashed for every call

    WAITING = auto()
    CANCELLED = auto()
    ANSWERED = auto()
    ABSORBED = auto()
    TIMED_OUT = auto()
    LOST = auto()


class Happening(Enum):
    """What can befall a call."""

    __hash__ = object.__hash__

    REPLY = auto()
    TIME_IS_UP = auto()
    CALLER_GONE = auto()
    CONNECTION_ENDED = auto()


class Match(Enum):
    """What a reply turned out to be."""

    MATCHED = "matched"
    LATE = "late"
    DUPLICATE = "duplicate"
    UNKNOWN = "unknown"
    MISMATCHED = "mismatched"


_TRANSITIONS: Final[Mapping[Happening, Mapping[CallState, CallState]]] = {
    Happening.REPLY: {CallState.WAITING: CallState.ANSWERED, CallState.CANCELLED: CallState.ABSORBED},
    Happening.TIME_IS_UP: {CallState.WAITING: CallState.TIMED_OUT, CallState.CANCELLED: CallState.TIMED_OUT},
    Happening.CALLER_GONE: {CallState.WAITING: CallState.CANCELLED},
    Happening.CONNECTION_ENDED: {CallState.WAITING: CallState.LOST, CallState.CANCELLED: CallState.LOST},
}

_MATCH_OF_SETTLED: Final[Mapping[CallState, Match]] = {
    CallState.ANSWERED: Match.DUPLICATE,
    CallState.ABSORBED: Match.DUPLICATE,
    CallState.TIMED_OUT: Match.LATE,
    CallState.LOST: Match.LATE,
}


@attrs.define(eq=False)
class PendingCall:
    """One outgoing CALL that is in the table, and the reply once there is one."""

    message_id: str
    request: Request[Any, Any]
    state: CallState = CallState.WAITING
    reply: Reply | None = None


CallT = TypeVar("CallT", bound=PendingCall)


class CorrelationTable(Generic[CallT]):
    """The pending calls of one connection, with whatever their owner keeps beside each."""

    def __init__(self) -> None:
        self._pending: dict[str, CallT] = {}
        self._settled: OrderedDict[str, CallState] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[CallT]:
        return iter(tuple(self._pending.values()))

    def open(self, call: CallT) -> CallT:
        """Enter a call. Raises LocalProtocolError if its id is too long, pending, or was settled lately."""
        message_id = call.message_id
        if len(message_id) > MESSAGE_ID_LIMIT:
            raise LocalProtocolError(
                f"expected a message id of at most {MESSAGE_ID_LIMIT} characters, found {message_id!r}"
            )
        if message_id in self._pending or message_id in self._settled:
            raise LocalProtocolError(f"expected a message id that was not used before, found {message_id!r}")
        self._pending[message_id] = call
        return call

    def withdraw(self, call: CallT) -> None:
        """Take back a call that was never handed over: as far as the peer knows it did not happen."""
        self._pending.pop(call.message_id, None)

    def match(self, reply: Reply) -> tuple[Match, CallT | None]:
        """Settle the call that a reply belongs to; at most one reply ever matches a call."""
        call = self._pending.get(reply.message_id)
        if call is None:
            settled = self._settled.get(reply.message_id)
            return (Match.UNKNOWN if settled is None else _MATCH_OF_SETTLED[settled]), None
        call.reply = reply
        self.happen(call, Happening.REPLY)
        return (Match.MATCHED if call.state is CallState.ANSWERED else Match.LATE), call

    def match_broken(self, message_id: str | None) -> Match:
        """What a malformed reply is: it never settles anything, the call may still get a proper one."""
        return Match.MISMATCHED if message_id in self._pending else Match.UNKNOWN

    def happen(self, call: CallT, happening: Happening) -> None:
        """Move a call along the transition table; raises LocalProtocolError where there is no way."""
        state = _TRANSITIONS[happening].get(call.state)
        if state is None:
            raise LocalProtocolError(f"a call that is {call.state.name} cannot meet {happening.name}")
        call.state = state
        if state is not CallState.CANCELLED:
            del self._pending[call.message_id]
            self._settled[call.message_id] = state
            if len(self._settled) > SETTLED_KEPT:
                self._settled.popitem(last=False)
