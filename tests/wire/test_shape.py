"""What is read from the annotations of a payload class."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import attrs
import pytest

from ocpp_trio.wire.fields import CiString20, Decimal1, MaxLength, NonNegative, OneOrMore, wire_name
from ocpp_trio.wire.shape import FOUND_LIMIT, Member, camel_case, quote, shape_of


class Colour(StrEnum):
    RED = "Red"
    DARK_BLUE = "Dark.Blue"


@attrs.frozen(kw_only=True)
class Part:
    label: str


@attrs.frozen(kw_only=True)
class Whole:
    plain_text: str
    short_text: CiString20 | None = None
    flag: bool
    count: NonNegative | None = None
    number: float
    decimal: Decimal1 | None = None
    moment: datetime
    colour: Colour
    part: Part
    any_parts: tuple[Part, ...] | None = None
    some_parts: OneOrMore[Part]
    short_texts: tuple[CiString20, ...] | None = None
    current_so_c: int | None = attrs.field(default=None, metadata=wire_name("currentSoC"))


def member(name: str) -> Member:
    return next(member for member in shape_of(Whole).members if member.name == name)


def test_members_keep_the_order_of_the_class() -> None:
    shape = shape_of(Whole)

    assert shape.payload_type is Whole
    assert [member.name for member in shape.members] == [field.name for field in attrs.fields(Whole)]


def test_a_member_without_default_is_required() -> None:
    assert member("plain_text") == Member(name="plain_text", wire_name="plainText", leaf=str, required=True, many=False)


def test_a_member_with_default_is_optional_and_its_rules_are_found_beneath() -> None:
    assert member("short_text") == Member(
        name="short_text", wire_name="shortText", leaf=str, required=False, many=False, max_length=20
    )
    assert member("count").at_least == 0
    assert member("decimal").one_decimal


def test_a_list_is_its_element_and_the_rules_of_both() -> None:
    assert member("some_parts") == Member(
        name="some_parts", wire_name="someParts", leaf=Part, required=True, many=True, non_empty=True
    )
    assert member("any_parts") == Member(
        name="any_parts", wire_name="anyParts", leaf=Part, required=False, many=True, non_empty=False
    )
    assert member("short_texts").max_length == 20


def test_a_wire_name_at_the_field_wins_over_camel_case() -> None:
    assert member("current_so_c").wire_name == "currentSoC"


def test_only_payload_classes_are_nested() -> None:
    assert member("part").nested
    assert not member("colour").nested


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain_text", "a string"),
        ("short_text", "a string of at most 20 characters"),
        ("flag", "a boolean"),
        ("count", "an integer of at least 0"),
        ("current_so_c", "an integer"),
        ("number", "a number"),
        ("decimal", "a number with at most one decimal digit"),
        ("moment", "a date-time with a time zone"),
        ("colour", "one of Red, Dark.Blue"),
        ("part", "an object"),
    ],
)
def test_what_a_value_must_be_is_said_in_words(name: str, expected: str) -> None:
    assert member(name).expected == expected


def test_a_class_of_no_fields_has_no_members() -> None:
    @attrs.frozen(kw_only=True)
    class Empty:
        pass

    assert shape_of(Empty).members == ()


def test_text_annotations_are_resolved() -> None:
    @attrs.frozen(kw_only=True)
    class Quoted:
        length: "Annotated[str, MaxLength(5)]"

    assert shape_of(Quoted).members[0].max_length == 5


def test_a_type_that_is_no_class_is_refused_with_the_name_of_its_field() -> None:
    @attrs.frozen(kw_only=True)
    class Odd:
        table: dict[str, int]

    with pytest.raises(TypeError, match="field 'table': expected a class, found dict"):
        shape_of(Odd)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("status", "status"), ("id_tag", "idTag"), ("charge_point_vendor", "chargePointVendor"), ("l1_n", "l1N")],
)
def test_python_names_become_camel_case(name: str, expected: str) -> None:
    assert camel_case(name) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "'a'"),
        ("\ud800\n", "'\\ud800\\n'"),
        (1.5, "1.5"),
        (None, "None"),
        ([], "[]"),
        ({"a": 1}, "{'a': 1}"),
        (Part(label="x"), "Part(label='x')"),
    ],
)
def test_a_short_value_is_quoted_as_its_repr(value: object, expected: str) -> None:
    assert quote(value) == expected


@pytest.mark.parametrize(
    "value", ["x" * 61, "x" * 100_000, b"x" * 100_000, 10**4000, Part(label="x" * 1000), ["x" * 29] * 5]
)
def test_a_long_value_is_cut(value: object) -> None:
    text = quote(value)

    assert len(text) == FOUND_LIMIT + 1
    assert text.endswith("…")


def test_long_and_deep_lists_are_quoted_without_being_walked() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    assert quote(deep) == "[[[[[[[...]]]]]]]"
    assert quote(tuple(range(100_000))) == "(0, 1, 2, 3, 4, 5, ...)"
    while deep:  # a list this deep would overflow the C stack when it is freed
        deep = deep.pop()
