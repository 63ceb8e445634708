import json

import jsonschema
import pytest

from ocpp_trio import RemoteProtocolError, codec_of, json_schema_of, v16

CODEC = codec_of(v16.version)
REQUESTS = (*v16.version.csms_requests, *v16.version.charge_point_requests)
MESSAGES = list(dict.fromkeys([*REQUESTS, *(request.response for request in REQUESTS)]))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_every_message_has_a_schema_that_is_one(message):
    schema = json_schema_of(message)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"type": "Hard"}, v16.ResetRequest),
        ({"type": "Cold"}, v16.ResetRequest),
        ({}, v16.ResetRequest),
        ({"type": "Hard", "now": True}, v16.ResetRequest),
        ({"key": []}, v16.GetConfigurationRequest),
        ({"key": ["x" * 50]}, v16.GetConfigurationRequest),
        ({"key": ["x" * 51]}, v16.GetConfigurationRequest),
        ({"key": "x"}, v16.GetConfigurationRequest),
        ({"connectorId": 0, "type": "Operative"}, v16.ChangeAvailabilityRequest),
        ({"connectorId": -1, "type": "Operative"}, v16.ChangeAvailabilityRequest),
        ({"connectorId": "1", "type": "Operative"}, v16.ChangeAvailabilityRequest),
        (
            {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [{"idTag": "A"}]},
            v16.SendLocalListRequest,
        ),
        ({"listVersion": 1, "updateType": "Full", "localAuthorizationList": [{}]}, v16.SendLocalListRequest),
    ],
)
def test_the_schema_and_the_codec_agree(payload, message):
    try:
        CODEC.decode(message, json.dumps(payload).encode())
        refused = None
    except RemoteProtocolError as error:
        refused = error

    if refused is None:
        jsonschema.validate(payload, json_schema_of(message))
    else:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(payload, json_schema_of(message))


def test_date_times_decimals_and_lists_say_what_they_are():
    schema = json_schema_of(v16.SetChargingProfileRequest)

    profile = schema["properties"]["csChargingProfiles"]["properties"]
    periods = profile["chargingSchedule"]["properties"]["chargingSchedulePeriod"]
    assert profile["validFrom"] == {"type": "string", "format": "date-time"}
    assert periods["items"]["properties"]["limit"] == {"type": "number", "multipleOf": 0.1}
    assert json_schema_of(v16.MeterValuesRequest)["properties"]["meterValue"]["minItems"] == 1
