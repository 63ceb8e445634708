"""How a moment is written."""

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """UTC with a `Z` and at most three digits of a second, as OCPP-J 1.6 senders write it."""
    try:
        utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"expected a date-time of the years 1 to 9999 in UTC, found {moment}") from exc
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds")[:-6] + "Z"
