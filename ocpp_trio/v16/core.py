"""The Core profile of OCPP 1.6: the sixteen actions that every Charge Point implements.

Operations are in section 4 (initiated by the Charge Point) and section 5 (by the Central System) of the
specification, their messages in section 6.
"""

from datetime import datetime

import attrs

from ocpp_trio.v16.enums import (
    AvailabilityStatus,
    AvailabilityType,
    ChargePointErrorCode,
    ChargePointStatus,
    ClearCacheStatus,
    ConfigurationStatus,
    DataTransferStatus,
    Reason,
    RegistrationStatus,
    RemoteStartStopStatus,
    ResetStatus,
    ResetType,
    UnlockStatus,
)
from ocpp_trio.v16.types import ChargingProfile, ConnectorId, IdTagInfo, KeyValue, MeterValue
from ocpp_trio.wire.fields import (
    CiString20,
    CiString25,
    CiString50,
    CiString255,
    CiString500,
    IdToken,
    NonNegative,
    OneOrMore,
)
from ocpp_trio.wire.message import Request, Response


@attrs.frozen(kw_only=True)
class AuthorizeResponse(Response):
    """What the identifier may do (sections 4.1 and 6.2)."""

    id_tag_info: IdTagInfo


@attrs.frozen(kw_only=True)
class AuthorizeRequest(Request["AuthorizeRequest", AuthorizeResponse]):
    """Asks whether an identifier may start or stop a transaction (sections 4.1 and 6.1)."""

    id_tag: IdToken
    """At most 20 characters."""


@attrs.frozen(kw_only=True)
class BootNotificationResponse(Response):
    """Whether the Charge Point is registered (sections 4.2 and 6.4)."""

    status: RegistrationStatus
    current_time: datetime
    """The clock of the Central System."""
    interval: int
    """Seconds: the heartbeat interval if accepted, else the least wait before the next BootNotification.

    0 leaves the choice to the Charge Point.
    """


@attrs.frozen(kw_only=True)
class BootNotificationRequest(Request["BootNotificationRequest", BootNotificationResponse]):
    """Introduces a Charge Point after it has (re)started (sections 4.2 and 6.3)."""

    charge_point_vendor: CiString20
    """At most 20 characters."""
    charge_point_model: CiString20
    """At most 20 characters."""
    charge_point_serial_number: CiString25 | None = None
    """At most 25 characters."""
    charge_box_serial_number: CiString25 | None = None
    """Deprecated by the specification, at most 25 characters."""
    firmware_version: CiString50 | None = None
    """At most 50 characters."""
    iccid: CiString20 | None = None
    """Of the SIM card, at most 20 characters."""
    imsi: CiString20 | None = None
    """Of the SIM card, at most 20 characters."""
    meter_type: CiString25 | None = None
    """Of the main meter, at most 25 characters."""
    meter_serial_number: CiString25 | None = None
    """Of the main meter, at most 25 characters."""


@attrs.frozen(kw_only=True)
class HeartbeatResponse(Response):
    """The time of the Central System (sections 4.6 and 6.30)."""

    current_time: datetime


@attrs.frozen(kw_only=True)
class HeartbeatRequest(Request["HeartbeatRequest", HeartbeatResponse]):
    """Shows that the Charge Point is alive (sections 4.6 and 6.29)."""


@attrs.frozen(kw_only=True)
class MeterValuesResponse(Response):
    """Confirms receipt and nothing else (sections 4.7 and 6.32)."""


@attrs.frozen(kw_only=True)
class MeterValuesRequest(Request["MeterValuesRequest", MeterValuesResponse]):
    """Readings of a meter, inside or outside a transaction (sections 4.7 and 6.31)."""

    connector_id: NonNegative
    """0 is the main meter."""
    transaction_id: int | None = None
    """The transaction on that connector at the time; -1 if its id was never learned."""
    meter_value: OneOrMore[MeterValue]


@attrs.frozen(kw_only=True)
class StartTransactionResponse(Response):
    """The id of the transaction and whether it may go on (sections 4.8 and 6.46)."""

    id_tag_info: IdTagInfo
    transaction_id: int


