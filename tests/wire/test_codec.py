"""Payloads to JSON and back: which defect is found where, and which of several wins."""

import json
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import attrs
import cattrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio import v16
from ocpp_trio.errors import ErrorCode, RemoteProtocolError
from ocpp_trio.wire.codec import Finding, codec_of, findings
from ocpp_trio.wire.converter import DefectError, make_converter
from ocpp_trio.wire.fields import CiString20, Decimal1, NonNegative, OneOrMore
from ocpp_trio.wire.leniency import Leniency
from ocpp_trio.wire.message import Defect, Payload, Request, Response, Version


class Colour(StrEnum):
    RED = "Red"
    BLUE = "Blue"


@attrs.frozen(kw_only=True)
class Part(Payload):
    """A nested object."""

    label_text: CiString20
    limit: Decimal1 | None = None


@attrs.frozen(kw_only=True)
class Group(Payload):
    """An object with a list of objects."""

    parts: OneOrMore[Part]


@attrs.frozen(kw_only=True)
class WholeResponse(Response):
    """A response of no members."""


@attrs.frozen(kw_only=True)
class WholeRequest(Request["WholeRequest", WholeResponse]):
    """One member of every kind."""

    item_count: NonNegative
    text: str | None = None
    token: CiString20 | None = None
    flag: bool | None = None
    number: float | None = None
    limit: Decimal1 | None = None
    moment: datetime | None = None
    colour: Colour | None = None
    part: Part | None = None
    groups: tuple[Group, ...] | None = None
    tokens: tuple[CiString20, ...] | None = None


# Every defect gets a code of its own, so that a test sees which one was found.
CODES = dict(zip(Defect, ErrorCode, strict=False))
VERSION = Version(
    subprotocol="ocpp0.1",
    charge_point_requests=(WholeRequest,),
    csms_requests=(),
    boot=WholeRequest,
    heartbeat=lambda: WholeRequest(item_count=0),
    error_codes=CODES,
    spellings={},
    triggers={},
)
codec = codec_of(VERSION)


def decode(members: object) -> WholeRequest:
    return codec.decode(WholeRequest, json.dumps(members).encode())


def refusal(raw: object) -> tuple[Defect, str, RemoteProtocolError]:
    """The defect, the path and the error with which a payload is refused."""
    text = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(WholeRequest, text)
    defect = next(defect for defect, code in CODES.items() if code == caught.value.code)
    return defect, caught.value.details["path"], caught.value


def test_the_codec_of_a_version_is_made_once() -> None:
    assert codec_of(VERSION) is codec
    assert codec.version is VERSION


def test_members_are_written_in_the_order_of_the_class() -> None:
    request = WholeRequest(
        tokens=("a",), colour=Colour.RED, flag=False, text="é", item_count=1, part=Part(limit=1.5, label_text="p")
    )

    assert (
        codec.encode(request)
        == (
            '{"itemCount":1,"text":"é","flag":false,"colour":"Red","part":{"labelText":"p","limit":1.5},"tokens":["a"]}'
        ).encode()
    )


def test_unset_optionals_are_left_out_and_empty_lists_are_not() -> None:
    assert codec.encode(WholeRequest(item_count=0)) == b'{"itemCount":0}'
    assert codec.encode(WholeRequest(item_count=0, tokens=())) == b'{"itemCount":0,"tokens":[]}'
    assert codec.encode(WholeResponse()) == b"{}"


def test_a_decimal_is_written_as_it_is_read_by_people() -> None:
    assert codec.encode(Part(label_text="", limit=21.4)) == b'{"labelText":"","limit":21.4}'


def test_date_times_are_written_in_utc_with_three_digits() -> None:
    moment = datetime(2026, 11, 21, 12, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=2)))

    assert codec.encode(WholeRequest(item_count=0, moment=moment)) == (
        b'{"itemCount":0,"moment":"2026-11-21T10:00:00.123Z"}'
    )


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            WholeRequest(item_count=0, text="\ud800"),
            "WholeRequest.text: 'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed",
        ),
        (
            WholeRequest(item_count=0, groups=(Group(parts=(Part(label_text=""), Part(label_text="a\udc00"))),)),
            "WholeRequest.groups[0].parts[1].label_text: 'utf-8' codec can't encode character '\\udc00'",
        ),
        (WholeRequest(item_count=0, tokens=("a", "\ud800")), "WholeRequest.tokens[1]: 'utf-8' codec"),
        (
            WholeRequest(item_count=0, moment=datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))),
            "WholeRequest.moment: expected a date-time of the years 1 to 9999 in UTC, found 9999-12-31 23:59:59",
        ),
        (WholeRequest(item_count=10**5000), "WholeRequest.item_count: "),
    ],
)
def test_a_payload_that_json_cannot_carry_is_a_value_error_that_names_the_field(
    request_: WholeRequest, message: str
) -> None:
    with pytest.raises(ValueError, match="WholeRequest") as caught:
        codec.encode(request_)

    assert type(caught.value) is ValueError
    assert str(caught.value).startswith(message)
    assert str(caught.value).isascii()
    assert caught.value.__suppress_context__


