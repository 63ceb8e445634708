"""A charge point that decides by its state, for exchanges that say in which state it is.

Nothing but handlers: what each of them answers follows from the request and from a `Station`, one value per
state. The central system of the exchanges needs no such thing: what it answers is its own decision.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from ocpp_trio import CallRejected, ErrorCode, Request, Response, v16

NOON: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class Station:
    """What a charge point is like when a CALL comes. `registration` is None before the first boot reply."""

    registration: str | None = "Accepted"
    connectors: int = 2
    transactions: Mapping[int, int] = attrs.Factory(dict)
    list_version: int = 0
    has_cache: bool = False
    security_profile: int = 0
    profiles: frozenset[v16.ChargingProfilePurposeType] = frozenset()
    limits: tuple[tuple[int, float], ...] = ()
    root_in_use: str = ""
    unsupported: frozenset[type[Request[Any, Any]]] = frozenset()


STATES: Final[Mapping[str, Station]] = {
    "booting": Station(registration=None),
    "pending": Station(registration="Pending"),
    "rejected": Station(registration="Rejected"),
    "accepted": Station(),
    "accepted, SecurityProfile=2": Station(security_profile=2),
    "accepted, tx on connector 1": Station(transactions={1: 9001}),
    "accepted, 2 connectors": Station(connectors=2),
    "accepted, ReserveConnectorZeroSupported absent": Station(),
    "accepted, list version 7": Station(list_version=7),
    "accepted, list version 8": Station(list_version=8),
    "accepted, no tx": Station(),
    "accepted, no TxProfile": Station(profiles=frozenset({v16.ChargingProfilePurposeType.TX_DEFAULT_PROFILE})),
    "profiles of behaviour sheet 15.4": Station(limits=((0, 10), (300, 25), (450, 20), (900, 16))),
    "accepted, no cache implemented": Station(),
    "CS root of current connection": Station(root_in_use="FFF"),
    "accepted, no Reservation profile": Station(unsupported=frozenset({v16.ReserveNowRequest})),
    "accepted, security extension": Station(unsupported=frozenset({v16.UpdateFirmwareRequest})),
    "CALL old-1 timed out": Station(),
    "CALL hb-9 Heartbeat pending": Station(),
    "CALL hb-10 pending": Station(),
    "CALL t-1 StartTransaction pending": Station(),
    "CALL dup-1 from CP in progress": Station(),
    "CP has an open StartTransaction CALL": Station(),
    "CP has own open CALL with id 1, cache implemented": Station(has_cache=True),
}
"""Every state that the exchanges of OCPP 1.6 name."""

_KEYS: Final[Mapping[str, tuple[str, bool]]] = {
    "HeartbeatInterval": ("300", False),
    "MeterValuesSampledData": ("Energy.Active.Import.Register", False),
    "MeterValueSampleInterval": ("60", False),
    "NumberOfConnectors": ("2", True),
    "SecurityProfile": ("0", False),
    "WebSocketPingInterval": ("30", False),
}


def get_configuration(station: Station, request: v16.GetConfigurationRequest) -> v16.GetConfigurationResponse:
    known = {name.lower(): name for name in _KEYS}
    asked = [(name, known.get(name.lower())) for name in request.key or _KEYS]
    unknown = tuple(name for name, key in asked if key is None)
    return v16.GetConfigurationResponse(
        configuration_key=tuple(
            v16.KeyValue(key=key, value=_KEYS[key][0], readonly=_KEYS[key][1]) for _, key in asked if key is not None
        ),
        unknown_key=unknown or None,
    )


def change_configuration(station: Station, request: v16.ChangeConfigurationRequest) -> v16.ChangeConfigurationResponse:
    measurands = {measurand.value for measurand in v16.Measurand}
    sound = {
        "MeterValueSampleInterval": lambda: int(request.value) >= 0,
        "WebSocketPingInterval": lambda: int(request.value) >= 0,
        "MeterValuesSampledData": lambda: measurands.issuperset(request.value.split(",")),
        # It may be raised over OCPP and never lowered (security white paper, section 7.6).
        "SecurityProfile": lambda: int(request.value) > station.security_profile,
    }.get(request.key)
    if sound is None:
        return v16.ChangeConfigurationResponse(status=v16.ConfigurationStatus.NOT_SUPPORTED)
    status = v16.ConfigurationStatus.ACCEPTED if sound() else v16.ConfigurationStatus.REJECTED
    return v16.ChangeConfigurationResponse(status=status)


def remote_start(station: Station, request: v16.RemoteStartTransactionRequest) -> v16.RemoteStartTransactionResponse:
    profile, tx_profile = request.charging_profile, v16.ChargingProfilePurposeType.TX_PROFILE
    wrong = profile is not None and profile.charging_profile_purpose is not tx_profile
    refused = wrong or station.registration != "Accepted"
    status = v16.RemoteStartStopStatus.REJECTED if refused else v16.RemoteStartStopStatus.ACCEPTED
    return v16.RemoteStartTransactionResponse(status=status)


def remote_stop(station: Station, request: v16.RemoteStopTransactionRequest) -> v16.RemoteStopTransactionResponse:
    known = request.transaction_id in station.transactions.values()
    status = v16.RemoteStartStopStatus.ACCEPTED if known else v16.RemoteStartStopStatus.REJECTED
    return v16.RemoteStopTransactionResponse(status=status)


def change_availability(station: Station, request: v16.ChangeAvailabilityRequest) -> v16.ChangeAvailabilityResponse:
    busy = request.connector_id in station.transactions
    status = v16.AvailabilityStatus.SCHEDULED if busy else v16.AvailabilityStatus.ACCEPTED
    return v16.ChangeAvailabilityResponse(status=status)


def reset(station: Station, request: v16.ResetRequest) -> v16.ResetResponse:
    return v16.ResetResponse(status=v16.ResetStatus.ACCEPTED)


def unlock(station: Station, request: v16.UnlockConnectorRequest) -> v16.UnlockConnectorResponse:
    known = 0 < request.connector_id <= station.connectors
    return v16.UnlockConnectorResponse(status=v16.UnlockStatus.UNLOCKED if known else v16.UnlockStatus.NOT_SUPPORTED)


def reserve_now(station: Station, request: v16.ReserveNowRequest) -> v16.ReserveNowResponse:
    status = v16.ReservationStatus.ACCEPTED if request.connector_id else v16.ReservationStatus.REJECTED
    return v16.ReserveNowResponse(status=status)


def cancel_reservation(station: Station, request: v16.CancelReservationRequest) -> v16.CancelReservationResponse:
    return v16.CancelReservationResponse(status=v16.CancelReservationStatus.REJECTED)


def list_version(station: Station, request: v16.GetLocalListVersionRequest) -> v16.GetLocalListVersionResponse:
    return v16.GetLocalListVersionResponse(list_version=station.list_version)


def send_local_list(station: Station, request: v16.SendLocalListRequest) -> v16.SendLocalListResponse:
    newer = request.update_type is v16.UpdateType.FULL or request.list_version > station.list_version
    return v16.SendLocalListResponse(status=v16.UpdateStatus.ACCEPTED if newer else v16.UpdateStatus.VERSION_MISMATCH)


def set_charging_profile(station: Station, request: v16.SetChargingProfileRequest) -> v16.SetChargingProfileResponse:
    if request.connector_id > station.connectors:
        raise CallRejected(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "there is no such connector")
    purpose = request.cs_charging_profiles.charging_profile_purpose
    for_nothing = (
        purpose is v16.ChargingProfilePurposeType.TX_PROFILE and request.connector_id not in station.transactions
    )
    status = v16.ChargingProfileStatus.REJECTED if for_nothing else v16.ChargingProfileStatus.ACCEPTED
    return v16.SetChargingProfileResponse(status=status)


def clear_charging_profile(
    station: Station, request: v16.ClearChargingProfileRequest
) -> v16.ClearChargingProfileResponse:
    found = request.charging_profile_purpose in station.profiles
    status = v16.ClearChargingProfileStatus.ACCEPTED if found else v16.ClearChargingProfileStatus.UNKNOWN
    return v16.ClearChargingProfileResponse(status=status)


def composite_schedule(station: Station, request: v16.GetCompositeScheduleRequest) -> v16.GetCompositeScheduleResponse:
    periods = tuple(v16.ChargingSchedulePeriod(start_period=start, limit=limit) for start, limit in station.limits)
    return v16.GetCompositeScheduleResponse(
        status=v16.GetCompositeScheduleStatus.ACCEPTED,
        connector_id=request.connector_id,
        schedule_start=NOON,
        charging_schedule=v16.ChargingSchedule(
            duration=request.duration,
            charging_rate_unit=request.charging_rate_unit or v16.ChargingRateUnitType.W,
            charging_schedule_period=periods,
        ),
    )


def trigger(station: Station, request: v16.TriggerMessageRequest) -> v16.TriggerMessageResponse:
    idle = request.requested_message is v16.MessageTrigger.BOOT_NOTIFICATION and station.registration == "Accepted"
    return v16.TriggerMessageResponse(
        status=v16.TriggerMessageStatus.REJECTED if idle else v16.TriggerMessageStatus.ACCEPTED
    )


def extended_trigger(
    station: Station, request: v16.ExtendedTriggerMessageRequest
) -> v16.ExtendedTriggerMessageResponse:
    return v16.ExtendedTriggerMessageResponse(status=v16.TriggerMessageStatusEnumType.ACCEPTED)


def get_diagnostics(station: Station, request: v16.GetDiagnosticsRequest) -> v16.GetDiagnosticsResponse:
    return v16.GetDiagnosticsResponse()


def update_firmware(station: Station, request: v16.UpdateFirmwareRequest) -> v16.UpdateFirmwareResponse:
    return v16.UpdateFirmwareResponse()


def clear_cache(station: Station, request: v16.ClearCacheRequest) -> v16.ClearCacheResponse:
    return v16.ClearCacheResponse(
        status=v16.ClearCacheStatus.ACCEPTED if station.has_cache else v16.ClearCacheStatus.REJECTED
    )


def delete_certificate(station: Station, request: v16.DeleteCertificateRequest) -> v16.DeleteCertificateResponse:
    in_use = request.certificate_hash_data.serial_number == station.root_in_use
    status = v16.DeleteCertificateStatusEnumType.FAILED if in_use else v16.DeleteCertificateStatusEnumType.NOT_FOUND
    return v16.DeleteCertificateResponse(status=status)


HANDLERS: Final[Mapping[type[Request[Any, Any]], Callable[[Station, Any], Response]]] = {
    v16.CancelReservationRequest: cancel_reservation,
    v16.ChangeAvailabilityRequest: change_availability,
    v16.ChangeConfigurationRequest: change_configuration,
    v16.ClearCacheRequest: clear_cache,
    v16.ClearChargingProfileRequest: clear_charging_profile,
    v16.DeleteCertificateRequest: delete_certificate,
    v16.ExtendedTriggerMessageRequest: extended_trigger,
    v16.GetCompositeScheduleRequest: composite_schedule,
    v16.GetConfigurationRequest: get_configuration,
    v16.GetDiagnosticsRequest: get_diagnostics,
    v16.GetLocalListVersionRequest: list_version,
    v16.RemoteStartTransactionRequest: remote_start,
    v16.RemoteStopTransactionRequest: remote_stop,
    v16.ReserveNowRequest: reserve_now,
    v16.ResetRequest: reset,
    v16.SendLocalListRequest: send_local_list,
    v16.SetChargingProfileRequest: set_charging_profile,
    v16.TriggerMessageRequest: trigger,
    v16.UnlockConnectorRequest: unlock,
    v16.UpdateFirmwareRequest: update_firmware,
}
