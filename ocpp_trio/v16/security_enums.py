"""The enumerations of the security extension of OCPP 1.6; a value is what is on the wire, case included.

Section numbers are those of the white paper "Improved security for OCPP 1.6-J", edition 3. Names end in
EnumType as they do there, where several resemble those of the base specification and differ in values.
"""

from enum import StrEnum, unique


@unique
class CertificateSignedStatusEnumType(StrEnum):
    """Answer to CertificateSigned (section 6.2)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


@unique
class CertificateUseEnumType(StrEnum):
    """What a root certificate vouches for (section 6.4)."""

    CENTRAL_SYSTEM_ROOT_CERTIFICATE = "CentralSystemRootCertificate"
    MANUFACTURER_ROOT_CERTIFICATE = "ManufacturerRootCertificate"


@unique
class DeleteCertificateStatusEnumType(StrEnum):
    """Answer to DeleteCertificate; `FAILED` also for a root that is in use (section 6.7)."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    NOT_FOUND = "NotFound"


@unique
class FirmwareStatusEnumType(StrEnum):
    """Step of a signed firmware update; `IDLE` only if asked for by a trigger (section 6.8)."""

    DOWNLOADED = "Downloaded"
    DOWNLOAD_FAILED = "DownloadFailed"
    DOWNLOADING = "Downloading"
    DOWNLOAD_SCHEDULED = "DownloadScheduled"
    DOWNLOAD_PAUSED = "DownloadPaused"
    IDLE = "Idle"
    INSTALLATION_FAILED = "InstallationFailed"
    INSTALLING = "Installing"
    INSTALLED = "Installed"
    INSTALL_REBOOTING = "InstallRebooting"
    INSTALL_SCHEDULED = "InstallScheduled"
    INSTALL_VERIFICATION_FAILED = "InstallVerificationFailed"
    INVALID_SIGNATURE = "InvalidSignature"
    SIGNATURE_VERIFIED = "SignatureVerified"


@unique
class GenericStatusEnumType(StrEnum):
    """Answer to SignCertificate (section 6.10)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


@unique
class GetInstalledCertificateStatusEnumType(StrEnum):
    """Answer to GetInstalledCertificateIds (section 6.11)."""

    ACCEPTED = "Accepted"
    NOT_FOUND = "NotFound"


@unique
class HashAlgorithmEnumType(StrEnum):
    """How the hashes that identify a certificate were made (section 6.12)."""

    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


@unique
class InstallCertificateStatusEnumType(StrEnum):
    """Answer to InstallCertificate, in the white paper CertificateStatusEnumType (section 6.3)."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    REJECTED = "Rejected"


@unique
class LogEnumType(StrEnum):
    """Which log to upload (section 6.13)."""

    DIAGNOSTICS_LOG = "DiagnosticsLog"
    SECURITY_LOG = "SecurityLog"


@unique
class LogStatusEnumType(StrEnum):
    """Answer to GetLog; `ACCEPTED_CANCELED` stops an upload that was under way (section 6.15)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    ACCEPTED_CANCELED = "AcceptedCanceled"


@unique
class MessageTriggerEnumType(StrEnum):
    """Message that ExtendedTriggerMessage asks for; not always the name of the action (section 6.16)."""

    BOOT_NOTIFICATION = "BootNotification"
    LOG_STATUS_NOTIFICATION = "LogStatusNotification"
    FIRMWARE_STATUS_NOTIFICATION = "FirmwareStatusNotification"
    HEARTBEAT = "Heartbeat"
    METER_VALUES = "MeterValues"
    SIGN_CHARGE_POINT_CERTIFICATE = "SignChargePointCertificate"
    STATUS_NOTIFICATION = "StatusNotification"


@unique
class TriggerMessageStatusEnumType(StrEnum):
    """Answer to ExtendedTriggerMessage (section 6.17)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_IMPLEMENTED = "NotImplemented"


@unique
class UpdateFirmwareStatusEnumType(StrEnum):
    """Answer to SignedUpdateFirmware; `ACCEPTED_CANCELED` stops an update that was under way (section 6.18)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    ACCEPTED_CANCELED = "AcceptedCanceled"
    INVALID_CERTIFICATE = "InvalidCertificate"
    REVOKED_CERTIFICATE = "RevokedCertificate"


@unique
class UploadLogStatusEnumType(StrEnum):
    """Step of the upload of a log; `IDLE` only if asked for by a trigger (section 6.19)."""

    BAD_MESSAGE = "BadMessage"
    IDLE = "Idle"
    NOT_SUPPORTED_OPERATION = "NotSupportedOperation"
    PERMISSION_DENIED = "PermissionDenied"
    UPLOADED = "Uploaded"
    UPLOAD_FAILURE = "UploadFailure"
    UPLOADING = "Uploading"
