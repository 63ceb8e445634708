"""The stations that have been seen, bounded: the ones unheard of for longest are forgotten first."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

import attrs

from ocpp_trio import v16
from ocpp_trio.backend.records import Connector, Station

STATIONS_KEPT: Final = 10_000
CONNECTORS_KEPT: Final = 64
"""Per station; more than any cabinet has. What a station claims beyond it is not recorded."""


class Stations:
    """Stations by identity."""

    def __init__(self, *, kept: int = STATIONS_KEPT) -> None:
        self._kept = kept
        self._stations: OrderedDict[str, Station] = OrderedDict()

    def snapshot(self) -> Mapping[str, Station]:
        """All stations as they are at this moment, the longest silent first."""
        return dict(self._stations)

    def seen(self, identity: str, at: datetime) -> Station:
        """A message came: every one of them is a sign of life."""
        station = self._stations.get(identity)
        return self._keep(
            Station(identity=identity, last_seen=at) if station is None else attrs.evolve(station, last_seen=at)
        )

    def booted(self, identity: str, at: datetime, boot: v16.BootNotificationRequest) -> None:
        """A BootNotification came."""
        station = self.seen(identity, at)
        self._keep(attrs.evolve(station, boot=boot, boots=station.boots + 1))

    def reported(self, identity: str, at: datetime, request: v16.StatusNotificationRequest) -> None:
        """A StatusNotification came."""
        station = self.seen(identity, at)
        if len(station.connectors) >= CONNECTORS_KEPT and request.connector_id not in station.connectors:
            return
        connector = Connector(
            connector_id=request.connector_id,
            status=request.status,
            error_code=request.error_code,
            since=request.timestamp or at,
        )
        connectors = {**station.connectors, connector.connector_id: connector}
        self._keep(attrs.evolve(station, connectors=MappingProxyType(connectors)))

    def _keep(self, station: Station) -> Station:
        self._stations[station.identity] = station
        self._stations.move_to_end(station.identity)
        if len(self._stations) > self._kept:
            self._stations.popitem(last=False)
        return station
