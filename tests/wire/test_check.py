"""What a constructor checks, and the search for what makes a payload impossible to write."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.wire.payloads import Colour, Part, Shade, Strict, Tenths, Whole

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


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


def test_of_equal_elements_the_one_that_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"Tenths.some\[1\]: .*, found True"):
        Tenths(some=(1, True))


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


def test_a_traceback_through_generated_code_names_its_class() -> None:
    assert Part._check.__code__.co_filename == "<check of Part>"
