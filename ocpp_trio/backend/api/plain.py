"""Records and events as plain data and as JSON.

Our own names stay as they are in Python; what came over OCPP is spelt as on its wire. Date-times are UTC with a Z.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

from ocpp_trio import make_converter
from ocpp_trio.backend.events import Event, Known

_converter: Final = make_converter()


def as_plain(value: Known) -> Mapping[str, Any]:
    """A record as a JSON object."""
    plain: Mapping[str, Any] = _converter.unstructure(value)
    return plain


def event_as_plain(event: Event) -> Mapping[str, Any]:
    """An event as a JSON object, the record inside it."""
    plain: Mapping[str, Any] = _converter.unstructure(event)
    return plain


def dump(plain: object) -> str:
    """Compact JSON."""
    return msgspec.json.encode(plain).decode()


def json_response(plain: object, status: int = 200) -> Response:
    """An answer with a JSON body."""
    return Response(msgspec.json.encode(plain), status, media_type="application/json")
