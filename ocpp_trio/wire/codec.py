"""One strict codec per OCPP version: payload objects to JSON text and back, defects to error codes.

Two halves. The fast one is code generated per class (`compiled`), and it is all that a correct message
ever meets. The slow one is a cattrs converter: it is asked only after the fast half refused, says where
and why, and is the converter that people extend and use for data of their own.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, NoReturn, TypeVar

import attrs
import cattrs
import msgspec
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.wire.compiled import FLOAT_MAX, Misfit, reader_of, stamp, writer_of
from ocpp_trio.wire.message import Defect, Payload, Version
from ocpp_trio.wire.shape import Member, quote

PayloadT = TypeVar("PayloadT", bound=Payload)
Json = Any
"""What a JSON parser hands out."""
Hook = Callable[[Json, Any], Any]
"""A cattrs hook: a value and the type it should become."""

FAILURES_KEPT: Final = 16
"""Faulty elements of one list that are looked into: a frame can hold a hundred thousand of them, and to find
the first defect by rank among so many would stop everything else for seconds."""
_Moment: Final = Annotated[datetime, msgspec.Meta(tz=True)]


class DefectError(ValueError):
    """One leaf or member that breaks a rule; raised by the converter's hooks."""

    def __init__(self, defect: Defect, expected: str, found: object) -> None:
        super().__init__(f"expected {expected}, found {quote(found)}")
        self.defect = defect
        self.expected = expected
        self.found = found


@attrs.frozen
class Finding:
    """A defect at its place in the JSON text: `$.meterValue[0].sampledValue[1].value`."""

    defect: Defect
    path: str
    expected: str
    found: str