@attrs.frozen(kw_only=True)
class StartTransactionRequest(Request["StartTransactionRequest", StartTransactionResponse]):
    """Reports a transaction that has started (sections 4.8 and 6.45)."""

    connector_id: ConnectorId
    """From 1; a station that says 0 is read too."""
    id_tag: IdToken
    """At most 20 characters."""
    meter_start: int
    """Reading of the energy register in Wh."""
    reservation_id: int | None = None
    """The reservation that this start ends; required if there is one."""
    timestamp: datetime
    """When the transaction started, however late the message is."""


@attrs.frozen(kw_only=True)
class StatusNotificationResponse(Response):
    """Confirms receipt and nothing else (sections 4.9 and 6.48)."""


@attrs.frozen(kw_only=True)
class StatusNotificationRequest(Request["StatusNotificationRequest", StatusNotificationResponse]):
    """Reports a change of state or an error (sections 4.9 and 6.47)."""

    connector_id: NonNegative
    """0 is the main controller of the Charge Point."""
    error_code: ChargePointErrorCode
    info: CiString50 | None = None
    """Free text about the error, at most 50 characters."""
    status: ChargePointStatus
    timestamp: datetime | None = None
    """Absent means the time of receipt."""
    vendor_id: CiString255 | None = None
    """At most 255 characters."""
    vendor_error_code: CiString50 | None = None
    """At most 50 characters."""


@attrs.frozen(kw_only=True)
class StopTransactionResponse(Response):
    """What became of the identifier, if one was used to stop (sections 4.10 and 6.50)."""

    id_tag_info: IdTagInfo | None = None


@attrs.frozen(kw_only=True)
class StopTransactionRequest(Request["StopTransactionRequest", StopTransactionResponse]):
    """Reports a transaction that has ended (sections 4.10 and 6.49)."""

    id_tag: IdToken | None = None
    """At most 20 characters; absent if the Charge Point itself had to stop."""
    meter_stop: int
    """Reading of the energy register in Wh."""
    timestamp: datetime
    """When the transaction ended, however late the message is."""
    transaction_id: int
    """-1 if it was never learned."""
    reason: Reason | None = None
    """Absent means `LOCAL`."""
    transaction_data: tuple[MeterValue, ...] | None = None


@attrs.frozen(kw_only=True)
class DataTransferResponse(Response):
    """The answer to a vendor's message (sections 4.3, 5.6 and 6.16)."""

    status: DataTransferStatus
    data: str | None = None
    """Text without a limit; JSON has to be written into a string."""


@attrs.frozen(kw_only=True)
class DataTransferRequest(Request["DataTransferRequest", DataTransferResponse]):
    """Whatever OCPP does not cover, in either direction (sections 4.3, 5.6 and 6.15)."""

    vendor_id: CiString255
    """A reversed DNS name, at most 255 characters."""
    message_id: CiString50 | None = None
    """Which of the vendor's messages this is, at most 50 characters."""
    data: str | None = None
    """Text without a limit; JSON has to be written into a string."""


@attrs.frozen(kw_only=True)
class ChangeAvailabilityResponse(Response):
    """Whether and when the availability changes (sections 5.2 and 6.8)."""

    status: AvailabilityStatus


@attrs.frozen(kw_only=True)
class ChangeAvailabilityRequest(Request["ChangeAvailabilityRequest", ChangeAvailabilityResponse]):
    """Takes a connector into or out of service (sections 5.2 and 6.7)."""

    connector_id: NonNegative
    """0 is the Charge Point with all its connectors."""
    type: AvailabilityType


@attrs.frozen(kw_only=True)
class ChangeConfigurationResponse(Response):
    """Whether the key was changed (sections 5.3 and 6.10)."""

    status: ConfigurationStatus


@attrs.frozen(kw_only=True)
class ChangeConfigurationRequest(Request["ChangeConfigurationRequest", ChangeConfigurationResponse]):
    """Sets a configuration key (sections 5.3 and 6.9)."""

    key: CiString50
    """At most 50 characters."""
    value: CiString500
    """Always text, at most 500 characters, and possibly empty."""


