"""The sixteen actions of the Core profile."""

import json
from typing import Any

import attrs
import pytest

from ocpp_trio import v16
from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.v16 import core
from ocpp_trio.v16.version import version
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.converter import make_converter
from ocpp_trio.wire.message import Payload
from ocpp_trio.wire.reader import reader_of
from tests.v16.samples import COMPLETE, NOON

codec = codec_of(version)


def test_the_profile_has_sixteen_actions() -> None:
    assert len({*core.CHARGE_POINT_REQUESTS, *core.CSMS_REQUESTS}) == 16


def test_an_empty_request_needs_no_arguments() -> None:
    assert codec.encode(v16.HeartbeatRequest()) == b"{}"
    assert codec.encode(v16.ClearCacheRequest()) == b"{}"
    assert codec.encode(v16.GetConfigurationRequest()) == b"{}"


@pytest.mark.parametrize(
    ("payload_type", "members", "code", "path"),
    [
        (v16.AuthorizeRequest, {}, "ProtocolError", "$.idTag"),
        (v16.HeartbeatRequest, {"uptime": 5}, "FormationViolation", "$.uptime"),
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


about_one_connector = pytest.mark.parametrize(
    "payload_type", [v16.StartTransactionRequest, v16.RemoteStartTransactionRequest, v16.UnlockConnectorRequest]
)


@about_one_connector
def test_connector_0_is_not_the_codec_s_to_refuse(payload_type: type[Payload]) -> None:
    """The answer to a connector that may not be meant is a status in the response."""
    members = next(members for kind, members in COMPLETE if kind is payload_type)
    text = json.dumps({**members, "connectorId": 0}, separators=(",", ":")).encode()

    request = codec.decode(payload_type, text)

    assert getattr(request, "connector_id", None) == 0
    assert reader_of(payload_type)(text) == request  # type: ignore[arg-type]  # a class is hashable
    assert make_converter().structure(json.loads(text), payload_type) == request
    with pytest.raises(ValueError, match=r"connector_id: expected an integer of at least 1, found 0"):
        codec.encode(request)


@about_one_connector
def test_connector_0_is_refused_before_it_can_be_sent(payload_type: type[Payload]) -> None:
    members = next(members for kind, members in COMPLETE if kind is payload_type)
    request: Any = codec.decode(payload_type, json.dumps({**members, "connectorId": 1}).encode())

    with pytest.raises(ValueError, match=r"connector_id: expected an integer of at least 1, found 0"):
        attrs.evolve(request, connector_id=0)


@about_one_connector
def test_a_negative_connector_is_refused_from_both_sides(payload_type: type[Payload]) -> None:
    members = next(members for kind, members in COMPLETE if kind is payload_type)
    request: Any = codec.decode(payload_type, json.dumps({**members, "connectorId": 1}).encode())

    with pytest.raises(ValueError, match="connector_id"):
        attrs.evolve(request, connector_id=-1)
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(payload_type, json.dumps({**members, "connectorId": -1}).encode())
    assert (caught.value.code, caught.value.details["path"]) == ("PropertyConstraintViolation", "$.connectorId")


def test_a_faulty_value_is_refused_before_it_can_be_sent() -> None:
    with pytest.raises(ValueError, match="BootNotificationRequest.charge_point_vendor: expected a string of at most"):
        v16.BootNotificationRequest(charge_point_vendor="x" * 21, charge_point_model="M")
    with pytest.raises(ValueError, match=r"GetConfigurationRequest.key\[1\]: expected a string of at most 50"):
        v16.GetConfigurationRequest(key=("a", "x" * 51))
