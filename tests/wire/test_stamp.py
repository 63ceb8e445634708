"""How a moment is written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ocpp_trio.wire.stamp import stamp

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-11-21T12:00:00Z"),
        (NOON.replace(microsecond=5_000), "2026-11-21T12:00:00.005Z"),
        (NOON.replace(microsecond=123_999), "2026-11-21T12:00:00.123Z"),
        (NOON.replace(microsecond=999), "2026-11-21T12:00:00.000Z"),
        (NOON.replace(tzinfo=timezone(timedelta(hours=2))), "2026-11-21T10:00:00Z"),
        (NOON.replace(tzinfo=timezone(-timedelta(hours=13))), "2026-11-22T01:00:00Z"),
        (NOON.replace(tzinfo=timezone(timedelta(0))), "2026-11-21T12:00:00Z"),
        (NOON.replace(year=1), "0001-11-21T12:00:00Z"),
    ],
)
def test_date_times_are_written_in_utc_with_at_most_three_digits(moment: datetime, text: str) -> None:
    assert stamp(moment) == text


@pytest.mark.parametrize(
    "moment",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))),
    ],
)
def test_a_date_time_outside_the_years_of_utc_is_a_value_error(moment: datetime) -> None:
    with pytest.raises(ValueError, match="years 1 to 9999 in UTC"):
        stamp(moment)