@attrs.frozen(kw_only=True)
class ClearCacheResponse(Response):
    """Whether the authorization cache was cleared (sections 5.4 and 6.12)."""

    status: ClearCacheStatus


@attrs.frozen(kw_only=True)
class ClearCacheRequest(Request["ClearCacheRequest", ClearCacheResponse]):
    """Clears the authorization cache (sections 5.4 and 6.11)."""


@attrs.frozen(kw_only=True)
class GetConfigurationResponse(Response):
    """The keys that are known and the names that are not (sections 5.8 and 6.24)."""

    configuration_key: tuple[KeyValue, ...] | None = None
    unknown_key: tuple[CiString50, ...] | None = None
    """Each at most 50 characters."""


@attrs.frozen(kw_only=True)
class GetConfigurationRequest(Request["GetConfigurationRequest", GetConfigurationResponse]):
    """Asks for configuration keys (sections 5.8 and 6.23)."""

    key: tuple[CiString50, ...] | None = None
    """Each at most 50 characters; absent or empty means all of them."""


@attrs.frozen(kw_only=True)
class RemoteStartTransactionResponse(Response):
    """Whether the Charge Point will try to start (sections 5.11 and 6.34)."""

    status: RemoteStartStopStatus


@attrs.frozen(kw_only=True)
class RemoteStartTransactionRequest(Request["RemoteStartTransactionRequest", RemoteStartTransactionResponse]):
    """Asks a Charge Point to start a transaction (sections 5.11 and 6.33)."""

    connector_id: ConnectorId | None = None
    """From 1, and 0 is read too, to be rejected; absent leaves the choice to the Charge Point."""
    id_tag: IdToken
    """At most 20 characters."""
    charging_profile: ChargingProfile | None = None
    """Purpose `TX_PROFILE`, without a transaction id."""


@attrs.frozen(kw_only=True)
class RemoteStopTransactionResponse(Response):
    """Whether the Charge Point will try to stop (sections 5.12 and 6.36)."""

    status: RemoteStartStopStatus


@attrs.frozen(kw_only=True)
class RemoteStopTransactionRequest(Request["RemoteStopTransactionRequest", RemoteStopTransactionResponse]):
    """Asks a Charge Point to stop a transaction (sections 5.12 and 6.35)."""

    transaction_id: int


@attrs.frozen(kw_only=True)
class ResetResponse(Response):
    """Whether the Charge Point will restart (sections 5.14 and 6.40)."""

    status: ResetStatus


@attrs.frozen(kw_only=True)
class ResetRequest(Request["ResetRequest", ResetResponse]):
    """Asks a Charge Point to restart itself (sections 5.14 and 6.39)."""

    type: ResetType


@attrs.frozen(kw_only=True)
class UnlockConnectorResponse(Response):
    """Whether the cable can be taken out (sections 5.18 and 6.54)."""

    status: UnlockStatus


@attrs.frozen(kw_only=True)
class UnlockConnectorRequest(Request["UnlockConnectorRequest", UnlockConnectorResponse]):
    """Asks a Charge Point to release a connector's cable (sections 5.18 and 6.53)."""

    connector_id: ConnectorId
    """From 1; 0 is read too, to be answered with `NOT_SUPPORTED`."""


CHARGE_POINT_REQUESTS = (
    AuthorizeRequest,
    BootNotificationRequest,
    HeartbeatRequest,
    MeterValuesRequest,
    StartTransactionRequest,
    StatusNotificationRequest,
    StopTransactionRequest,
    DataTransferRequest,
)
"""What a Charge Point may send."""

CSMS_REQUESTS = (
    DataTransferRequest,
    ChangeAvailabilityRequest,
    ChangeConfigurationRequest,
    ClearCacheRequest,
    GetConfigurationRequest,
    RemoteStartTransactionRequest,
    RemoteStopTransactionRequest,
    ResetRequest,
    UnlockConnectorRequest,
)
"""What a Central System may send."""
