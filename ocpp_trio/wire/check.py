"""What a payload of a person's must be, and what is said if it is not.

Owns the check that a constructor runs, generated once per class, and the search for what makes a payload
impossible to write. Both name a field as Python does.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum
from typing import Any, NoReturn

import msgspec

from ocpp_trio.wire.shape import Member, Shape, quote
from ocpp_trio.wire.source import Source, rule_text, shape_in, value_text
from ocpp_trio.wire.stamp import stamp


def compile_check(shape: Shape) -> Callable[[Any], None]:
    """The function that the constructor of the class runs on the finished instance.

    It raises ValueError for the first member that breaks a rule. Nested objects have run theirs.
    """
    source = Source()
    fail, fail_many = source.name(_fail), source.name(_fail_many)
    lines = []
    for member in shape.members:
        known = source.name(member)
        lines.append(f"v = payload.{member.name}")
        if member.many:
            guard = "" if member.required else "v is not None and "
            wrong = "type(v) is not tuple" + (" or not v" if member.non_empty else "")
            lines += [
                f"if {guard}({wrong}): {fail_many}(payload, {known}, v)",
                f"for v in {'v' if member.required else 'v or ()'}:",
                f"    if not ({rule_text(member, 'v', source)}): {fail}(payload, {known}, v)",
            ]
        else:
            lines.append(f"if not {value_text(member, 'v', source)}: {fail}(payload, {known}, v)")
    return source.function("check(payload)", lines or ["pass"], shape)


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


def refusal_of(payload: Any, place: str) -> str | None:  # noqa: ANN401  # a Payload, which is made with this module
    """Why a payload cannot be written, beginning with the field: the first that is found, nested ones included.

    `place` is what the payload itself is called. A payload that was read leniently has not been through
    the check of its constructor, and some values have no text although they are within the rules.
    """
    try:
        payload._check(payload)
    except ValueError as error:
        return place + str(error).removeprefix(type(payload).__name__)
    for member in shape_in(type(payload)).members:
        for name, value in _leaves(payload, member):
            inner = f"{place}.{name}"
            refusal = refusal_of(value, inner) if member.nested else _refusal_of_leaf(value, inner)
            if refusal:
                return refusal
    return None


def _leaves(payload: object, member: Member) -> Iterator[tuple[str, Any]]:
    value = getattr(payload, member.name)
    if value is None:
        return
    if member.many:
        yield from ((f"{member.name}[{index}]", item) for index, item in enumerate(value))
    else:
        yield member.name, value


def _refusal_of_leaf(value: object, place: str) -> str | None:
    try:
        msgspec.json.encode(stamp(value) if isinstance(value, datetime) else value)
    except ValueError as error:
        return f"{place}: {error}"
    return None
