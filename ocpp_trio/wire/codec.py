"""One strict codec per OCPP version: payload objects to JSON text and back, defects to error codes.

Two halves. The fast one is code generated per class (`reader`, `writer`), and it is all that a correct message
ever meets. The slow one is a cattrs converter: it is asked only after the fast half refused, says where
and why. A lenient codec has one more converter, which is asked last. Both are the codec's own: what people
extend is a fresh one of `make_converter`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from heapq import nsmallest
from typing import Final, NoReturn, TypeVar

import attrs
import cattrs

from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.wire.check import refusal_of
from ocpp_trio.wire.converter import DefectError, Json, make_converter
from ocpp_trio.wire.leniency import Allowance, Leniency
from ocpp_trio.wire.message import Defect, Payload, Version
from ocpp_trio.wire.reader import reader_of
from ocpp_trio.wire.shape import Member, quote
from ocpp_trio.wire.source import Misfit, shape_in
from ocpp_trio.wire.writer import writer_of

PayloadT = TypeVar("PayloadT", bound=Payload)
Note = Callable[[Allowance], None]

EXTRA_KEPT: Final = 8
"""Extra members of one object that are named: what they have in common shows in fewer."""
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")


@attrs.frozen
class Finding:
    """A defect at its place in the JSON text, such as `$.meterValue[0].sampledValue[1].value`.

    `leniency` is what would let it pass, all of it together.
    """

    defect: Defect
    path: str
    expected: str
    found: str
    leniency: Leniency = attrs.field(default=Leniency.STRICT, eq=False)

    def let_pass_in(self, payload_type: type[Payload]) -> Iterator[Allowance]:
        """The defect as one that was tolerated, by each leniency that it took."""
        for leniency in self.leniency:
            yield Allowance(
                payload_type=payload_type.__name__,
                leniency=leniency,
                path=self.path,
                expected=self.expected,
                found=self.found,
            )


def _unnoticed(allowance: Allowance) -> None:
    """Where nobody asked to be told."""


class Codec:
    """Reads and writes the payloads of one version. `codec_of(version)` hands out the one instance.

    Strict, unless a leniency says which defects of incoming payloads are let pass.
    """

    def __init__(self, version: Version, leniency: Leniency = Leniency.STRICT) -> None:
        self.version = version
        self.leniency = leniency
        self._strict = make_converter()
        self._lenient = make_converter(leniency=leniency) if leniency else None

    def encode(self, payload: Payload) -> bytes:
        """Compact JSON of a payload.

        Every rule is checked again, a decimal but for the last bit of its double, and strictly at a lenient
        codec too: what was read leniently may be kept and looked at, but it is not sent on. Raises ValueError
        that names the first field, nested ones included, that breaks a rule, holds text that UTF-8 cannot
        carry or a date-time outside the years 1 to 9999 in UTC.
        """
        write = writer_of(type(payload))  # type: ignore[arg-type]  # a class is hashable
        try:
            return write(payload)
        except (Misfit, ValueError, AttributeError) as exc:
            raise ValueError(refusal_of(payload, type(payload).__name__) or str(exc)) from None

    def decode(self, payload_type: type[PayloadT], raw: bytes, *, note: Note = _unnoticed) -> PayloadT:
        """Read a payload. `note` is told of the defects that are let pass: of a list or object with very many
        not of each.

        Raises RemoteProtocolError with the CALLERROR code of the first failing check (OCPP-J 1.6
        section 4.2.3) and details that name the place in the JSON text, what was expected and found.

        A member that comes twice is not looked for, which would cost a quarter more: the last value wins (RFC
        8259 section 4 leaves it open). An earlier one that does not fit is seen, but for a date-time or the
        digits of a decimal; a payload that is not read at once is refused for the doubled member before all else.
        """
        try:
            return reader_of(payload_type)(raw)  # type: ignore[no-any-return, arg-type]  # as above
        except Misfit as misfit:
            refusal = misfit
        return self._second_opinion(payload_type, raw, refusal, note)

    def _second_opinion(self, payload_type: type[PayloadT], raw: bytes, misfit: Misfit, note: Note) -> PayloadT:
        try:
            value = json.loads(str(raw, "utf-8"), object_pairs_hook=_each_once, parse_constant=_no_number)
            read = _attempt(self._strict, payload_type, value)
        except DefectError as error:
            self._refuse([Finding(error.defect, "$", error.expected, quote(error.found))])
        except (json.JSONDecodeError, UnicodeDecodeError):
            self._refuse([Finding(Defect.MALFORMED, "$", "JSON", f"text that is none: {_reason(misfit)}")])
        except (ValueError, RecursionError):
            # JSON that a parser gives up on: an integer of thousands of digits, lists in lists in lists.
            self._refuse([Finding(Defect.BAD_VALUE, "$", "numbers and nesting of a sane length", _reason(misfit))])
        found: list[Finding] = []
        if isinstance(read, list) and self._lenient is not None:
            found, read = read, _attempt(self._lenient, payload_type, value)
        if isinstance(read, list):
            self._refuse(read)
        for each in found:  # all of it was let pass, or nothing would have been read
            for allowance in each.let_pass_in(payload_type):
                note(allowance)
        return read

    def _refuse(self, found: list[Finding]) -> NoReturn:
        first = min(found, key=lambda finding: finding.defect.value)
        raise RemoteProtocolError(
            self.version.error_codes[first.defect],
            f"{first.path}: expected {first.expected}, found {first.found}",
            details={"path": first.path, "expected": first.expected, "found": first.found},
        ) from None


def codec_of(version: Version, leniency: Leniency = Leniency.STRICT) -> Codec:
    """The codec of a version, strict or with a leniency, built at its first use."""
    return _codec_of(version, leniency)


_codec_of: Final = cache(Codec)


def _reason(misfit: Misfit) -> str:
    """The parser's own words, which do not name the class that it was reading."""
    return str(misfit.__cause__ or misfit)


