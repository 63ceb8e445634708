"""The enumerations of OCPP 1.6 (section 7 of the specification); a value is what is on the wire, case included."""

from enum import StrEnum, unique


@unique
class AuthorizationStatus(StrEnum):
    """What a Central System says about an identifier (section 7.2)."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


@unique
class AvailabilityStatus(StrEnum):
    """Answer to ChangeAvailability; `SCHEDULED` waits for a transaction to end (section 7.3)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    SCHEDULED = "Scheduled"


@unique
class AvailabilityType(StrEnum):
    """Whether a connector may be used for charging (section 7.4)."""

    INOPERATIVE = "Inoperative"
    OPERATIVE = "Operative"


@unique
class CancelReservationStatus(StrEnum):
    """Answer to CancelReservation; `REJECTED` where there is no such reservation (section 7.5)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


@unique
class ChargePointErrorCode(StrEnum):
    """Error that a Charge Point or connector reports with its status (section 7.6)."""

    CONNECTOR_LOCK_FAILURE = "ConnectorLockFailure"
    EV_COMMUNICATION_ERROR = "EVCommunicationError"
    GROUND_FAILURE = "GroundFailure"
    HIGH_TEMPERATURE = "HighTemperature"
    INTERNAL_ERROR = "InternalError"
    LOCAL_LIST_CONFLICT = "LocalListConflict"
    NO_ERROR = "NoError"
    OTHER_ERROR = "OtherError"
    OVER_CURRENT_FAILURE = "OverCurrentFailure"
    OVER_VOLTAGE = "OverVoltage"
    POWER_METER_FAILURE = "PowerMeterFailure"
    POWER_SWITCH_FAILURE = "PowerSwitchFailure"
    READER_FAILURE = "ReaderFailure"
    RESET_FAILURE = "ResetFailure"
    UNDER_VOLTAGE = "UnderVoltage"
    WEAK_SIGNAL = "WeakSignal"


@unique
class ChargePointStatus(StrEnum):
    """State of a connector; connector 0 knows `AVAILABLE`, `UNAVAILABLE` and `FAULTED` only (section 7.7)."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EVSE = "SuspendedEVSE"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


@unique
class ChargingProfileKindType(StrEnum):
    """What the periods of a charging schedule are relative to (section 7.9)."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


@unique
class ChargingProfilePurposeType(StrEnum):
    """What a charging profile limits (section 7.10)."""

    CHARGE_POINT_MAX_PROFILE = "ChargePointMaxProfile"
    TX_DEFAULT_PROFILE = "TxDefaultProfile"
    TX_PROFILE = "TxProfile"


@unique
class ChargingProfileStatus(StrEnum):
    """Answer to SetChargingProfile (section 7.11)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_SUPPORTED = "NotSupported"


@unique
class ChargingRateUnitType(StrEnum):
    """Unit of the limits of a charging schedule: ampere per phase, or watt in total (section 7.12)."""

    A = "A"
    W = "W"


@unique
class ClearCacheStatus(StrEnum):
    """Answer to ClearCache; `REJECTED` also where there is no cache (section 7.20)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


@unique
class ClearChargingProfileStatus(StrEnum):
    """Answer to ClearChargingProfile; `UNKNOWN` where no profile matched (section 7.21)."""

    ACCEPTED = "Accepted"
    UNKNOWN = "Unknown"


@unique
class ConfigurationStatus(StrEnum):
    """Answer to ChangeConfiguration (section 7.22)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    REBOOT_REQUIRED = "RebootRequired"
    NOT_SUPPORTED = "NotSupported"


