"""Payload classes with a member of every kind."""

from datetime import datetime
from enum import StrEnum

import attrs

from ocpp_trio.wire.fields import CiString20, Decimal1, NonNegative, OneOrMore
from ocpp_trio.wire.message import Payload


class Colour(StrEnum):
    RED = "Red"
    BLUE = "Blue"


class Shade(StrEnum):
    RED = "Red"


@attrs.frozen(kw_only=True)
class Part(Payload):
    label: CiString20
    number: Decimal1 | None = None


@attrs.frozen(kw_only=True)
class Whole(Payload):
    text: str
    token: CiString20 | None = None
    flag: bool | None = None
    count: NonNegative | None = None
    number: float | None = None
    decimal: Decimal1 | None = None
    moment: datetime | None = None
    colour: Colour | None = None
    part: Part | None = None
    any_parts: tuple[Part, ...] | None = None
    some_parts: OneOrMore[Part] | None = None
    tokens: tuple[CiString20, ...] | None = None
    moments: tuple[datetime, ...] | None = None


@attrs.frozen(kw_only=True)
class Strict(Payload):
    moment: datetime
    parts: OneOrMore[Part]


@attrs.frozen(kw_only=True)
class Tenths(Payload):
    some: tuple[Decimal1, ...]
    more: tuple[Decimal1, ...] | None = None
    wholes: tuple[Whole, ...] | None = None
