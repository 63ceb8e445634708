"""The sixteen actions of the Core profile."""

import inspect
import json
import re
from typing import Any

import pytest

from ocpp_trio import v16
from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.v16 import core, enums, remote_trigger, types
from ocpp_trio.v16.version import version
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.message import Payload, Request, Response

codec = codec_of(version)
PAYLOADS = [
    value
    for module in (core, remote_trigger, types)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Payload) and value.__module__ == module.__name__
]
REQUESTS: list[type[Request[Any, Any]]] = [payload for payload in PAYLOADS if issubclass(payload, Request)]
NOON = "2026-11-21T12:00:00Z"

# What goes over the wire, in the order of the specification's tables; each holds every member there is.
COMPLETE: list[tuple[type[Payload], dict[str, Any]]] = [
    (v16.AuthorizeRequest, {"idTag": "T"}),
    (
        v16.AuthorizeResponse,
        {"idTagInfo": {"status": "Accepted", "expiryDate": NOON, "parentIdTag": "G"}},
    ),
    (
        v16.BootNotificationRequest,
        {
            "chargePointVendor": "V",
            "chargePointModel": "M",
            "chargePointSerialNumber": "S",
            "chargeBoxSerialNumber": "B",
            "firmwareVersion": "F",
            "iccid": "C",
            "imsi": "I",
            "meterType": "T",
            "meterSerialNumber": "N",
        },
    ),
    (v16.BootNotificationResponse, {"status": "Pending", "currentTime": NOON, "interval": 300}),
    (v16.HeartbeatRequest, {}),
    (v16.HeartbeatResponse, {"currentTime": NOON}),
    (
        v16.MeterValuesRequest,
        {
            "connectorId": 0,
            "transactionId": -1,
            "meterValue": [{"timestamp": NOON, "sampledValue": [{"value": "1"}, {"value": "2", "unit": "kWh"}]}],
        },
    ),
    (v16.MeterValuesResponse, {}),
    (
        v16.StartTransactionRequest,
        {"connectorId": 1, "idTag": "T", "meterStart": 5, "reservationId": 2, "timestamp": NOON},
    ),
    (v16.StartTransactionResponse, {"idTagInfo": {"status": "ConcurrentTx"}, "transactionId": 7}),
    (
        v16.StatusNotificationRequest,
        {
            "connectorId": 0,
            "errorCode": "NoError",
            "info": "",
            "status": "SuspendedEVSE",
            "timestamp": NOON,
            "vendorId": "V",
            "vendorErrorCode": "E",
        },
    ),
    (v16.StatusNotificationResponse, {}),
    (
        v16.StopTransactionRequest,
        {
            "idTag": "T",
            "meterStop": 9,
            "timestamp": NOON,
            "transactionId": 7,
            "reason": "EVDisconnected",
            "transactionData": [],
        },
    ),
    (v16.StopTransactionResponse, {"idTagInfo": {"status": "Expired"}}),
    (v16.DataTransferRequest, {"vendorId": "com.example", "messageId": "M", "data": '{"a":1}'}),
    (v16.DataTransferResponse, {"status": "UnknownMessageId", "data": ""}),
    (v16.ChangeAvailabilityRequest, {"connectorId": 0, "type": "Inoperative"}),
    (v16.ChangeAvailabilityResponse, {"status": "Scheduled"}),
    (v16.ChangeConfigurationRequest, {"key": "K", "value": ""}),
    (v16.ChangeConfigurationResponse, {"status": "RebootRequired"}),
    (v16.ClearCacheRequest, {}),
    (v16.ClearCacheResponse, {"status": "Rejected"}),
    (v16.GetConfigurationRequest, {"key": ["A", "B"]}),
    (
        v16.GetConfigurationResponse,
        {"configurationKey": [{"key": "A", "readonly": True, "value": "1"}], "unknownKey": ["B"]},
    ),
    (
        v16.RemoteStartTransactionRequest,
        {
            "connectorId": 1,
            "idTag": "T",
            "chargingProfile": {
                "chargingProfileId": 1,
                "stackLevel": 0,
                "chargingProfilePurpose": "TxProfile",
                "chargingProfileKind": "Relative",
                "chargingSchedule": {
                    "chargingRateUnit": "W",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11000.5}],
                },
            },
        },
    ),
    (v16.RemoteStartTransactionResponse, {"status": "Accepted"}),
    (v16.RemoteStopTransactionRequest, {"transactionId": 7}),
    (v16.RemoteStopTransactionResponse, {"status": "Rejected"}),
    (v16.ResetRequest, {"type": "Soft"}),
    (v16.ResetResponse, {"status": "Accepted"}),
    (v16.UnlockConnectorRequest, {"connectorId": 1}),
    (v16.UnlockConnectorResponse, {"status": "NotSupported"}),
]


