"""The API's own description, made from the routes, the records and the message classes.

Owns the translation into OpenAPI 3.1. Nothing of it is written down twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import attrs

from ocpp_trio import Payload, Version, json_schema_of
from ocpp_trio.backend.api.routes import Endpoint, Parameter
from ocpp_trio.backend.records import Connector, MeterReading, Station, Transaction

RECORDS: Final = (Station, Connector, Transaction, MeterReading)
_PROBLEM: Final = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what was found and what was expected"},
        "error": {"type": "string"},
    },
    "required": ["title", "status", "detail"],
}
_TYPES: Final[Mapping[object, Mapping[str, Any]]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
}


def openapi(endpoints: Iterable[Endpoint], versions: Sequence[Version]) -> dict[str, Any]:
    """The document. A call has a path of its own for every action of every version."""
    requests = {request.action: request for version in versions for request in version.csms_requests}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        if "{action}" in endpoint.path:
            for action, request in requests.items():
                operation = _operation(endpoint, request=request.__name__, answer=request.response.__name__)
                paths.setdefault(endpoint.path.replace("{action}", action), {})[endpoint.method.lower()] = operation
        else:
            paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    messages = [each for request in requests.values() for each in (request, request.response)]
    return {
        "openapi": "3.1.0",
        "info": {"title": "ocpp_trio operator API", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {
                "Problem": _PROBLEM,
                **{record.__name__: record_schema(record) for record in RECORDS},
                **{message.__name__: json_schema_of(message) for message in messages},
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def _operation(endpoint: Endpoint, *, request: str | None = None, answer: str | None = None) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": [_parameter(parameter) for parameter in endpoint.parameters],
        "responses": {
            "200": {"description": "done", "content": {endpoint.media_type: {"schema": _answer(endpoint, answer)}}},
            **{str(status): _problem(text) for status, text in endpoint.problems.items()},
        },
    }
    if request is not None:
        content = {"application/json": {"schema": _ref(request)}}
        operation["requestBody"] = {"required": True, "content": content}
    if endpoint.open:
        operation["security"] = []
    return operation


def _answer(endpoint: Endpoint, answer: str | None) -> Mapping[str, Any]:
    if answer is not None:
        return _ref(answer)
    if endpoint.page_of is not None:
        items = {"type": "array", "items": _ref(endpoint.page_of.__name__)}
        properties = {"items": items, "next": {}, "sequence": {"type": "integer"}}
        return {"type": "object", "properties": properties, "required": list(properties)}
    if endpoint.media_type != "application/json":
        return {"type": "string"}
    return {"type": "object"}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.summary,
        "schema": _TYPES[parameter.type],
    }


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": {"schema": _ref("Problem")}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def record_schema(record: type) -> dict[str, Any]:
    """The JSON Schema of one of our records."""
    fields = attrs.fields(attrs.resolve_types(record))
    return {
        "type": "object",
        "properties": {field.name: _schema(field.type) for field in fields},
        "required": [field.name for field in fields],
    }


def _schema(annotation: object) -> Mapping[str, Any]:
    if get_origin(annotation) in (Union, UnionType):
        return {"anyOf": [_schema(arm) for arm in get_args(annotation)]}
    if get_origin(annotation) is tuple:
        return {"type": "array", "items": _schema(get_args(annotation)[0])}
    if annotation is type(None):
        return {"type": "null"}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {"type": "string", "enum": [each.value for each in annotation]}
    if isinstance(annotation, type) and issubclass(annotation, Payload):
        return json_schema_of(annotation)
    return _TYPES[annotation]
