"""The annotated types that all versions share, seen through the shape they give a field."""

from typing import Annotated

import attrs

from ocpp_trio.wire.fields import (
    WIRE_NAME,
    AtLeast,
    CiString20,
    CiString25,
    CiString40,
    CiString50,
    CiString128,
    CiString255,
    CiString500,
    Decimal1,
    IdToken,
    NonNegative,
    OneOrMore,
    Positive,
    String50,
    String255,
    String512,
    String800,
    String5500,
    String10000,
    wire_name,
)
from ocpp_trio.wire.shape import shape_of


@attrs.frozen(kw_only=True)
class Sample:
    twenty: CiString20
    twenty_five: CiString25
    forty: CiString40
    fifty: CiString50
    one_hundred: CiString128
    two_hundred: CiString255
    five_hundred: CiString500
    token: IdToken
    exact_fifty: String50
    exact_two_hundred: String255
    exact_five_hundred: String512
    exact_eight_hundred: String800
    exact_five_thousand: String5500
    exact_ten_thousand: String10000
    count: NonNegative
    ordinal: Positive
    tolerant: Annotated[int, AtLeast(3, read_from=-1)]
    number: Decimal1
    several: OneOrMore[int]


members = {member.name: member for member in shape_of(Sample).members}


def test_strings_have_the_lengths_of_the_specification() -> None:
    lengths = [member.max_length for member in members.values() if member.leaf is str]

    assert lengths == [20, 25, 40, 50, 128, 255, 500, 20, 50, 255, 512, 800, 5500, 10_000]


def test_a_non_negative_integer_starts_at_zero() -> None:
    assert (members["count"].leaf, members["count"].at_least, members["count"].read_from) == (int, 0, 0)


def test_a_positive_integer_starts_at_one() -> None:
    assert (members["ordinal"].leaf, members["ordinal"].at_least, members["ordinal"].read_from) == (int, 1, 1)


def test_a_peer_may_have_a_lower_limit() -> None:
    assert (members["tolerant"].at_least, members["tolerant"].read_from) == (3, -1)


def test_a_decimal_is_a_float_of_one_digit() -> None:
    assert (members["number"].leaf, members["number"].one_decimal) == (float, True)


def test_one_or_more_is_a_list_that_is_not_empty() -> None:
    several = members["several"]

    assert (several.leaf, several.many, several.non_empty) == (int, True, True)


def test_a_wire_name_is_metadata_of_the_field() -> None:
    assert wire_name("currentSoC") == {WIRE_NAME: "currentSoC"}
