"""Python source that runs per message: how it is put together, and the rules of a single value in it.

Owns what the generated check, reader and writer of a payload class have in common. What a rule means is
written down here once, so that the three cannot disagree.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from ocpp_trio.wire.shape import Member, Shape

FLOAT_MAX: Final = sys.float_info.max

# Whether the float `v` has at most one decimal digit, which is arithmetic on decimals: 21.4 passes, where a
# binary remainder fails. Ten times the double that is nearest to n/10 is exactly n, up to 2**53 (a theorem of
# Kahan's, for 10 is the sum of two powers of two), and the way back tells this double from its neighbours. Of
# what is larger whole numbers pass: they are left to `is_tenths`, being rare. Infinities and NaN pass neither.
ONE_DECIMAL: Final = "(w := {v} * 10.0).is_integer() and w / 10.0 == {v}"
ONE_DECIMAL_AGAIN: Final = "({v} * 10.0).is_integer()"
"""The same but for the last bit of the double: enough where the digits have been counted before."""


class Misfit(Exception):
    """A payload does not fit its class; the slow half finds out where and why."""


@attrs.define
class Source:
    """The source of one function, as far as it refers to values that are made before it runs."""

    # As variables of an enclosing function they are found faster than globals are, a tenth of the whole.
    _values: dict[str, object] = attrs.field(factory=lambda: {"type": type})

    def name(self, value: object) -> str:
        """The name under which the source knows a value."""
        for name, known in self._values.items():
            if known is value:
                return name
        name = f"{getattr(value, '__name__', '').strip('_')}_{len(self._values)}"
        self._values[name] = value
        return name

    def function(self, signature: str, lines: Iterable[str], shape: Shape) -> Callable[..., Any]:
        """Compile a function; its file name shows up in tracebacks."""
        name = signature.partition("(")[0]
        body = [f"def {signature}:", *indented(lines), f"return {name}"]
        source = "\n".join([f"def make({', '.join(self._values)}):", *indented(body)])
        scope: dict[str, Any] = {}
        exec(compile(source, f"<{name} of {shape.payload_type.__name__}>", "exec"), scope)
        function: Callable[..., Any] = scope["make"](**self._values)
        return function


def rule_text(member: Member, v: str, source: Source, *, one_decimal: str = ONE_DECIMAL) -> str:
    """The test that the variable `v` is a leaf: of exactly its type, and within its limits."""
    is_leaf = f"type({v}) is {source.name(member.leaf)}"
    if member.one_decimal:
        return f"{is_leaf} and {one_decimal.format(v=v)} or {source.name(is_tenths)}({v})"
    if member.leaf is float:
        # The limits keep out the infinities, NaN and integers that no float can hold.
        return f"({is_leaf} or type({v}) is {source.name(int)}) and {-FLOAT_MAX!r} <= {v} <= {FLOAT_MAX!r}"
    if member.leaf is datetime:
        utc = source.name(UTC)
        return f"isinstance({v}, {source.name(datetime)}) and ({v}.tzinfo is {utc} or {v}.utcoffset() is not None)"
    if member.max_length is not None:
        return f"{is_leaf} and len({v}) <= {member.max_length}"
    if member.at_least is not None:
        return f"{is_leaf} and {v} >= {member.at_least}"
    return is_leaf


def value_text(member: Member, v: str, source: Source, *, one_decimal: str = ONE_DECIMAL) -> str:
    """The test that the variable `v` is what a member may hold that is no list."""
    holds = rule_text(member, v, source, one_decimal=one_decimal)
    if member.required:
        return f"({holds})"
    # What is likely goes first, unless it is dear.
    dear = member.one_decimal or member.leaf is datetime
    return f"({v} is None or {holds})" if dear else f"({holds} or {v} is None)"


def is_tenths(value: object) -> bool:
    """Whether it is a number with at most one decimal digit, a large one or an integer too."""
    if type(value) is int:
        return -FLOAT_MAX <= value <= FLOAT_MAX
    return type(value) is float and value.is_integer()


def shape_in(payload_type: type) -> Shape:
    """The shape that a payload class was given when it was made."""
    shape: Shape = payload_type._shape  # type: ignore[attr-defined]  # set by Payload
    return shape


def indented(lines: Iterable[str]) -> Iterator[str]:
    """Source one level further in."""
    return (f"    {line}" for line in lines)
