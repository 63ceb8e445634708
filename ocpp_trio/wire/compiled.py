"""The code that runs per message, written once per payload class.

Three functions are generated from a class's `Shape`:

    check(payload)    what a constructor runs: ValueError names the first member that breaks a rule
    read(raw)         JSON text -> frozen attrs instance, by way of a strict msgspec Struct
    write(payload)    frozen attrs instance -> JSON text, by way of an unchecked msgspec Struct

The Structs are private twins: msgspec validates while it parses, in C, and the generated Python only
moves members across. It is one function per message with everything nested written out in it, because a
call per nested object costs as much as the object. Whatever `read` refuses is explained by the codec's
slow half; `Misfit` is all it needs to say here.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, NoReturn

import msgspec
from msgspec import Meta

from ocpp_trio.wire.moment import read_moment
from ocpp_trio.wire.shape import Member, Shape, quote

FLOAT_MAX: Final = sys.float_info.max

# Whether `v` has at most one decimal digit, which is arithmetic on decimals: 21.4 passes, where a binary
# remainder fails. Ten times the double that is nearest to n/10 is exactly n, up to 2**53 (a theorem of Kahan's,
# for 10 is the sum of two powers of two), and the way back tells this double from its neighbours. Of what is
# larger whole numbers pass; they come last, being rare. Infinities and NaN pass neither.
ONE_DECIMAL: Final = "(w := v * 10.0) % 1.0 == 0.0 and w / 10.0 == v or v % 1.0 == 0.0"


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
    lines = []
    names: dict[str, Any] = {"datetime": datetime, "UTC": UTC, "fail": _fail, "fail_many": _fail_many}
    for number, member in enumerate(shape.members):
        names |= {f"m{number}": member, f"leaf{number}": member.leaf}
        holds = _rule_text(member, f"leaf{number}")
        guard = "" if member.required else "v is not None and "
        lines.append(f"v = payload.{member.name}")
        if member.many:
            wrong = "type(v) is not tuple" + (" or not v" if member.non_empty else "")
            lines += [
                f"if {guard}({wrong}): fail_many(payload, m{number}, v)",
                f"for v in {'v' if member.required else 'v or ()'}:",
                f"    if not ({holds}): fail(payload, m{number}, v)",
            ]
        else:
            lines.append(f"if {guard}not ({holds}): fail(payload, m{number}, v)")
    return _function("check(payload)", lines or ["pass"], names, shape)


def _rule_text(member: Member, leaf: str) -> str:
    """Python source of the test that a leaf `v` is of exactly its type and within its limits."""
    if member.leaf is float:
        # The limits keep out the infinities, NaN and integers that no float can hold.
        limits = f"(type(v) is float or type(v) is int) and {-FLOAT_MAX!r} <= v <= {FLOAT_MAX!r}"
        return f"type(v) is float and ({ONE_DECIMAL}) or {limits} and v % 1 == 0" if member.one_decimal else limits
    if member.leaf is datetime:
        return "isinstance(v, datetime) and (v.tzinfo is UTC or v.utcoffset() is not None)"
    text = f"type(v) is {leaf}"
    if member.max_length is not None:
        text += f" and len(v) <= {member.max_length}"
    if member.at_least is not None:
        text += f" and v >= {member.at_least}"
    return text


def _fail(payload: object, member: Member, value: object) -> NoReturn:
    place = f"{type(payload).__name__}.{member.name}"
    if member.many:
        # By identity, for what is wrong may be equal to what is right: True == 1.
        place += f"[{next(i for i, v in enumerate(getattr(payload, member.name)) if v is value)}]"
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
    """`read` for a payload class: raises Misfit on anything that is not exactly such a payload.

    Past the constructor: what msgspec has checked is not checked again. An instance is filled as one of a
    sibling class with the same slots that is not frozen, and then told its real class: half the time of
    going around the frozen class slot by slot.
    """
    shape = _shape_of(payload_type)
    names: dict[str, Any] = {"new": object.__new__, "decode": msgspec.json.Decoder(_strict_twin(payload_type)).decode}
    names |= {"Misfit": Misfit, "refusals": (msgspec.MsgspecError, ValueError, RecursionError), "moment": read_moment}
    lines = [
        "try:",
        *_indented(["twin0 = decode(raw)", *_reading(shape, 0, names), "return payload0"]),
        f"except refusals as exc: raise Misfit(f'{payload_type.__name__}: {{exc}}') from exc",
    ]
    return _function("read(raw)", lines, names, shape)


def _reading(shape: Shape, depth: int, names: dict[str, Any]) -> Iterator[str]:
    """Python source that makes `payload<depth>` of the Struct `twin<depth>`."""
    kind = _enter(names, shape.payload_type, {"cls": shape.payload_type, "Sibling": _sibling_of(shape)})
    twin, payload, inner = f"twin{depth}", f"payload{depth}", depth + 1
    yield f"{payload} = new(Sibling{kind})"
    for member in shape.members:
        source, target = f"{twin}.{member.name}", f"{payload}.{member.name}"
        if member.nested:
            part = list(_reading(_shape_of(member.leaf), inner, names))
            if member.many:
                loop = [f"for twin{inner} in {source}:", *_indented(part), f"    parts{inner}.append(payload{inner})"]
                lines = [f"parts{inner} = []", *loop, f"{target} = tuple(parts{inner})"]
            else:
                lines = [f"twin{inner} = {source}", *part, f"{target} = payload{inner}"]
            if not member.required:
                lines = [f"{target} = None", f"if {source} is not None:", *_indented(lines)]
            yield from lines
        elif member.one_decimal:
            yield f"{target} = v = {source}"
            if member.many:
                yield f"for v in {'v' if member.required else 'v or ()'}:"
            guard = "    if " if member.many else "if " if member.required else "if v is not None and "
            yield f"{guard}not ({ONE_DECIMAL}): raise Misfit({member.wire_name!r})"
        elif member.leaf is datetime:
            moved = f"tuple([moment(v) for v in {source}])" if member.many else f"moment({source})"
            yield f"{target} = {moved}" if member.required else f"{target} = None if {source} is None else {moved}"
        else:
            yield f"{target} = {source}"
    yield f"{payload}.__class__ = cls{kind}"


def _sibling_of(shape: Shape) -> type:
    slots = {"__slots__": tuple(member.name for member in shape.members)}
    return type("_Sibling", (shape.payload_type.__base__ or object,), slots)


@cache
def _strict_twin(payload_type: type) -> type[msgspec.Struct]:
    """A Struct that accepts exactly the JSON objects that the class stands for."""
    members = _shape_of(payload_type).members
    return msgspec.defstruct(
        f"_{payload_type.__name__}",
        # None is what an absent member becomes; as it is not of the type, a null is refused all the same.
        [(m.name, _strict_type(m)) if m.required else (m.name, _strict_type(m), None) for m in members],
        rename={m.name: m.wire_name for m in members},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )


def _strict_type(member: Member) -> Any:  # noqa: ANN401  # type expressions have no type
    leaf: Any = _strict_twin(member.leaf) if member.nested else member.leaf
    if member.max_length is not None:
        leaf = Annotated[str, Meta(max_length=member.max_length)]
    elif member.at_least is not None:
        leaf = Annotated[int, Meta(ge=member.read_from)]
    elif member.leaf is datetime:
        leaf = msgspec.Raw
    if member.many:
        leaf = Annotated[tuple[leaf, ...], Meta(min_length=1)] if member.non_empty else tuple[leaf, ...]
    return leaf


@cache
def writer_of(payload_type: type) -> Callable[[Any], bytes]:
    """`write` for a payload class: compact JSON with members in the order of the specification."""
    shape = _shape_of(payload_type)
    names: dict[str, Any] = {"encode": msgspec.json.Encoder().encode, "stamped": _lean_stamp}
    return _function("write(payload)", [f"return encode({_writing(shape, 'payload', names)})"], names, shape)


def _writing(shape: Shape, payload: str, names: dict[str, Any]) -> str:
    """Python source of the Struct that msgspec writes for the object at `payload`."""
    kind = _enter(names, shape.payload_type, {"Twin": _loose_twin(shape.payload_type)})
    arguments = []
    for member in shape.members:
        value = f"{payload}.{member.name}"
        item = "item" if member.many else value
        moved = _writing(_shape_of(member.leaf), item, names) if member.nested else item
        if member.leaf is datetime:
            moved = f"stamped({item})"
        if moved != item:
            moved = f"[{moved} for {item} in {value}]" if member.many else moved
            arguments.append(moved if member.required else f"None if {value} is None else {moved}")
        else:
            arguments.append(value)
    return f"Twin{kind}({', '.join(arguments)})"


@cache
def _loose_twin(payload_type: type) -> type[msgspec.Struct]:
    """A Struct that is only written: whatever it holds, with an unset optional left out."""
    members = _shape_of(payload_type).members
    return msgspec.defstruct(
        f"_{payload_type.__name__}Out",
        [(member.name, Any, None) for member in members],
        rename={member.name: member.wire_name for member in members},
        omit_defaults=True,
        gc=False,
    )


def _lean_stamp(moment: datetime) -> datetime | str:
    """What msgspec writes as `stamp` would: most moments are whole seconds of UTC, which it writes itself."""
    return moment if moment.tzinfo is UTC and not moment.microsecond else stamp(moment)


def _shape_of(payload_type: type) -> Shape:
    shape: Shape = payload_type._shape  # type: ignore[attr-defined]  # set by Payload
    return shape


def _enter(names: dict[str, Any], payload_type: type, values: Mapping[str, Any]) -> str:
    """Make values known to generated source, under names that end in what is returned."""
    kind = f"_{payload_type.__name__}"
    names |= {f"{name}{kind}": value for name, value in values.items()}
    return kind


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _function(signature: str, lines: Iterable[str], names: Mapping[str, Any], shape: Shape) -> Callable[..., Any]:
    """Compile generated source; its file name shows up in tracebacks."""
    name, scope = signature.partition("(")[0], dict(names)
    source = "\n".join([f"def {signature}:", *_indented(lines)])
    exec(compile(source, f"<{name} of {shape.payload_type.__name__}>", "exec"), scope)
    function: Callable[..., Any] = scope[name]
    return function
