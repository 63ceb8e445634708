"""What a CSMS knows, as frozen values: stations, their connectors, and transactions.

Pure data; a change is a new value in the place of the old one.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

import attrs

from ocpp_trio import v16

_NO_CONNECTORS: Final[Mapping[int, "Connector"]] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class Connector:
    """The last status of a connector; connector 0 is the charge point itself."""

    connector_id: int
    status: v16.ChargePointStatus
    error_code: v16.ChargePointErrorCode
    since: datetime
    """The station's own timestamp, or the time of receipt where it sent none."""


@attrs.frozen(kw_only=True)
class Station:
    """A charge point that has said something. `boot` is None if this process has never seen it boot."""

    identity: str
    last_seen: datetime
    boot: v16.BootNotificationRequest | None = None
    boots: int = 0
    connectors: Mapping[int, Connector] = _NO_CONNECTORS


@attrs.frozen(kw_only=True)
class Transaction:
    """A transaction, running while `stopped_at` is None. Meter readings in Wh."""

    transaction_id: int
    identity: str
    connector_id: int
    id_tag: str
    status: v16.AuthorizationStatus
    """What the StartTransaction was answered; repeats of it get the same."""
    meter_start: int
    started_at: datetime
    meter: int
    """The latest reading of the energy register that came with MeterValues or the stop."""
    readings: int = 0
    """MeterValues that belonged to it."""
    stopped_at: datetime | None = None
    reason: v16.Reason | None = None

    @property
    def running(self) -> bool:
        """Whether it has not been stopped yet."""
        return self.stopped_at is None

    @property
    def energy(self) -> int:
        """Wh delivered, as far as known."""
        return self.meter - self.meter_start
