"""JSON text to payloads: a function that is written once per payload class.

    read(raw)    JSON text -> frozen attrs instance, by way of a strict msgspec Struct

The Struct is a private twin: msgspec validates while it parses, in C, and the generated Python only moves
members across. It is one function per message with everything nested written out in it, because a call per
nested object costs as much as the object. Whatever `read` refuses is explained by the codec's slow half;
`Misfit` is all it needs to say here.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ocpp_trio.wire.moment import read_moment
from ocpp_trio.wire.shape import Member, Shape
from ocpp_trio.wire.source import ONE_DECIMAL, Misfit, Source, indented, is_tenths, shape_in


@cache
def reader_of(payload_type: type) -> Callable[[bytes], Any]:
    """`read` for a payload class: raises Misfit on anything that is not exactly such a payload.

    Past the constructor: what msgspec has checked is not checked again. An instance is filled as one of a
    sibling class with the same slots that is not frozen, and then told its real class: half the time of
    going around the frozen class slot by slot.
    """
    shape, source = shape_in(payload_type), Source()
    decode = source.name(msgspec.json.Decoder(strict_twin(payload_type)).decode)
    refusals = source.name((msgspec.MsgspecError, ValueError, RecursionError))
    misfit = f"{source.name(Misfit)}(f'{payload_type.__name__}: {{exc}}')"
    lines = [
        "try:",
        *indented([f"twin0 = {decode}(raw)", *_reading(shape, 0, source), "return payload0"]),
        f"except {refusals} as exc: raise {misfit} from exc",
    ]
    return source.function("read(raw)", lines, shape)


def _reading(shape: Shape, depth: int, source: Source) -> Iterator[str]:
    """Python source that makes `payload<depth>` of the Struct `twin<depth>`."""
    new_sibling = source.name(_sibling_of(shape))
    twin, payload, inner = f"twin{depth}", f"payload{depth}", depth + 1
    yield f"{payload} = {new_sibling}()"
    for member in shape.members:
        moved, target = f"{twin}.{member.name}", f"{payload}.{member.name}"
        if member.nested:
            part = list(_reading(shape_in(member.leaf), inner, source))
            if member.many:
                loop = [f"for twin{inner} in {moved}:", *indented(part), f"    parts{inner}.append(payload{inner})"]
                lines = [f"parts{inner} = []", *loop, f"{target} = tuple(parts{inner})"]
            else:
                lines = [f"twin{inner} = {moved}", *part, f"{target} = payload{inner}"]
            if not member.required:
                lines = [f"{target} = None", f"if {moved} is not None:", *indented(lines)]
            yield from lines
        elif member.one_decimal:
            one_decimal = f"{ONE_DECIMAL.format(v='v')} or {source.name(is_tenths)}(v)"
            yield f"{target} = v = {moved}"
            if member.many:
                yield f"for v in {'v' if member.required else 'v or ()'}:"
            guard = "    if " if member.many else "if " if member.required else "if v is not None and "
            yield f"{guard}not ({one_decimal}): raise {source.name(Misfit)}({member.wire_name!r})"
        elif member.leaf is datetime:
            moment = source.name(read_moment)
            read = f"tuple([{moment}(v) for v in {moved}])" if member.many else f"{moment}({moved})"
            yield f"{target} = {read}" if member.required else f"{target} = None if {moved} is None else {read}"
        else:
            yield f"{target} = {moved}"
    yield f"{payload}.__class__ = {source.name(shape.payload_type)}"


def _sibling_of(shape: Shape) -> type:
    slots = {"__slots__": tuple(member.name for member in shape.members)}
    return type("_Sibling", (shape.payload_type.__base__ or object,), slots)


@cache
def strict_twin(payload_type: type) -> type[msgspec.Struct]:
    """A Struct that accepts exactly the JSON objects that the class stands for."""
    members = shape_in(payload_type).members
    return msgspec.defstruct(
        f"_{payload_type.__name__}",
        # None is what an absent member becomes; as it is not of the type, a null is refused all the same.
        [(m.name, strict_type(m)) if m.required else (m.name, strict_type(m), None) for m in members],
        rename={m.name: m.wire_name for m in members},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )


def strict_type(member: Member) -> Any:  # noqa: ANN401  # type expressions have no type
    """What msgspec is told of a member; a moment comes as it stands, for `read_moment` to look at."""
    leaf: Any = strict_twin(member.leaf) if member.nested else member.leaf
    if member.max_length is not None:
        leaf = Annotated[str, Meta(max_length=member.max_length)]
    elif member.at_least is not None:
        leaf = Annotated[int, Meta(ge=member.read_from)]
    elif member.leaf is datetime:
        leaf = msgspec.Raw
    if member.many:
        leaf = Annotated[tuple[leaf, ...], Meta(min_length=1)] if member.non_empty else tuple[leaf, ...]
    return leaf
