"""A version of one message with a member of every kind, its codec, and how that refuses."""

import json
from datetime import datetime
from enum import StrEnum

import attrs
import pytest

from ocpp_trio.errors import ErrorCode, RemoteProtocolError
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.fields import CiString20, Decimal1, NonNegative, OneOrMore
from ocpp_trio.wire.message import Defect, Payload, Request, Response, Version


class Colour(StrEnum):
    RED = "Red"
    BLUE = "Blue"


@attrs.frozen(kw_only=True)
class Part(Payload):
    """A nested object."""

    label_text: CiString20
    limit: Decimal1 | None = None


@attrs.frozen(kw_only=True)
class Group(Payload):
    """An object with a list of objects."""

    parts: OneOrMore[Part]


@attrs.frozen(kw_only=True)
class WholeResponse(Response):
    """A response of no members."""


@attrs.frozen(kw_only=True)
class WholeRequest(Request["WholeRequest", WholeResponse]):
    """One member of every kind."""

    item_count: NonNegative
    text: str | None = None
    token: CiString20 | None = None
    flag: bool | None = None
    number: float | None = None
    limit: Decimal1 | None = None
    moment: datetime | None = None
    colour: Colour | None = None
    part: Part | None = None
    groups: tuple[Group, ...] | None = None
    tokens: tuple[CiString20, ...] | None = None


# Every defect gets a code of its own, so that a test sees which one was found.
CODES = dict(zip(Defect, ErrorCode, strict=False))
VERSION = Version(
    subprotocol="ocpp0.1",
    charge_point_requests=(WholeRequest,),
    csms_requests=(),
    boot=WholeRequest,
    heartbeat=lambda: WholeRequest(item_count=0),
    error_codes=CODES,
    spellings={},
    triggers={},
)
codec = codec_of(VERSION)


def decode(members: object) -> WholeRequest:
    return codec.decode(WholeRequest, json.dumps(members).encode())


def refusal(raw: object) -> tuple[Defect, str, RemoteProtocolError]:
    """The defect, the path and the error with which a payload is refused."""
    text = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(WholeRequest, text)
    defect = next(defect for defect, code in CODES.items() if code == caught.value.code)
    return defect, caught.value.details["path"], caught.value
