"""The security extension of OCPP 1.6: certificates, signed firmware, logs and security events.

Eleven actions of the white paper "Improved security for OCPP 1.6-J", edition 3, whose section numbers
these are: messages in section 5, types in section 6. It is spoken over `ocpp1.6` and has no version of its own.
"""

from datetime import datetime

import attrs

from ocpp_trio.v16.security_enums import (
    CertificateSignedStatusEnumType,
    CertificateUseEnumType,
    DeleteCertificateStatusEnumType,
    FirmwareStatusEnumType,
    GenericStatusEnumType,
    GetInstalledCertificateStatusEnumType,
    HashAlgorithmEnumType,
    InstallCertificateStatusEnumType,
    LogEnumType,
    LogStatusEnumType,
    MessageTriggerEnumType,
    TriggerMessageStatusEnumType,
    UpdateFirmwareStatusEnumType,
    UploadLogStatusEnumType,
)
from ocpp_trio.wire.fields import (
    CiString40,
    CiString128,
    OneOrMore,
    Positive,
    String50,
    String255,
    String512,
    String800,
    String5500,
    String10000,
)
from ocpp_trio.wire.message import Payload, Request, Response


@attrs.frozen(kw_only=True)
class CertificateHashDataType(Payload):
    """Which certificate is meant (section 6.1)."""

    hash_algorithm: HashAlgorithmEnumType
    issuer_name_hash: CiString128
    """Over the DER encoding of the issuer's name, in hexadecimal digits, at most 128."""
    issuer_key_hash: CiString128
    """Over the issuer's public key without tag and length, in hexadecimal digits, at most 128."""
    serial_number: CiString40
    """In hexadecimal digits, at most 40, without `0x` and leading zeroes."""


@attrs.frozen(kw_only=True)
class FirmwareType(Payload):
    """Firmware and what proves where it comes from (section 6.9)."""

    location: String512
    """URI of the firmware, at most 512 characters."""
    retrieve_date_time: datetime
    """The earliest moment of the download."""
    install_date_time: datetime | None = None
    """The earliest moment of the installation; absent means at once."""
    signing_certificate: String5500
    """PEM, at most 5500 characters."""
    signature: String800
    """Base64, at most 800 characters."""


@attrs.frozen(kw_only=True)
class LogParametersType(Payload):
    """Which entries of a log go where (section 6.14)."""

    remote_location: String512
    """URL to upload to, at most 512 characters."""
    oldest_timestamp: datetime | None = None
    latest_timestamp: datetime | None = None


@attrs.frozen(kw_only=True)
class CertificateSignedResponse(Response):
    """Whether the certificate was found to be sound (section 5.2)."""

    status: CertificateSignedStatusEnumType


@attrs.frozen(kw_only=True)
class CertificateSignedRequest(Request["CertificateSignedRequest", CertificateSignedResponse]):
    """Gives a Charge Point the certificate it had asked for (section 5.1)."""

    certificate_chain: String10000
    """PEM, the Charge Point's own certificate first, at most 10000 characters or what the key
    CertificateSignedMaxChainSize says."""


@attrs.frozen(kw_only=True)
class DeleteCertificateResponse(Response):
    """Whether the certificate is gone (section 5.4)."""

    status: DeleteCertificateStatusEnumType


@attrs.frozen(kw_only=True)
class DeleteCertificateRequest(Request["DeleteCertificateRequest", DeleteCertificateResponse]):
    """Removes a root certificate from a Charge Point (section 5.3)."""

    certificate_hash_data: CertificateHashDataType


@attrs.frozen(kw_only=True)
class ExtendedTriggerMessageResponse(Response):
    """Whether the message will follow; it does so after this answer (section 5.6)."""

    status: TriggerMessageStatusEnumType


@attrs.frozen(kw_only=True)
class ExtendedTriggerMessageRequest(Request["ExtendedTriggerMessageRequest", ExtendedTriggerMessageResponse]):
    """Asks a Charge Point to send a message of its own, those of this extension too (section 5.5)."""

    requested_message: MessageTriggerEnumType
    connector_id: Positive | None = None
    """Only where the message is about a connector, from 1."""


@attrs.frozen(kw_only=True)
class GetInstalledCertificateIdsResponse(Response):
    """The certificates of the kind asked for (section 5.8)."""

    status: GetInstalledCertificateStatusEnumType
    certificate_hash_data: OneOrMore[CertificateHashDataType] | None = None
    """Absent if there are none, and never empty."""


@attrs.frozen(kw_only=True)
class GetInstalledCertificateIdsRequest(
    Request["GetInstalledCertificateIdsRequest", GetInstalledCertificateIdsResponse]
):
    """Asks which root certificates a Charge Point has (section 5.7)."""

    certificate_type: CertificateUseEnumType