@unique
class DataTransferStatus(StrEnum):
    """Answer to DataTransfer (section 7.23)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    UNKNOWN_MESSAGE_ID = "UnknownMessageId"
    UNKNOWN_VENDOR_ID = "UnknownVendorId"


@unique
class DiagnosticsStatus(StrEnum):
    """Step of the upload of diagnostics; `IDLE` only if asked for by a trigger (section 7.24)."""

    IDLE = "Idle"
    UPLOADED = "Uploaded"
    UPLOAD_FAILED = "UploadFailed"
    UPLOADING = "Uploading"


@unique
class FirmwareStatus(StrEnum):
    """Step of a firmware update; `IDLE` only if asked for by a trigger (section 7.25)."""

    DOWNLOADED = "Downloaded"
    DOWNLOAD_FAILED = "DownloadFailed"
    DOWNLOADING = "Downloading"
    IDLE = "Idle"
    INSTALLATION_FAILED = "InstallationFailed"
    INSTALLING = "Installing"
    INSTALLED = "Installed"


@unique
class GetCompositeScheduleStatus(StrEnum):
    """Answer to GetCompositeSchedule (section 7.26)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


@unique
class Location(StrEnum):
    """Where a value was measured (section 7.30)."""

    BODY = "Body"
    CABLE = "Cable"
    EV = "EV"
    INLET = "Inlet"
    OUTLET = "Outlet"


@unique
class Measurand(StrEnum):
    """What was measured; an absent measurand means `ENERGY_ACTIVE_IMPORT_REGISTER` (section 7.31)."""

    CURRENT_EXPORT = "Current.Export"
    CURRENT_IMPORT = "Current.Import"
    CURRENT_OFFERED = "Current.Offered"
    ENERGY_ACTIVE_EXPORT_REGISTER = "Energy.Active.Export.Register"
    ENERGY_ACTIVE_IMPORT_REGISTER = "Energy.Active.Import.Register"
    ENERGY_REACTIVE_EXPORT_REGISTER = "Energy.Reactive.Export.Register"
    ENERGY_REACTIVE_IMPORT_REGISTER = "Energy.Reactive.Import.Register"
    ENERGY_ACTIVE_EXPORT_INTERVAL = "Energy.Active.Export.Interval"
    ENERGY_ACTIVE_IMPORT_INTERVAL = "Energy.Active.Import.Interval"
    ENERGY_REACTIVE_EXPORT_INTERVAL = "Energy.Reactive.Export.Interval"
    ENERGY_REACTIVE_IMPORT_INTERVAL = "Energy.Reactive.Import.Interval"
    FREQUENCY = "Frequency"
    POWER_ACTIVE_EXPORT = "Power.Active.Export"
    POWER_ACTIVE_IMPORT = "Power.Active.Import"
    POWER_FACTOR = "Power.Factor"
    POWER_OFFERED = "Power.Offered"
    POWER_REACTIVE_EXPORT = "Power.Reactive.Export"
    POWER_REACTIVE_IMPORT = "Power.Reactive.Import"
    RPM = "RPM"
    SOC = "SoC"
    TEMPERATURE = "Temperature"
    VOLTAGE = "Voltage"


@unique
class MessageTrigger(StrEnum):
    """Message that TriggerMessage asks for; the value is the name of the action (section 7.32)."""

    BOOT_NOTIFICATION = "BootNotification"
    DIAGNOSTICS_STATUS_NOTIFICATION = "DiagnosticsStatusNotification"
    FIRMWARE_STATUS_NOTIFICATION = "FirmwareStatusNotification"
    HEARTBEAT = "Heartbeat"
    METER_VALUES = "MeterValues"
    STATUS_NOTIFICATION = "StatusNotification"


