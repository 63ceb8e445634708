"""What a codec may let pass although the specification forbids it, for peers that cannot be changed.

Owns the names of these defects and how a value with one of them is read. The codec asks only for payloads
that it has already refused, so that a strict codec, and a sound message at a lenient one, cost nothing.
"""

import re
from datetime import datetime
from enum import Enum, Flag, auto
from typing import Any, Final

import attrs

from ocpp_trio.wire.moment import moment_of
from ocpp_trio.wire.shape import Member


class Leniency(Flag):
    """Defects of incoming payloads that are let pass; joined with `|`, taken away with `& ~`.

    Reading only: what is sent is always checked. A payload that was read leniently has not been through the
    check of its constructor, so it may hold text where its class says enumeration; to send it on is a
    ValueError that names the field.
    """

    STRICT = 0
    MISSING_OFFSETS = auto()
    """A date-time without a time zone is one of UTC."""
    LOOSE_DATE_TIMES = auto()
    """A space for the `T` of a date-time, and an offset without its colon, are put right."""
    NULLS = auto()
    """`null` stands for an optional member that is absent."""
    EXTRA_MEMBERS = auto()
    """Members that the specification does not know are dropped."""
    LONG_STRINGS = auto()
    """Text beyond its limit is kept, whole: cutting an identifier would make it another one."""
    LOOSE_NUMBERS = auto()
    """Text that is a number, a number where text should be, and 1.0 for an integer are converted.

    Within bounds: no exponent in text, no float beyond 2**53 for an integer, and as text only a float that
    is written without an exponent.
    """
    UNKNOWN_ENUM_VALUES = auto()
    """A value that an enumeration does not know stays the text it is."""
    EMPTY_LISTS = auto()
    """A list that should have an element may have none."""
    ALL = (
        MISSING_OFFSETS
        | LOOSE_DATE_TIMES
        | NULLS
        | EXTRA_MEMBERS
        | LONG_STRINGS
        | LOOSE_NUMBERS
        | UNKNOWN_ENUM_VALUES
        | EMPTY_LISTS
    )  # fmt: skip


@attrs.frozen(kw_only=True)
class Allowance:
    """A defect that was let pass: in which payload, where in its JSON text, and by which leniency."""

    payload_type: str
    leniency: Leniency
    path: str
    expected: str
    found: str

    @property
    def kind(self) -> str:
        """The leniency in one word, for counters and logs."""
        return str(self.leniency.name).lower()


KEPT: Final = Leniency.LONG_STRINGS | Leniency.UNKNOWN_ENUM_VALUES | Leniency.MISSING_OFFSETS
"""After these the value is final; after the others it has rules of its own to keep."""

# No exponent, and digits as no meter has them: a number that is text is a small one.
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_BARE_OFFSET: Final = re.compile(r"([+-][0-9]{2})([0-9]{2})\Z")


_EXACT: Final = 2**53
"""Up to here every integer is a float; 1e300 for an integer is not what anybody has counted."""


def is_text(value: str) -> bool:
    """Whether it is made of characters; half a surrogate pair, legal in a JSON escape, is none."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def second_reading(member: Member, value: Any) -> tuple[Leniency, Any]:  # noqa: ANN401  # what a JSON parser hands out
    """How a leaf that breaks a rule could be read all the same, and what leniency that takes: STRICT for none."""
    if type(value) is str:
        return _second_reading_of_text(member, value) if is_text(value) else (Leniency.STRICT, value)
    if type(value) is float and member.leaf is int and value.is_integer() and abs(value) <= _EXACT:
        return Leniency.LOOSE_NUMBERS, int(value)
    # Infinity, which 1e400 becomes, has letters in its text as has an exponent.
    if member.leaf is str and (type(value) is int or (type(value) is float and not repr(value).strip("-.0123456789"))):
        return Leniency.LOOSE_NUMBERS, repr(value)
    return Leniency.STRICT, value


def _second_reading_of_text(member: Member, text: str) -> tuple[Leniency, Any]:
    if issubclass(member.leaf, Enum):
        return Leniency.UNKNOWN_ENUM_VALUES, text
    if member.leaf is str:
        return Leniency.LONG_STRINGS, text
    if member.leaf is datetime:
        return _second_reading_of_moment(text)
    if member.leaf in (int, float) and _NUMBER.fullmatch(text):
        return Leniency.LOOSE_NUMBERS, float(text) if "." in text else int(text)
    return Leniency.STRICT, text


def _second_reading_of_moment(text: str) -> tuple[Leniency, Any]:
    in_utc = moment_of(f"{text}Z")
    if in_utc is not None:
        return Leniency.MISSING_OFFSETS, in_utc
    tidy = _BARE_OFFSET.sub(r"\1:\2", f"{text[:10]}T{text[11:]}" if text[10:11] == " " else text)
    if moment_of(tidy) or moment_of(f"{tidy}Z"):
        return Leniency.LOOSE_DATE_TIMES, tidy
    return Leniency.STRICT, text
