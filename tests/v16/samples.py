"""One complete example of every message of OCPP 1.6, and the lists of classes that tests run over."""

from typing import Any

from ocpp_trio import v16
from ocpp_trio.v16 import (
    core,
    firmware_management,
    local_auth_list_management,
    remote_trigger,
    reservation,
    security,
    smart_charging,
    types,
)
from ocpp_trio.wire.message import Payload, Request

PROFILES = (
    core,
    firmware_management,
    local_auth_list_management,
    remote_trigger,
    reservation,
    smart_charging,
    security,
)
PAYLOADS = [
    value
    for module in (*PROFILES, types)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Payload) and value.__module__ == module.__name__
]
REQUESTS: list[type[Request[Any, Any]]] = [payload for payload in PAYLOADS if issubclass(payload, Request)]

NOON = "2026-11-21T12:00:00Z"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "ab" * 32, "issuerKeyHash": "cd" * 32, "serialNumber": "FFF"}

# What goes over the wire, in the order of the specification's tables; each holds every member of its class.
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
            "transactionData": [{"timestamp": NOON, "sampledValue": [{"value": "9", "unit": "Wh"}]}],
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
    (v16.DiagnosticsStatusNotificationRequest, {"status": "UploadFailed"}),
    (v16.DiagnosticsStatusNotificationResponse, {}),
    (v16.FirmwareStatusNotificationRequest, {"status": "InstallationFailed"}),
    (v16.FirmwareStatusNotificationResponse, {}),
    (
        v16.GetDiagnosticsRequest,
        {"location": "ftp://f/", "retries": 2, "retryInterval": 30, "startTime": NOON, "stopTime": NOON},
    ),
    (v16.GetDiagnosticsResponse, {"fileName": "F"}),
    (
        v16.UpdateFirmwareRequest,
        {"location": "ftp://f/", "retries": 2, "retrieveDate": NOON, "retryInterval": 30},
    ),
    (v16.UpdateFirmwareResponse, {}),
    (v16.GetLocalListVersionRequest, {}),
    (v16.GetLocalListVersionResponse, {"listVersion": -1}),
    (
        v16.SendLocalListRequest,
        {
            "listVersion": 8,
            "localAuthorizationList": [{"idTag": "A", "idTagInfo": {"status": "Accepted"}}, {"idTag": "B"}],
            "updateType": "Differential",
        },
    ),
    (v16.SendLocalListResponse, {"status": "VersionMismatch"}),
    (v16.TriggerMessageRequest, {"requestedMessage": "MeterValues", "connectorId": 1}),
    (v16.TriggerMessageResponse, {"status": "NotImplemented"}),
    (v16.CancelReservationRequest, {"reservationId": 17}),
    (v16.CancelReservationResponse, {"status": "Rejected"}),
    (
        v16.ReserveNowRequest,
        {"connectorId": 0, "expiryDate": NOON, "idTag": "T", "parentIdTag": "G", "reservationId": 17},
    ),
    (v16.ReserveNowResponse, {"status": "Occupied"}),
    (
        v16.ClearChargingProfileRequest,
        {"id": 1, "connectorId": 0, "chargingProfilePurpose": "TxProfile", "stackLevel": 0},
    ),
    (v16.ClearChargingProfileResponse, {"status": "Unknown"}),
    (v16.GetCompositeScheduleRequest, {"connectorId": 0, "duration": 600, "chargingRateUnit": "A"}),
    (
        v16.GetCompositeScheduleResponse,
        {
            "status": "Accepted",
            "connectorId": 0,
            "scheduleStart": NOON,
            "chargingSchedule": {
                "duration": 600,
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}],
            },
        },
    ),
    (
        v16.SetChargingProfileRequest,
        {
            "connectorId": 0,
            "csChargingProfiles": {
                "chargingProfileId": 1,
                "transactionId": 7,
                "stackLevel": 0,
                "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Recurring",
                "recurrencyKind": "Weekly",
                "validFrom": NOON,
                "validTo": NOON,
                "chargingSchedule": {
                    "duration": 600,
                    "startSchedule": NOON,
                    "chargingRateUnit": "W",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1, "numberPhases": 3}],
                    "minChargingRate": 0.5,
                },
            },
        },
    ),
    (v16.SetChargingProfileResponse, {"status": "NotSupported"}),
    (v16.CertificateSignedRequest, {"certificateChain": PEM}),
    (v16.CertificateSignedResponse, {"status": "Rejected"}),
    (v16.DeleteCertificateRequest, {"certificateHashData": HASH}),
    (v16.DeleteCertificateResponse, {"status": "NotFound"}),
    (v16.ExtendedTriggerMessageRequest, {"requestedMessage": "SignChargePointCertificate", "connectorId": 1}),
    (v16.ExtendedTriggerMessageResponse, {"status": "Accepted"}),
    (v16.GetInstalledCertificateIdsRequest, {"certificateType": "ManufacturerRootCertificate"}),
    (v16.GetInstalledCertificateIdsResponse, {"status": "Accepted", "certificateHashData": [HASH, HASH]}),
    (
        v16.GetLogRequest,
        {
            "logType": "SecurityLog",
            "requestId": 1,
            "retries": 2,
            "retryInterval": 30,
            "log": {"remoteLocation": "ftp://f/", "oldestTimestamp": NOON, "latestTimestamp": NOON},
        },
    ),
    (v16.GetLogResponse, {"status": "AcceptedCanceled", "filename": "F"}),
    (v16.InstallCertificateRequest, {"certificateType": "CentralSystemRootCertificate", "certificate": PEM}),
    (v16.InstallCertificateResponse, {"status": "Failed"}),
    (v16.LogStatusNotificationRequest, {"status": "UploadFailure", "requestId": 1}),
    (v16.LogStatusNotificationResponse, {}),
    (v16.SecurityEventNotificationRequest, {"type": "SettingSystemTime", "timestamp": NOON, "techInfo": "T"}),
    (v16.SecurityEventNotificationResponse, {}),
    (v16.SignCertificateRequest, {"csr": PEM}),
    (v16.SignCertificateResponse, {"status": "Accepted"}),
    (v16.SignedFirmwareStatusNotificationRequest, {"status": "InstallVerificationFailed", "requestId": 1}),
    (v16.SignedFirmwareStatusNotificationResponse, {}),
    (
        v16.SignedUpdateFirmwareRequest,
        {
            "retries": 2,
            "retryInterval": 30,
            "requestId": 1,
            "firmware": {
                "location": "ftp://f/",
                "retrieveDateTime": NOON,
                "installDateTime": NOON,
                "signingCertificate": PEM,
                "signature": "c2ln",
            },
        },
    ),
    (v16.SignedUpdateFirmwareResponse, {"status": "RevokedCertificate"}),
]
