"""OCPP 1.6 as a value."""

import pytest

from ocpp_trio import v16
from ocpp_trio.errors import ErrorCode
from ocpp_trio.wire.message import Defect, VersionModule, actions_of


def test_the_package_is_a_version() -> None:
    module: VersionModule = v16

    assert module.version.subprotocol == "ocpp1.6"


def test_each_end_may_say_what_is_its_own() -> None:
    assert set(actions_of(v16.version.charge_point_requests)) == {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
    assert set(actions_of(v16.version.csms_requests)) == {
        "CancelReservation",
        "CertificateSigned",
        "ChangeAvailability",
        "ChangeConfiguration",
        "ClearCache",
        "ClearChargingProfile",
        "DataTransfer",
        "DeleteCertificate",
        "ExtendedTriggerMessage",
        "GetCompositeSchedule",
        "GetConfiguration",
        "GetDiagnostics",
        "GetInstalledCertificateIds",
        "GetLocalListVersion",
        "GetLog",
        "InstallCertificate",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "ReserveNow",
        "Reset",
        "SendLocalList",
        "SetChargingProfile",
        "SignedUpdateFirmware",
        "TriggerMessage",
        "UnlockConnector",
        "UpdateFirmware",
    }


def test_no_request_is_listed_twice() -> None:
    for requests in (v16.version.charge_point_requests, v16.version.csms_requests):
        assert len(requests) == len(set(requests))


def test_only_data_transfer_goes_both_ways() -> None:
    both = set(v16.version.charge_point_requests) & set(v16.version.csms_requests)

    assert both == {v16.DataTransferRequest}


def test_a_session_starts_with_a_boot_and_lives_by_heartbeats() -> None:
    assert v16.version.boot is v16.BootNotificationRequest
    assert v16.version.heartbeat() == v16.HeartbeatRequest()


@pytest.mark.parametrize("defect", list(Defect))
def test_every_defect_has_a_code_of_this_version(defect: Defect) -> None:
    """OCPP-J 1.6 section 4.2.3 lists ten codes."""
    codes = {
        "NotImplemented",
        "NotSupported",
        "InternalError",
        "ProtocolError",
        "SecurityError",
        "FormationViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "TypeConstraintViolation",
        "GenericError",
    }

    assert v16.version.error_codes[defect].value in codes


@pytest.mark.parametrize(
    ("defect", "code"),
    [
        (Defect.MALFORMED, "FormationViolation"),
        (Defect.DUPLICATE_ID, "GenericError"),
        (Defect.UNKNOWN_ACTION, "NotImplemented"),
        (Defect.NO_HANDLER, "NotSupported"),
        (Defect.NOT_ACCEPTED, "SecurityError"),
        (Defect.MISSING_MEMBER, "ProtocolError"),
        (Defect.EXTRA_MEMBER, "FormationViolation"),
        (Defect.WRONG_TYPE, "TypeConstraintViolation"),
        (Defect.WRONG_CARDINALITY, "OccurenceConstraintViolation"),
        (Defect.UNKNOWN_ENUM_VALUE, "PropertyConstraintViolation"),
        (Defect.BAD_VALUE, "PropertyConstraintViolation"),
        (Defect.HANDLER_FAILED, "InternalError"),
        (Defect.OVERLOADED, "GenericError"),
    ],
)
def test_defects_are_answered_as_the_specification_says(defect: Defect, code: str) -> None:
    assert v16.version.error_codes[defect] == code


def test_the_spellings_of_later_versions_are_understood() -> None:
    assert v16.version.spell("FormatViolation") is ErrorCode.FORMATION_VIOLATION
    assert v16.version.spell("OccurrenceConstraintViolation") is ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION
    assert v16.version.spell("OccurenceConstraintViolation") is ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION
    assert v16.version.spell("VendorTrouble") == "VendorTrouble"