@attrs.frozen(kw_only=True)
class GetLogResponse(Response):
    """Whether a log will be uploaded, and under which name (section 5.10)."""

    status: LogStatusEnumType
    filename: String255 | None = None
    """At most 255 characters, unlike `fileName` of GetDiagnostics one word; absent if there is nothing to upload."""


@attrs.frozen(kw_only=True)
class GetLogRequest(Request["GetLogRequest", GetLogResponse]):
    """Asks a Charge Point to upload a log (section 5.9)."""

    log_type: LogEnumType
    request_id: int
    """Comes back in every LogStatusNotification about this upload."""
    retries: int | None = None
    """How often to try again after a failure."""
    retry_interval: int | None = None
    """Seconds."""
    log: LogParametersType


@attrs.frozen(kw_only=True)
class InstallCertificateResponse(Response):
    """Whether the certificate is installed (section 5.12)."""

    status: InstallCertificateStatusEnumType


@attrs.frozen(kw_only=True)
class InstallCertificateRequest(Request["InstallCertificateRequest", InstallCertificateResponse]):
    """Gives a Charge Point a root certificate (section 5.11)."""

    certificate_type: CertificateUseEnumType
    certificate: String5500
    """PEM, at most 5500 characters."""


@attrs.frozen(kw_only=True)
class LogStatusNotificationResponse(Response):
    """Confirms receipt and nothing else (section 5.14)."""


@attrs.frozen(kw_only=True)
class LogStatusNotificationRequest(Request["LogStatusNotificationRequest", LogStatusNotificationResponse]):
    """Reports how the upload of a log goes (section 5.13)."""

    status: UploadLogStatusEnumType
    request_id: int | None = None
    """Of the GetLog; absent only if a trigger asked for it while no upload is under way."""


@attrs.frozen(kw_only=True)
class SecurityEventNotificationResponse(Response):
    """Confirms receipt and nothing else (section 5.16)."""


@attrs.frozen(kw_only=True)
class SecurityEventNotificationRequest(Request["SecurityEventNotificationRequest", SecurityEventNotificationResponse]):
    """Reports something that touches the security of a Charge Point (section 5.15)."""

    type: String50
    """One of the names in section 8, or one of the vendor's own; at most 50 characters."""
    timestamp: datetime
    """When it happened, however late the message is."""
    tech_info: String255 | None = None
    """At most 255 characters."""


@attrs.frozen(kw_only=True)
class SignCertificateResponse(Response):
    """Whether the request will be passed on to a certificate authority (section 5.18)."""

    status: GenericStatusEnumType


@attrs.frozen(kw_only=True)
class SignCertificateRequest(Request["SignCertificateRequest", SignCertificateResponse]):
    """Asks for a certificate for the Charge Point's key (section 5.17)."""

    csr: String5500
    """A PKCS#10 request (RFC 2986) in PEM, at most 5500 characters."""


@attrs.frozen(kw_only=True)
class SignedFirmwareStatusNotificationResponse(Response):
    """Confirms receipt and nothing else (section 5.20)."""


@attrs.frozen(kw_only=True)
class SignedFirmwareStatusNotificationRequest(
    Request["SignedFirmwareStatusNotificationRequest", SignedFirmwareStatusNotificationResponse]
):
    """Reports how the update with signed firmware goes (section 5.19)."""

    status: FirmwareStatusEnumType
    request_id: int | None = None
    """Of the SignedUpdateFirmware; absent only with `IDLE`."""


@attrs.frozen(kw_only=True)
class SignedUpdateFirmwareResponse(Response):
    """Whether the update will be attempted (section 5.22)."""

    status: UpdateFirmwareStatusEnumType


@attrs.frozen(kw_only=True)
class SignedUpdateFirmwareRequest(Request["SignedUpdateFirmwareRequest", SignedUpdateFirmwareResponse]):
    """Asks a Charge Point to fetch, verify and install firmware (section 5.21)."""

    retries: int | None = None
    """How often to try again after a failure."""
    retry_interval: int | None = None
    """Seconds."""
    request_id: int
    """Comes back in every SignedFirmwareStatusNotification about this update."""
    firmware: FirmwareType


CHARGE_POINT_REQUESTS = (
    LogStatusNotificationRequest,
    SecurityEventNotificationRequest,
    SignCertificateRequest,
    SignedFirmwareStatusNotificationRequest,
)
"""What a Charge Point may send."""

CSMS_REQUESTS = (
    CertificateSignedRequest,
    DeleteCertificateRequest,
    ExtendedTriggerMessageRequest,
    GetInstalledCertificateIdsRequest,
    GetLogRequest,
    InstallCertificateRequest,
    SignedUpdateFirmwareRequest,
)
"""What a Central System may send."""
