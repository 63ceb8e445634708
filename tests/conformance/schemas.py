"""The official JSON schemas, as the `ocpp` package ships them, beside our classes of OCPP 1.6.

Both sides are flattened into rules, one per line, such as `$.meterValue[].timestamp required: True`. Where
we differ on purpose an entry of DIFFERENCES says so. The schemas are read when they are needed; no text of
theirs is kept here.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any

import attrs
import jsonschema

from ocpp_trio import v16
from ocpp_trio.wire.message import Payload
from ocpp_trio.wire.shape import Member

Rules = dict[str, Any]
Schema = dict[str, Any]

PAYLOADS: Mapping[str, type[Payload]] = {
    name: payload_type
    for request_type in {*v16.version.charge_point_requests, *v16.version.csms_requests}
    for name, payload_type in (
        (request_type.action, request_type),
        (f"{request_type.action}Response", request_type.response),
    )
}


@attrs.frozen(kw_only=True)
class Difference:
    """A rule that we and the schemas see differently: in which schemas, which end of it we hold, and why.

    `row` is its row of the sheet (`tests.conformance.sheet`).
    `example` is a value at the place of the rule that only the more tolerant side takes, and `refused_by`
    says which side that is not.
    """

    row: str
    places: Mapping[str, str]
    ours: Any
    theirs: Any
    example: Any
    refused_by: str
    reason: str


UNITS = frozenset(unit.value for unit in v16.UnitOfMeasure)
_CONNECTOR_IDS = (
    "ChangeAvailability",
    "ClearChargingProfile",
    "GetCompositeSchedule",
    "GetCompositeScheduleResponse",
    "MeterValues",
    "RemoteStartTransaction",
    "ReserveNow",
    "SetChargingProfile",
    "StartTransaction",
    "StatusNotification",
    "TriggerMessage",
    "UnlockConnector",
)
DIFFERENCES = {
    "connector ids are not negative": Difference(
        row="D7",
        places=dict.fromkeys(_CONNECTOR_IDS, "$.connectorId minimum"),
        ours=0,
        theirs=None,
        example=-1,
        refused_by="ours",
        reason="the specification's tables state the range of a connector id, the schemas state none; as the one "
        "connector of StartTransaction, RemoteStartTransaction and UnlockConnector 0 is read, to be answered, but not "
        "sent",
    ),
    "an extended trigger is for a connector of its own": Difference(
        row="D7",
        places={"ExtendedTriggerMessage": "$.connectorId minimum"},
        ours=1,
        theirs=None,
        example=0,
        refused_by="ours",
        reason="the white paper says > 0, unlike TriggerMessage, and nothing is lost with this message",
    ),
    "stack levels are not negative": Difference(
        row="D7",
        places={
            "RemoteStartTransaction": "$.chargingProfile.stackLevel minimum",
            "SetChargingProfile": "$.csChargingProfiles.stackLevel minimum",
        },
        ours=0,
        theirs=None,
        example=-1,
        refused_by="ours",
        reason="section 7.8 counts them from 0; what the highest is the station configures",
    ),
    "a reading in transaction data has a sample": Difference(
        row="D4",
        places={"StopTransaction": "$.transactionData[].sampledValue minItems"},
        ours=1,
        theirs=0,
        example=[],
        refused_by="ours",
        reason="section 7.33 says 1..*, and the schema of MeterValues enforces it for the same type; "
        "Leniency.EMPTY_LISTS takes it",
    ),
    "a charging schedule has a period": Difference(
        row="D5",
        places={
            "GetCompositeScheduleResponse": "$.chargingSchedule.chargingSchedulePeriod minItems",
            "RemoteStartTransaction": "$.chargingProfile.chargingSchedule.chargingSchedulePeriod minItems",
            "SetChargingProfile": "$.csChargingProfiles.chargingSchedule.chargingSchedulePeriod minItems",
        },
        ours=1,
        theirs=0,
        example=[],
        refused_by="ours",
        reason="section 7.13 says 1..*; Leniency.EMPTY_LISTS takes it",
    ),
    "Hertz is a unit in transaction data too": Difference(
        row="D2",
        places={"StopTransaction": "$.transactionData[].sampledValue[].unit enum"},
        ours=UNITS,
        theirs=UNITS - {"Hertz"},
        example="Hertz",
        refused_by="theirs",
        reason="section 7.45 has neither; MeterValues may carry it, and both carry the same SampledValue",
    ),
    "a location is any text": Difference(
        row="locations",
        places=dict.fromkeys(("GetDiagnostics", "UpdateFirmware"), "$.location type"),
        ours="string",
        theirs="uri",
        example="files.example.org/in",
        refused_by="theirs",
        reason="whether a location is of use shows when it is used, and validators rarely look at the format",
    ),
}


@cache
def official(name: str) -> Schema:
    """A schema with its references resolved. Decimals are decimals: 21.4 is no multiple of a binary 0.1."""
    text = files("ocpp").joinpath("v16", "schemas", f"{name}.json").read_text(encoding="utf-8-sig")
    schema: Schema = json.loads(text, parse_float=Decimal)
    definitions = schema.pop("definitions", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolved(definitions[node["$ref"].rpartition("/")[2]])
        return {key: resolved(value) for key, value in node.items()}

    return resolved(schema)  # type: ignore[no-any-return]  # an object stays one


def common(name: str) -> Schema:
    """The official schema narrowed to what both sides take."""
    schema = copy.deepcopy(official(name))
    for difference in DIFFERENCES.values():
        if name in difference.places and difference.refused_by == "ours":
            path, _, keyword = difference.places[name].rpartition(" ")
            at(schema, path)[keyword] = difference.ours
    return schema


def at(schema: Schema, path: str) -> Schema:
    """The part of a schema at a path such as `$.transactionData[].sampledValue`."""
    for step in re.findall(r"\.\w+|\[\]", path):
        schema = schema["items"] if step == "[]" else schema["properties"][step[1:]]
    return schema


_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(text: object) -> bool:
    """RFC 3339; Python reads no more than six digits of a second, and no leap second."""
    if not isinstance(text, str):
        return True
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", text, re.ASCII)
    return match is not None and bool(datetime.fromisoformat(match[1] + match[3].upper()))


@_FORMATS.checks("uri")
def _is_uri(text: object) -> bool:
    return not isinstance(text, str) or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", text) is not None


@cache
def _validator(name: str) -> Any:
    schema = official(name)
    return jsonschema.validators.validator_for(schema)(schema, format_checker=_FORMATS)


def they_take(name: str, text: str) -> bool:
    """Whether the official schema accepts a payload."""
    return bool(_validator(name).is_valid(json.loads(text, parse_float=Decimal)))


def rules_of_schema(schema: Schema, path: str = "$") -> Iterator[tuple[str, Any]]:
    """Flatten a schema. What says nothing about a text (`title`, `additionalProperties` of a string) is passed over."""
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
        yield from rules_of_class(member.leaf, place) if member.nested else _rules_of_leaf(member, place)


def _rules_of_leaf(member: Member, path: str) -> Iterator[tuple[str, Any]]:
    values = frozenset(value.value for value in member.leaf) if issubclass(member.leaf, Enum) else None
    yield f"{path} type", "string" if values else JSON_TYPES[member.leaf]
    yield f"{path} maxLength", member.max_length
    yield f"{path} minimum", member.read_from
    yield f"{path} multipleOf", Decimal("0.1") if member.one_decimal else None
    yield f"{path} enum", values


def differences(ours: Rules, theirs: Rules) -> dict[str, tuple[Any, Any]]:
    """The rules that are not the same on both sides."""
    absent = "no such rule"
    return {
        rule: (ours.get(rule, absent), theirs.get(rule, absent))
        for rule in ours.keys() | theirs.keys()
        if ours.get(rule, absent) != theirs.get(rule, absent)
    }
