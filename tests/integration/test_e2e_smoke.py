"""The live feed end to end, in ten scenarios: stations over OCPP at one node, people and programs at another.

Each runs twice: in memory at exact instants, and with real sockets and a real Valkey server between the nodes.
"""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from operator import itemgetter

import pytest
import trio

from ocpp_trio import v16
from ocpp_trio.backend import Freshness, Topic, Want
from ocpp_trio.backend.api import ApiLimits
from tests.csms_nodes import SHOWN, available
from tests.feed_ground import FeedGround

METERED = v16.MeterValuesRequest(
    connector_id=1,
    meter_value=(
        v16.MeterValue(timestamp=datetime(2026, 1, 1, tzinfo=UTC), sampled_value=(v16.SampledValue(value="1"),)),
    ),
)

pytestmark = [pytest.mark.smoke, pytest.mark.e2e]


@pytest.fixture
def ground(server) -> FeedGround:
    return FeedGround(server)


async def test_a_subscription_registers_interest_and_a_disconnect_clears_it(ground, clock):
    """A client connects: nobody wants anything. It subscribes to a topic of all and one of a station: its node wants
    both, and the other node knows. It takes one back: one is left. It disconnects without a word of it: nothing is.
    """
    stations, connectors = Want(Topic.STATIONS), Want(Topic.CONNECTORS, "CP-1")
    async with ground.running():
        hub = ground.b.backend.hub
        async with ground.client() as client:
            assert (hub.wants, ground.seen_at_a().interested_in) == ((), ())
            await client.subscribe("stations")
            await client.subscribe("connectors", stations=["CP-1"])
            assert hub.wants == (stations, connectors)
            await ground.bell.until(lambda: ground.seen_at_a().interested_in == (stations, connectors))
            await client.send(unsubscribe={"topics": ["stations"]})
            assert (await client.receive())["type"] == "unsubscribed"
            assert hub.wants == (connectors,)
            await ground.bell.until(lambda: ground.seen_at_a().interested_in == (connectors,))

        await ground.bell.until(lambda: hub.wants == ())
        await ground.bell.until(lambda: ground.seen_at_a().interested_in == ())


async def test_a_state_update_reaches_the_clients_that_subscribed(ground, clock):
    """A station boots. A client subscribes and gets it in the snapshot. The station reports a connector: the client
    gets the sign of life and the connector, with the numbers that follow the snapshot's.
    """
    async with ground.running(always=SHOWN), ground.station() as station, ground.client() as client:
        await ground.bell.until(lambda: ground.b.backend.live.stations() == ground.a.backend.live.stations())
        subscribed, stations, connectors = await ground.subscribe(client, "stations", "connectors")
        assert [(each["identity"], each["vendor"], each["online"]) for each in stations["values"]] == [
            ("CP-1", "Acme", True)
        ]
        assert connectors["values"] == []

        await station.call(available())

        first, second = await client.receive(), await client.receive()
        assert [first["sequence"], second["sequence"]] == [subscribed["sequence"] + 1, subscribed["sequence"] + 2]
        assert (first["topic"], second["topic"], second["change"]) == ("stations", "connectors", "updated")
        assert second["value"]["status"] == "Available"


async def test_a_removal_is_announced(ground, clock):
    """A client of each node subscribes, and a station reports a connector. The connector is removed, twice, and then
    the station: both clients hear of each once, of nothing that was not there, and of what comes next.
    """
    gone = [("connectors", "removed", "CP-1", "1"), ("stations", "removed", "CP-1", "")]
    async with ground.running(), ground.client(ground.a) as near, ground.client() as far:
        for client in (near, far):
            await ground.subscribe(client, "stations", "connectors", "transactions")
        async with ground.station() as station:
            await station.call(available())
            for client in (near, far):
                await client.changes_up_to(("connectors", "updated", "CP-1", "1"))

            ground.a.backend.live.remove_connector("CP-1", 1)
            ground.a.backend.live.remove_connector("CP-1", 1)
            ground.a.backend.live.remove_station("CP-1")

            assert [await client.changes(2) for client in (near, far)] == [gone, gone]
            for node in (ground.a, ground.b):
                assert (await ground.get("/api/stations/CP-1", at=node)).status == 404
            await station.call(available())
            for client in (near, far):
                assert (await client.changes(1))[0][:2] == ("stations", "updated")


