"""The converter that people extend: payloads and data of their own, to and from plain data."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import attrs
import cattrs
import pytest

from ocpp_trio import make_converter, v16
from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.leniency import Leniency
from tests.wire.payloads import Colour, Part, Whole

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
codec = codec_of(v16.version)


class Currency(StrEnum):
    EURO = "EUR"


@attrs.frozen
class Tariff:
    """What a vendor puts into the data of a DataTransfer."""

    price: float
    currency: Currency
    valid_from: datetime
    days: list[int]
    first_come: bool = False
    note: str | None = None


TARIFF = Tariff(price=0.39, currency=Currency.EURO, valid_from=NOON, days=[1, 2], note="n")
PLAIN = {
    "price": 0.39,
    "currency": "EUR",
    "valid_from": "2026-11-21T12:00:00Z",
    "days": [1, 2],
    "first_come": False,
    "note": "n",
}


def test_it_reads_and_writes_payloads() -> None:
    whole = Whole(
        text="",
        count=1,
        decimal=2.5,
        moment=NOON,
        colour=Colour.BLUE,
        part=Part(label="p"),
        some_parts=(Part(label="q"),),
        tokens=("a",),
    )
    converter = make_converter()

    plain = converter.unstructure(whole)

    assert json.dumps(plain, separators=(",", ":")).encode() == codec.encode(whole)
    assert converter.structure(json.loads(json.dumps(plain)), Whole) == whole


def test_it_makes_a_float_of_an_integer_as_the_codec_does() -> None:
    part = make_converter().structure({"label": "p", "number": 10}, Part)

    assert type(part.number) is type(codec.decode(Part, b'{"label":"p","number":10}').number) is float


def test_data_of_a_vendor_goes_through_the_text_of_a_message_and_back() -> None:
    converter = make_converter()
    request = v16.DataTransferRequest(vendor_id="com.example", data=json.dumps(converter.unstructure(TARIFF)))

    received = codec.decode(v16.DataTransferRequest, codec.encode(request))

    assert received.data is not None
    assert json.loads(received.data) == PLAIN
    assert converter.structure(json.loads(received.data), Tariff) == TARIFF


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price", "0.39"),
        ("price", True),
        ("currency", "USD"),
        ("valid_from", "2026-11-21T12:00:00"),
        ("valid_from", 5),
        ("days", [1, 2.0]),
        ("days", [True]),
        ("first_come", "false"),
        ("first_come", 0),
        ("note", 5),
    ],
)
def test_it_is_as_strict_with_data_of_a_vendor_as_with_messages(name: str, value: Any) -> None:
    with pytest.raises(cattrs.ClassValidationError) as caught:
        make_converter().structure(PLAIN | {name: value}, Tariff)

    (error,) = caught.value.exceptions
    assert isinstance(error, ValueError | cattrs.IterableValidationError)
    assert f"attribute {name}" in "".join(error.__notes__)


def test_it_refuses_members_that_a_vendor_s_class_does_not_have() -> None:
    with pytest.raises(cattrs.ClassValidationError):
        make_converter().structure(PLAIN | {"more": 1}, Tariff)

    assert make_converter(leniency=Leniency.EXTRA_MEMBERS).structure(PLAIN | {"more": 1}, Tariff) == TARIFF


def test_a_class_of_a_vendor_may_hold_payloads() -> None:
    @attrs.frozen
    class Envelope:
        part: Part
        count: int

    own = make_converter().structure({"part": {"label": "x"}, "count": 1}, Envelope)

    assert own == Envelope(Part(label="x"), 1)


def test_a_leniency_changes_what_it_reads() -> None:
    converter = make_converter(leniency=Leniency.LONG_STRINGS)

    assert converter.structure({"idTag": "x" * 21}, v16.AuthorizeRequest).id_tag == "x" * 21
    with pytest.raises(cattrs.ClassValidationError):
        make_converter().structure({"idTag": "x" * 21}, v16.AuthorizeRequest)


def test_what_is_registered_on_it_changes_nothing_for_messages() -> None:
    """Neither for what a codec refuses, nor for what it lets pass, nor for another converter."""
    long, sound = b'{"idTag":"xxxxxxxxxxxxxxxxxxxxx"}', b'{"idTag":"A"}'
    other, own = make_converter(), make_converter()

    own.register_structure_hook(v16.AuthorizeRequest, lambda value, _: v16.AuthorizeRequest(id_tag="hooked"))
    own.register_unstructure_hook(v16.AuthorizeRequest, lambda request: "hooked")

    assert own.structure({}, v16.AuthorizeRequest).id_tag == "hooked"
    assert other.structure({"idTag": "A"}, v16.AuthorizeRequest).id_tag == "A"
    with pytest.raises(RemoteProtocolError):
        codec.decode(v16.AuthorizeRequest, long)
    lenient = codec_of(v16.version, Leniency.LONG_STRINGS)
    assert lenient.decode(v16.AuthorizeRequest, long).id_tag == "x" * 21
    assert codec.encode(codec.decode(v16.AuthorizeRequest, sound)) == sound
