"""The enumerations of OCPP 1.6."""

import re
from enum import StrEnum

import pytest

from ocpp_trio.v16 import enums

ENUMS = [value for value in vars(enums).values() if isinstance(value, type) and issubclass(value, StrEnum)][1:]
# Where the words of a value are not to be seen from its capitals.
ODD_NAMES = {"kWh": "KWH", "kW": "KW", "kVA": "KVA", "SoC": "SOC"}


def upper_snake(value: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[.-]", "_", value)
    return ODD_NAMES.get(value, words.upper())


def test_there_are_as_many_as_the_messages_need() -> None:
    assert len(ENUMS) == 35


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_names_are_the_wire_values_in_upper_snake_case(enum: type[StrEnum]) -> None:
    assert [member.name for member in enum] == [upper_snake(member.value) for member in enum]


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_every_enumeration_says_where_it_is_specified(enum: type[StrEnum]) -> None:
    assert enum.__doc__ is not None
    assert re.search(r"\(section 7\.\d+\)", enum.__doc__)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        (enums.ChargePointStatus.SUSPENDED_EVSE, "SuspendedEVSE"),
        (enums.ChargePointErrorCode.EV_COMMUNICATION_ERROR, "EVCommunicationError"),
        (enums.Measurand.ENERGY_ACTIVE_IMPORT_REGISTER, "Energy.Active.Import.Register"),
        (enums.Phase.L1_N, "L1-N"),
        (enums.Reason.DE_AUTHORIZED, "DeAuthorized"),
        (enums.DataTransferStatus.UNKNOWN_VENDOR_ID, "UnknownVendorId"),
        (enums.UnitOfMeasure.KWH, "kWh"),
    ],
)
def test_values_that_are_easily_misspelt(member: StrEnum, value: str) -> None:
    assert member.value == value


def test_units_that_stations_misspell_are_taken() -> None:
    assert enums.UnitOfMeasure("Celcius") is enums.UnitOfMeasure.CELCIUS
    assert enums.UnitOfMeasure("Hertz") is enums.UnitOfMeasure.HERTZ
