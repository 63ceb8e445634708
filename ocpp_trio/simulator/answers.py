"""The answers to everything that a CSMS may ask a station, and what follows them.

Owns the decisions; their effects are the device's. What follows an answer starts once the answer is on the
wire, so the handlers here change nothing that would be reported ahead of it.
"""

import logging

from ocpp_trio import CallRejected, ErrorCode, Registration, Router, Session, v16
from ocpp_trio.simulator import configuration as keys
from ocpp_trio.simulator.connector import CONNECTOR, MAIN, NotPossible
from ocpp_trio.simulator.device import Device

logger = logging.getLogger(__name__)

_START_STOP = v16.RemoteStartStopStatus
_STOP_REASON = {v16.ResetType.SOFT: v16.Reason.SOFT_RESET, v16.ResetType.HARD: v16.Reason.HARD_RESET}
_TRIGGER = v16.TriggerMessageStatus


class Answers:
    """The handlers of one device."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def register(self, router: Router) -> None:
        """Put the handlers on a router, and what follows them."""
        router.on(v16.ChangeAvailabilityRequest)(self._change_availability)
        router.after(v16.ChangeAvailabilityRequest)(self._settle)
        router.on(v16.ChangeConfigurationRequest)(self._change_configuration)
        router.after(v16.ChangeConfigurationRequest)(self._use_new_key)
        router.on(v16.ClearCacheRequest)(self._clear_cache)
        router.on(v16.DataTransferRequest)(self._data_transfer)
        router.on(v16.GetConfigurationRequest)(self._get_configuration)
        router.on(v16.RemoteStartTransactionRequest)(self._remote_start)
        router.after(v16.RemoteStartTransactionRequest)(self._start)
        router.on(v16.RemoteStopTransactionRequest)(self._remote_stop)
        router.after(v16.RemoteStopTransactionRequest)(self._stop)
        router.on(v16.ResetRequest)(self._reset)
        router.after(v16.ResetRequest)(self._restart)
        router.on(v16.TriggerMessageRequest)(self._trigger_message)
        router.after(v16.TriggerMessageRequest)(self._send_triggered)
        router.on(v16.UnlockConnectorRequest)(self._unlock_connector)

    async def _change_availability(
        self, session: Session, request: v16.ChangeAvailabilityRequest
    ) -> v16.ChangeAvailabilityResponse:
        status = self._device.charging.connector.want(request.connector_id, request.type)
        return v16.ChangeAvailabilityResponse(status=status)

    async def _settle(
        self,
        session: Session,
        request: v16.ChangeAvailabilityRequest,
        response: v16.ChangeAvailabilityResponse,
    ) -> None:
        self._device.charging.connector.settle()

    async def _change_configuration(
        self, session: Session, request: v16.ChangeConfigurationRequest
    ) -> v16.ChangeConfigurationResponse:
        return v16.ChangeConfigurationResponse(status=self._device.change_configuration(request.key, request.value))

    async def _use_new_key(
        self,
        session: Session,
        request: v16.ChangeConfigurationRequest,
        response: v16.ChangeConfigurationResponse,
    ) -> None:
        """A new AuthorizationKey takes effect with a new connection; without a password so far it waits for its day."""
        station = self._device.station
        changed = request.key.casefold() == keys.AUTHORIZATION_KEY.casefold()
        if changed and response.status is v16.ConfigurationStatus.ACCEPTED and station.has_password:
            station.set_password(bytes.fromhex(request.value))
            station.reconnect()

    async def _clear_cache(self, session: Session, request: v16.ClearCacheRequest) -> v16.ClearCacheResponse:
        return v16.ClearCacheResponse(status=v16.ClearCacheStatus.REJECTED)  # there is no cache

    async def _data_transfer(self, session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        return v16.DataTransferResponse(status=v16.DataTransferStatus.UNKNOWN_VENDOR_ID)

    async def _get_configuration(
        self, session: Session, request: v16.GetConfigurationRequest
    ) -> v16.GetConfigurationResponse:
        configuration = self._device.configuration
        if not request.key:
            known = [key for key in configuration if key.access is not keys.Access.WRITE]
            return v16.GetConfigurationResponse(configuration_key=tuple(configuration.shown(key) for key in known))
        limit = configuration.number(keys.GET_CONFIGURATION_MAX_KEYS)
        if len(request.key) > limit:
            raise CallRejected(
                ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION, f"expected at most {limit} keys, found {len(request.key)}"
            )
        found = {name: configuration.key(name) for name in request.key}
        return v16.GetConfigurationResponse(
            configuration_key=tuple(configuration.shown(key) for key in found.values() if key is not None) or None,
            unknown_key=tuple(name for name, key in found.items() if key is None) or None,
        )

    async def _remote_start(
        self, session: Session, request: v16.RemoteStartTransactionRequest
    ) -> v16.RemoteStartTransactionResponse:
        accepted = _is_registered(session) and self._may_start(request.connector_id) and _fits(request)
        return v16.RemoteStartTransactionResponse(status=_START_STOP.ACCEPTED if accepted else _START_STOP.REJECTED)

    def _may_start(self, connector_id: int | None) -> bool:
        """A connector that is Finishing is started on only if it is named (OCPP 1.6 section 4.9, F2)."""
        device = self._device
        if connector_id is None:
            return device.charging.free
        finishing = device.status is v16.ChargePointStatus.FINISHING and device.plugged
        return connector_id == CONNECTOR and (device.charging.free or finishing)

    async def _start(
        self,
        session: Session,
        request: v16.RemoteStartTransactionRequest,
        response: v16.RemoteStartTransactionResponse,
    ) -> None:
        if response.status is not _START_STOP.ACCEPTED:
            return
        if self._device.configuration.flag(keys.AUTHORIZE_REMOTE):
            info = await self._device.authorize(request.id_tag)
            if info.status is not v16.AuthorizationStatus.ACCEPTED:
                logger.info("%r: remote start refused: %s", session.identity, info.status.value)
                return
        try:
            self._device.admit(request.id_tag)
        except NotPossible as reason:
            logger.warning("%r: no remote start: %s", session.identity, reason)

    async def _remote_stop(
        self, session: Session, request: v16.RemoteStopTransactionRequest
    ) -> v16.RemoteStopTransactionResponse:
        accepted = _is_registered(session) and self._is_running(request.transaction_id)
        return v16.RemoteStopTransactionResponse(status=_START_STOP.ACCEPTED if accepted else _START_STOP.REJECTED)

    async def _stop(
        self,
        session: Session,
        request: v16.RemoteStopTransactionRequest,
        response: v16.RemoteStopTransactionResponse,
    ) -> None:
        # The driver may have been faster.
        if response.status is _START_STOP.ACCEPTED and self._is_running(request.transaction_id):
            self._device.charging.finish(v16.Reason.REMOTE)

    def _is_running(self, transaction_id: int) -> bool:
        transaction = self._device.transaction
        return transaction is not None and transaction.transaction_id == transaction_id

    async def _reset(self, session: Session, request: v16.ResetRequest) -> v16.ResetResponse:
        return v16.ResetResponse(status=v16.ResetStatus.ACCEPTED)

    async def _restart(self, session: Session, request: v16.ResetRequest, response: v16.ResetResponse) -> None:
        self._device.restart(_STOP_REASON[request.type])

    async def _trigger_message(
        self, session: Session, request: v16.TriggerMessageRequest
    ) -> v16.TriggerMessageResponse:
        match request.requested_message:
            case v16.MessageTrigger.BOOT_NOTIFICATION:
                possible = not _is_registered(session)
            case v16.MessageTrigger.HEARTBEAT:
                possible = True
            case v16.MessageTrigger.STATUS_NOTIFICATION:
                possible = request.connector_id in (None, MAIN, CONNECTOR)
            case v16.MessageTrigger.METER_VALUES:
                possible = request.connector_id in (None, CONNECTOR)  # there is no main meter
            case _:
                return v16.TriggerMessageResponse(status=_TRIGGER.NOT_IMPLEMENTED)
        return v16.TriggerMessageResponse(status=_TRIGGER.ACCEPTED if possible else _TRIGGER.REJECTED)

    async def _send_triggered(
        self, session: Session, request: v16.TriggerMessageRequest, response: v16.TriggerMessageResponse
    ) -> None:
        """Send what was asked for over this session: unlike the station's own reports also while Pending."""
        if response.status is not _TRIGGER.ACCEPTED:
            return
        match request.requested_message:
            case v16.MessageTrigger.BOOT_NOTIFICATION:
                self._device.station.boot_now()
            case v16.MessageTrigger.HEARTBEAT:
                await session.call(v16.HeartbeatRequest())
            case v16.MessageTrigger.STATUS_NOTIFICATION:
                wanted = (MAIN, CONNECTOR) if request.connector_id is None else (request.connector_id,)
                for connector_id in wanted:
                    await session.call(self._device.charging.status_notification(connector_id))
            case _:
                values = self._device.charging.meter_values(v16.ReadingContext.TRIGGER)
                if values is not None:
                    await session.call(values)

    async def _unlock_connector(
        self, session: Session, request: v16.UnlockConnectorRequest
    ) -> v16.UnlockConnectorResponse:
        """Unlocking ends the transaction first (OCPP 1.6 section 5.18); its report need not wait for the answer."""
        if request.connector_id != CONNECTOR:
            return v16.UnlockConnectorResponse(status=v16.UnlockStatus.NOT_SUPPORTED)
        if self._device.transaction is not None:
            self._device.charging.finish(v16.Reason.UNLOCK_COMMAND)
        return v16.UnlockConnectorResponse(status=v16.UnlockStatus.UNLOCKED)


def _is_registered(session: Session) -> bool:
    return session.registration is Registration.ACCEPTED


def _fits(request: v16.RemoteStartTransactionRequest) -> bool:
    """Whether the charging profile, if there is one, may come with a RemoteStart; it is ignored then."""
    profile = request.charging_profile
    return profile is None or (
        profile.charging_profile_purpose is v16.ChargingProfilePurposeType.TX_PROFILE and profile.transaction_id is None
    )
