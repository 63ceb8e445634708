"""The shape of a payload class, read once from its annotations.

Owns the reading of annotated types into plain descriptions (`Shape`, `Member`). The codec's fast and
slow halves and the check of a person's values are all made from them, so that they cannot disagree.
"""

import reprlib
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import attrs

from ocpp_trio.wire.fields import WIRE_NAME, AtLeast, MaxLength, NonEmpty, OneDecimal

FOUND_LIMIT: Final = 60
"""Characters of an offending value that a message quotes: enough to recognise it, too few to flood a log."""


@attrs.frozen(kw_only=True)
class Member:
    """One member of a JSON object: its names, its leaf type and its rules."""

    name: str
    wire_name: str
    leaf: type
    required: bool
    many: bool
    non_empty: bool = False
    max_length: int | None = None
    at_least: int | None = None
    read_from: int | None = None
    """As `at_least`, but for what a peer sends."""
    one_decimal: bool = False

    @property
    def nested(self) -> bool:
        """Whether the leaf is itself a payload class."""
        return attrs.has(self.leaf)

    @property
    def expected(self) -> str:
        """What a leaf value must be, as the end of the sentence "expected …"."""
        if issubclass(self.leaf, Enum):
            return "one of " + ", ".join(str(member.value) for member in self.leaf)
        if self.max_length is not None:
            return f"a string of at most {self.max_length} characters"
        if self.at_least is not None:
            return f"an integer of at least {self.at_least}"
        if self.one_decimal:
            return "a number with at most one decimal digit"
        return _EXPECTED.get(self.leaf, "an object")

    @property
    def expected_whole(self) -> str:
        """The same of all that the member holds: a leaf, or a list of them."""
        if not self.many:
            return self.expected
        return "a list of at least one element" if self.non_empty else "a list"


@attrs.frozen
class Shape:
    """A payload class as a list of members, in the order of the specification."""

    payload_type: type
    members: tuple[Member, ...]


_EXPECTED: Final[Mapping[type, str]] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "a boolean",
    datetime: "a date-time with a time zone",
}


def shape_of(payload_type: type) -> Shape:
    """Read the annotated fields of an attrs class."""
    fields = attrs.fields(attrs.resolve_types(payload_type, include_extras=True))
    return Shape(payload_type, tuple(_member(field) for field in fields))


def _member(field: "attrs.Attribute[Any]") -> Member:
    annotation, rules = _unwrap(field.type)
    many = get_origin(annotation) is tuple
    if many:
        annotation, leaf_rules = _unwrap(get_args(annotation)[0])
        rules += leaf_rules
    known = {type(rule): rule for rule in rules}
    if not isinstance(annotation, type):
        raise TypeError(f"field {field.name!r}: expected a class, found {annotation!r}")
    if field.default not in (attrs.NOTHING, None):
        raise TypeError(f"field {field.name!r}: expected no default but None, found {field.default!r}")
    length, minimum = known.get(MaxLength), known.get(AtLeast)
    return Member(
        name=field.name,
        wire_name=field.metadata.get(WIRE_NAME) or camel_case(field.name),
        leaf=annotation,
        required=field.default is attrs.NOTHING,
        many=many,
        non_empty=NonEmpty in known,
        max_length=length.limit if isinstance(length, MaxLength) else None,
        at_least=minimum.limit if isinstance(minimum, AtLeast) else None,
        read_from=minimum.read_from if isinstance(minimum, AtLeast) else None,
        one_decimal=OneDecimal in known,
    )


def _unwrap(annotation: object) -> tuple[object, tuple[object, ...]]:
    """Strip `| None` and `Annotated`, and hand back the rules that were there."""
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (arm for arm in get_args(annotation) if arm is not type(None))
    if get_origin(annotation) is Annotated:
        annotation, *rules = get_args(annotation)
        return annotation, tuple(rules)
    return annotation, ()


def camel_case(name: str) -> str:
    """`charge_point_vendor` -> `chargePointVendor`."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def quote(value: object) -> str:
    """An offending value for a message: its repr, so that peer text is escaped, cut to a sane length."""
    if type(value) is str or type(value) is bytes:
        value = value[:FOUND_LIMIT]
    # reprlib stops at a few elements and levels: a peer's list may be long, and too deep for repr().
    text = reprlib.repr(value) if isinstance(value, list | tuple | dict) else repr(value)
    return text if len(text) <= FOUND_LIMIT else text[:FOUND_LIMIT] + "…"
