"""What JSON may be and a payload may not, or only just: numbers, nesting, doubled members, characters, raw bytes."""

import json
from datetime import UTC, datetime

import cattrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio import v16
from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.wire.codec import codec_of, findings
from ocpp_trio.wire.converter import make_converter
from ocpp_trio.wire.leniency import Leniency
from ocpp_trio.wire.message import Defect
from tests.wire.small_version import (
    CODES,
    VERSION,
    Part,
    WholeRequest,
    codec,
    decode,
    refusal,
)


@pytest.mark.parametrize("member", ["itemCount", "number", "limit", "text", "part", "groups"])
def test_a_number_of_5000_digits_is_refused(member: str) -> None:
    defect, path, error = refusal(b'{"itemCount":0,"%b":%b}' % (member.encode(), b"9" * 5000))

    assert defect is Defect.BAD_VALUE
    assert path == "$"
    assert len(str(error)) < 200


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"9" * 400])
@pytest.mark.parametrize("member", [b"number", b"limit"])
def test_a_number_that_no_float_can_hold_is_refused(member: bytes, number: bytes) -> None:
    defect, path, _ = refusal(b'{"itemCount":0,"%b":%b}' % (member, number))

    assert (defect, path) == (Defect.BAD_VALUE, f"$.{member.decode()}")


@pytest.mark.parametrize("number", [b"1.0", b"1e2", b"1e400"])
def test_an_integer_has_neither_fraction_nor_exponent(number: bytes) -> None:
    assert refusal(b'{"itemCount":%b}' % number)[0] is Defect.WRONG_TYPE


@pytest.mark.parametrize("depth", [10, 500, 900, 950, 990, 1_000, 100_000])
@pytest.mark.parametrize(("start", "end"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_nesting_is_refused_and_not_a_crash(depth: int, start: bytes, end: bytes) -> None:
    defect, _, error = refusal(b'{"itemCount":0,"text":' + start * depth + b"1" + end * depth + b"}")

    assert defect in (Defect.WRONG_TYPE, Defect.BAD_VALUE)
    assert len(str(error)) < 200


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize("member", [b"itemCount", b"number", b"limit", b"text", b"more"])
def test_what_python_alone_takes_for_a_number_is_no_json(member: bytes, number: bytes) -> None:
    defect, path, error = refusal(b'{"%b":%b}' % (member, number))

    assert (defect, path) == (Defect.MALFORMED, "$")
    assert error.details == {"path": "$", "expected": "JSON", "found": f"'{number.decode()}'"}


def test_digits_that_no_double_holds_are_the_nearest_one() -> None:
    assert codec.decode(Part, b'{"labelText":"","limit":21.40000000000000000001}').limit == 21.4
    assert refusal(b'{"itemCount":0,"limit":21.400000000000002}')[:2] == (Defect.BAD_VALUE, "$.limit")


def test_the_last_of_duplicate_members_wins_if_each_one_fits() -> None:
    """JSON leaves it open (RFC 8259 section 4), and most parsers do so."""
    assert codec.decode(WholeRequest, b'{"itemCount":1,"itemCount":2}').item_count == 2


def test_of_duplicate_date_times_and_decimals_the_last_alone_is_looked_at() -> None:
    raw = b'{"itemCount":1,"moment":5,"moment":"2026-11-21T09:30:00Z","limit":8.15,"limit":8.1}'

    assert codec.decode(WholeRequest, raw) == WholeRequest(
        item_count=1, moment=datetime(2026, 11, 21, 9, 30, tzinfo=UTC), limit=8.1
    )


@pytest.mark.parametrize(
    "raw",
    [
        b'{"itemCount":"1","itemCount":2}',
        b'{"itemCount":2,"itemCount":"1"}',
        b'{"itemCount":2,"itemCount":2,"more":1}',
        b'{"item":1,"itemCount":1,"itemCount":2,"item":1,"part":{}}',
        b'{"itemCount":1,"part":{"itemCount":1,"itemCount":1}}',
    ],
)
def test_a_payload_that_does_not_fit_is_refused_for_its_doubled_member_first(raw: bytes) -> None:
    """A good value does not hide a bad one of the same name, which the fast half has seen."""
    for leniency in (Leniency.STRICT, Leniency.ALL):
        with pytest.raises(RemoteProtocolError) as caught:
            codec_of(VERSION, leniency).decode(WholeRequest, raw)

        assert caught.value.code == CODES[Defect.MALFORMED]
        assert caught.value.details["path"] == "$"
        assert caught.value.details["expected"] == "each member once"
        assert caught.value.details["found"] in ("'itemCount'", "'item'")


def test_a_doubled_member_is_a_formation_violation_of_1_6() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        codec_of(v16.version).decode(v16.AuthorizeRequest, b'{"idTag":5,"idTag":"A"}')

    assert caught.value.code == "FormationViolation"
    assert str(caught.value) == "$: expected each member once, found 'idTag'"


def test_very_many_members_are_looked_through_for_doubled_ones_in_one_pass() -> None:
    raw = json.dumps({f"m{number}": 0 for number in range(60_000)}).encode()[:-1] + b',"m0":1}'

    assert refusal(raw)[2].details["found"] == "'m0'"


@pytest.mark.parametrize("half", [b"\\ud800", b"\\udc00", b"\\ud800x", b"\\ude00\\ud83d"])
def test_half_a_surrogate_pair_is_not_a_character(half: bytes) -> None:
    defect, path, error = refusal(b'{"itemCount":0,"text":"%b"}' % half)

    assert (defect, path) == (Defect.BAD_VALUE, "$.text")
    assert str(error).isascii()


def test_half_a_surrogate_pair_in_a_name_is_an_extra_member() -> None:
    defect, _, error = refusal(b'{"itemCount":0,"\\ud800":1}')

    assert defect is Defect.EXTRA_MEMBER
    assert error.details["found"] == "'\\ud800'"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe{\x00}\x00",
        '{"itemCount":0}'.encode("utf-16"),
        '{"itemCount":0}'.encode("utf-8-sig"),
        b'{"itemCount":0}}',
        b'{"itemCount":0,"text":"\xff"}',
        b'{"itemCount":0,"text":"\n"}',
    ],
)
def test_bytes_that_are_not_json_in_utf_8_are_malformed(raw: bytes) -> None:
    assert refusal(raw)[:2] == (Defect.MALFORMED, "$")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
names = st.sampled_from([member.wire_name for member in WholeRequest._shape.members]) | st.text(max_size=3)


@settings(max_examples=300)
@given(st.dictionaries(names, json_values | st.sampled_from([0, "Red", "2026-11-21T09:30:00Z", 21.4])) | json_values)
def test_no_json_raises_anything_but_a_remote_protocol_error(value: object) -> None:
    try:
        request = decode(value)
    except RemoteProtocolError as error:
        assert error.code in CODES.values()
        assert json.dumps([str(error), error.details], ensure_ascii=False).encode()
    else:
        assert codec.decode(WholeRequest, codec.encode(request)) == request


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_a_remote_protocol_error(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        codec.decode(WholeRequest, raw)


def test_a_frame_full_of_defects_is_looked_into_only_so_far() -> None:
    """A hundred thousand faulty elements must not cost seconds: nothing else runs meanwhile."""
    faulty = {"connectorId": 1, "meterValue": [{"timestamp": 1, "sampledValue": [{}] * 500}] * 40}

    with pytest.raises(cattrs.BaseValidationError) as refused:
        make_converter().structure(faulty, v16.MeterValuesRequest)

    assert 1 <= len(list(findings(refused.value))) <= 16 * (16 + 1)