@pytest.mark.parametrize(("payload_type", "members"), COMPLETE, ids=[kind.__name__ for kind, _ in COMPLETE])
def test_a_complete_message_comes_back_member_for_member(payload_type: type[Payload], members: dict[str, Any]) -> None:
    text = json.dumps(members, separators=(",", ":")).encode()

    payload = codec.decode(payload_type, text)

    assert codec.encode(payload) == text
    assert all(getattr(payload, member.name) is not None for member in payload_type._shape.members)


def test_every_message_of_the_profile_is_among_them() -> None:
    assert {kind for kind, _ in COMPLETE} == {kind for kind in PAYLOADS if kind.__module__ == core.__name__}


def test_an_empty_request_needs_no_arguments() -> None:
    assert codec.encode(v16.HeartbeatRequest()) == b"{}"
    assert codec.encode(v16.ClearCacheRequest()) == b"{}"
    assert codec.encode(v16.GetConfigurationRequest()) == b"{}"


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda kind: kind.__name__)
def test_a_request_and_its_response_share_the_name_of_the_action(request_type: type[Request[Any, Any]]) -> None:
    assert request_type.__name__ == f"{request_type.action}Request"
    assert request_type.response.__name__ == f"{request_type.action}Response"
    assert request_type.response.__module__ == request_type.__module__


def test_every_message_belongs_to_somebody() -> None:
    requests = {*version.charge_point_requests, *version.csms_requests}
    responses = {request_type.response for request_type in requests}

    assert requests == set(REQUESTS)
    assert responses == {payload for payload in PAYLOADS if issubclass(payload, Response)}


@pytest.mark.parametrize("payload_type", PAYLOADS, ids=lambda kind: kind.__name__)
def test_every_class_says_where_it_is_specified(payload_type: type[Payload]) -> None:
    assert payload_type.__doc__ is not None
    assert re.search(r"\(sections? [\d., and]+\)\.", payload_type.__doc__)


def test_the_package_exports_every_message_type_and_enumeration() -> None:
    exported = {name for name, value in vars(v16).items() if inspect.isclass(value)}
    defined = {
        name
        for module in (core, remote_trigger, types, enums)
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }

    assert exported == defined
    assert v16.version is version


@pytest.mark.parametrize(
    ("payload_type", "members", "code", "path"),
    [
        (v16.AuthorizeRequest, {}, "ProtocolError", "$.idTag"),
        (v16.HeartbeatRequest, {"uptime": 5}, "FormationViolation", "$"),
        (
            v16.MeterValuesRequest,
            {"connectorId": 1, "meterValue": [{"timestamp": NOON, "sampledValue": [{"value": 1}]}]},
            "TypeConstraintViolation",
            "$.meterValue[0].sampledValue[0].value",
        ),
        (
            v16.MeterValuesRequest,
            {"connectorId": 1, "meterValue": []},
            "OccurenceConstraintViolation",
            "$.meterValue",
        ),
        (
            v16.StatusNotificationRequest,
            {"connectorId": 1, "errorCode": "NoError", "status": "Occupied"},
            "PropertyConstraintViolation",
            "$.status",
        ),
        (v16.AuthorizeRequest, {"idTag": "x" * 21}, "PropertyConstraintViolation", "$.idTag"),
        (v16.UnlockConnectorRequest, {"connectorId": -1}, "PropertyConstraintViolation", "$.connectorId"),
        (v16.UnlockConnectorRequest, {"connectorId": True}, "TypeConstraintViolation", "$.connectorId"),
    ],
)
def test_a_faulty_payload_is_refused_with_its_code_and_place(
    payload_type: type[Payload], members: dict[str, Any], code: str, path: str
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(payload_type, json.dumps(members).encode())

    assert (caught.value.code, caught.value.details["path"]) == (code, path)


@pytest.mark.parametrize(
    "payload_type",
    [v16.StartTransactionRequest, v16.RemoteStartTransactionRequest, v16.UnlockConnectorRequest],
)
def test_connector_0_is_not_the_codec_s_to_refuse(payload_type: type[Payload]) -> None:
    """The answer to a connector that may not be meant is a status in the response."""
    members = next(members for kind, members in COMPLETE if kind is payload_type)

    request = codec.decode(payload_type, json.dumps({**members, "connectorId": 0}).encode())

    assert getattr(request, "connector_id", None) == 0


def test_a_faulty_value_is_refused_before_it_can_be_sent() -> None:
    with pytest.raises(ValueError, match="BootNotificationRequest.charge_point_vendor: expected a string of at most"):
        v16.BootNotificationRequest(charge_point_vendor="x" * 21, charge_point_model="M")
    with pytest.raises(ValueError, match=r"GetConfigurationRequest.key\[1\]: expected a string of at most 50"):
        v16.GetConfigurationRequest(key=("a", "x" * 51))
