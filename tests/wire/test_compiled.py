"""The code that is generated per class: the constructor's check, the reader and the writer."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio.wire.reader import reader_of
from ocpp_trio.wire.source import Misfit
from ocpp_trio.wire.stamp import stamp
from ocpp_trio.wire.writer import writer_of
from ocpp_trio.wire.fields import CiString20, Decimal1, NonNegative, OneOrMore
from ocpp_trio.wire.message import Payload

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Colour(StrEnum):
    RED = "Red"
    BLUE = "Blue"


class Shade(StrEnum):
    RED = "Red"


@attrs.frozen(kw_only=True)
class Part(Payload):
    label: CiString20
    number: Decimal1 | None = None


@attrs.frozen(kw_only=True)
class Whole(Payload):
    text: str
    token: CiString20 | None = None
    flag: bool | None = None
    count: NonNegative | None = None
    number: float | None = None
    decimal: Decimal1 | None = None
    moment: datetime | None = None
    colour: Colour | None = None
    part: Part | None = None
    any_parts: tuple[Part, ...] | None = None
    some_parts: OneOrMore[Part] | None = None
    tokens: tuple[CiString20, ...] | None = None
    moments: tuple[datetime, ...] | None = None


@attrs.frozen(kw_only=True)
class Strict(Payload):
    moment: datetime
    parts: OneOrMore[Part]


@attrs.frozen(kw_only=True)
class Tenths(Payload):
    some: tuple[Decimal1, ...]
    more: tuple[Decimal1, ...] | None = None
    wholes: tuple[Whole, ...] | None = None


def test_a_payload_with_only_what_is_required_is_made() -> None:
    whole = Whole(text="")

    assert whole.token is None
    assert whole.any_parts is None


@pytest.mark.parametrize(
    "values",
    [
        {"text": "x" * 100_000},
        {"token": "x" * 20},
        {"token": "é" * 20},
        {"flag": False},
        {"count": 0},
        {"count": 2**70},
        {"number": 8.15},
        {"number": 3},
        {"decimal": 21.4},
        {"decimal": -0.1},
        {"decimal": 7},
        {"decimal": 1e22},
        {"decimal": 1.7e308},
        {"decimal": 10**300},
        {"moment": NOON},
        {"moment": NOON.astimezone(timezone(timedelta(hours=-3, minutes=-30)))},
        {"colour": Colour.RED},
        {"any_parts": ()},
        {"tokens": ("a", "b" * 20)},
    ],
)
def test_a_value_within_the_limits_is_taken(values: dict[str, Any]) -> None:
    whole = Whole(**{"text": "", **values})

    assert {name: getattr(whole, name) for name in values} == values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text": None}, "Whole.text: expected a string, found None"),
        ({"text": 5}, "Whole.text: expected a string, found 5"),
        ({"text": Colour.RED}, "Whole.text: expected a string, found <Colour.RED: 'Red'>"),
        ({"token": "x" * 21}, f"Whole.token: expected a string of at most 20 characters, found '{'x' * 21}'"),
        ({"flag": 1}, "Whole.flag: expected a boolean, found 1"),
        ({"count": -1}, "Whole.count: expected an integer of at least 0, found -1"),
        ({"count": True}, "Whole.count: expected an integer of at least 0, found True"),
        ({"count": 1.0}, "Whole.count: expected an integer of at least 0, found 1.0"),
        ({"number": "1"}, "Whole.number: expected a number, found '1'"),
        ({"number": True}, "Whole.number: expected a number, found True"),
        ({"number": float("nan")}, "Whole.number: expected a number, found nan"),
        ({"number": float("inf")}, "Whole.number: expected a number, found inf"),
        ({"number": float("-inf")}, "Whole.number: expected a number, found -inf"),
        ({"decimal": True}, "Whole.decimal: expected a number with at most one decimal digit, found True"),
        ({"decimal": float("inf")}, "Whole.decimal: expected a number with at most one decimal digit, found inf"),
        ({"decimal": float("nan")}, "Whole.decimal: expected a number with at most one decimal digit, found nan"),
        ({"decimal": 10**400}, "Whole.decimal: expected a number with at most one decimal digit, found 1"),
        ({"decimal": 8.15}, "Whole.decimal: expected a number with at most one decimal digit, found 8.15"),
        ({"moment": "2026-11-21T12:00:00Z"}, "Whole.moment: expected a date-time with a time zone, found '2026"),
        ({"moment": NOON.replace(tzinfo=None)}, "Whole.moment: expected a date-time with a time zone, found datetime"),
        ({"moment": NOON.date()}, "Whole.moment: expected a date-time with a time zone, found datetime.date"),
        ({"colour": "Red"}, "Whole.colour: expected a Colour (RED, BLUE), found 'Red'"),
        ({"colour": Shade.RED}, "Whole.colour: expected a Colour (RED, BLUE), found <Shade.RED: 'Red'>"),
        ({"part": {"label": "x"}}, "Whole.part: expected a Part, found {'label': 'x'}"),
        ({"any_parts": [Part(label="x")]}, "Whole.any_parts: expected a tuple, found [Part(label='x'"),
        ({"any_parts": (Part(label="x"), None)}, "Whole.any_parts[1]: expected a Part, found None"),
        ({"some_parts": ()}, "Whole.some_parts: expected a tuple of at least one element, found ()"),
        ({"tokens": "ab"}, "Whole.tokens: expected a tuple, found 'ab'"),
        ({"any_parts": (Part(label="x"), None, None)}, "Whole.any_parts[1]: expected a Part, found None"),
        ({"tokens": ("a", "x" * 21)}, "Whole.tokens[1]: expected a string of at most 20 characters, found 'xxx"),
    ],
)
def test_a_value_that_breaks_a_rule_is_a_value_error_that_names_the_field(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        Whole(**{"text": "", **values})

    assert str(caught.value).startswith(message)


def is_tenths_in_decimal(value: float) -> bool:
    return value % 1 == 0 or Decimal(repr(value)) % Decimal("0.1") == 0


# Up to 2**53 tenths, which is more than any limit in amperes or watts.
doubles = st.floats(-9e14, 9e14)
tenths = st.integers(-(2**53), 2**53).map(lambda n: n / 10)
wholes = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: float(round(number)))
neighbours = st.builds(math.nextafter, tenths, st.sampled_from([-math.inf, math.inf]))


@settings(max_examples=500)
@given(doubles | tenths | neighbours | wholes)
def test_one_decimal_digit_is_counted_as_in_decimal_arithmetic(value: float) -> None:
    text = json.dumps({"label": "", "number": value}).encode()

    if is_tenths_in_decimal(value):
        assert Part(label="", number=value) == reader_of(Part)(text)
    else:
        with pytest.raises(ValueError, match="at most one decimal digit"):
            Part(label="", number=value)
        with pytest.raises(Misfit):
            reader_of(Part)(text)


@given(tenths)
def test_a_quotient_by_ten_has_one_decimal_digit(value: float) -> None:
    assert is_tenths_in_decimal(value)
    assert Part(label="", number=value).number == value


def test_decimals_in_lists_are_counted_one_by_one() -> None:
    assert reader_of(Tenths)(b'{"some":[0.1,2],"more":[]}') == Tenths(some=(0.1, 2.0), more=())
    assert reader_of(Tenths)(b'{"some":[]}') == Tenths(some=())
    for raw in (b'{"some":[0.1,0.15]}', b'{"some":[],"more":[0.15]}'):
        with pytest.raises(Misfit):
            reader_of(Tenths)(raw)
    with pytest.raises(ValueError, match=r"Tenths.more\[1\]: expected a number with at most one decimal"):
        Tenths(some=(), more=(0.1, 0.15))


def test_of_equal_elements_the_one_that_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"Tenths.some\[1\]: .*, found True"):
        Tenths(some=(1, True))


def test_lists_in_lists_keep_their_elements_apart() -> None:
    inner = [Whole(text=text, any_parts=tuple(Part(label=text + end) for end in "xyz")) for text in "abc"]
    nested = Tenths(some=(), wholes=tuple(inner))

    text = writer_of(Tenths)(nested)

    assert reader_of(Tenths)(text) == nested
    assert [part["label"] for whole in json.loads(text)["wholes"] for part in whole["anyParts"]] == [
        "ax", "ay", "az", "bx", "by", "bz", "cx", "cy", "cz"
    ]  # fmt: skip


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_an_integer_beyond_every_float_is_no_number(value: int) -> None:
    with pytest.raises(ValueError, match="Whole.number: expected a number"):
        Whole(text="", number=value)


def test_the_first_broken_member_is_the_one_that_is_named() -> None:
    with pytest.raises(ValueError, match="Whole.count"):
        Whole(text="", count=-1, decimal=8.15)


def test_a_required_member_may_not_be_none() -> None:
    with pytest.raises(ValueError, match="Strict.moment"):
        Strict(moment=None, parts=(Part(label="x"),))  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ValueError, match="Strict.parts"):
        Strict(moment=NOON, parts=None)  # type: ignore[arg-type]  # on purpose


def test_the_reader_makes_what_the_constructor_makes() -> None:
    raw = (
        b'{"text":"a","token":"t","flag":true,"count":3,"number":8.15,"decimal":21.4,'
        b'"moment":"2026-11-21T12:00:00Z","colour":"Blue","part":{"label":"p","number":1},'
        b'"anyParts":[],"someParts":[{"label":"x"},{"label":"y"}],"tokens":["a"],"moments":["2026-11-21T12:00:00Z"]}'
    )

    assert reader_of(Whole)(raw) == Whole(
        text="a",
        token="t",
        flag=True,
        count=3,
        number=8.15,
        decimal=21.4,
        moment=NOON,
        colour=Colour.BLUE,
        part=Part(label="p", number=1),
        any_parts=(),
        some_parts=(Part(label="x"), Part(label="y")),
        tokens=("a",),
        moments=(NOON,),
    )


def test_the_reader_starts_an_integer_at_its_lowest_value() -> None:
    assert reader_of(Whole)(b'{"text":"","count":0}') == Whole(text="", count=0)
    with pytest.raises(Misfit, match=r"at `\$.count`"):
        reader_of(Whole)(b'{"text":"","count":-1}')


def test_the_reader_reads_a_missing_optional_as_none() -> None:
    assert reader_of(Part)(b'{"label":"x"}') == Part(label="x", number=None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"label":null}',
        b'{"label":5}',
        b'{"label":"xxxxxxxxxxxxxxxxxxxxx"}',
        b'{"label":"x","number":null}',
        b'{"label":"x","number":8.15}',
        b'{"label":"x","number":true}',
        b'{"label":"x","number":1e400}',
        b'{"label":"x","number":NaN}',
        b'{"label":"x","more":1}',
        b'{"label":"\xff"}',
        b'{"label":' + b"[" * 100_000,
    ],
)
def test_the_reader_refuses_whatever_is_not_exactly_such_a_payload(raw: bytes) -> None:
    with pytest.raises(Misfit, match="^Part: |^number$"):
        reader_of(Part)(raw)


def test_the_writer_keeps_the_order_of_the_class_and_leaves_out_what_is_unset() -> None:
    whole = Whole(moment=NOON, count=0, flag=False, text="", any_parts=(), part=Part(number=1.5, label="p"))

    assert writer_of(Whole)(whole) == (
        b'{"text":"","flag":false,"count":0,"moment":"2026-11-21T12:00:00Z","part":{"label":"p","number":1.5},'
        b'"anyParts":[]}'
    )


def test_the_writer_carries_lists_of_plain_and_of_converted_values() -> None:
    whole = Whole(text="", tokens=("a", "b"), moments=(NOON,), colour=Colour.RED)

    assert writer_of(Whole)(whole).endswith(b'"colour":"Red","tokens":["a","b"],"moments":["2026-11-21T12:00:00Z"]}')


def test_text_that_utf_8_cannot_carry_is_a_value_error_of_the_writer() -> None:
    part = Part(label="\ud800")

    with pytest.raises(ValueError, match="surrogates"):
        writer_of(Part)(part)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-11-21T12:00:00Z"),
        (NOON.replace(microsecond=5_000), "2026-11-21T12:00:00.005Z"),
        (NOON.replace(microsecond=123_999), "2026-11-21T12:00:00.123Z"),
        (NOON.replace(microsecond=999), "2026-11-21T12:00:00.000Z"),
        (NOON.replace(tzinfo=timezone(timedelta(hours=2))), "2026-11-21T10:00:00Z"),
        (NOON.replace(tzinfo=timezone(-timedelta(hours=13))), "2026-11-22T01:00:00Z"),
        (NOON.replace(tzinfo=timezone(timedelta(0))), "2026-11-21T12:00:00Z"),
        (NOON.replace(year=1), "0001-11-21T12:00:00Z"),
    ],
)
def test_date_times_are_written_in_utc_with_at_most_three_digits(moment: datetime, text: str) -> None:
    assert stamp(moment) == text


@pytest.mark.parametrize(
    "moment",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))),
    ],
)
def test_a_date_time_outside_the_years_of_utc_is_a_value_error(moment: datetime) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999 in UTC"):
        stamp(moment)


def test_a_traceback_through_generated_code_names_its_class() -> None:
    assert Part._check.__code__.co_filename == "<check of Part>"
