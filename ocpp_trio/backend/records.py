"""What a CSMS knows, as frozen values: stations, their connectors, and transactions.

Pure data; a change is a new value in the place of the old one.
"""

from datetime import datetime

import attrs

from ocpp_trio import v16


@attrs.frozen(kw_only=True)
class Station:
    """A charge point that has said something. What it told of itself is None until it boots here."""

    identity: str
    last_seen: datetime
    online: bool = False
    """Whether it has a session with some node."""
    vendor: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware: str | None = None
    boots: int = 0
    """BootNotifications, since this was first known."""


@attrs.frozen(kw_only=True)
class Registration:
    """What a charge point said of itself when it was last accepted."""

    identity: str
    vendor: str
    model: str
    serial_number: str | None = None
    firmware: str | None = None
    boots: int
    """Accepted BootNotifications, this one included."""
    last_boot: datetime


@attrs.frozen(kw_only=True)
class Connector:
    """The last status of a connector; connector 0 is the charge point itself."""

    identity: str
    connector_id: int
    status: v16.ChargePointStatus
    error_code: v16.ChargePointErrorCode
    since: datetime
    """The station's own timestamp, or the time of receipt where it sent none."""
    info: str | None = None
    vendor_error_code: str | None = None


@attrs.frozen(kw_only=True)
class MeterReading:
    """The latest meter values of a connector; connector 0 is the main meter."""

    identity: str
    connector_id: int
    transaction_id: int | None
    values: tuple[v16.MeterValue, ...]


@attrs.frozen(kw_only=True)
class LogLine:
    """Something that a node has seen and that people may want to read: a frame, a fault."""

    identity: str
    text: str


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
    stop_tag: str | None = None
    """The tag that ended it, if one did."""
    stop_status: v16.AuthorizationStatus | None = None
    """What that tag was answered; repeats of the StopTransaction get the same."""

    @property
    def running(self) -> bool:
        """Whether it has not been stopped yet."""
        return self.stopped_at is None

    @property
    def energy(self) -> int:
        """Wh delivered, as far as known."""
        return self.meter - self.meter_start


@attrs.frozen(kw_only=True)
class Stopped:
    """What became of a StopTransaction."""

    transaction: Transaction | None
    """The one that it ended, now or when it was first sent; None if it ended none here."""
    status: v16.AuthorizationStatus | None
    """What its tag is answered; None if it names no tag."""


@attrs.frozen(kw_only=True)
class StrayStop:
    """A StopTransaction that ended nothing here: of a transaction whose start never arrived (the station then says
    -1), that began at a node with another store, or that had ended otherwise before. It was confirmed, so it is kept.
    """

    identity: str
    transaction_id: int
    meter_stop: int
    stopped_at: datetime
    id_tag: str | None
    reason: v16.Reason
    status: v16.AuthorizationStatus | None
    """What its tag was answered; repeats get the same."""
