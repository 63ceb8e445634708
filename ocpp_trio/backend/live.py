"""The present state of all stations, as far as anybody has told this node lately.

Owns four tables of records that expire, and makes one event of every change. Must not know who hears of it, and
keeps nothing that must not be forgotten: that is the store's.
"""

import math
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

import attrs
import trio

from ocpp_trio.backend.events import Change, Event, Known, Topic
from ocpp_trio.backend.records import Connector, LogLine, MeterReading, Station, Transaction
from ocpp_trio.backend.ttl import TtlTable

CONNECTORS_KEPT: Final = 64
"""Per station, 0 included; more than any cabinet has. What a station claims beyond it is not recorded."""
_DAY: Final = 86_400.0


@attrs.frozen(kw_only=True)
class Freshness:
    """How many seconds each kind of record counts after it was last told, and how many of each are kept.

    A day for what is told on change only, and at each connection: a station that nobody has heard of for a day
    is gone. Meter values come every minute or so.
    """

    stations: float = _DAY
    connectors: float = _DAY
    transactions: float = _DAY
    meter_values: float = 900.0
    kept: int = 100_000


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def new_event_ids() -> Callable[[], str]:
    """Event ids of this process: a random start and a count."""
    prefix = secrets.token_hex(8)
    numbers = count(1)
    return lambda: f"{prefix}-{next(numbers)}"


