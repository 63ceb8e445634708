"""JSON text to payloads: what msgspec and the generated code take and refuse."""

from datetime import UTC, datetime

import pytest

from ocpp_trio.wire.reader import reader_of
from ocpp_trio.wire.source import Misfit
from tests.wire.payloads import Colour, Part, Whole

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


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
