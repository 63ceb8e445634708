"""What the feed speaks of: a change of one thing that a CSMS knows, as a value.

Pure data. Who keeps the things is in `live`, who hears of the changes in `hub`.
"""

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import attrs

from ocpp_trio.backend.records import Connector, LogLine, MeterReading, Station, Transaction


class Topic(StrEnum):
    """What an event is about; a subscriber names the topics that it wants."""

    STATIONS = "stations"
    CONNECTORS = "connectors"
    TRANSACTIONS = "transactions"
    METER_VALUES = "meter_values"
    LOG = "log"


class Change(StrEnum):
    """What happened to the thing."""

    UPDATED = "updated"
    REMOVED = "removed"
    """Somebody took it away."""
    EXPIRED = "expired"
    """Nothing was heard of it for too long."""


Known: TypeAlias = Station | Connector | Transaction | MeterReading | LogLine


@attrs.frozen(kw_only=True)
class Event:
    """One change of one thing.

    `identity` is the charge point that it belongs to, `key` tells it from others of its topic there; `value` is the
    thing after the change, or as it was last known. `event_id` is unique over all nodes and restarts, so that an
    event that arrives twice can be told from two events.
    """

    event_id: str
    node: str
    topic: Topic
    change: Change
    identity: str
    key: str
    value: Known
    at: datetime
