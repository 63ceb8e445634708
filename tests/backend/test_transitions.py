"""What meter values say about the energy register."""

from datetime import UTC, datetime

import pytest

from ocpp_trio import v16
from ocpp_trio.backend.transitions import energy_register

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [
        ({"value": "12.6"}, 13),
        ({"value": "1.5", "unit": v16.UnitOfMeasure.KWH}, 1500),
        ({"value": "7", "measurand": v16.Measurand.ENERGY_ACTIVE_IMPORT_REGISTER}, 7),
        ({"value": "7", "location": v16.Location.OUTLET}, 7),
        ({"value": "7", "location": v16.Location.INLET}, None),
        ({"value": "7", "phase": v16.Phase.L1}, None),
        ({"value": "7", "measurand": v16.Measurand.VOLTAGE}, None),
        ({"value": "7", "unit": v16.UnitOfMeasure.W}, None),
        ({"value": "77", "format": v16.ValueFormat.SIGNED_DATA}, None),
        ({"value": "nan"}, None),
        ({"value": "1e400"}, None),
        ({"value": "x"}, None),
    ],
)
def test_which_values_are_readings_of_the_register(sampled, expected):
    reading = v16.MeterValue(timestamp=AT, sampled_value=(v16.SampledValue(**sampled),))

    assert energy_register([reading]) == expected


def test_the_last_reading_counts():
    first, second = (v16.SampledValue(value=value) for value in ("1", "2"))

    assert energy_register([v16.MeterValue(timestamp=AT, sampled_value=(first, second))]) == 2
