"""Our classes of OCPP 1.6 against the JSON schemas that the `ocpp` package ships.

Both sides are flattened into rules, one per line, such as `$.meterValue[].timestamp required: True`, and
compared rule by rule. Where we differ on purpose the table says so; an entry that no longer differs fails.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from importlib.resources import files
from typing import Any

import attrs
import pytest

from ocpp_trio import v16
from ocpp_trio.wire.message import Payload
from ocpp_trio.wire.shape import Member

Rules = dict[str, Any]


@attrs.frozen(kw_only=True)
class Difference:
    """A rule that we and the schemas see differently: in which schemas, where, and why."""

    schemas: frozenset[str]
    rule: str
    ours: Any
    theirs: Any
    reason: str


UNITS = frozenset(unit.value for unit in v16.UnitOfMeasure)
DIFFERENCES = {
    "connector ids are not negative": Difference(
        schemas=frozenset(
            {
                "ChangeAvailability",
                "MeterValues",
                "RemoteStartTransaction",
                "StartTransaction",
                "StatusNotification",
                "TriggerMessage",
                "UnlockConnector",
            }
        ),
        rule="$.connectorId minimum",
        ours=0,
        theirs=None,
        reason="the specification's tables state the range of a connector id, the schemas state none",
    ),
    "a reading in transaction data has a sample": Difference(
        schemas=frozenset({"StopTransaction"}),
        rule="$.transactionData[].sampledValue minItems",
        ours=1,
        theirs=0,
        reason="section 7.33 says 1..*, and the schema of MeterValues enforces it for the same type",
    ),
    "a charging schedule has a period": Difference(
        schemas=frozenset({"RemoteStartTransaction"}),
        rule="$.chargingProfile.chargingSchedule.chargingSchedulePeriod minItems",
        ours=1,
        theirs=0,
        reason="section 7.13 says 1..*",
    ),
    "Hertz is a unit in transaction data too": Difference(
        schemas=frozenset({"StopTransaction"}),
        rule="$.transactionData[].sampledValue[].unit enum",
        ours=UNITS,
        theirs=UNITS - {"Hertz"},
        reason="section 7.45 has neither; MeterValues may carry it, and both carry the same SampledValue",
    ),
}
PAYLOADS: dict[str, type[Payload]] = {
    name: payload_type
    for request_type in {*v16.version.charge_point_requests, *v16.version.csms_requests}
    for name, payload_type in (
        (request_type.action, request_type),
        (f"{request_type.action}Response", request_type.response),
    )
}


def rules_of_schema(schema: dict[str, Any], path: str = "$") -> Iterator[tuple[str, Any]]:
    """Flatten a schema. What says nothing about a text (`additionalProperties`, `title`) is passed over."""
    kind = schema["type"]
    if kind == "array":
        yield f"{path} minItems", schema.get("minItems", 0)
        yield from rules_of_schema(schema["items"], f"{path}[]")
    elif kind == "object":
        yield f"{path} closed", schema["additionalProperties"] is False
        for name, member in schema.get("properties", {}).items():
            yield f"{path}.{name} required", name in schema.get("required", ())
            yield from rules_of_schema(member, f"{path}.{name}")
    else:
        yield f"{path} type", schema.get("format", kind)
        yield f"{path} maxLength", schema.get("maxLength")
        yield f"{path} minimum", schema.get("minimum")
        yield f"{path} multipleOf", schema.get("multipleOf")
        yield f"{path} enum", frozenset(schema["enum"]) if "enum" in schema else None


JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", datetime: "date-time"}


def rules_of_class(payload_type: type[Payload], path: str = "$") -> Iterator[tuple[str, Any]]:
    """Flatten a payload class into the same rules."""
    yield f"{path} closed", True
    for member in payload_type._shape.members:
        place = f"{path}.{member.wire_name}"
        yield f"{place} required", member.required
        if member.many:
            yield f"{place} minItems", int(member.non_empty)
            place += "[]"
        yield from rules_of_class(member.leaf, place) if member.nested else rules_of_leaf(member, place)


def rules_of_leaf(member: Member, path: str) -> Iterator[tuple[str, Any]]:
    values = frozenset(value.value for value in member.leaf) if issubclass(member.leaf, Enum) else None
    yield f"{path} type", "string" if values else JSON_TYPES[member.leaf]
    yield f"{path} maxLength", member.max_length
    yield f"{path} minimum", member.at_least
    yield f"{path} multipleOf", 0.1 if member.one_decimal else None
    yield f"{path} enum", values


def schema_rules(name: str) -> Rules:
    text = files("ocpp").joinpath("v16", "schemas", f"{name}.json").read_text(encoding="utf-8-sig")
    return dict(rules_of_schema(json.loads(text)))


def differences(ours: Rules, theirs: Rules) -> dict[str, tuple[Any, Any]]:
    absent = "no such rule"
    return {
        rule: (ours.get(rule, absent), theirs.get(rule, absent))
        for rule in ours.keys() | theirs.keys()
        if ours.get(rule, absent) != theirs.get(rule, absent)
    }


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_a_class_differs_from_its_schema_only_where_it_is_meant_to(name: str) -> None:
    meant = {entry.rule: (entry.ours, entry.theirs) for entry in DIFFERENCES.values() if name in entry.schemas}

    assert differences(dict(rules_of_class(PAYLOADS[name])), schema_rules(name)) == meant


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_about_classes_that_exist_and_has_a_reason(name: str) -> None:
    assert DIFFERENCES[name].schemas <= PAYLOADS.keys()
    assert DIFFERENCES[name].reason


def test_the_whole_core_profile_is_compared() -> None:
    assert len(PAYLOADS) == 2 * (16 + 1)


def test_a_schema_is_read_down_to_its_leaves() -> None:
    """The comparison would be worth nothing if the reading of schemas stopped early."""
    rules = schema_rules("MeterValues")

    assert rules["$ closed"] is True
    assert rules["$.connectorId required"] is True
    assert rules["$.transactionId required"] is False
    assert rules["$.meterValue minItems"] == 1
    assert rules["$.meterValue[].timestamp type"] == "date-time"
    assert "Energy.Active.Import.Register" in rules["$.meterValue[].sampledValue[].measurand enum"]
    assert schema_rules("Authorize")["$.idTag maxLength"] == 20
    assert schema_rules("RemoteStartTransaction")[
        "$.chargingProfile.chargingSchedule.chargingSchedulePeriod[].limit multipleOf"
    ] == pytest.approx(0.1)