@unique
class Phase(StrEnum):
    """Phases between or at which a value was measured; an absent phase means an overall value (section 7.34)."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    N = "N"
    L1_N = "L1-N"
    L2_N = "L2-N"
    L3_N = "L3-N"
    L1_L2 = "L1-L2"
    L2_L3 = "L2-L3"
    L3_L1 = "L3-L1"


@unique
class ReadingContext(StrEnum):
    """Why a value was measured at that moment (section 7.35)."""

    INTERRUPTION_BEGIN = "Interruption.Begin"
    INTERRUPTION_END = "Interruption.End"
    OTHER = "Other"
    SAMPLE_CLOCK = "Sample.Clock"
    SAMPLE_PERIODIC = "Sample.Periodic"
    TRANSACTION_BEGIN = "Transaction.Begin"
    TRANSACTION_END = "Transaction.End"
    TRIGGER = "Trigger"


@unique
class Reason(StrEnum):
    """Why a transaction was stopped (section 7.36)."""

    DE_AUTHORIZED = "DeAuthorized"
    EMERGENCY_STOP = "EmergencyStop"
    EV_DISCONNECTED = "EVDisconnected"
    HARD_RESET = "HardReset"
    LOCAL = "Local"
    OTHER = "Other"
    POWER_LOSS = "PowerLoss"
    REBOOT = "Reboot"
    REMOTE = "Remote"
    SOFT_RESET = "SoftReset"
    UNLOCK_COMMAND = "UnlockCommand"


@unique
class RecurrencyKindType(StrEnum):
    """Period of a recurring charging schedule (section 7.37)."""

    DAILY = "Daily"
    WEEKLY = "Weekly"


@unique
class RegistrationStatus(StrEnum):
    """Whether the Central System has accepted a Charge Point (section 7.38)."""

    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


@unique
class RemoteStartStopStatus(StrEnum):
    """Answer to RemoteStartTransaction and RemoteStopTransaction (section 7.39)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


@unique
class ReservationStatus(StrEnum):
    """Answer to ReserveNow (section 7.40)."""

    ACCEPTED = "Accepted"
    FAULTED = "Faulted"
    OCCUPIED = "Occupied"
    REJECTED = "Rejected"
    UNAVAILABLE = "Unavailable"


@unique
class ResetStatus(StrEnum):
    """Answer to Reset (section 7.41)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


@unique
class ResetType(StrEnum):
    """How to restart: `SOFT` ends transactions gracefully first (section 7.42)."""

    HARD = "Hard"
    SOFT = "Soft"


@unique
class TriggerMessageStatus(StrEnum):
    """Answer to TriggerMessage (section 7.44)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_IMPLEMENTED = "NotImplemented"


@unique
class UnitOfMeasure(StrEnum):
    """Unit of a sampled value (section 7.45). Frequency, RPM and Power.Factor have none of their own.

    The last two members are not of the specification's table but are sent in the field: the published
    schemas allow `Celcius`, an old misspelling, and stations write `Hertz` for want of a unit.
    """

    WH = "Wh"
    KWH = "kWh"
    VARH = "varh"
    KVARH = "kvarh"
    W = "W"
    KW = "kW"
    VA = "VA"
    KVA = "kVA"
    VAR = "var"
    KVAR = "kvar"
    A = "A"
    V = "V"
    CELSIUS = "Celsius"
    FAHRENHEIT = "Fahrenheit"
    K = "K"
    PERCENT = "Percent"
    CELCIUS = "Celcius"
    HERTZ = "Hertz"


@unique
class UnlockStatus(StrEnum):
    """Answer to UnlockConnector (section 7.46)."""

    UNLOCKED = "Unlocked"
    UNLOCK_FAILED = "UnlockFailed"
    NOT_SUPPORTED = "NotSupported"


@unique
class UpdateStatus(StrEnum):
    """Answer to SendLocalList (section 7.47)."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    NOT_SUPPORTED = "NotSupported"
    VERSION_MISMATCH = "VersionMismatch"


@unique
class UpdateType(StrEnum):
    """Whether a local list replaces the old one or changes parts of it (section 7.48)."""

    DIFFERENTIAL = "Differential"
    FULL = "Full"


@unique
class ValueFormat(StrEnum):
    """How the text of a sampled value is to be read (section 7.49)."""

    RAW = "Raw"
    SIGNED_DATA = "SignedData"
