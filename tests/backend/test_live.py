"""What a node knows: one event for each change, nothing stale, nothing without bound."""

from datetime import UTC, datetime
from itertools import count

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import v16
from ocpp_trio.backend.events import Change, Event, Topic
from ocpp_trio.backend.live import CONNECTORS_KEPT, Freshness, LiveState
from ocpp_trio.backend.records import Connector, MeterReading, Station, Transaction

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATION = Station(identity="CP-1", last_seen=NOW)
CONNECTOR = Connector(
    identity="CP-1",
    connector_id=1,
    status=v16.ChargePointStatus.AVAILABLE,
    error_code=v16.ChargePointErrorCode.NO_ERROR,
    since=NOW,
)
TRANSACTION = Transaction(
    transaction_id=7,
    identity="CP-1",
    connector_id=1,
    id_tag="TAG-1",
    status=v16.AuthorizationStatus.ACCEPTED,
    meter_start=0,
    started_at=NOW,
    meter=0,
)
READING = MeterReading(identity="CP-1", connector_id=1, transaction_id=7, values=())


@pytest.fixture
def events():
    return []


@pytest.fixture
def live(events):
    return state(events)


def state(events, **freshness):
    numbers = count(1)
    return LiveState(
        events.append,
        node="node-a",
        freshness=Freshness(**freshness),
        now=lambda: NOW,
        new_event_id=lambda: f"e-{next(numbers)}",
    )


def fill(live):
    live.update_station(STATION)
    live.update_connector(CONNECTOR)
    live.update_transaction(TRANSACTION)
    live.update_meter_values(READING)


def told(events):
    return [(event.topic.value, event.change.value, event.identity, event.key) for event in events]


async def test_each_update_is_read_back_and_makes_one_event(live, events, autojump_clock):
    fill(live)

    assert live.stations() == {"CP-1": STATION}
    assert (live.connectors(), live.transactions(), live.meter_values()) == ((CONNECTOR,), (TRANSACTION,), (READING,))
    assert told(events) == [
        ("stations", "updated", "CP-1", ""),
        ("connectors", "updated", "CP-1", "1"),
        ("transactions", "updated", "CP-1", "7"),
        ("meter_values", "updated", "CP-1", "1"),
    ]
    assert [event.value for event in events] == [STATION, CONNECTOR, TRANSACTION, READING]
    assert {(event.node, event.at) for event in events} == {("node-a", NOW)}
    assert [event.event_id for event in events] == ["e-1", "e-2", "e-3", "e-4"]


async def test_records_of_one_station_come_by_number(live, autojump_clock):
    for identity in ("CP-2", "CP-1"):
        for number in (10, 2):
            live.update_connector(attrs.evolve(CONNECTOR, identity=identity, connector_id=number))

    assert [connector.connector_id for connector in live.connectors("CP-1")] == [2, 10]
    assert [(each.identity, each.connector_id) for each in live.connectors()] == [
        ("CP-1", 2),
        ("CP-1", 10),
        ("CP-2", 2),
        ("CP-2", 10),
    ]


async def test_removal_makes_one_event_for_what_was_there_and_none_for_what_was_not(live, events, autojump_clock):
    fill(live)
    del events[:]

    for _ in range(2):
        live.remove_connector("CP-1", 1)
        live.remove_transaction("CP-1", 7)
        live.remove_connector("CP-2", 1)

    assert told(events) == [("connectors", "removed", "CP-1", "1"), ("transactions", "removed", "CP-1", "7")]
    assert (live.connectors(), live.transactions()) == ((), ())


async def test_station_that_is_removed_takes_all_of_its_own_along_and_nobody_else_s(live, events, autojump_clock):
    fill(live)
    live.update_connector(attrs.evolve(CONNECTOR, identity="CP-2"))
    del events[:]

    live.remove_station("CP-1")

    assert [event.topic.value for event in events] == ["meter_values", "transactions", "connectors", "stations"]
    assert {event.change for event in events} == {Change.REMOVED}
    assert (live.stations(), live.transactions(), live.meter_values()) == ({}, (), ())
    assert [connector.identity for connector in live.connectors()] == ["CP-2"]


async def test_stale_record_is_not_read_and_its_end_is_announced_at_that_instant(events, autojump_clock):
    live = state(events, meter_values=10, connectors=30)
    ends: list[tuple[object, ...]] = []

    async def watch():
        while True:
            await trio.testing.wait_all_tasks_blocked()
            ends.extend((trio.current_time(), *row) for row in told(events) if row[1] == "expired")
            del events[:]
            await trio.sleep(5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(live.run)
        nursery.start_soon(watch)
        await trio.sleep(1)
        fill(live)
        await trio.sleep(9.5)
        before = live.meter_values()
        await trio.sleep(0.5)
        after = live.meter_values()
        await trio.sleep(100)
        nursery.cancel_scope.cancel()

    assert (before, after) == ((READING,), ())
    assert ends == [(15, "meter_values", "expired", "CP-1", "1"), (35, "connectors", "expired", "CP-1", "1")]
    assert live.station("CP-1") == STATION


async def test_expiry_comes_at_its_instant_and_once(events, autojump_clock):
    instants = []
    live = LiveState(
        lambda event: instants.append((event.change.value, trio.current_time())), freshness=Freshness(stations=10)
    )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(live.run)
        await trio.sleep(3)
        live.update_station(STATION)
        await trio.sleep(6)
        live.update_station(STATION)
        await trio.sleep(50)
        nursery.cancel_scope.cancel()

    assert instants == [("updated", 3), ("updated", 9), ("expired", 19)]


async def test_stale_record_is_never_read_even_if_nobody_runs_the_expiry(events, autojump_clock):
    live = state(events, stations=10)
    live.update_station(STATION)

    await trio.sleep(10)

    assert (live.station("CP-1"), live.stations()) == (None, {})


async def test_number_of_records_is_bounded_and_the_one_that_goes_is_announced(events, autojump_clock):
    live = state(events, kept=2)
    for number in range(3):
        live.update_station(attrs.evolve(STATION, identity=f"CP-{number}"))

    assert list(live.stations()) == ["CP-1", "CP-2"]
    assert told(events)[-2:] == [("stations", "expired", "CP-0", ""), ("stations", "updated", "CP-2", "")]


async def test_connector_beyond_any_cabinet_is_not_recorded(live, events, autojump_clock):
    live.update_connector(attrs.evolve(CONNECTOR, connector_id=CONNECTORS_KEPT))
    live.update_meter_values(attrs.evolve(READING, connector_id=CONNECTORS_KEPT))

    assert (events, live.connectors(), live.meter_values()) == ([], (), ())


async def test_line_of_the_log_is_announced_and_kept_nowhere(live, events, autojump_clock):
    live.log("CP-1", "connected")

    assert told(events) == [("log", "updated", "CP-1", "")]
    assert live.stations() == {}


async def test_event_of_another_node_is_taken_over_without_making_another(live, events, autojump_clock):
    def other(change: Change) -> Event:
        return Event(
            event_id="x",
            node="node-b",
            topic=Topic.STATIONS,
            change=change,
            identity="CP-9",
            key="",
            value=attrs.evolve(STATION, identity="CP-9"),
            at=NOW,
        )

    live.apply(other(Change.UPDATED))
    during = list(live.stations())
    live.apply(other(Change.REMOVED))
    live.apply(attrs.evolve(other(Change.UPDATED), topic=Topic.LOG))

    assert (during, list(live.stations()), events) == (["CP-9"], [], [])