class LiveState:
    """Stations, connectors, transactions and meter values as they are now.

    Every update and removal calls `publish` once, synchronously, after the change. `run` must be running for what is
    stale to be announced; it is never read either way. `node` names this process to others.
    """

    def __init__(
        self,
        publish: Callable[[Event], None],
        *,
        node: str = "local",
        freshness: Freshness | None = None,
        now: Callable[[], datetime] = utc_now,
        new_event_id: Callable[[], str] | None = None,
    ) -> None:
        freshness = freshness or Freshness()
        self._publish = publish
        self._node = node
        self._now = now
        self._new_event_id = new_event_id or new_event_ids()
        self._tables: dict[Topic, TtlTable[tuple[str, str], Any]] = {
            topic: TtlTable(ttl=ttl, capacity=freshness.kept)
            for topic, ttl in (
                (Topic.STATIONS, freshness.stations),
                (Topic.CONNECTORS, freshness.connectors),
                (Topic.TRANSACTIONS, freshness.transactions),
                (Topic.METER_VALUES, freshness.meter_values),
            )
        }
        self._earlier = trio.Event()
        self._wakes_at = math.inf

    def station(self, identity: str) -> Station | None:
        """One station, or None if nothing is known of it."""
        return self._tables[Topic.STATIONS].get((identity, ""))

    def stations(self) -> Mapping[str, Station]:
        """All stations by identity: a snapshot, the longest silent first."""
        return {identity: station for (identity, _), station in self._tables[Topic.STATIONS].items()}

    def connectors(self, identity: str | None = None) -> tuple[Connector, ...]:
        """The connectors of one station or (None) of all: a snapshot, by number."""
        return self._of(Topic.CONNECTORS, identity)

    def transactions(self, identity: str | None = None) -> tuple[Transaction, ...]:
        """The transactions of one station or (None) of all: a snapshot, by id."""
        return self._of(Topic.TRANSACTIONS, identity)

    def transaction(self, identity: str, transaction_id: int) -> Transaction | None:
        """One transaction of a station, or None if it is not shown."""
        return self._tables[Topic.TRANSACTIONS].get((identity, str(transaction_id)))

    def meter_values(self, identity: str | None = None) -> tuple[MeterReading, ...]:
        """The latest meter values of one station or (None) of all: a snapshot, by connector."""
        return self._of(Topic.METER_VALUES, identity)

    def update_station(self, station: Station) -> None:
        """A station is like this now."""
        self._put(Topic.STATIONS, station.identity, "", station)

    def update_connector(self, connector: Connector) -> None:
        """A connector is like this now; nothing happens for a number that no cabinet has."""
        if connector.connector_id < CONNECTORS_KEPT:
            self._put(Topic.CONNECTORS, connector.identity, str(connector.connector_id), connector)

    def update_transaction(self, transaction: Transaction) -> None:
        """A transaction is like this now."""
        self._put(Topic.TRANSACTIONS, transaction.identity, str(transaction.transaction_id), transaction)

    def update_meter_values(self, reading: MeterReading) -> None:
        """These are a connector's latest meter values; nothing happens for a number that no cabinet has."""
        if reading.connector_id < CONNECTORS_KEPT:
            self._put(Topic.METER_VALUES, reading.identity, str(reading.connector_id), reading)

    def remove_station(self, identity: str) -> None:
        """Forget a station with all that belongs to it; one event for each thing that was there."""
        for topic in (Topic.METER_VALUES, Topic.TRANSACTIONS, Topic.CONNECTORS, Topic.STATIONS):
            keys = [key for (owner, key), _ in self._tables[topic].items() if owner == identity]
            for key in keys:
                self._remove(topic, identity, key)

    def remove_connector(self, identity: str, connector_id: int) -> None:
        """Forget a connector."""
        self._remove(Topic.CONNECTORS, identity, str(connector_id))

    def remove_transaction(self, identity: str, transaction_id: int) -> None:
        """Forget a transaction here; the store keeps it."""
        self._remove(Topic.TRANSACTIONS, identity, str(transaction_id))

    def log(self, identity: str, text: str) -> None:
        """Announce a line of the log; it is kept nowhere here."""
        self._announce(Topic.LOG, Change.UPDATED, identity, "", LogLine(identity=identity, text=text))

    def known(self, topic: Topic, identity: str, key: str) -> Known | None:
        """One entry of any kind by the names that its events have, or None if there is none."""
        table = self._tables.get(topic)
        return None if table is None else table.get((identity, key))

    def names(self, topic: Topic, identity: str | None = None) -> tuple[tuple[str, str], ...]:
        """Identity and key of what is known of a topic, of one station or (None) of all; the longest unchanged first.

        Of the log nothing is.
        """
        table = self._tables.get(topic)
        return () if table is None else tuple(name for name, _ in table.items() if identity in (None, name[0]))

    def apply(self, event: Event) -> bool:
        """Take over a change that another node has announced; whether anything is different now.

        It is an event already, so none is made of it. A line of the log is always news.
        """
        if event.topic is Topic.LOG:
            return True
        if event.change is not Change.UPDATED:
            return self._tables[event.topic].pop((event.identity, event.key)) is not None
        before = self._tables[event.topic].get((event.identity, event.key))
        self._enter(event.topic, event.identity, event.key, event.value)
        return bool(before != event.value)

    async def run(self) -> None:
        """Announce what expires, at the instant when it does. Cancelling leaves everything as it is."""
        while True:
            self._earlier = trio.Event()
            self._wakes_at = min(table.next_expiry for table in self._tables.values())
            with trio.move_on_at(self._wakes_at):
                await self._earlier.wait()
            for topic, table in self._tables.items():
                for (identity, key), value in table.expire():
                    self._announce(topic, Change.EXPIRED, identity, key, value)

    def _of(self, topic: Topic, identity: str | None) -> tuple[Any, ...]:
        found = [(key, value) for key, value in self._tables[topic].items() if identity in (None, key[0])]
        return tuple(value for (_, _), value in sorted(found, key=lambda entry: (entry[0][0], int(entry[0][1]))))

    def _put(self, topic: Topic, identity: str, key: str, value: Known) -> None:
        self._enter(topic, identity, key, value)
        self._announce(topic, Change.UPDATED, identity, key, value)

    def _enter(self, topic: Topic, identity: str, key: str, value: Known) -> None:
        table = self._tables[topic]
        forgotten = table.put((identity, key), value)
        if forgotten is not None:
            self._announce(topic, Change.EXPIRED, *forgotten[0], forgotten[1])
        if table.next_expiry < self._wakes_at:
            self._earlier.set()

    def _remove(self, topic: Topic, identity: str, key: str) -> None:
        value = self._tables[topic].pop((identity, key))
        if value is not None:
            self._announce(topic, Change.REMOVED, identity, key, value)

    def _announce(self, topic: Topic, change: Change, identity: str, key: str, value: Known) -> None:
        self._publish(
            Event(
                event_id=self._new_event_id(),
                node=self._node,
                topic=topic,
                change=change,
                identity=identity,
                key=key,
                value=value,
                at=self._now(),
            )
        )
