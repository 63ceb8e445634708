"""The exception tree and the vocabularies that travel with it: error codes, close reasons, security events.

    OcppError
    ├── ProtocolError            somebody broke OCPP-J
    │   ├── LocalProtocolError     we, or the code calling us
    │   └── RemoteProtocolError    the peer; .code is the CALLERROR that answers it
    ├── HandshakeError           no session came to be; says at which step and why
    └── CallFailed               call() has no response to return; .origin says who said so
        ├── CallRejected           a CALLERROR arrived; raised inside a handler it sends one
        ├── CallTimeout            synthesized here, never a frame; also a TimeoutError
        ├── InvalidResponse        the reply does not fit the request's response type
        └── ConnectionClosed       synthesized here; .was_sent tells whether the peer may have seen the CALL

Pure: knows neither trio nor the wire.
"""

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Any, Literal

import attrs

Origin = Literal["local", "remote"]


@unique
class ErrorCode(StrEnum):
    """Every CALLERROR code of OCPP-J 1.6 and 2.x (OCPP-J 1.6 section 4.2.3).

    The two odd 1.6 spellings are frozen in that version and real; 2.x corrected them.
    """

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMATION_VIOLATION = "FormationViolation"
    FORMAT_VIOLATION = "FormatViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurrenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"
    MESSAGE_TYPE_NOT_SUPPORTED = "MessageTypeNotSupported"
    RPC_FRAMEWORK_ERROR = "RpcFrameworkError"


@unique
class CloseReason(StrEnum):
    """Why a connection ended, as one word for counters, logs and decisions."""

    CLEAN = "clean"
    """The peer closed with a close frame."""
    TRANSPORT_ERROR = "transport_error"
    """TCP ended without a close frame, or a write did not finish in time."""
    PROTOCOL_ERROR = "protocol_error"
    """Somebody broke WebSocket or OCPP-J; the code on the wire says which rule."""
    KEEPALIVE_TIMEOUT = "keepalive_timeout"
    """A ping was not answered: the link is half open."""
    SUPERSEDED = "superseded"
    """A newer connection of the same identity took its place."""
    REFUSED = "refused"
    """The peer answered the upgrade with an HTTP status other than 101."""
    TLS_FAILURE = "tls_failure"
    """The TLS handshake failed, or what came later was not what TLS lets pass."""
    FORCED = "forced"
    """`drop_link()`: cut on purpose."""
    STOPPING = "stopping"
    """This end is shutting down."""


@unique
class SecurityEventKind(StrEnum):
    """What a peer did that whoever watches over the system should hear of, as one word for counters and alarms."""

    TWIN_CONNECTION = "twin_connection"
    """A second connection of an identity that has a session; the detail says which of the two stays."""
    FLAPPING_IDENTITY = "flapping_identity"
    """Connections of one identity took its place from each other too often, and one more was refused."""
    AUTHENTICATION_FAILURE = "authentication_failure"
    """Credentials were refused with 401 or 403."""
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    """Whoever failed too often is not heard for a while (429); told once in that while, and not for each attempt."""
    MALFORMED_FRAMES = "malformed_frames"
    """A connection was closed because of what is no WebSocket frame, or no OCPP-J frame time and again."""
    FLOOD = "flood"
    """A connection was closed because of more CALLs than the one-CALL rule excuses."""
    OVERSIZE = "oversize"
    """A connection was closed because of a message with too many bytes or frames."""
    HANDSHAKE_GARBAGE = "handshake_garbage"
    """What came instead of a WebSocket handshake is none."""
    PLAIN_HTTP = "plain_http"
    """An HTTP request that asks for no WebSocket: a health check, a browser, a scanner. No reason to wake anybody."""


@attrs.frozen
class Closed:
    """How a connection ended: the reason, the WebSocket close code if there is one, and a sentence.

    `status` is the HTTP status where a charge point was refused with one. `offence` is the security event that
    this end is, if it is one; two ends that differ in nothing else are equal.
    """

    reason: CloseReason
    code: int | None = None
    detail: str = ""
    status: int | None = attrs.field(default=None, kw_only=True)
    offence: SecurityEventKind | None = attrs.field(default=None, kw_only=True, eq=False, repr=False)

    def __str__(self) -> str:
        code = "" if self.code is None else f" ({self.code})"
        return f"{self.reason.value}{code}{': ' if self.detail else ''}{self.detail}"


class OcppError(Exception):
    """Base of everything this library raises on purpose."""


class ProtocolError(OcppError):
    """Somebody broke OCPP-J."""


class LocalProtocolError(ProtocolError):
    """This end, or the code calling it, asked for something the protocol forbids."""


class RemoteProtocolError(ProtocolError):
    """The peer broke OCPP-J.

    `code` is the CALLERROR code that answers the defect (OCPP-J 1.6 section 4.2.3), `details` its
    errorDetails, and `message_id` the id to answer under: None where there is nobody to answer.
    """

    def __init__(
        self,
        code: str,
        description: str,
        *,
        details: Mapping[str, Any] | None = None,
        message_id: str | None = None,
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.details: Mapping[str, Any] = details or {}
        self.message_id = message_id


class HandshakeError(OcppError):
    """No session came to be.

    `closed` carries the reason, `status` the HTTP status if the peer refused with one, `retry_after` the
    seconds it asked us to stay away, and `explanation` the beginning of what it said to it: at most 200
    characters, printable and in one line, also in the text of `closed`.
    """

    def __init__(
        self, closed: Closed, *, status: int | None = None, retry_after: float | None = None, explanation: str = ""
    ) -> None:
        super().__init__(str(closed))
        self.closed = closed
        self.status = status
        self.retry_after = retry_after
        self.explanation = explanation


class CallFailed(OcppError):
    """A call ended without a response. `origin` is "remote" if the peer said so in a frame."""

    origin: Origin = "local"


class CallRejected(CallFailed):
    """A CALLERROR answered the call; raised inside a handler it is what the peer gets to see.

    `code` is an `ErrorCode` where the peer used a known one and its own text otherwise (OCPP-J 1.6
    section 4.2.3); `details` are the members of errorDetails. `origin` is "remote" for one that arrived,
    so that a handler whose own call was rejected does not pass the peer's error off as its answer.
    """

    def __init__(
        self,
        code: str,
        description: str = "",
        details: Mapping[str, Any] | None = None,
        *,
        origin: Origin = "local",
    ) -> None:
        super().__init__(f"{code}: {description}" if description else str(code))
        self.origin = origin
        self.code = code
        self.description = description
        self.details: Mapping[str, Any] = details or {}


class CallTimeout(CallFailed, TimeoutError):
    """No reply came within the call timeout. Synthesized here: it never was a frame."""


class InvalidResponse(CallFailed):
    """A CALLRESULT came whose payload does not fit the response type of the request."""


class ConnectionClosed(CallFailed):
    """The connection ended, or there is none.

    `closed` says why; `was_sent` is False only if it is certain that the CALL never left this end.
    """

    def __init__(self, closed: Closed, *, was_sent: bool = False) -> None:
        super().__init__(str(closed))
        self.closed = closed
        self.was_sent = was_sent

    @property
    def reason(self) -> CloseReason:
        """The reason in one word."""
        return self.closed.reason


def is_loss(error: BaseException) -> bool:
    """Whether an error says nothing but that a connection ended; calls side by side say it in a group."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_loss(each) for each in error.exceptions)
    return isinstance(error, ConnectionClosed)