def _each_once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) < len(pairs):
        doubled = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise DefectError(Defect.MALFORMED, "each member once", doubled)
    return members


def _no_number(constant: str) -> NoReturn:
    """NaN and the infinities, which Python reads, are no JSON."""
    raise DefectError(Defect.MALFORMED, "JSON", constant)


def _attempt(converter: cattrs.Converter, payload_type: type[PayloadT], value: Json) -> PayloadT | list[Finding]:
    """The payload, or every defect that stands in its way."""
    try:
        return converter.structure(value, payload_type)
    except cattrs.BaseValidationError as error:
        return list(findings(error))
    except DefectError as error:
        return [Finding(error.defect, "$", error.expected, quote(error.found))]


def findings(error: cattrs.BaseValidationError, path: str = "$") -> Iterator[Finding]:
    """Every defect of a refused payload, with the path in the JSON text instead of Python's names."""
    for exc in error.exceptions:
        place = path + _step(error, exc)
        if isinstance(exc, cattrs.BaseValidationError):
            yield from findings(exc, place)
        elif isinstance(exc, DefectError):
            leniency = Leniency.NULLS if exc.found is None else exc.leniency
            yield Finding(exc.defect, place, exc.expected, quote(exc.found), leniency)
        elif isinstance(exc, cattrs.ForbiddenExtraKeysError):
            for name in nsmallest(EXTRA_KEPT, exc.extra_fields):
                place = path + _step_to(name)
                yield Finding(Defect.EXTRA_MEMBER, place, "no such member", quote(name), Leniency.EXTRA_MEMBERS)
        else:
            name = next(note.name for note in exc.__notes__ if isinstance(note, cattrs.AttributeValidationNote))
            yield Finding(Defect.MISSING_MEMBER, place, _member_of(error, name).expected_whole, "nothing")


def _step_to(name: str) -> str:
    """The path element of a member that the class does not know, whose name may be anything."""
    return f".{name}" if _PLAIN_NAME.fullmatch(name) else f"[{quote(name)}]"


def _step(error: cattrs.BaseValidationError, exc: BaseException) -> str:
    """The path element between a composite and the part of it that failed."""
    for note in getattr(exc, "__notes__", ()):
        if isinstance(note, cattrs.IterableValidationNote):
            return f"[{note.index}]"
        if isinstance(note, cattrs.AttributeValidationNote):
            return f".{_member_of(error, note.name).wire_name}"
    return ""


def _member_of(error: cattrs.BaseValidationError, name: str) -> Member:
    """The member of the object that does not fit, by its Python name."""
    return next(member for member in shape_in(error.cl).members if member.name == name)
