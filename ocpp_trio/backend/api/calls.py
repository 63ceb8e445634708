"""Calls to a station on an operator's behalf: JSON as on OCPP's wire in, the reply or a status out.

Owns which status says how a call ended.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import trio
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse

from ocpp_trio import (
    CallFailed,
    CallRejected,
    CallTimeout,
    Codec,
    ConnectionClosed,
    InvalidResponse,
    LocalProtocolError,
    RemoteProtocolError,
    Request,
    Response,
    Version,
    codec_of,
)
from ocpp_trio.backend.api.desk import Desk
from ocpp_trio.backend.api.problems import Problem
from ocpp_trio.backend.api.reading import json_body


@attrs.frozen
class _Way:
    """To a station, by its session here or by the node that has it."""

    version: Version
    call: Callable[[Request[Any, Any]], Awaitable[Response]]


async def call_station(desk: Desk, request: HttpRequest) -> HttpResponse:
    """Send a request to a station and answer with its reply.

    A client that goes away does not take the call back: the station may have acted on it.
    """
    way = _way_to(desk, request.path_params["identity"])
    request_type = _request_type(way.version, request.path_params["action"])
    codec = codec_of(way.version)
    call = _read(codec, request_type, await json_body(request, desk.limits))
    reply = await _call(desk, way, call)
    return HttpResponse(codec.encode(reply), media_type="application/json")


def _way_to(desk: Desk, identity: str) -> _Way:
    session = desk.sessions().get(identity)
    if session is not None:
        return _Way(session.version, session.call)
    if desk.node is not None and desk.node.where(identity) is not None:
        return _Way(desk.node.version, partial(desk.node.call, identity))
    if desk.live.station(identity) is None:
        raise Problem(404, f"found no station {identity!r}, expected one that has been heard of lately")
    raise Problem(409, f"found {identity!r} not connected, expected a connected station", error="NotConnected")


def _request_type(version: Version, action: str) -> type[Request[Any, Any]]:
    actions = {request_type.action: request_type for request_type in version.csms_requests}
    if action not in actions:
        expected = sorted(actions)
        raise Problem(404, f"found action {action!r}, expected one that a central system may send", expected=expected)
    return actions[action]


def _read(codec: Codec, request_type: type[Request[Any, Any]], body: bytes) -> Request[Any, Any]:
    try:
        return codec.decode(request_type, body)
    except RemoteProtocolError as wrong:
        # The codec speaks of peers; here the one who broke a rule is the caller.
        malformed = wrong.details.get("path") == "$" and wrong.details.get("expected") == "JSON"
        raise Problem(
            400 if malformed else 422, str(wrong), error="InvalidPayload", code=str(wrong.code), **wrong.details
        ) from None


async def _call(desk: Desk, way: _Way, call: Request[Any, Any]) -> Response:
    try:
        with trio.fail_after(desk.limits.call_deadline):
            reply = await way.call(call)
    except trio.TooSlowError:
        seconds = desk.limits.call_deadline
        raise Problem(504, f"expected a reply within {seconds:g} s, found none", error="CallTimeout") from None
    except CallFailed as failed:
        raise _problem_of(failed) from None
    except LocalProtocolError as refused:
        raise Problem(409, str(refused), error="LocalProtocolError") from None
    except ValueError as wrong:
        raise Problem(422, str(wrong), error="InvalidPayload") from None
    return reply


def _problem_of(failed: CallFailed) -> Problem:
    error = type(failed).__name__
    match failed:
        case CallRejected():
            return Problem(
                502,
                f"the station answered with an error: {failed}",
                error=error,
                code=str(failed.code),
                description=failed.description,
                details=dict(failed.details),
            )
        case InvalidResponse():
            return Problem(502, f"the station's reply does not fit: {failed}", error=error)
        case CallTimeout():
            return Problem(504, f"the station did not reply: {failed}", error=error)
        case ConnectionClosed():
            return Problem(503, f"the connection ended: {failed}", error=error, was_sent=failed.was_sent)
    return Problem(502, str(failed), error=error)
