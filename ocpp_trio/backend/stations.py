"""What a station's messages and its connections say about it, written into the live state."""

from datetime import datetime

import attrs

from ocpp_trio import v16
from ocpp_trio.backend.live import LiveState
from ocpp_trio.backend.records import Connector, MeterReading, Registration, Station


class Stations:
    """The part of the live state that a station tells again when it comes back."""

    def __init__(self, live: LiveState) -> None:
        self._live = live

    def seen(self, identity: str, at: datetime) -> None:
        """A message came: every one of them is a sign of life."""
        self._live.update_station(attrs.evolve(self._known(identity, at), last_seen=at, online=True))

    def connected(self, identity: str, at: datetime) -> None:
        """A session began."""
        self.seen(identity, at)

    def disconnected(self, identity: str, at: datetime) -> None:
        """The session ended; the last that was seen of the station was before."""
        self._live.update_station(attrs.evolve(self._known(identity, at), online=False))

    def booted(self, registration: Registration) -> None:
        """A BootNotification was accepted; whether the station is still there is another question."""
        station = self._known(registration.identity, registration.last_boot)
        self._live.update_station(_described(station, registration))

    def remembered(self, registration: Registration) -> None:
        """A station booted in the time of an earlier process; nothing changes if it has been heard of in this one."""
        if self._live.station(registration.identity) is None:
            self.booted(registration)

    def reported(self, identity: str, at: datetime, request: v16.StatusNotificationRequest) -> None:
        """A StatusNotification came."""
        self.seen(identity, at)
        self._live.update_connector(
            Connector(
                identity=identity,
                connector_id=request.connector_id,
                status=request.status,
                error_code=request.error_code,
                since=request.timestamp or at,
                info=request.info,
                vendor_error_code=request.vendor_error_code,
            )
        )

    def metered(self, identity: str, request: v16.MeterValuesRequest) -> None:
        """MeterValues came."""
        self._live.update_meter_values(
            MeterReading(
                identity=identity,
                connector_id=request.connector_id,
                transaction_id=request.transaction_id,
                values=request.meter_value,
            )
        )

    def _known(self, identity: str, at: datetime) -> Station:
        return self._live.station(identity) or Station(identity=identity, last_seen=at)


def _described(station: Station, registration: Registration) -> Station:
    return attrs.evolve(
        station,
        vendor=registration.vendor,
        model=registration.model,
        serial_number=registration.serial_number,
        firmware=registration.firmware,
        boots=registration.boots,
    )
