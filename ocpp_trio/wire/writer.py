"""Payloads to JSON text: a function that is written once per payload class.

    write(payload)    instance -> compact JSON text, by way of an unchecked msgspec Struct

It checks every value again on the way, for less than the half of what writing costs: a payload that was
read leniently, or whose class has a `__attrs_post_init__` of its own, has not been through the check of its
constructor. It is one function per message with everything nested written out in it, because a call per
nested object costs as much as the object. What it refuses is explained by `check.refusal_of`.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any

import attrs
import msgspec

from ocpp_trio.wire.shape import Member, Shape
from ocpp_trio.wire.source import ONE_DECIMAL_AGAIN, Misfit, Source, indented, rule_text, shape_in, value_text
from ocpp_trio.wire.stamp import stamp


@cache
def writer_of(payload_type: type) -> Callable[[Any], bytes]:
    """`write` for a payload class: members in the order of the specification, unset ones left out.

    It raises Misfit for a value that breaks a rule, ValueError for one that JSON in UTF-8 cannot carry, and
    AttributeError for something else in the place of an object.
    """
    writing, encode = _Writing(), msgspec.json.Encoder().encode
    shape = shape_in(payload_type)
    lines, whole = writing.of_object(shape, "payload")
    return writing.source.function("write(payload)", [*lines, f"return {writing.source.name(encode)}({whole})"], shape)


@attrs.define
class _Writing:
    """The source of one writer; no two of its variables have the same name."""

    source: Source = attrs.Factory(Source)
    _numbers: Iterator[int] = attrs.Factory(count)

    def of_object(self, shape: Shape, payload: str) -> tuple[list[str], str]:
        """Source that checks the object `payload`, and the expression of the Struct that msgspec writes for it.

        The class of an object is not asked for: that its members are right is what makes it right.
        """
        lines, tests, arguments = [], [], []
        for member in shape.members:
            v = f"v{next(self._numbers)}"
            lines.append(f"{v} = {payload}.{member.name}")
            if member.many:
                lines += _unless_none(member, v, self._of_list(member, v))
            elif member.nested:
                inner, struct = self.of_object(shape_in(member.leaf), v)
                lines += _unless_none(member, v, [*inner, f"{v} = {struct}"])
            else:
                tests.append(value_text(member, v, self.source, one_decimal=ONE_DECIMAL_AGAIN))
            arguments.append(v if member.many else self._moved(member, v))
        if tests:
            lines.append(f"if not ({' and '.join(tests)}): raise {self.source.name(Misfit)}")
        return lines, f"{self.source.name(_loose_twin(shape.payload_type))}({', '.join(arguments)})"

    def _of_list(self, member: Member, v: str) -> list[str]:
        item, misfit = f"{v}_item", self.source.name(Misfit)
        if member.nested:
            inner, moved = self.of_object(shape_in(member.leaf), item)
        else:
            inner = [f"if not ({rule_text(member, item, self.source, one_decimal=ONE_DECIMAL_AGAIN)}): raise {misfit}"]
            moved = self._moved(member, item)
        empty = f" or not {v}" if member.non_empty else ""
        return [
            f"if type({v}) is not {self.source.name(tuple)}{empty}: raise {misfit}",
            f"{v}_items = []",
            f"for {item} in {v}:",
            *indented([*inner, f"{v}_items.append({moved})"]),
            f"{v} = {v}_items",
        ]

    def _moved(self, member: Member, v: str) -> str:
        if member.leaf is not datetime:
            return v
        # Most moments are whole seconds of UTC, which msgspec writes as `stamp` does; a class derived from
        # datetime it does not write.
        utc = f"{v}.tzinfo is {self.source.name(UTC)} and not {v}.microsecond"
        lean = f"type({v}) is {self.source.name(datetime)} and {utc}"
        if not member.required and not member.many:
            lean = f"{v} is None or {lean}"
        return f"{v} if {lean} else {self.source.name(stamp)}({v})"


def _unless_none(member: Member, v: str, lines: list[str]) -> list[str]:
    return lines if member.required else [f"if {v} is not None:", *indented(lines)]


@cache
def _loose_twin(payload_type: type) -> type[msgspec.Struct]:
    """A Struct that is only written: whatever it holds, with an unset optional left out."""
    members = shape_in(payload_type).members
    return msgspec.defstruct(
        f"_{payload_type.__name__}Out",
        [(member.name, Any, None) for member in members],
        rename={member.name: member.wire_name for member in members},
        omit_defaults=True,
        gc=False,
    )