def test_members_may_come_in_any_order() -> None:
    assert codec.decode(WholeRequest, b'{ "text":"a", "itemCount":1 }') == WholeRequest(item_count=1, text="a")


def test_an_integer_is_a_legal_decimal() -> None:
    request = decode({"itemCount": 0, "limit": 10, "number": -3})

    assert (request.limit, request.number) == (10.0, -3.0)


@pytest.mark.parametrize("limit", [21.4, 0.1, 0.3, -0.1, 0, 16, 1e22, 1.10])
def test_one_decimal_digit_is_counted_in_decimal(limit: float) -> None:
    assert decode({"itemCount": 0, "limit": limit}).limit == limit


@pytest.mark.parametrize("limit", [8.15, 21.45, 0.01, 1e-9])
def test_a_second_decimal_digit_is_refused(limit: float) -> None:
    defect, path, _ = refusal({"itemCount": 0, "limit": limit})

    assert (defect, path) == (Defect.BAD_VALUE, "$.limit")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T09:30:00Z", datetime(2026, 11, 21, 9, 30, tzinfo=UTC)),
        ("2026-11-21T09:30:00.1Z", datetime(2026, 11, 21, 9, 30, 0, 100_000, tzinfo=UTC)),
        ("2026-11-21T09:30:00.123456Z", datetime(2026, 11, 21, 9, 30, 0, 123_456, tzinfo=UTC)),
        ("2026-11-21T09:30:00.1230000000000Z", datetime(2026, 11, 21, 9, 30, 0, 123_000, tzinfo=UTC)),
        ("2026-11-21T09:30:00+02:00", datetime(2026, 11, 21, 7, 30, tzinfo=UTC)),
        ("2026-11-21T09:30:00.5-03:30", datetime(2026, 11, 21, 13, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-21T09:30:00-00:00", datetime(2026, 11, 21, 9, 30, tzinfo=UTC)),
        ("2026-11-21t09:30:00z", datetime(2026, 11, 21, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_date_time_may_have_any_fraction_and_offset(text: str, moment: datetime) -> None:
    assert decode({"itemCount": 0, "moment": text}).moment == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21T09:30:00",
        "2026-11-21",
        "21.11.2026 09:30",
        "2026-13-21T09:30:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T09:30Z",
        "2026-11-21T09:30:00.Z",
    ],
)
def test_a_date_time_that_is_none_or_has_no_offset_is_refused(text: str) -> None:
    defect, path, _ = refusal({"itemCount": 0, "moment": text})

    assert (defect, path) == (Defect.BAD_VALUE, "$.moment")


@pytest.mark.parametrize(
    ("members", "defect", "path", "expected", "found"),
    [
        ({}, Defect.MISSING_MEMBER, "$.itemCount", "a value", "nothing"),
        ({"itemCount": 0, "more": 1}, Defect.EXTRA_MEMBER, "$.more", "no such member", "'more'"),
        ({"itemCount": 0, "item_count": 1}, Defect.EXTRA_MEMBER, "$.item_count", "no such member", "'item_count'"),
        ({"itemCount": 0, "ITEMCOUNT": 1}, Defect.EXTRA_MEMBER, "$.ITEMCOUNT", "no such member", "'ITEMCOUNT'"),
        ([], Defect.WRONG_TYPE, "$", "an object", "[]"),
        (None, Defect.WRONG_TYPE, "$", "an object", "None"),
        ({"itemCount": True}, Defect.WRONG_TYPE, "$.itemCount", "an integer of at least 0", "True"),
        ({"itemCount": "1"}, Defect.WRONG_TYPE, "$.itemCount", "an integer of at least 0", "'1'"),
        ({"itemCount": 1.0}, Defect.WRONG_TYPE, "$.itemCount", "an integer of at least 0", "1.0"),
        ({"itemCount": None}, Defect.WRONG_TYPE, "$.itemCount", "an integer of at least 0", "None"),
        ({"itemCount": 0, "text": 1}, Defect.WRONG_TYPE, "$.text", "a string", "1"),
        ({"itemCount": 0, "text": None}, Defect.WRONG_TYPE, "$.text", "a string", "None"),
        ({"itemCount": 0, "token": []}, Defect.WRONG_TYPE, "$.token", "a string of at most 20 characters", "[]"),
        ({"itemCount": 0, "flag": 1}, Defect.WRONG_TYPE, "$.flag", "a boolean", "1"),
        ({"itemCount": 0, "flag": "true"}, Defect.WRONG_TYPE, "$.flag", "a boolean", "'true'"),
        ({"itemCount": 0, "number": "1"}, Defect.WRONG_TYPE, "$.number", "a number", "'1'"),
        ({"itemCount": 0, "number": False}, Defect.WRONG_TYPE, "$.number", "a number", "False"),
        ({"itemCount": 0, "moment": 1}, Defect.WRONG_TYPE, "$.moment", "a date-time with a time zone", "1"),
        ({"itemCount": 0, "colour": 1}, Defect.WRONG_TYPE, "$.colour", "a string", "1"),
        ({"itemCount": 0, "part": []}, Defect.WRONG_TYPE, "$.part", "an object", "[]"),
        ({"itemCount": 0, "part": "x"}, Defect.WRONG_TYPE, "$.part", "an object", "'x'"),
        ({"itemCount": 0, "tokens": {}}, Defect.WRONG_TYPE, "$.tokens", "a list", "{}"),
        ({"itemCount": 0, "tokens": "ab"}, Defect.WRONG_TYPE, "$.tokens", "a list", "'ab'"),
        (
            {"itemCount": 0, "groups": [{"parts": []}]},
            Defect.WRONG_CARDINALITY,
            "$.groups[0].parts",
            "a list of at least one element",
            "[]",
        ),
        ({"itemCount": 0, "colour": "Green"}, Defect.UNKNOWN_ENUM_VALUE, "$.colour", "one of Red, Blue", "'Green'"),
        ({"itemCount": 0, "colour": "red"}, Defect.UNKNOWN_ENUM_VALUE, "$.colour", "one of Red, Blue", "'red'"),
        ({"itemCount": -1}, Defect.BAD_VALUE, "$.itemCount", "an integer of at least 0", "-1"),
        (
            {"itemCount": 0, "token": "x" * 21},
            Defect.BAD_VALUE,
            "$.token",
            "a string of at most 20 characters",
            f"'{'x' * 21}'",
        ),
        (
            {"itemCount": 0, "limit": 8.15},
            Defect.BAD_VALUE,
            "$.limit",
            "a number with at most one decimal digit",
            "8.15",
        ),
    ],
)
def test_a_defect_is_named_with_its_place(
    members: object, defect: Defect, path: str, expected: str, found: str
) -> None:
    got, place, error = refusal(members)

    assert (got, place) == (defect, path)
    assert error.details == {"path": path, "expected": expected, "found": found}
    assert str(error) == f"{path}: expected {expected}, found {found}"
    assert error.message_id is None


@pytest.mark.parametrize(
    ("part", "defect", "path"),
    [
        ({}, Defect.MISSING_MEMBER, "$.groups[1].parts[2].labelText"),
        ({"labelText": "x", "b": 1, "a": 2}, Defect.EXTRA_MEMBER, "$.groups[1].parts[2].a"),
        ({"labelText": 1}, Defect.WRONG_TYPE, "$.groups[1].parts[2].labelText"),
        ({"labelText": "x" * 21}, Defect.BAD_VALUE, "$.groups[1].parts[2].labelText"),
        ("x", Defect.WRONG_TYPE, "$.groups[1].parts[2]"),
    ],
)
def test_a_path_leads_through_lists_and_objects_by_their_json_names(part: object, defect: Defect, path: str) -> None:
    sound = {"labelText": "x"}
    members = {"itemCount": 0, "groups": [{"parts": [sound]}, {"parts": [sound, sound, part]}]}

    assert refusal(members)[:2] == (defect, path)


def test_an_element_of_a_plain_list_is_named_by_its_index() -> None:
    assert refusal({"itemCount": 0, "tokens": ["a", "b", 3]})[:2] == (Defect.WRONG_TYPE, "$.tokens[2]")


def test_each_extra_member_is_found_at_its_own_place_up_to_a_bound() -> None:
    with pytest.raises(cattrs.BaseValidationError) as caught:
        make_converter().structure({"itemCount": 0} | dict.fromkeys("jihgfedcba", 1), WholeRequest)

    assert list(findings(caught.value)) == [
        Finding(Defect.EXTRA_MEMBER, f"$.{name}", "no such member", f"'{name}'") for name in "abcdefgh"
    ]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("vendor-id_2", "$.vendor-id_2"),
        ("", "$['']"),
        ("a.b", "$['a.b']"),
        ("é", "$['é']"),
        ("a\n", "$['a\\n']"),
        ("x" * 61, f"$['{'x' * 59}…]"),
    ],
)
def test_the_name_of_an_extra_member_is_quoted_unless_it_is_a_plain_one(name: str, path: str) -> None:
    assert refusal({"itemCount": 0, name: 1})[1] == path


