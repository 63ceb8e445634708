"""The rules that the generated check, reader and writer have in common."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio.wire.reader import reader_of
from ocpp_trio.wire.source import Misfit
from tests.wire.payloads import Part, Tenths


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
