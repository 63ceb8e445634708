"""OCPP-J frames: the JSON array around a payload (OCPP-J 1.6 section 4.2).

Owns the text on both sides of the array; a payload stays JSON text until the codec knows its class.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import msgspec

from ocpp_trio.errors import OcppError

MESSAGE_ID_LIMIT: Final = 36
"""Characters of a message id, enough for a UUID (OCPP-J 1.6 section 4.1.4)."""
DESCRIPTION_LIMIT: Final = 255
"""Characters of an errorDescription that we send; 2.x states this limit, 1.6 none."""


# Values like all others, but made for every frame: attrs would take six times as long.
class Call(msgspec.Struct, frozen=True):
    """`[2, id, action, payload]`; the payload is its JSON text in UTF-8."""

    message_id: str
    action: str
    payload: bytes


class CallResult(msgspec.Struct, frozen=True):
    """`[3, id, payload]`; the payload is its JSON text in UTF-8."""

    message_id: str
    payload: bytes


class CallError(msgspec.Struct, frozen=True):
    """`[4, id, code, description, details]`."""

    message_id: str
    code: str
    description: str = ""
    details: Mapping[str, Any] = msgspec.field(default_factory=dict)


Reply = CallResult | CallError
Frame = Call | CallResult | CallError


class FrameError(OcppError):
    """Text that is not an OCPP-J frame.

    `call_id` is the id of a CALL that can be answered with a CALLERROR, `reply_id` the id that a
    malformed reply names; both are None where nothing can be recovered.
    """

    def __init__(self, description: str, *, call_id: str | None = None, reply_id: str | None = None) -> None:
        super().__init__(description)
        self.description = description
        self.call_id = call_id
        self.reply_id = reply_id


_MessageId = Annotated[str, msgspec.Meta(min_length=1, max_length=MESSAGE_ID_LIMIT)]


class _ExactCall(msgspec.Struct, array_like=True, tag=2, forbid_unknown_fields=True, gc=False):
    message_id: _MessageId
    action: str
    payload: msgspec.Raw


class _ExactResult(msgspec.Struct, array_like=True, tag=3, forbid_unknown_fields=True, gc=False):
    message_id: _MessageId
    payload: msgspec.Raw


_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_exact: Final = msgspec.json.Decoder(_ExactCall | _ExactResult).decode
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_string: Final = msgspec.json.Decoder(str).decode
_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_encode: Final = msgspec.json.Encoder().encode


def parse_frame(text: str) -> Frame:
    """Read one frame. Raises FrameError, which says whether and under which id to answer.

    A frame as the specification has it is read in one go; every other text is looked at piece by piece.
    """
    try:
        exact = _exact(text)
    except _UNREADABLE:
        return _parse_leniently(text)
    payload = bytes(exact.payload)
    if payload[:1] != b"{":
        return _parse_leniently(text)
    if type(exact) is _ExactCall:
        return Call(exact.message_id, exact.action, payload)
    return CallResult(exact.message_id, payload)


def _parse_leniently(text: str) -> Frame:
    try:
        elements = _elements(text)
    except _UNREADABLE as exc:
        raise FrameError(f"expected a JSON array, found text that is none: {exc}") from exc
    reader = _READERS.get(bytes(elements[0])) if elements else None
    if reader is None:
        found = "nothing" if not elements else repr(bytes(elements[0])[:20])
        raise FrameError(f"expected message type 2, 3 or 4, found {found}")
    return reader(elements)


def dump_call(message_id: str, action: str, payload: bytes) -> str:
    """The text of a CALL; id and action are escaped, the payload is JSON already."""
    return (b"[2,%b,%b,%b]" % (_encode(message_id), _encode(action), payload)).decode()


def dump_result(message_id: str, payload: bytes) -> str:
    """The text of a CALLRESULT."""
    return (b"[3,%b,%b]" % (_encode(message_id), payload)).decode()


def dump_error(error: CallError) -> str:
    """The text of a CALLERROR, its description cut to 255 characters."""
    description = error.description[:DESCRIPTION_LIMIT]
    return _encode([4, error.message_id, error.code, description, error.details]).decode()


def _read_call(elements: list[msgspec.Raw]) -> Call:
    message_id = _message_id(elements)
    if message_id is None:
        raise FrameError("expected a non-empty string as message id of a CALL")
    if len(message_id) > MESSAGE_ID_LIMIT:
        found = len(message_id)
        raise FrameError(f"expected a message id of at most 36 characters, found {found}", call_id=message_id)
    if len(elements) != 4:
        raise FrameError(f"expected a CALL of 4 elements, found {len(elements)}", call_id=message_id)
    action = _as_string(elements[2])
    if action is None:
        raise FrameError("expected a string as action", call_id=message_id)
    payload = _payload(elements[3])
    if payload is None:
        raise FrameError("expected an object as payload", call_id=message_id)
    return Call(message_id, action, payload)


def _read_result(elements: list[msgspec.Raw]) -> CallResult:
    message_id = _reply_id(elements)
    payload = _payload(elements[2]) if len(elements) == 3 else None
    if payload is None:
        raise FrameError("expected a CALLRESULT of 3 elements with an object at the end", reply_id=message_id)
    return CallResult(message_id, payload)


def _read_error(elements: list[msgspec.Raw]) -> CallError:
    """Lenient at the end: description and details may be missing, as some stations leave them out."""
    message_id = _reply_id(elements)
    code = _as_string(elements[2]) if 3 <= len(elements) <= 5 else None
    description = "" if len(elements) < 4 else _as_string(elements[3])
    details = b"{}" if len(elements) < 5 else _payload(elements[4])
    if code is None or description is None or details is None:
        raise FrameError("expected a CALLERROR of code, description and details", reply_id=message_id)
    return CallError(message_id, code, description, _details(details, message_id))


def _details(raw: bytes, message_id: str) -> Mapping[str, Any]:
    try:
        return _object(raw)
    except _UNREADABLE as exc:
        raise FrameError(f"expected readable error details: {exc}", reply_id=message_id) from exc


_READERS: Final[Mapping[bytes, Callable[[list[msgspec.Raw]], Frame]]] = {
    b"2": _read_call,
    b"3": _read_result,
    b"4": _read_error,
}


def _reply_id(elements: list[msgspec.Raw]) -> str:
    message_id = _message_id(elements)
    if message_id is None:
        raise FrameError("expected a non-empty string as message id of a reply")
    return message_id


def _message_id(elements: list[msgspec.Raw]) -> str | None:
    return (_as_string(elements[1]) or None) if len(elements) > 1 else None


def _as_string(raw: msgspec.Raw) -> str | None:
    try:
        return _string(raw)
    except (msgspec.MsgspecError, ValueError):
        return None


def _payload(raw: msgspec.Raw) -> bytes | None:
    """The object's text; `null` counts as `{}`, which 1.6 peers send for "no content"."""
    text = bytes(raw)
    if text == b"null":
        return b"{}"
    return text if text[:1] == b"{" else None