BROKEN_BY_PRECEDENCE: list[tuple[Defect, dict[str, Any]]] = [
    (Defect.MISSING_MEMBER, {"part": {}}),
    (Defect.EXTRA_MEMBER, {"more": 1}),
    (Defect.WRONG_TYPE, {"text": 1}),
    (Defect.WRONG_CARDINALITY, {"groups": [{"parts": []}]}),
    (Defect.UNKNOWN_ENUM_VALUE, {"colour": "Green"}),
    (Defect.BAD_VALUE, {"limit": 8.15}),
]


@pytest.mark.parametrize("first", range(len(BROKEN_BY_PRECEDENCE)))
def test_the_first_failing_check_wins_over_all_later_ones(first: int) -> None:
    """OCPP-J 1.6 section 4.2.3 has one code per answer; structure comes before types, types before values."""
    members: dict[str, Any] = {"itemCount": 0}
    for _, broken in reversed(BROKEN_BY_PRECEDENCE[first:]):
        members |= broken

    assert refusal(members)[0] is BROKEN_BY_PRECEDENCE[first][0]


def test_of_equal_defects_the_first_member_of_the_class_is_named() -> None:
    assert refusal({"flag": 1, "text": 1, "itemCount": 0})[1] == "$.text"


def test_within_one_value_the_type_is_tested_before_the_limits() -> None:
    assert refusal({"itemCount": -1.5})[0] is Defect.WRONG_TYPE


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


