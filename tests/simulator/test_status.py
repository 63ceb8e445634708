"""The table of status transitions, against the letters and digits of the specification's own table."""

from ocpp_trio.simulator import TRANSITIONS
from ocpp_trio.v16 import ChargePointStatus

# OCPP 1.6 section 4.9: rows A to I are the status before, columns 1 to 9 the one after.
ORDER = [
    ChargePointStatus.AVAILABLE,
    ChargePointStatus.PREPARING,
    ChargePointStatus.CHARGING,
    ChargePointStatus.SUSPENDED_EV,
    ChargePointStatus.SUSPENDED_EVSE,
    ChargePointStatus.FINISHING,
    ChargePointStatus.RESERVED,
    ChargePointStatus.UNAVAILABLE,
    ChargePointStatus.FAULTED,
]
ROWS = ["2345789", "134569", "145689", "135689", "134689", "1289", "1289", "123459", "12345678"]


def test_the_table_is_that_of_the_specification():
    expected = {
        before: {ORDER[int(column) - 1]: f"{letter}{column}" for column in columns}
        for before, letter, columns in zip(ORDER, "ABCDEFGHI", ROWS, strict=True)
    }

    assert expected == TRANSITIONS


def test_no_status_follows_itself():
    assert not any(status in after for status, after in TRANSITIONS.items())
