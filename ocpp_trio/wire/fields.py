"""The field types that all OCPP versions share, as annotated Python types.

Owns what a single value may be: its length, range, number of decimals, cardinality. The codec reads
these annotations once per class; nothing here runs per message.
"""

from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

import attrs

T = TypeVar("T")

WIRE_NAME: Final = "ocpp_trio.wire_name"


@attrs.frozen
class MaxLength:
    """A string of at most `limit` characters (not bytes: OCPP counts characters)."""

    limit: int


@attrs.frozen
class AtLeast:
    """An integer that is not below `limit`; where a peer's message is better answered than refused, `read_from`
    is the lower limit of what is read."""

    limit: int
    read_from: int = attrs.field(default=attrs.Factory(lambda self: self.limit, takes_self=True))


@attrs.frozen
class OneDecimal:
    """A number with at most one decimal digit."""


@attrs.frozen
class NonEmpty:
    """A list with at least one element."""


def wire_name(name: str) -> Mapping[str, str]:
    """Metadata for a field whose JSON name is not the camelCase of its Python name."""
    return {WIRE_NAME: name}


# CiString of the specification: compared without case, kept as written. String has the same limits
# but is compared exactly; on the wire the two are alike.
CiString20 = Annotated[str, MaxLength(20)]
CiString25 = Annotated[str, MaxLength(25)]
CiString40 = Annotated[str, MaxLength(40)]
CiString50 = Annotated[str, MaxLength(50)]
CiString128 = Annotated[str, MaxLength(128)]
CiString255 = Annotated[str, MaxLength(255)]
CiString500 = Annotated[str, MaxLength(500)]
IdToken = CiString20

String50 = Annotated[str, MaxLength(50)]
String255 = Annotated[str, MaxLength(255)]
String512 = Annotated[str, MaxLength(512)]
String800 = Annotated[str, MaxLength(800)]
String5500 = Annotated[str, MaxLength(5500)]
String10000 = Annotated[str, MaxLength(10_000)]

NonNegative = Annotated[int, AtLeast(0)]
Positive = Annotated[int, AtLeast(1)]
Decimal1 = Annotated[float, OneDecimal()]
OneOrMore = Annotated[tuple[T, ...], NonEmpty()]
