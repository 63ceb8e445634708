"""Payloads to JSON text: what is written, and that everything is checked again."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from ocpp_trio import v16
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.fields import CiString20
from ocpp_trio.wire.message import Payload
from ocpp_trio.wire.reader import reader_of
from ocpp_trio.wire.source import Misfit
from ocpp_trio.wire.writer import writer_of
from tests.wire.payloads import Colour, Part, Shade, Tenths, Whole

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
codec = codec_of(v16.version)


def test_lists_in_lists_keep_their_elements_apart() -> None:
    inner = [Whole(text=text, any_parts=tuple(Part(label=text + end) for end in "xyz")) for text in "abc"]
    nested = Tenths(some=(), wholes=tuple(inner))

    text = writer_of(Tenths)(nested)

    assert reader_of(Tenths)(text) == nested
    assert [part["label"] for whole in json.loads(text)["wholes"] for part in whole["anyParts"]] == [
        "ax", "ay", "az", "bx", "by", "bz", "cx", "cy", "cz"
    ]  # fmt: skip


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


class OwnMoment(datetime):
    """As other libraries have them."""


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-11-21T12:00:00Z"),
        (NOON.replace(microsecond=5_999), "2026-11-21T12:00:00.005Z"),
        (NOON.replace(tzinfo=timezone(timedelta(hours=2))), "2026-11-21T10:00:00Z"),
        (NOON.replace(tzinfo=timezone(timedelta(0))), "2026-11-21T12:00:00Z"),
        (OwnMoment(2026, 11, 21, 12, tzinfo=UTC), "2026-11-21T12:00:00Z"),
    ],
)
def test_date_times_are_written_as_they_are_stamped(moment: datetime, text: str) -> None:
    whole = Whole(text="", moment=moment, moments=(moment, moment))

    assert json.loads(writer_of(Whole)(whole)) == {"text": "", "moment": text, "moments": [text, text]}


def unchecked(payload: Any, **values: Any) -> Any:
    """A payload with values that its constructor never saw, as a lenient reader makes them."""
    for name, value in values.items():
        object.__setattr__(payload, name, value)
    return payload


SOUND_PART = Part(label="x", number=0.5)
WRONG: dict[str, list[Any]] = {
    "text": [None, 5, Colour.RED, b""],
    "token": ["x" * 21, 5, Colour.RED, ()],
    "flag": [1, "true", 0.0],
    "count": [-1, True, 1.0, "1"],
    "number": ["1", True, float("nan"), float("inf"), float("-inf"), 10**400],
    "decimal": ["1", True, float("nan"), float("inf"), 10**400, 8.15, 21.45, 0.30000000000000004],
    "moment": ["2026-11-21T12:00:00Z", NOON.replace(tzinfo=None), NOON.date(), 0],
    "colour": ["Red", Shade.RED, "Green", 0],
    "part": [{"label": "x"}, "x", 0, (), unchecked(Part(label="x"), label="x" * 21)],
    "any_parts": [[SOUND_PART], SOUND_PART, "", 0, (SOUND_PART, None), (unchecked(Part(label="x"), number=0.25),)],
    "some_parts": [(), [], (None,), (SOUND_PART, unchecked(Part(label="x"), label=None))],
    "tokens": ["ab", ["a"], ("a", None), ("a", "x" * 21), 0],
    "moments": [NOON, (None,), (NOON, NOON.replace(tzinfo=None))],
}


def test_every_member_of_the_sample_is_broken_below() -> None:
    assert set(WRONG) == {member.name for member in Whole._shape.members}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_no_constructor_has_checked_is_checked_when_it_is_written(name: str, value: Any) -> None:
    whole = unchecked(Whole(text=""), **{name: value})
    outer = unchecked(Tenths(some=(0.1,)), wholes=(Whole(text=""), whole))

    with pytest.raises((Misfit, ValueError, AttributeError)):
        writer_of(Whole)(whole)

    with pytest.raises(ValueError, match=rf"^Whole\.{name}\b") as caught:
        codec.encode(whole)
    assert type(caught.value) is ValueError
    with pytest.raises(ValueError, match=rf"^Tenths\.wholes\[1\]\.{name}\b"):
        codec.encode(outer)


@pytest.mark.parametrize("number", [0.1, -0.1, 21.4, 7, 7.0, 1e22, 1.7e308, 10**300, 0.0, -0.0, (2**53 - 1) / 10])
def test_a_decimal_that_a_constructor_takes_is_written(number: float) -> None:
    assert json.loads(writer_of(Part)(Part(label="", number=number))) == {"label": "", "number": number}


def test_a_class_that_skips_the_check_of_its_constructor_is_checked_when_it_is_written() -> None:
    @attrs.frozen(kw_only=True)
    class Own(Payload):
        label: CiString20

        def __attrs_post_init__(self) -> None:
            """Without a word to the class above."""

    with pytest.raises(ValueError, match=r"^Own.label: expected a string of at most 20 characters, found 'xxx"):
        codec.encode(Own(label="x" * 21))


def test_two_classes_of_one_name_in_a_message_are_written_each_as_itself() -> None:
    """A vendor may call a class as the specification calls one of its own."""

    def named(field: str) -> Any:
        return attrs.make_class("Own", {field: attrs.field(type=str)}, bases=(Payload,), frozen=True, slots=True)

    first, second = named("one"), named("two")
    both: Any = attrs.make_class(
        "Both",
        {"first": attrs.field(type=first), "second": attrs.field(type=second)},
        bases=(Payload,),
        frozen=True,
        slots=True,
    )
    payload = both(first("1"), second("2"))

    assert writer_of(both)(payload) == b'{"first":{"one":"1"},"second":{"two":"2"}}'
    assert reader_of(both)(writer_of(both)(payload)) == payload
