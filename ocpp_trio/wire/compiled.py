"""The code that runs per message, written once per payload class.

Three functions are generated from a class's `Shape`:

    check(payload)    what a constructor runs: ValueError names the first member that breaks a rule
    read(raw)         JSON text -> frozen attrs instance, by way of a strict msgspec Struct
    write(payload)    frozen attrs instance -> JSON text, by way of an unchecked msgspec Struct

The Structs are private twins: msgspec validates while it parses, in C, and the generated Python only
moves members across. Whatever `read` refuses is explained by the codec's slow half; `Misfit` is all it
needs to say here.
"""

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, NoReturn

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ocpp_trio.wire.shape import Member, Shape, quote

Mover = Callable[[Any], Any]

FLOAT_MAX: Final = sys.float_info.max


class Misfit(Exception):
    """A payload does not fit its class; the slow half finds out where and why."""


def stamp(moment: datetime) -> str:
    """UTC with a `Z` and at most three digits of a second, as OCPP-J 1.6 senders write it."""
    try:
        utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"expected a date-time of the years 1 to 9999 in UTC, found {moment}") from exc
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds")[:-6] + "Z"


def compile_check(shape: Shape) -> Callable[[Any], None]:
    """The function that the constructor of the class runs on the finished instance."""
    lines = ["def check(payload):"]
    names: dict[str, Any] = {"datetime": datetime, "fail": _fail, "fail_many": _fail_many}
    for number, member in enumerate(shape.members):
        names |= {f"m{number}": member, f"leaf{number}": member.leaf}
        holds = _rule_text(member, f"leaf{number}")
        guard = "" if member.required else "v is not None and "
        lines.append(f"    v = payload.{member.name}")
        if member.many:
            wrong = "type(v) is not tuple" + (" or not v" if member.non_empty else "")
            lines += [
                f"    if {guard}({wrong}): fail_many(payload, m{number}, v)",
                f"    for i, v in enumerate(v{'' if member.required else ' or ()'}):",
                f"        if not ({holds}): fail(payload, m{number}, v, i)",
            ]
        else:
            lines.append(f"    if {guard}not ({holds}): fail(payload, m{number}, v)")
    return _function("check", [*lines, "    return"], names, shape)


def _rule_text(member: Member, leaf: str) -> str:
    """Python source of the test that a leaf `v` is of exactly its type and within its limits."""
    if member.leaf is float:
        # The limits keep out the infinities, NaN and integers that no float can hold.
        limits = f"{-FLOAT_MAX!r} <= v <= {FLOAT_MAX!r}"
        return f"(type(v) is float or type(v) is int) and {limits}" + (
            f" and ({ONE_DECIMAL})" if member.one_decimal else ""
        )
    if member.leaf is datetime:
        return "isinstance(v, datetime) and v.utcoffset() is not None"
    text = f"type(v) is {leaf}"
    if member.max_length is not None:
        text += f" and len(v) <= {member.max_length}"
    if member.at_least is not None:
        text += f" and v >= {member.at_least}"
    return text


# Whole numbers first, they are most. The quotient of two integers is the double nearest to it, so the second
# test is decimal arithmetic: 21.4 passes where a binary remainder fails. A tenth of the price of round(v, 1).
ONE_DECIMAL: Final = "v % 1 == 0 or round(v * 10) / 10 == v"


def _fail(payload: object, member: Member, value: object, index: int | None = None) -> NoReturn:
    place = f"{type(payload).__name__}.{member.name}" + ("" if index is None else f"[{index}]")
    raise ValueError(f"{place}: expected {_expected(member)}, found {quote(value)}")


def _expected(member: Member) -> str:
    """What a person has to write: enumerations and objects by the name of their class."""
    if issubclass(member.leaf, Enum):
        return f"a {member.leaf.__name__} ({', '.join(member.leaf.__members__)})"
    return f"a {member.leaf.__name__}" if member.nested else member.expected


def _fail_many(payload: object, member: Member, value: object) -> NoReturn:
    place = f"{type(payload).__name__}.{member.name}"
    least = " of at least one element" if member.non_empty else ""
    raise ValueError(f"{place}: expected a tuple{least}, found {quote(value)}")


@cache
def reader_of(payload_type: type) -> Callable[[bytes], Any]:
    """`read` for a payload class: raises Misfit on anything that is not exactly such a payload."""
    shape: Shape = payload_type._shape  # type: ignore[attr-defined]  # set by Payload
    decoder = msgspec.json.Decoder(_strict_twin(payload_type))
    move = _from_twin(payload_type)

    def read(raw: bytes) -> object:
        try:
            return move(decoder.decode(raw))
        except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
            raise Misfit(f"{shape.payload_type.__name__}: {exc}") from exc

    return read


