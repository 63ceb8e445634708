"""Every class of OCPP 1.6 against its official JSON schema, rule by rule.

Where we differ on purpose a table says so; an entry that no longer differs fails.
"""

from decimal import Decimal
from importlib.resources import files

import pytest

from tests.conformance.schemas import (
    DIFFERENCES,
    PAYLOADS,
    common,
    differences,
    official,
    rules_of_class,
    rules_of_schema,
)


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_a_class_differs_from_its_schema_only_where_it_is_meant_to(name: str) -> None:
    meant = {entry.places[name]: (entry.ours, entry.theirs) for entry in DIFFERENCES.values() if name in entry.places}

    assert differences(dict(rules_of_class(PAYLOADS[name])), dict(rules_of_schema(official(name)))) == meant


@pytest.mark.parametrize("entry", DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_difference_is_about_classes_that_exist_and_has_a_reason(entry) -> None:
    assert entry.places.keys() <= PAYLOADS.keys()
    assert entry.refused_by in ("ours", "theirs")
    assert entry.reason


def test_every_schema_has_its_class() -> None:
    schemas = {file.name.removesuffix(".json") for file in files("ocpp").joinpath("v16", "schemas").iterdir()}

    assert schemas == PAYLOADS.keys()
    assert len(schemas) == 78


def test_a_schema_is_read_down_to_its_leaves() -> None:
    """The comparison would be worth nothing if the reading of schemas stopped early."""
    rules = dict(rules_of_schema(official("MeterValues")))

    assert rules["$ closed"] is True
    assert rules["$.connectorId required"] is True
    assert rules["$.transactionId required"] is False
    assert rules["$.meterValue minItems"] == 1
    assert rules["$.meterValue[].timestamp type"] == "date-time"
    assert "Energy.Active.Import.Register" in rules["$.meterValue[].sampledValue[].measurand enum"]
    assert dict(rules_of_schema(official("Authorize")))["$.idTag maxLength"] == 20
    rules = dict(rules_of_schema(official("SetChargingProfile")))
    assert rules["$.csChargingProfiles.chargingSchedule.chargingSchedulePeriod[].limit multipleOf"] == Decimal("0.1")


def test_references_are_followed() -> None:
    rules = dict(rules_of_schema(official("GetInstalledCertificateIdsResponse")))

    assert rules["$.certificateHashData[].hashAlgorithm enum"] == {"SHA256", "SHA384", "SHA512"}
    assert rules["$.certificateHashData[].serialNumber maxLength"] == 40


def test_what_is_common_is_the_narrower_of_both() -> None:
    rules = dict(rules_of_schema(common("StopTransaction")))

    assert rules["$.transactionData[].sampledValue minItems"] == 1
    assert "Hertz" not in rules["$.transactionData[].sampledValue[].unit enum"]
    assert official("StopTransaction") != common("StopTransaction")
