import json

import jsonschema
import pytest

from ocpp_trio import codec_of, json_schema_of, v16
from ocpp_trio.backend import Station
from ocpp_trio.backend.api.openapi import openapi, record_schema
from ocpp_trio.backend.api.plain import as_plain, dump
from ocpp_trio.backend.api.routes import ENDPOINTS
from tests.backend.api.test_stations import station, transaction
from tests.operator_ground import Ground

DOCUMENT = openapi(ENDPOINTS, [v16.version])


def references(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


async def test_it_is_served(autojump_clock):
    ground = Ground()
    async with ground.running():
        answer = await ground.get("/api/openapi.json")

    assert answer.json == json.loads(dump(DOCUMENT))


def test_every_call_of_a_central_system_has_a_path_with_its_request_and_its_response():
    paths = DOCUMENT["paths"]

    for request in v16.version.csms_requests:
        operation = paths[f"/api/stations/{{identity}}/calls/{request.action}"]["post"]
        assert operation["requestBody"]["content"]["application/json"]["schema"] == {
            "$ref": f"#/components/schemas/{request.__name__}"
        }
        assert operation["responses"]["200"]["content"]["application/json"]["schema"] == {
            "$ref": f"#/components/schemas/{request.response.__name__}"
        }
    assert len(paths) == len(v16.version.csms_requests) + len(ENDPOINTS) - 1


def test_every_reference_leads_somewhere_and_every_schema_is_one():
    schemas = DOCUMENT["components"]["schemas"]

    assert {reference.removeprefix("#/components/schemas/") for reference in references(DOCUMENT)} <= set(schemas)
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_what_needs_no_token_says_so():
    assert DOCUMENT["security"] == [{"bearer": []}]
    open_ones = [path for path, item in DOCUMENT["paths"].items() if item.get("get", {}).get("security") == []]
    assert open_ones == ["/health"]


@pytest.mark.parametrize("record", [station("CP-1"), transaction(1), transaction(2, running=False)], ids=repr)
def test_records_are_what_their_schema_says(record):
    plain = json.loads(dump(as_plain(record)))

    jsonschema.validate(plain, record_schema(type(record)) | {"additionalProperties": False})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plain | {"identity": 1}, record_schema(Station) | {"required": ["identity"]})


def test_a_message_that_the_codec_writes_is_what_its_schema_says():
    request = v16.ChangeAvailabilityRequest(connector_id=0, type=v16.AvailabilityType.OPERATIVE)

    jsonschema.validate(json.loads(codec_of(v16.version).encode(request)), json_schema_of(type(request)))