@cache
def writer_of(payload_type: type) -> Callable[[Any], bytes]:
    """`write` for a payload class: compact JSON with members in the order of the specification."""
    move, encode = _to_twin(payload_type), msgspec.json.Encoder().encode

    def write(payload: object) -> bytes:
        return encode(move(payload))

    return write


@cache
def _strict_twin(payload_type: type) -> type[msgspec.Struct]:
    """A Struct that accepts exactly the JSON objects that the class stands for."""
    shape: Shape = payload_type._shape  # type: ignore[attr-defined]  # set by Payload
    fields = [
        (m.name, _strict_type(m)) if m.required else (m.name, _strict_type(m) | UnsetType, UNSET) for m in shape.members
    ]
    return msgspec.defstruct(
        f"_{payload_type.__name__}",
        fields,
        rename={m.name: m.wire_name for m in shape.members},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )


def _strict_type(member: Member) -> Any:  # noqa: ANN401  # type expressions have no type
    leaf: Any = _strict_twin(member.leaf) if member.nested else member.leaf
    if member.max_length is not None:
        leaf = Annotated[str, Meta(max_length=member.max_length)]
    elif member.at_least is not None:
        leaf = Annotated[int, Meta(ge=member.at_least)]
    elif member.leaf is datetime:
        leaf = Annotated[datetime, Meta(tz=True)]
    if member.many:
        leaf = Annotated[tuple[leaf, ...], Meta(min_length=1)] if member.non_empty else tuple[leaf, ...]
    return leaf


@cache
def _from_twin(payload_type: type) -> Mover:
    """Struct -> attrs instance. Past the constructor: what msgspec has checked is not checked again.

    The instance is filled as one of a sibling class with the same slots that is not frozen, and then told
    its real class: half the time of going around the frozen class slot by slot.
    """
    shape: Shape = payload_type._shape  # type: ignore[attr-defined]  # set by Payload
    slots = {"__slots__": tuple(member.name for member in shape.members)}
    sibling = type("_Sibling", (payload_type.__base__ or object,), slots)
    names: dict[str, Any] = {"new": object.__new__, "cls": payload_type, "Sibling": sibling}
    names |= {"UNSET": UNSET, "Misfit": Misfit}
    lines = ["def from_twin(twin):", "    payload = new(Sibling)"]
    for number, member in enumerate(shape.members):
        names[f"move{number}"] = _from_twin(member.leaf) if member.nested else None
        lines.append(f"    v = twin.{member.name}")
        if member.one_decimal:
            lines.append(f"    if v is not UNSET and not ({ONE_DECIMAL}): raise Misfit({member.wire_name!r})")
        moved = _moved_text(member, f"move{number}", "v") if member.nested else "v"
        lines.append(f"    payload.{member.name} = {moved if member.required else f'None if v is UNSET else {moved}'}")
    return _function("from_twin", [*lines, "    payload.__class__ = cls", "    return payload"], names, shape)


@cache
def _to_twin(payload_type: type) -> Mover:
    """Attrs instance -> Struct that msgspec writes; an unset optional is left out."""
    shape: Shape = payload_type._shape  # type: ignore[attr-defined]  # set by Payload
    names: dict[str, Any] = {}
    names["Twin"] = msgspec.defstruct(
        f"_{payload_type.__name__}Out",
        [(member.name, Any, None) for member in shape.members],
        rename={member.name: member.wire_name for member in shape.members},
        omit_defaults=True,
        gc=False,
    )
    lines, arguments = ["def to_twin(payload):"], []
    for number, member in enumerate(shape.members):
        value = f"payload.{member.name}"
        if member.nested or member.leaf is datetime:
            names[f"move{number}"] = _to_twin(member.leaf) if member.nested else _lean_stamp
            lines.append(f"    v{number} = {value}")
            moved = _moved_text(member, f"move{number}", f"v{number}")
            value = moved if member.required else f"None if v{number} is None else {moved}"
        arguments.append(value)
    return _function("to_twin", [*lines, f"    return Twin({', '.join(arguments)})"], names, shape)


def _lean_stamp(moment: datetime) -> datetime | str:
    """What msgspec writes as `stamp` would: most moments are whole seconds of UTC, which it writes itself."""
    return moment if moment.tzinfo is UTC and not moment.microsecond else stamp(moment)


def _moved_text(member: Member, mover: str, value: str) -> str:
    """Python source that carries one member across."""
    return f"tuple([{mover}(item) for item in {value}])" if member.many else f"{mover}({value})"


def _function(name: str, lines: list[str], names: Mapping[str, Any], shape: Shape) -> Callable[..., Any]:
    """Compile generated source; its file name shows up in tracebacks."""
    scope = dict(names)
    exec(compile("\n".join(lines), f"<{name} of {shape.payload_type.__name__}>", "exec"), scope)
    function: Callable[..., Any] = scope[name]
    return function
