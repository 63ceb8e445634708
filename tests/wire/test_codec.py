"""Payloads to JSON and back: which defect is found where, and which of several wins."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import cattrs
import pytest

from ocpp_trio.wire.codec import Finding, codec_of, findings
from ocpp_trio.wire.converter import DefectError, make_converter
from ocpp_trio.wire.message import Defect
from tests.wire.small_version import (
    VERSION,
    Colour,
    Group,
    Part,
    WholeRequest,
    WholeResponse,
    codec,
    decode,
    refusal,
)


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
        ({}, Defect.MISSING_MEMBER, "$.itemCount", "an integer of at least 0", "nothing"),
        (
            {"itemCount": 0, "groups": [{}]},
            Defect.MISSING_MEMBER,
            "$.groups[0].parts",
            "a list of at least one element",
            "nothing",
        ),
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
        Finding(Defect.MISSING_MEMBER, "$.itemCount", "an integer of at least 0", "nothing"),
        Finding(Defect.UNKNOWN_ENUM_VALUE, "$.colour", "one of Red, Blue", "'Green'"),
        Finding(Defect.MISSING_MEMBER, "$.part.labelText", "a string of at most 20 characters", "nothing"),
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
