"""Converters of payloads: cattrs with hooks that know every rule and name the one that is broken.

Owns the slow reading of parsed JSON, strict or lenient. A codec has its own; people extend a fresh one for
data of their own.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final

import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ocpp_trio.wire.leniency import KEPT, Leniency, is_text, second_reading
from ocpp_trio.wire.message import Defect, Payload
from ocpp_trio.wire.moment import moment_of
from ocpp_trio.wire.shape import Member, quote
from ocpp_trio.wire.source import FLOAT_MAX
from ocpp_trio.wire.stamp import stamp

Json = Any
"""What a JSON parser hands out."""
Hook = Callable[[Json, Any], Any]
"""A cattrs hook: a value and the type it should become."""

FAILURES_KEPT: Final = 16
"""Faulty elements of one list that are looked into: a frame can hold a hundred thousand of them, and to find
the first defect by rank among so many would stop everything else for seconds."""


class DefectError(ValueError):
    """One leaf or member that breaks a rule; raised by the converter's hooks.

    `leniency` is what would let it pass, all of it together.
    """

    def __init__(self, defect: Defect, expected: str, found: object, *, leniency: Leniency = Leniency.STRICT) -> None:
        super().__init__(f"expected {expected}, found {quote(found)}")
        self.defect = defect
        self.expected = expected
        self.found = found
        self.leniency = leniency


def make_converter(*, leniency: Leniency = Leniency.STRICT) -> cattrs.Converter:
    """A new converter of payloads, and of whatever you register, to and from plain data.

    It is yours: no session knows it, so a hook on it changes nothing for messages. It is meant for what a
    vendor puts into text, such as the data of a DataTransfer:

        @attrs.frozen
        class Tariff:
            price: float
            valid_from: datetime

        converter = make_converter()
        request = v16.DataTransferRequest(
            vendor_id="com.example", data=json.dumps(converter.unstructure(tariff))
        )
        tariff = converter.structure(json.loads(request.data), Tariff)

    Strict like the codec: text, numbers, booleans and date-times are of exactly their type, also in classes
    of yours. Enumerations, lists and optional fields are as cattrs has them. A leniency changes what is
    read, not what is written. What does not fit raises cattrs' errors, with a ValueError for each leaf.
    """
    converter = cattrs.Converter(detailed_validation=True, forbid_extra_keys=Leniency.EXTRA_MEMBERS not in leniency)

    def structure_hook(payload_type: type[Payload]) -> Hook:
        members = {
            m.name: override(
                rename=m.wire_name, struct_hook=_member_hook(converter, m, leniency), omit_if_default=not m.required
            )
            for m in payload_type._shape.members
        }
        # The members are checked one by one; the constructor's rules are for people, and stricter here and there.
        made = _unchecked(payload_type)
        structure = make_dict_structure_fn(made, converter, **members)  # type: ignore[arg-type]  # overrides
        optional = {m.wire_name for m in payload_type._shape.members if not m.required}

        def hook(value: Json, target: type[Payload]) -> Payload:
            if type(value) is not dict:
                raise DefectError(Defect.WRONG_TYPE, "an object", value)
            if Leniency.NULLS in leniency:
                value = {name: item for name, item in value.items() if item is not None or name not in optional}
            payload = structure(value, made)
            object.__setattr__(payload, "__class__", payload_type)
            return payload

        return hook

    def unstructure_hook(payload_type: type[Payload]) -> Callable[[Payload], dict[str, Any]]:
        members = {
            m.name: override(rename=m.wire_name, omit_if_default=not m.required) for m in payload_type._shape.members
        }
        return make_dict_unstructure_fn(payload_type, converter, **members)  # type: ignore[arg-type]  # overrides

    converter.register_structure_hook_factory(_is_payload, structure_hook)
    converter.register_unstructure_hook_factory(_is_payload, unstructure_hook)
    converter.register_unstructure_hook(datetime, stamp)
    for leaf in _JSON_TYPES:
        converter.register_structure_hook(leaf, _exact_hook(leaf, leniency))
    return converter


def _is_payload(candidate: object) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, Payload)


def _unchecked(payload_type: type[Payload]) -> type[Payload]:
    """The same class with a constructor that takes everything."""
    return type(payload_type.__name__, (payload_type,), {"__slots__": (), "__attrs_post_init__": lambda _: None})


def _member_hook(converter: cattrs.Converter, member: Member, leniency: Leniency) -> Hook:
    leaf_hook = _leaf_hook(converter, member, leniency)
    if not member.many:
        return leaf_hook

    def hook(values: Json, _: object) -> tuple[Any, ...]:
        if type(values) is not list:
            raise DefectError(Defect.WRONG_TYPE, member.expected_whole, values)
        if member.non_empty and not values and Leniency.EMPTY_LISTS not in leniency:
            expected, needed = member.expected_whole, Leniency.EMPTY_LISTS
            raise DefectError(Defect.WRONG_CARDINALITY, expected, values, leniency=needed)
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


def _leaf_hook(converter: cattrs.Converter, member: Member, leniency: Leniency) -> Hook:
    if member.nested:
        return lambda value, target: converter.structure(value, member.leaf)
    return lambda value, target: _leaf(member, value, leniency)


def _exact_hook(leaf: type, leniency: Leniency) -> Hook:
    """For classes that are no payloads: a leaf, or what a class derived from it makes of one, as a StrEnum is."""
    member = Member(name="", wire_name="", leaf=leaf, required=True, many=False)

    def hook(value: Json, target: type) -> object:
        read = _leaf(member, value, leniency)
        return read if target is leaf else target(read)

    return hook


def _leaf(member: Member, value: Json, leniency: Leniency) -> object:
    """A JSON value as the leaf it should be, or as what the leniency makes of it."""
    defect = _defect_of(member, value)
    if defect is None:
        return _as_leaf(member, value)
    needed, other = second_reading(member, value)
    if not needed & leniency:
        expected = "a string" if defect is Defect.WRONG_TYPE and issubclass(member.leaf, Enum) else member.expected
        raise DefectError(defect, expected, value, leniency=_needed(member, value))
    return other if needed & KEPT else _leaf(member, other, leniency)


def _needed(member: Member, value: Json) -> Leniency:
    """Every leniency on the way to a value that is let pass: a number too long for its text takes two."""
    if _defect_of(member, value) is None:
        return Leniency.STRICT
    needed, other = second_reading(member, value)
    return needed if not needed or needed & KEPT else needed | _needed(member, other)


def _defect_of(member: Member, value: Json) -> Defect | None:
    """The rule that a leaf breaks; the tests come in the order in which defects win."""
    is_enum = issubclass(member.leaf, Enum)
    if type(value) not in _JSON_TYPES[str if is_enum else member.leaf]:
        return Defect.WRONG_TYPE
    if is_enum:
        return None if value in _values_of(member.leaf) else Defect.UNKNOWN_ENUM_VALUE
    return None if _within_limits(member, value) else Defect.BAD_VALUE


def _values_of(enum: type[Enum]) -> frozenset[str]:
    return frozenset(each.value for each in enum)


def _as_leaf(member: Member, value: Json) -> object:
    if member.leaf is datetime:
        return moment_of(value)
    return member.leaf(value)


_JSON_TYPES: Final[Mapping[type, tuple[type, ...]]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
    datetime: (str,),
}


def _within_limits(member: Member, value: Json) -> bool:
    if member.leaf is datetime:
        return moment_of(value) is not None
    if member.leaf is str and not is_text(value):
        return False
    if member.max_length is not None and len(value) > member.max_length:
        return False
    if member.read_from is not None and value < member.read_from:
        return False
    if member.leaf is float and not -FLOAT_MAX <= value <= FLOAT_MAX:
        return False
    return not member.one_decimal or value % 1 == 0 or round(value * 10) / 10 == value