async def test_what_is_stale_is_not_returned(ground, clock):
    """A client subscribes. A station reports a connector and meter values, and leaves. When its meter values are old
    they are in no answer and in no snapshot, and when all of it is old the station is not there any more, at either
    node; the client hears of each thing once, at that instant.
    """
    freshness = Freshness(stations=1200, connectors=1200)
    if not ground.virtual:
        freshness = Freshness(stations=1.5, connectors=1.5, meter_values=0.3)
    async with ground.running(freshness=freshness), ground.client() as client:
        await ground.subscribe(client, "stations", "connectors", "meter_values")
        async with ground.station() as station:
            await station.call(available())
            await station.call(METERED)
            told = trio.current_time()

        await client.changes_up_to(("meter_values", "expired", "CP-1", "1"))
        ground.assert_now(told + 900)
        async with ground.client() as another:
            _, known = await another.subscribe("meter_values")
        assert known["values"] == []
        shown = (await ground.get("/api/stations/CP-1")).json
        assert shown.get("meter_values", []) == []
        if ground.virtual:
            assert (shown["online"], len(shown["connectors"])) == (False, 1)

        both = [("connectors", "expired", "CP-1", "1"), ("stations", "expired", "CP-1", "")]
        assert sorted(await client.changes(2)) == both
        ground.assert_now(told + 1200)
        for node in (ground.a, ground.b):
            assert (await ground.get("/api/stations", at=node)).json["items"] == []
            assert (await ground.get("/api/stations/CP-1", at=node)).status == 404
        _, *known = await ground.subscribe(client, "stations", "connectors", "meter_values")
        assert [each["values"] for each in known] == [[], [], []]
        assert await client.has_nothing_to_hear()


async def test_a_node_heartbeat_carries_the_interest(ground, clock):
    """A client subscribes: its node's next heartbeat names what is wanted, and so does every one after it. The client
    leaves: the next one names nothing.
    """
    wants = (Want(Topic.STATIONS), Want(Topic.CONNECTORS, "CP-1"))
    async with ground.running():
        async with ground.client() as client:
            await client.subscribe("stations")
            await client.subscribe("connectors", stations=["CP-1"])
            await ground.bell.until(lambda: ground.at_a.beats("b")[-1][1] == wants)
            before = len(ground.at_a.beats("b"))

            await ground.bell.until(lambda: len(ground.at_a.beats("b")) == before + 3)
            beats = ground.at_a.beats("b")[-4:]
            assert [carried for _, carried in beats] == [wants] * 4
            ground.assert_now(beats[0][0] + 3 * ground.settings.beat)
        await ground.bell.until(lambda: ground.at_a.beats("b")[-1][1] == ())


async def test_an_event_from_the_bus_updates_the_local_state(ground, clock):
    """Nobody subscribes, but node B wants to know of all stations and connectors. What a station of node A reports
    comes into B's state and into its answers, and what A removes goes out of them.
    """
    async with ground.running(always=[*SHOWN, Want(Topic.CONNECTORS)]), ground.station() as station:
        here, there = ground.b.backend.live, ground.a.backend.live
        await station.call(available(1))
        await station.call(available(2))
        now = trio.current_time()
        await ground.bell.until(lambda: here.connectors("CP-1") == there.connectors("CP-1"))
        ground.assert_now(now)
        assert here.station("CP-1") == there.station("CP-1")
        shown = (await ground.get("/api/stations/CP-1")).json
        assert [each["connector_id"] for each in shown["connectors"]] == [1, 2]

        there.remove_connector("CP-1", 1)
        await ground.bell.until(lambda: [each.connector_id for each in here.connectors("CP-1")] == [2])
        there.remove_station("CP-1")
        await ground.bell.until(lambda: here.station("CP-1") is None)
        assert (await ground.get("/api/stations/CP-1")).status == 404


async def test_a_full_round_trip_from_a_station_over_the_bus_to_a_client(ground, clock):
    """A WebSocket client of node B subscribes. A station connects to node A and reports a connector: the client is
    told of the station, of the connector, and when the station leaves, that it is offline, with numbers that count up
    by one. B knows where it is all the while.
    """
    async with ground.running(), ground.client() as client:
        await ground.subscribe(client, "stations", "connectors")
        async with ground.station() as station:
            await station.call(available(2))
            heard = [await client.receive()]
            while heard[-1]["topic"] != "connectors":
                heard.append(await client.receive())
            assert (heard[-1]["node"], heard[-1]["change"], heard[-1]["key"]) == ("a", "updated", "2")
            assert (heard[-2]["value"]["online"], heard[-2]["value"]["vendor"]) == (True, "Acme")
            assert (ground.b.node.where("CP-1"), dict(ground.b.csms.sessions)) == ("a", {})
            connected = len(heard)
        while heard[-1]["value"].get("online", True):
            heard.append(await client.receive())
        assert len(heard) > connected
        assert [change["sequence"] for change in heard] == list(range(1, len(heard) + 1))
        assert {change["node"] for change in heard} == {"a"}
        await ground.bell.until(lambda: ground.b.node.where("CP-1") is None)