def test_a_long_offending_value_is_cut() -> None:
    _, _, error = refusal({"itemCount": 0, "token": "x" * 100_000})

    assert len(error.details["found"]) == 61


def test_lengths_are_counted_in_characters() -> None:
    assert decode({"itemCount": 0, "token": "\U0001f600" * 20}).token == "\U0001f600" * 20


def test_the_error_does_not_drag_the_converter_s_errors_along() -> None:
    _, _, error = refusal({})

    assert error.__cause__ is None
    assert error.__suppress_context__


def test_every_defect_of_a_payload_is_found() -> None:
    members = {"colour": "Green", "part": {"more": 1}, "tokens": [1, "x", "y" * 21]}

    with pytest.raises(cattrs.BaseValidationError) as caught:
        make_converter().structure(members, WholeRequest)

    assert list(findings(caught.value)) == [
        Finding(Defect.MISSING_MEMBER, "$.itemCount", "a value", "nothing"),
        Finding(Defect.UNKNOWN_ENUM_VALUE, "$.colour", "one of Red, Blue", "'Green'"),
        Finding(Defect.MISSING_MEMBER, "$.part.labelText", "a value", "nothing"),
        Finding(Defect.EXTRA_MEMBER, "$.part.more", "no such member", "'more'"),
        Finding(Defect.WRONG_TYPE, "$.tokens[0]", "a string of at most 20 characters", "1"),
        Finding(Defect.BAD_VALUE, "$.tokens[2]", "a string of at most 20 characters", f"'{'y' * 21}'"),
    ]


def test_notes_that_others_add_to_an_error_are_passed_over() -> None:
    defect = DefectError(Defect.BAD_VALUE, "a colour", "grey")
    defect.add_note("said by a hook of somebody else")
    defect.add_note(cattrs.AttributeValidationNote("", "item_count", int))

    error = cattrs.ClassValidationError("", [defect], WholeRequest)

    assert list(findings(error)) == [Finding(Defect.BAD_VALUE, "$.itemCount", "a colour", "'grey'")]


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


def test_a_frame_full_of_defects_is_looked_into_only_so_far():
    """A hundred thousand faulty elements must not cost seconds: nothing else runs meanwhile."""
    faulty = {"connectorId": 1, "meterValue": [{"timestamp": 1, "sampledValue": [{}] * 50_000}] * 40}

    with pytest.raises(cattrs.BaseValidationError) as refused:
        make_converter().structure(faulty, v16.MeterValuesRequest)

    assert 1 <= len(list(findings(refused.value))) <= 16 * (16 + 1)
