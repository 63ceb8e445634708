"""The JSON Schema of a payload class, made from the same shape that the codec reads by.

Owns the translation of a shape's rules into JSON Schema (2020-12, as OpenAPI 3.1 uses it). Copies nothing of the
specification's own schema files.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final

from ocpp_trio.wire.message import Payload
from ocpp_trio.wire.shape import Member

_TYPES: Final[Mapping[type, Mapping[str, Any]]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
}


def json_schema_of(payload_type: type[Payload]) -> dict[str, Any]:
    """What a peer may send as this payload; objects inside it are written out in their places."""
    members = payload_type._shape.members
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {member.wire_name: _member(member) for member in members},
        "additionalProperties": False,
    }
    required = [member.wire_name for member in members if member.required]
    return schema | ({"required": required} if required else {})


def _member(member: Member) -> dict[str, Any]:
    leaf = _leaf(member)
    if not member.many:
        return leaf
    return {"type": "array", "items": leaf} | ({"minItems": 1} if member.non_empty else {})


def _leaf(member: Member) -> dict[str, Any]:
    if member.nested:
        return json_schema_of(member.leaf)
    if issubclass(member.leaf, Enum):
        return {"type": "string", "enum": [each.value for each in member.leaf]}
    schema = dict(_TYPES[member.leaf])
    if member.max_length is not None:
        schema["maxLength"] = member.max_length
    if member.read_from is not None:
        schema["minimum"] = member.read_from
    if member.one_decimal:
        schema["multipleOf"] = 0.1
    return schema