async def test_several_clients_all_receive(ground, clock):
    """Three clients of the station's node and three of the other subscribe. The station boots and reports two
    connectors: all six get the same changes in the same order, those of one node with the same numbers.
    """
    async with ground.running(), AsyncExitStack() as stack:
        nodes = [ground.a, ground.b] * 3
        clients = [await stack.enter_async_context(ground.client(node)) for node in nodes]
        for client in clients:
            await ground.subscribe(client, "stations", "connectors")
        station = await stack.enter_async_context(ground.station())
        await station.call(available(1))
        await station.call(available(2))

        last = ground.a.backend.hub.sequence
        heard = [[await client.receive() for _ in range(last)] for client in clients]
        assert all([await client.has_nothing_to_hear() for client in clients])

    assert heard[0] == heard[2] == heard[4]
    assert heard[1] == heard[3] == heard[5]
    what = itemgetter("event_id", "topic", "change", "identity", "key", "value", "at")
    assert [what(change) for change in heard[0]] == [what(change) for change in heard[1]]
    for changes in heard[:2]:
        assert [change["sequence"] for change in changes] == list(range(1, last + 1))
        assert [change["key"] for change in changes if change["topic"] == "connectors"] == ["1", "2"]


async def test_clients_and_topics_that_are_not_subscribed_hear_nothing(ground, clock):
    """One client wants the connectors of CP-1, one those of CP-2, one nothing, one had them all and left, and one at
    the station's own node wants meter values. CP-1 reports a connector: only the first hears of it, and not of the
    station, of which the node does not even write.
    """
    async with ground.running(), AsyncExitStack() as stack:
        first, second, third, fourth = [await stack.enter_async_context(ground.client()) for _ in range(4)]
        fifth = await stack.enter_async_context(ground.client(ground.a))
        station = await stack.enter_async_context(ground.station())
        await ground.subscribe(fifth, "meter_values")
        await ground.subscribe(second, "connectors", stations=["CP-2"])
        await ground.subscribe(fourth, "connectors")
        await fourth.send(unsubscribe={"topics": ["connectors"]})
        assert (await fourth.receive())["type"] == "unsubscribed"
        await ground.subscribe(first, "connectors", stations=["CP-1"])

        await station.call(available())

        assert await first.changes(1) == [("connectors", "updated", "CP-1", "1")]
        for client in (first, second, third, fourth, fifth):
            assert await client.has_nothing_to_hear()
        assert ground.at_b.news("a") == [("connectors", "CP-1", "1")]


async def test_a_dead_client_is_removed_and_the_others_go_on(ground, clock):
    """Three clients subscribe. One is reset, the cable of another is pulled without a word, and a station goes on
    reporting. The first is gone at once, the second 50 s after it was last heard; the third gets every change.
    """
    limits = None if ground.virtual else ApiLimits(ping_interval=0.5, pong_deadline=1.5)
    connectors, transactions = Want(Topic.CONNECTORS), Want(Topic.TRANSACTIONS)
    async with (
        ground.running(limits=limits),
        ground.station() as station,
        ground.client() as alive,
        ground.frail_client() as (reset, first_cable),
        ground.frail_client() as (pulled, second_cable),
    ):
        hub = ground.b.backend.hub
        await alive.subscribe("connectors")
        await reset.subscribe("meter_values")
        await pulled.subscribe("transactions")
        last_heard = trio.current_time()
        assert hub.wants == (connectors, Want(Topic.METER_VALUES), transactions)

        first_cable.reset()
        second_cable.pull()
        await ground.bell.until(lambda: Want(Topic.METER_VALUES) not in hub.wants)
        ground.assert_now(last_heard)
        for number in range(9):
            await station.call(available(number))
            assert await alive.changes(1) == [("connectors", "updated", "CP-1", str(number))]
            await ground.let_pass(5)

        await ground.bell.until(lambda: transactions not in hub.wants, within=60)
        ground.assert_now(last_heard + 50)
        assert hub.wants == (connectors,)
        await ground.bell.until(lambda: ground.seen_at_a().interested_in == (connectors,))
        await station.call(available(1))
        assert await alive.changes(1) == [("connectors", "updated", "CP-1", "1")]
        assert await alive.has_nothing_to_hear()
