"""The security extension."""

from datetime import UTC, datetime

import pytest

from ocpp_trio import v16
from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.v16 import security
from ocpp_trio.wire.codec import codec_of

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
codec = codec_of(v16.version)
HASH = v16.CertificateHashDataType(
    hash_algorithm=v16.HashAlgorithmEnumType.SHA512,
    issuer_name_hash="ab" * 64,
    issuer_key_hash="cd" * 64,
    serial_number="F" * 40,
)


def test_the_charge_point_reports_and_the_central_system_asks() -> None:
    assert [request.action for request in security.CHARGE_POINT_REQUESTS] == [
        "LogStatusNotification",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
    ]
    assert [request.action for request in security.CSMS_REQUESTS] == [
        "CertificateSigned",
        "DeleteCertificate",
        "ExtendedTriggerMessage",
        "GetInstalledCertificateIds",
        "GetLog",
        "InstallCertificate",
        "SignedUpdateFirmware",
    ]


def test_a_certificate_is_named_by_its_hashes() -> None:
    assert codec.encode(v16.DeleteCertificateRequest(certificate_hash_data=HASH)) == (
        b'{"certificateHashData":{"hashAlgorithm":"SHA512","issuerNameHash":"%b","issuerKeyHash":"%b",'
        b'"serialNumber":"%b"}}' % (b"ab" * 64, b"cd" * 64, b"F" * 40)
    )


def test_the_log_s_file_name_is_one_word_on_the_wire() -> None:
    response = v16.GetLogResponse(status=v16.LogStatusEnumType.ACCEPTED, filename="log.txt")

    assert codec.encode(response) == b'{"status":"Accepted","filename":"log.txt"}'


def test_a_message_is_triggered_for_a_connector_from_1() -> None:
    with pytest.raises(ValueError, match="connector_id: expected an integer of at least 1, found 0"):
        v16.ExtendedTriggerMessageRequest(
            requested_message=v16.MessageTriggerEnumType.STATUS_NOTIFICATION, connector_id=0
        )
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(v16.ExtendedTriggerMessageRequest, b'{"requestedMessage":"MeterValues","connectorId":0}')
    assert (caught.value.code, caught.value.details["path"]) == ("PropertyConstraintViolation", "$.connectorId")


def test_a_list_of_certificates_is_left_out_rather_than_empty() -> None:
    with pytest.raises(ValueError, match="certificate_hash_data: expected a tuple of at least one element"):
        v16.GetInstalledCertificateIdsResponse(
            status=v16.GetInstalledCertificateStatusEnumType.ACCEPTED, certificate_hash_data=()
        )
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(v16.GetInstalledCertificateIdsResponse, b'{"status":"NotFound","certificateHashData":[]}')
    assert caught.value.code == "OccurenceConstraintViolation"


@pytest.mark.parametrize(("length", "fits"), [(10_000, True), (10_001, False)])
def test_a_chain_of_certificates_has_a_limit(length: int, fits: bool) -> None:
    text = b'{"certificateChain":"%b"}' % (b"x" * length)

    try:
        request = codec.decode(v16.CertificateSignedRequest, text)
    except RemoteProtocolError as error:
        assert not fits
        assert error.code == "PropertyConstraintViolation"
    else:
        assert fits
        assert len(request.certificate_chain) == length


def test_an_event_of_a_vendor_s_own_is_an_event() -> None:
    event = v16.SecurityEventNotificationRequest(type="DoorOpened", timestamp=NOON)

    assert codec.encode(event) == b'{"type":"DoorOpened","timestamp":"2026-11-21T12:00:00Z"}'


@pytest.mark.parametrize(
    ("trigger", "action"),
    [
        (v16.MessageTriggerEnumType.BOOT_NOTIFICATION, "BootNotification"),
        (v16.MessageTriggerEnumType.LOG_STATUS_NOTIFICATION, "LogStatusNotification"),
        (v16.MessageTriggerEnumType.FIRMWARE_STATUS_NOTIFICATION, "SignedFirmwareStatusNotification"),
        (v16.MessageTriggerEnumType.HEARTBEAT, "Heartbeat"),
        (v16.MessageTriggerEnumType.METER_VALUES, "MeterValues"),
        (v16.MessageTriggerEnumType.SIGN_CHARGE_POINT_CERTIFICATE, "SignCertificate"),
        (v16.MessageTriggerEnumType.STATUS_NOTIFICATION, "StatusNotification"),
    ],
)
def test_an_accepted_trigger_permits_the_action_that_it_means(trigger: v16.MessageTriggerEnumType, action: str) -> None:
    request = v16.ExtendedTriggerMessageRequest(requested_message=trigger)
    response = v16.ExtendedTriggerMessageResponse(status=v16.TriggerMessageStatusEnumType.ACCEPTED)

    assert v16.version.triggers[v16.ExtendedTriggerMessageRequest](request, response) == action
    assert action in {request_type.action for request_type in v16.version.charge_point_requests}


@pytest.mark.parametrize(
    "status", [v16.TriggerMessageStatusEnumType.REJECTED, v16.TriggerMessageStatusEnumType.NOT_IMPLEMENTED]
)
def test_a_refused_trigger_permits_nothing(status: v16.TriggerMessageStatusEnumType) -> None:
    request = v16.ExtendedTriggerMessageRequest(requested_message=v16.MessageTriggerEnumType.HEARTBEAT)
    response = v16.ExtendedTriggerMessageResponse(status=status)

    assert v16.version.triggers[v16.ExtendedTriggerMessageRequest](request, response) is None
