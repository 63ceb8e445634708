"""The rules in front of the WebSocket engine.

`Referee` sits between wsproto and the engine and applies our limits before the engine sees an event it
would choke on. Must not know the stream, the engine's insides or who uses it.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import trio
import wsproto
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)

from ocpp_trio.errors import Closed, CloseReason, SecurityEventKind
from ocpp_trio.link.arrivals import Arrivals
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.refusal import KEPT
from ocpp_trio.wire.shape import quote

_PEER_BLAMES_US: Final = frozenset({1002, 1003, 1007, 1008, 1009})
SUPERSEDED: Final = Closed(CloseReason.SUPERSEDED, 1008, "superseded by a newer connection")
"""How a session ends whose place was taken, at both ends: its words tell our clients that it was nothing they said."""


class Referee(wsproto.WSConnection):
    """wsproto with our limits in front of the engine, and a record of how things ended.

    Messages go to `arrivals` and not to the engine, which would spend more steps of the scheduler on each. After a
    violation, and after our own close frame, the engine gets no more events: it answers pings
    and oversize messages with frames that wsproto then refuses, which would end its reader in a crash.
    """

    def __init__(self, connection_type: ConnectionType, limits: Limits) -> None:
        super().__init__(connection_type)
        self._limits = limits
        self._parts: list[str] = []
        self._size = 0
        self._frames = 0
        self._ends_a_line = True
        self._stirred: trio.Event | None = None
        self.open = False
        """Whether messages may pass: `state`, but kept, because the engine takes four calls to say it."""
        self.settled = trio.Event()
        self.arrivals = Arrivals()
        self.explained = trio.Event()
        self.explanation = b""
        self.request: Request | None = None
        self.answer: AcceptConnection | RejectConnection | None = None
        self.violation: Closed | None = None
        self.peer_close: Closed | None = None

    def receive_data(self, data: bytes | None) -> None:
        if self.request is not None and self.state is ConnectionState.CONNECTING:
            self.violation = _TOO_EARLY
            raise wsproto.utilities.RemoteProtocolError(_TOO_EARLY.detail)
        self._ends_a_line = data is None or data.endswith(b"\n")
        try:
            super().receive_data(data)
        except wsproto.utilities.RemoteProtocolError as exc:
            kind = SecurityEventKind.MALFORMED_FRAMES if self.settled.is_set() else _KINDS_OF_REQUEST.get(str(exc))
            offence = kind or SecurityEventKind.HANDSHAKE_GARBAGE
            self.violation = Closed(
                CloseReason.PROTOCOL_ERROR, None, self._what_came(data) or str(exc), offence=offence
            )
            if self.client:
                exc.event_hint = None  # the engine would answer a response with a response
            elif str(exc) == _OTHER_METHOD:
                exc.event_hint = RejectConnection(status_code=405, headers=[(b"Allow", b"GET")])
            exc.args = (quote(str(exc)),)  # the engine would log it as it came
            raise

    def send(self, event: Event) -> bytes:
        data = super().send(event)
        if not isinstance(event, Message):
            self._note_state()
        return data

    def _note_state(self) -> None:
        self.open = self.state is ConnectionState.OPEN

    async def wait_stirred(self) -> None:
        """Wait until a message, a ping or a pong comes, or `stir` is called."""
        if self._stirred is None:
            self._stirred = trio.Event()
        await self._stirred.wait()

    def stir(self) -> None:
        """Wake whoever waits for a sign of the peer."""
        if self._stirred is not None:
            self._stirred.set()
            self._stirred = None

    def events(self) -> Iterator[Event]:  # type: ignore[override]  # a generator over there, an iterator to us
        for event in super().events():
            if isinstance(event, Message):
                self.stir()
                if self.open and (violation := self._take_part(event)) is not None:
                    yield self._break_off(violation)
                    return
                continue
            self._note_state()
            if isinstance(event, RejectData):
                self._note_explanation(event)
                yield event
            elif isinstance(event, CloseConnection):
                self._note_close(event)
                yield replace(event, reason=None)  # the engine would log it as it came
                self.arrivals.close()  # not before the engine has answered the close
            elif isinstance(event, Request):
                self.request = event
                self.settled.set()
                yield event
                if not self._ends_a_line:
                    yield self._break_off(_TOO_EARLY)
                    return
            else:
                if isinstance(event, Ping | Pong):
                    self.stir()
                elif isinstance(event, AcceptConnection | RejectConnection):
                    self.answer = event
                    self.settled.set()
                if self.open or not isinstance(event, Ping):
                    yield event

    def take_at_once(self, text: str) -> bool:
        """Take a message that came without frames, if there is room for it now; whether it did."""
        if not (self.open and self.arrivals.has_room):
            return False
        self.put_text(text)
        return True

    def put_text(self, text: str) -> None:
        """Take a message that came without frames, in its turn."""
        if self.open and self.violation is None:
            self.stir()
            limit = self._limits.message_size
            if len(text) * _LONGEST_CHARACTER > limit and _size_of(text) > limit:  # most need not be measured
                self._break_off(_oversize(1009, f"{limit} bytes"))
            else:
                self.arrivals.put(text)

    async def wait_room(self) -> None:
        await self.arrivals.wait_room()

    def _break_off(self, violation: Closed) -> CloseConnection:
        self.violation = violation
        self.arrivals.close()
        return CloseConnection(code=violation.code or 0, reason=violation.detail)

    def _what_came(self, data: bytes | None) -> str | None:
        shaking = self.request is None and self.answer is None
        return _FOUND_TLS if shaking and data is not None and data[:2] in _TLS_RECORDS else None

    def _note_explanation(self, event: RejectData) -> None:
        self.explanation += event.data[: KEPT - len(self.explanation)]
        if event.body_finished or len(self.explanation) == KEPT:
            self.explained.set()

    def _note_close(self, event: CloseConnection) -> None:
        detail = event.reason or ""
        if self.state in (ConnectionState.REMOTE_CLOSING, ConnectionState.CLOSED):
            self.peer_close = Closed(_reason_of(event.code, detail), int(event.code), detail)
        else:
            malformed = SecurityEventKind.MALFORMED_FRAMES
            self.violation = Closed(CloseReason.PROTOCOL_ERROR, int(event.code), detail, offence=malformed)

    def _take_part(self, event: Message[Any]) -> Closed | None:
        """Add a piece of a message, and charge it against the limits of the whole."""
        if not isinstance(event, TextMessage):
            return _violation(1003, "expected text, found a binary message", SecurityEventKind.MALFORMED_FRAMES)
        self._parts.append(event.data)
        self._size += _size_of(event.data)
        self._frames += event.frame_finished
        if self._size > self._limits.message_size:
            return _oversize(1009, f"{self._limits.message_size} bytes")
        if self._frames > self._limits.frames_per_message:
            return _oversize(1008, f"{self._limits.frames_per_message} frames")
        if event.message_finished:
            self.arrivals.put("".join(self._parts))
            self._parts.clear()
            self._size = self._frames = 0
        return None


# What a TLS client, or a TLS server that does not like what we said, begins with: content type and major version.
_TLS_RECORDS: Final = (b"\x16\x03", b"\x15\x03")
_FOUND_TLS: Final = "expected plain HTTP, found TLS: one end has a ws:// URL or port and the other one wss://"


_OTHER_METHOD: Final = "Request method must be GET"
# What wsproto says of a request that is good HTTP and asks for something else; it answers 400 to all of them.
_KINDS_OF_REQUEST: Final = dict.fromkeys(
    (_OTHER_METHOD, "Missing header, 'Connection: Upgrade'", "Missing header, 'Upgrade: websocket'"),
    SecurityEventKind.PLAIN_HTTP,
)


def _reason_of(code: int, detail: str) -> CloseReason:
    """What a peer's close frame means."""
    if (code, detail) == (SUPERSEDED.code, SUPERSEDED.detail):
        return CloseReason.SUPERSEDED
    return CloseReason.PROTOCOL_ERROR if code in _PEER_BLAMES_US else CloseReason.CLEAN


_LONGEST_CHARACTER: Final = 4
"""Bytes that a character may take in UTF-8 (RFC 3629 section 3)."""


def _size_of(text: str) -> int:
    """Its bytes on the wire."""
    return len(text) if text.isascii() else len(text.encode())


def _violation(code: int, detail: str, offence: SecurityEventKind) -> Closed:
    return Closed(CloseReason.PROTOCOL_ERROR, code, detail, offence=offence)


def _oversize(code: int, limit: str) -> Closed:
    return _violation(code, f"expected at most {limit} in a message", SecurityEventKind.OVERSIZE)


# RFC 6455 section 4.1. The parser would keep whatever comes for as long as the request is being judged, and
# drop it then.
_TOO_EARLY: Final = _violation(
    1002, "expected silence until the upgrade is answered", SecurityEventKind.HANDSHAKE_GARBAGE
)