class Codec:
    """Reads and writes the payloads of one version. `codec_of(version)` hands out the one instance."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.converter = _strict_converter()

    def encode(self, payload: Payload) -> bytes:
        """Compact JSON of a payload.

        Raises ValueError for text that UTF-8 cannot carry and for a date-time that leaves the years 1
        to 9999 in UTC; every other rule was checked when the payload was constructed.
        """
        return writer_of(type(payload))(payload)  # type: ignore[arg-type]  # a class is hashable

    def decode(self, payload_type: type[PayloadT], raw: bytes) -> PayloadT:
        """Read a payload.

        Raises RemoteProtocolError with the CALLERROR code of the first failing check (OCPP-J 1.6
        section 4.2.3) and details that name the place in the JSON text, what was expected and found.
        """
        try:
            return reader_of(payload_type)(raw)  # type: ignore[no-any-return, arg-type]  # as above
        except Misfit as misfit:
            refusal = misfit
        return self._second_opinion(payload_type, raw, refusal)

    def _second_opinion(self, payload_type: type[PayloadT], raw: bytes, misfit: Misfit) -> PayloadT:
        try:
            return self.converter.structure(json.loads(str(raw, "utf-8")), payload_type)
        except cattrs.BaseValidationError as error:
            self._refuse(min(findings(error), key=lambda finding: finding.defect.value))
        except DefectError as error:
            self._refuse(Finding(error.defect, "$", error.expected, quote(error.found)))
        except (json.JSONDecodeError, UnicodeDecodeError):
            self._refuse(Finding(Defect.MALFORMED, "$", "JSON", str(misfit)))
        except (ValueError, RecursionError):
            # JSON that a parser gives up on: an integer of thousands of digits, lists in lists in lists.
            self._refuse(Finding(Defect.BAD_VALUE, "$", "numbers and nesting of a sane length", str(misfit)))

    def _refuse(self, finding: Finding) -> NoReturn:
        raise RemoteProtocolError(
            self.version.error_codes[finding.defect],
            f"{finding.path}: expected {finding.expected}, found {finding.found}",
            details={"path": finding.path, "expected": finding.expected, "found": finding.found},
        ) from None


@cache
def codec_of(version: Version) -> Codec:
    """The codec of a version, built at its first use."""
    return Codec(version)


def _strict_converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True, forbid_extra_keys=True)

    def structure_hook(payload_type: type[Payload]) -> Hook:
        members = {
            m.name: override(rename=m.wire_name, struct_hook=_member_hook(converter, m), omit_if_default=not m.required)
            for m in payload_type._shape.members
        }
        structure = make_dict_structure_fn(payload_type, converter, **members)  # type: ignore[arg-type]  # overrides

        def hook(value: Json, target: type[Payload]) -> Payload:
            if type(value) is not dict:
                raise DefectError(Defect.WRONG_TYPE, "an object", value)
            return structure(value, target)

        return hook

    def unstructure_hook(payload_type: type[Payload]) -> Callable[[Payload], dict[str, Any]]:
        members = {
            m.name: override(rename=m.wire_name, omit_if_default=not m.required) for m in payload_type._shape.members
        }
        return make_dict_unstructure_fn(payload_type, converter, **members)  # type: ignore[arg-type]  # overrides

    converter.register_structure_hook_factory(_is_payload, structure_hook)
    converter.register_unstructure_hook_factory(_is_payload, unstructure_hook)
    converter.register_unstructure_hook(datetime, stamp)
    return converter


def _is_payload(candidate: object) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, Payload)


def _member_hook(converter: cattrs.Converter, member: Member) -> Hook:
    leaf_hook = _leaf_hook(converter, member)
    if not member.many:
        return leaf_hook

    def hook(values: Json, _: object) -> tuple[Any, ...]:
        if type(values) is not list:
            raise DefectError(Defect.WRONG_TYPE, "a list", values)
        if member.non_empty and not values:
            raise DefectError(Defect.WRONG_CARDINALITY, "a list of at least one element", values)
        return _each(values, leaf_hook, member)

    return hook


def _each(values: list[Json], leaf_hook: Hook, member: Member) -> tuple[Any, ...]:
    """Structure the elements and report those that fail, up to a bound, each under its index."""
    done, failed = [], []
    for index, value in enumerate(values):
        try:
            done.append(leaf_hook(value, member.leaf))
        except (DefectError, cattrs.BaseValidationError) as error:
            note = cattrs.IterableValidationNote(f"element {index}", index, member.leaf)
            error.add_note(note)
            failed.append(error)
            if len(failed) == FAILURES_KEPT:
                break
    if failed:
        raise cattrs.IterableValidationError(f"{member.wire_name} does not fit", failed, tuple)
    return tuple(done)


def _leaf_hook(converter: cattrs.Converter, member: Member) -> Hook:
    if member.nested:
        return lambda value, target: converter.structure(value, member.leaf)
    return lambda value, target: _leaf(member, value)


def _leaf(member: Member, value: Json) -> object:
    """A JSON value as the leaf it should be; the tests come in the order in which defects win."""
    if issubclass(member.leaf, Enum):
        if type(value) is not str:
            raise DefectError(Defect.WRONG_TYPE, "a string", value)
        try:
            return member.leaf(value)
        except ValueError:
            raise DefectError(Defect.UNKNOWN_ENUM_VALUE, member.expected, value) from None
    if type(value) not in _JSON_TYPES[member.leaf]:
        raise DefectError(Defect.WRONG_TYPE, member.expected, value)
    if not _within_limits(member, value):
        raise DefectError(Defect.BAD_VALUE, member.expected, value)
    if member.leaf is datetime:
        return msgspec.convert(value, _Moment)
    return float(value) if member.leaf is float else value


_JSON_TYPES: Final[Mapping[type, tuple[type, ...]]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
    datetime: (str,),
}


def _within_limits(member: Member, value: Json) -> bool:
    if member.leaf is datetime:
        return _is_moment(value)
    if member.leaf is str and any("\ud800" <= character <= "\udfff" for character in value):
        return False  # half a surrogate pair: legal in a JSON escape, not a character
    if member.max_length is not None and len(value) > member.max_length:
        return False
    if member.at_least is not None and value < member.at_least:
        return False
    if member.leaf is float and not -FLOAT_MAX <= value <= FLOAT_MAX:
        return False
    return not member.one_decimal or value % 1 == 0 or round(value * 10) / 10 == value


def _is_moment(text: str) -> bool:
    try:
        msgspec.convert(text, _Moment)
    except msgspec.ValidationError:
        return False
    return True


def findings(error: cattrs.BaseValidationError, path: str = "$") -> Iterator[Finding]:
    """Every defect of a refused payload, with the path in the JSON text instead of Python's names."""
    for exc in error.exceptions:
        place = path + _step(error, exc)
        if isinstance(exc, cattrs.BaseValidationError):
            yield from findings(exc, place)
        elif isinstance(exc, DefectError):
            yield Finding(exc.defect, place, exc.expected, quote(exc.found))
        elif isinstance(exc, cattrs.ForbiddenExtraKeysError):
            yield Finding(Defect.EXTRA_MEMBER, path, "no other members", quote(min(exc.extra_fields)))
        else:
            yield Finding(Defect.MISSING_MEMBER, place, "a value", "nothing")


def _step(error: cattrs.BaseValidationError, exc: BaseException) -> str:
    """The path element between a composite and the part of it that failed."""
    for note in getattr(exc, "__notes__", ()):
        if isinstance(note, cattrs.IterableValidationNote):
            return f"[{note.index}]"
        if isinstance(note, cattrs.AttributeValidationNote):
            members = error.cl._shape.members  # type: ignore[attr-defined]  # set by Payload
            names = {member.name: member.wire_name for member in members}
            return f".{names[note.name]}"
    return ""
