"""The live feed end to end: stations over OCPP on one side, people and programs over WebSocket on the other."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime

import pytest
import trio
import trio.testing

from ocpp_trio import ConnectionClosed, v16
from ocpp_trio.backend import Topic, Want
from tests.operator_ground import Ground

METERED = v16.MeterValuesRequest(
    connector_id=1,
    meter_value=(
        v16.MeterValue(timestamp=datetime(2026, 1, 1, tzinfo=UTC), sampled_value=(v16.SampledValue(value="1"),)),
    ),
)

pytestmark = [pytest.mark.smoke, pytest.mark.e2e]


@pytest.fixture
async def ground(autojump_clock) -> AsyncIterator[Ground]:
    ground = Ground()
    async with ground.running():
        yield ground


def available(connector: int = 1, status: v16.ChargePointStatus = v16.ChargePointStatus.AVAILABLE):
    return v16.StatusNotificationRequest(
        connector_id=connector, error_code=v16.ChargePointErrorCode.NO_ERROR, status=status
    )


async def test_a_subscription_registers_interest_and_a_disconnect_clears_it(ground, autojump_clock):
    """A client connects: nobody wants anything. It subscribes to a topic of all and one of a station: the node wants
    both. It takes one back: one is left. It disconnects without a word of it: the node wants nothing.
    """
    async with ground.feed() as client:
        assert ground.hub.wants == ()
        await client.subscribe("stations")
        await client.subscribe("connectors", stations=["CP-1"])
        assert ground.hub.wants == (Want(Topic.STATIONS), Want(Topic.CONNECTORS, "CP-1"))
        await client.send(unsubscribe={"topics": ["stations"]})
        assert (await client.receive())["type"] == "unsubscribed"
        assert ground.hub.wants == (Want(Topic.CONNECTORS, "CP-1"),)

    await trio.testing.wait_all_tasks_blocked()
    assert ground.hub.wants == ()


async def test_a_state_update_reaches_the_clients_that_subscribed(ground, autojump_clock):
    """A station boots. A client subscribes and gets it in the snapshot. The station reports a connector: the client
    gets the sign of life and the connector, with the numbers that follow the snapshot's.
    """
    async with ground.station() as station, ground.feed() as client:
        subscribed, stations, connectors = await client.subscribe("stations", "connectors")
        assert [each["identity"] for each in stations["values"]] == ["CP-1"]
        assert (stations["values"][0]["vendor"], connectors["values"]) == ("Acme", [])

        await station.call(available())

        first, second = await client.receive(), await client.receive()
        assert [first["sequence"], second["sequence"]] == [subscribed["sequence"] + 1, subscribed["sequence"] + 2]
        assert (first["topic"], second["topic"], second["change"]) == ("stations", "connectors", "updated")
        assert second["value"]["status"] == "Available"


async def test_a_removal_is_announced(ground, autojump_clock):
    """A station has a connector. A client subscribes. The connector is removed, then the station: the client hears of
    both, and of nothing that was not there.
    """
    async with ground.station() as station, ground.feed() as client:
        await station.call(available())
        await client.subscribe("stations", "connectors", "transactions")

        ground.live.remove_connector("CP-1", 1)
        ground.live.remove_station("CP-1")

        assert await client.changes(2) == [("connectors", "removed", "CP-1", "1"), ("stations", "removed", "CP-1", "")]
        assert (await ground.get("/api/stations/CP-1")).status == 404
        assert await client.is_silent()


@pytest.mark.limit(100_000)
async def test_what_is_stale_is_not_returned(ground, autojump_clock):
    """A station reports a connector and meter values, and leaves. After 900 s its meter values are in no answer and in
    no snapshot, after a day the station and its connector neither; a client hears of it at these instants.
    """
    async with ground.station() as station:
        await station.call(available())
        await station.call(METERED)
        told = trio.current_time()
    async with ground.feed() as client:
        _, known = await client.subscribe("meter_values")
        assert len(known["values"]) == 1

        assert await client.changes(1) == [("meter_values", "expired", "CP-1", "1")]
        assert trio.current_time() == told + 900
        _, stations, connectors = await client.subscribe("stations", "connectors")
        assert (len(stations["values"]), len(connectors["values"])) == (1, 1)
        shown = (await ground.get("/api/stations/CP-1")).json
        assert (shown["online"], shown["meter_values"], len(shown["connectors"])) == (False, [], 1)

        expired = await client.changes(2)
        assert sorted(expired) == [("connectors", "expired", "CP-1", "1"), ("stations", "expired", "CP-1", "")]
        assert trio.current_time() == told + 86_400
    assert (await ground.get("/api/stations")).json["items"] == []
    assert (await ground.get("/api/stations/CP-1")).status == 404


async def test_several_clients_all_receive(ground, autojump_clock):
    """Five clients subscribe. A station boots and reports two connectors: all five get the same changes in the same
    order with the same numbers.
    """
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(ground.feed()) for _ in range(5)]
        for client in clients:
            await client.subscribe("stations", "connectors")
        station = await stack.enter_async_context(ground.station())
        await station.call(available(1))
        await station.call(available(2))

        last = ground.hub.sequence
        heard = [[await client.receive() for _ in range(last)] for client in clients]

    assert all(each == heard[0] for each in heard)
    assert [change["sequence"] for change in heard[0]] == list(range(1, last + 1))
    assert [change["key"] for change in heard[0] if change["topic"] == "connectors"] == ["1", "2"]


async def test_clients_and_topics_that_are_not_subscribed_hear_nothing(ground, autojump_clock):
    """One client wants the connectors of CP-1, one those of CP-2, one nothing, one had them all and left. CP-1 reports
    a connector: only the first hears of it, and not of the station.
    """
    async with AsyncExitStack() as stack:
        first, second, third, fourth = [await stack.enter_async_context(ground.feed()) for _ in range(4)]
        station = await stack.enter_async_context(ground.station())
        await first.subscribe("connectors", stations=["CP-1"])
        await second.subscribe("connectors", stations=["CP-2"])
        await fourth.subscribe("connectors")
        await fourth.send(unsubscribe={"topics": ["connectors"]})
        assert (await fourth.receive())["type"] == "unsubscribed"

        await station.call(available())

        assert await first.changes(1) == [("connectors", "updated", "CP-1", "1")]
        for client in (first, second, third, fourth):
            assert await client.is_silent()


async def test_a_dead_client_is_removed_and_the_others_go_on(ground, autojump_clock):
    """Three clients subscribe. One is reset, the cable of another is cut without a word, and a station goes on
    reporting. The first is gone at once, the second 50 s after it was last heard; the third gets every change.
    """
    async with ground.station() as station, ground.feed() as alive, trio.open_nursery() as nursery:
        await alive.subscribe("connectors")
        for topic in ("meter_values", "transactions"):
            await nursery.start(be_client, ground, topic)
        *_, reset, cut = ground.network.links
        assert len(ground.hub.wants) == 3

        reset.reset()
        cut.cut()
        cut_at = trio.current_time()
        await trio.testing.wait_all_tasks_blocked()
        assert ground.hub.wants == (Want(Topic.CONNECTORS), Want(Topic.TRANSACTIONS))
        for number in range(10):
            await station.call(available(number))
            assert await alive.changes(1) == [("connectors", "updated", "CP-1", str(number))]
            await trio.sleep_until(cut_at + 5 * number + 4)
            assert len(ground.hub.wants) == 2

        await trio.sleep_until(cut_at + 50)
        await trio.testing.wait_all_tasks_blocked()
        assert ground.hub.wants == (Want(Topic.CONNECTORS),)
        await station.call(available(1))
        assert await alive.changes(1) == [("connectors", "updated", "CP-1", "1")]
        nursery.cancel_scope.cancel()
    assert ground.hub.wants == ()


async def be_client(ground: Ground, topic: str, *, task_status: trio.TaskStatus[None]) -> None:
    """A client of a topic, until its connection ends."""
    with suppress(ConnectionClosed):
        async with ground.feed() as client:
            await client.subscribe(topic)
            task_status.started()
            while True:
                await client.receive()
