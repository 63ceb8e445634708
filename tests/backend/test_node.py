"""One node among others, at exact instants: who is there, who is gone, and what becomes of the state under faults."""

import math

import attrs
import msgspec
import pytest
import trio
import trio.testing

from ocpp_trio import ConnectionClosed, v16
from ocpp_trio.backend import Change, Event, LocalBus, MemoryExchange, NodeSettings, Topic
from ocpp_trio.backend.letters import Ask, Beat, Failure, News, Presence, write_event, write_letter
from ocpp_trio.backend.records import Station
from tests.backend.nodes import ALL, NOW, READING, TRANSACTION, Memory, connector, event_of, member, station

EVENT = Event(
    event_id="1",
    node="z",
    topic=Topic.STATIONS,
    change=Change.UPDATED,
    identity="CP-1",
    key="",
    value=station(),
    at=NOW,
)


@pytest.fixture
def server() -> Memory:
    return Memory(MemoryExchange())


async def settled() -> None:
    await trio.testing.wait_all_tasks_blocked()
    await trio.sleep(0.1)
    await trio.testing.wait_all_tasks_blocked()


async def test_nodes_know_each_other_at_the_first_beat(server, autojump_clock):
    async with member(server, "a") as a, member(server, "b") as b:
        await settled()
        assert (a.peers, b.peers) == (["b"], ["a"])
        assert trio.current_time() < 0.2


async def test_a_silent_node_is_gone_after_its_patience_and_its_stations_are_not_online(server, autojump_clock, caplog):
    async with member(server, "a") as a, member(server, "b", always=ALL) as b:
        a.live.update_station(station())
        a.live.update_connector(connector())
        await trio.sleep_until(2.5)
        with b.hub.subscribe() as client:
            client.subscribe(Topic.STATIONS)

            server.exchange.partition("a")  # its last beat was at 2
            heard = await event_of(client)

            # Last heard at 2.02, and looked for at the next beat after 4 s, which began anew at 2.52.
            assert trio.current_time() == pytest.approx(6.52)
            assert (heard.change, heard.value) == (Change.UPDATED, station(online=False))
        assert b.peers == []
        assert b.node.where("CP-1") is None
        assert b.live.connectors() == (connector(),)
        assert "node 'a' is gone" in caplog.text

        server.exchange.heal()
        await trio.sleep(1.5)
        assert (a.peers, b.peers) == (["b"], ["a"])
        assert b.live.station("CP-1") == station()
        assert b.node.where("CP-1") == "a"


async def test_a_silent_node_is_gone_however_often_what_is_wanted_changes(server, autojump_clock):
    async with member(server, "a"), member(server, "b") as b:
        await settled()
        server.exchange.partition("a")
        with b.hub.subscribe() as client:
            while trio.current_time() < 7:
                client.subscribe(Topic.LOG, "CP-1")
                await trio.sleep(0.25)
                client.unsubscribe(Topic.LOG, "CP-1")
                await trio.sleep(0.25)
        assert b.peers == []


async def test_a_state_that_is_told_again_takes_no_station_away_for_a_moment(autojump_clock):
    server = Memory(MemoryExchange(length=20))
    async with member(server, "a") as a, member(server, "b", always=ALL) as b:
        for number in range(1000):  # more than one letter of names
            a.live.update_station(station(f"CP-{number}"))
        await trio.sleep(5)
        assert b.sees("a").stations == 1000
        with b.hub.subscribe(capacity=5000) as client:
            client.subscribe(Topic.STATIONS)

            server.exchange.partition("b")
            await trio.sleep(0.5)
            a.live.update_station(station("CP-7", online=False))
            for number in range(42):  # more than the exchange remembers
                a.live.update_connector(connector(number))
            await trio.sleep(0.5)
            server.exchange.heal()
            await trio.sleep(3)

            assert b.node.status().peers[0].missed > 20
            assert b.sees("a").complete
            changed = [(await event_of(client)).value for _ in range(client.waiting)]
    assert {value.identity for value in changed if isinstance(value, Station) and not value.online} == {"CP-7"}
    assert b.live.station("CP-7") == station("CP-7", online=False)


async def test_what_changed_behind_a_partition_is_the_same_on_both_sides_after_it(server, autojump_clock):
    async with member(server, "a", always=ALL) as a, member(server, "b", always=ALL) as b:
        a.live.update_station(station())
        a.live.update_connector(connector(1))
        b.live.update_station(station("CP-2"))
        await settled()
        server.exchange.partition("b")
        await trio.sleep(10)
        a.live.remove_connector("CP-1", 1)
        a.live.update_connector(connector(2))
        b.live.update_connector(connector(1, "CP-2"))
        assert not b.node.status().bus.healthy
        server.exchange.heal()
        await trio.sleep(3)

    assert a.knows(Topic.CONNECTORS) == b.knows(Topic.CONNECTORS)
    assert a.knows(Topic.CONNECTORS) == [(Topic.CONNECTORS, "CP-1", "2"), (Topic.CONNECTORS, "CP-2", "1")]


async def test_a_gap_is_noticed_and_closed_by_asking_anew(autojump_clock):
    server = Memory(MemoryExchange(length=20))
    async with member(server, "a") as a, member(server, "b", always=ALL) as b:
        a.live.update_connector(connector(1))
        a.live.update_connector(connector(2))
        await settled()
        server.exchange.partition("b")
        await trio.sleep(0.5)
        a.live.remove_connector("CP-1", 2)
        for place in range(3, 43):  # more than the exchange remembers
            a.live.update_connector(connector(place))
        await trio.sleep(0.5)
        server.exchange.heal()
        await trio.sleep(2)

        assert a.knows() == b.knows()
        assert b.node.status().peers[0].missed > 20


async def test_letters_that_come_twice_are_dropped(server, autojump_clock):
    async with member(server, "a") as a, member(server, "b", always=ALL) as b:
        await settled()
        with b.hub.subscribe() as client:
            client.subscribe(Topic.CONNECTORS)
            server.exchange.duplicate = 5
            for place in range(1, 6):
                a.live.update_connector(connector(place))
            await settled()
            heard = [(await event_of(client)).key for _ in range(client.waiting)]
    assert heard == ["1", "2", "3", "4", "5"]
    assert b.node.status().duplicates >= 4


async def test_a_letter_that_another_overtook_is_not_read_late(server, autojump_clock):
    async with member(server, "a") as a, member(server, "b", always=ALL) as b:
        await settled()
        server.exchange.swap = 1
        a.live.update_station(station(vendor="first"))
        a.live.update_station(station(vendor="second"))
        await trio.sleep(2.5)
        assert b.live.station("CP-1") == a.live.station("CP-1") == station(vendor="second")
        assert b.node.status().peers[0].missed >= 1


async def test_slow_letters_are_not_a_dead_node(server, autojump_clock):
    server.exchange.delay = 2.0
    async with member(server, "a", always=ALL) as a, member(server, "b", always=ALL) as b:
        a.live.update_station(station())
        await trio.sleep(30)
        assert (a.peers, b.peers) == (["b"], ["a"])
        assert b.live.station("CP-1") == station()


async def test_a_new_life_of_a_node_replaces_the_old_one(server, autojump_clock):
    async with member(server, "b", always=ALL) as b:
        async with member(server, "a") as a:
            a.live.update_station(station())
            await settled()
            server.exchange.partition("a")
        server.exchange.heal()
        async with member(server, "a") as a:
            await settled()
            assert b.peers == ["a"]
            assert b.live.station("CP-1") == station(online=False)
            a.live.update_station(station())
            await settled()
            assert b.live.station("CP-1") == station()


async def test_a_station_that_moves_is_online_whatever_its_old_node_learns_later(server, autojump_clock):
    async with (
        member(server, "a", always=ALL) as a,
        member(server, "b", always=ALL) as b,
        member(server, "c", always=ALL) as c,
    ):
        a.live.update_station(station())
        await settled()
        assert c.node.where("CP-1") == "a"
        b.live.update_station(station(boots=1))
        await settled()
        a.live.update_station(station(online=False))  # its half-open connection ends at last
        await settled()
        assert (a.node.where("CP-1"), c.node.where("CP-1")) == ("b", "b")
        assert all(each.live.stations()["CP-1"].online for each in (a, b, c))
        b.live.update_station(station(online=False, boots=1))
        await settled()
        assert [each.live.stations()["CP-1"].online for each in (a, b, c)] == [False, False, False]


async def test_presence_is_told_whether_anybody_wants_the_station_or_not(server, autojump_clock):
    async with member(server, "a") as a, member(server, "b") as b:
        await settled()
        a.live.update_station(station())
        await settled()
        assert (b.knows(), b.node.where("CP-1")) == ([], "a")
        a.live.remove_station("CP-1")
        await settled()
        assert b.node.where("CP-1") is None


@pytest.mark.limit(10_000)
async def test_what_expires_at_its_owner_expires_everywhere_once(server, autojump_clock):
    async with member(server, "a") as a, member(server, "b") as b:
        a.live.update_meter_values(READING)
        await trio.sleep(600)
        with b.hub.subscribe() as client:
            client.subscribe(Topic.METER_VALUES)
            assert (await event_of(client)).change is Change.UPDATED
            assert (await event_of(client)).change is Change.EXPIRED
            assert trio.current_time() == pytest.approx(900, abs=0.01)
            await trio.sleep(1000)
            assert client.waiting == 0
        assert a.knows() == b.knows() == []


async def test_a_change_of_interest_goes_out_once_for_many(server, autojump_clock):
    async with member(server, "a"), member(server, "b") as b:
        await settled()
        written = b.node.status().written
        with b.hub.subscribe() as client:
            for place in range(100):
                client.subscribe(Topic.STATIONS, f"CP-{place}")
            await trio.sleep(0.05)
            assert b.node.status().written == written + 1


async def test_letters_that_nobody_can_read_are_counted_and_passed_over(server, autojump_clock, caplog):
    async with member(server, "a", always=ALL) as a:
        other_format = write_letter(Presence("CP-1", online=True), node="z", life="1", number=1, to=None)
        bad_value = msgspec.structs.replace(write_event(EVENT), value=msgspec.Raw(b"\xc0"))
        bad_event = write_letter(News(bad_value), node="z", life="1", number=2, to=None)
        server.exchange.write([b"", b"\xc1", b"{}", other_format.replace(b"\x96\x01", b"\x96\x63", 1), bad_event])
        server.exchange.write([write_letter(Presence("CP-9", online=True), node="z", life="1", number=3, to=None)])
        await settled()
        assert a.node.where("CP-9") == "z"
        assert a.node.status().unreadable == 5
    assert "cannot read" in caplog.text


DEEP = b"\x96\x01\xa1z\xa11\x02\xc0" + b"\x91" * 10_000 + b"\xc0"
STRANGE = {
    "too deep to read": DEEP,
    "a reason that there is not": msgspec.structs.replace(Failure("1", "ConnectionClosed"), reason="moody"),
    "a deadline that is no number": Ask("1", "CP-1", "ocpp1.6", "Reset", b"{}", math.nan),
    "a connector whose key is no number": News(
        write_event(attrs.evolve(EVENT, topic=Topic.CONNECTORS, key="x", value=connector()))
    ),
    "a transaction under another one's key": News(
        write_event(attrs.evolve(EVENT, topic=Topic.TRANSACTIONS, key="8", value=TRANSACTION))
    ),
    "another station's transaction": News(
        write_event(attrs.evolve(EVENT, topic=Topic.TRANSACTIONS, identity="CP-2", key="7", value=TRANSACTION))
    ),
}


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
async def test_a_letter_that_makes_no_sense_kills_no_node_and_is_not_believed(server, autojump_clock, strange):
    async with member(server, "a", always=ALL) as a:
        await settled()
        written = (
            strange if isinstance(strange, bytes) else write_letter(strange, node="z", life="1", number=2, to=None)
        )
        server.exchange.write([write_letter(Beat(()), node="z", life="1", number=1, to=None), written])
        server.exchange.write([write_letter(Presence("CP-9", online=True), node="z", life="1", number=3, to=None)])
        await settled()

        assert a.node.where("CP-9") == "z"
        assert a.node.status().unreadable == 1
        assert (a.live.connectors(), a.live.transactions()) == ((), ())


async def test_a_namesake_is_complained_about_and_not_believed(server, autojump_clock, caplog):
    async with member(server, "a") as a:
        for number in range(1, 10):
            server.exchange.write([write_letter(Beat(()), node="a", life="another", number=number, to=None)])
        await settled()
        assert a.peers == []
    assert caplog.text.count("another node is called 'a' as well") == 1


async def test_one_node_alone_works_with_a_local_bus(autojump_clock):
    async with member(Memory(), "a", bus=LocalBus()) as a:
        a.live.update_station(station())
        a.live.update_transaction(TRANSACTION)
        await trio.sleep(60.5)
        assert (a.peers, a.node.status().waiting, a.node.status().dropped) == ([], 0, 0)
        with pytest.raises(ConnectionClosed, match="no node says that 'CP-2' is connected") as lost:
            await a.node.call("CP-2", v16.ResetRequest(type=v16.ResetType.SOFT))
        assert not lost.value.was_sent


async def test_a_node_that_cannot_say_farewell_leaves_all_the_same(server, autojump_clock):
    async with member(server, "a", settings=NodeSettings(farewell=2.0)):
        await settled()
        server.stop()
        left_at = trio.current_time()
    assert trio.current_time() == pytest.approx(left_at + 2)


async def test_an_interest_that_is_back_at_once_misses_nothing(server, autojump_clock):
    async with member(server, "a") as a, member(server, "b") as b:
        a.live.update_connector(connector(1))
        with b.hub.subscribe() as client:
            client.subscribe(Topic.CONNECTORS)
            await settled()
            client.unsubscribe(Topic.CONNECTORS)
            a.live.update_connector(connector(2))
            await trio.testing.wait_all_tasks_blocked()
            client.subscribe(Topic.CONNECTORS)
            await settled()
            assert a.knows() == b.knows()


async def test_what_ended_at_a_node_that_was_started_anew_meanwhile_has_ended_everywhere(server, autojump_clock):
    def both(live):
        live.update_station(station())
        live.update_transaction(TRANSACTION)

    async with member(server, "b", always=ALL) as b:
        async with member(server, "a", fill=both) as a:
            await settled()
            assert b.live.transactions() == (TRANSACTION,)
            server.exchange.partition("b")
            a.scope.cancel()
        async with member(server, "a", fill=lambda live: live.update_station(station())):
            await settled()
            server.exchange.heal("b")
            await trio.sleep(3)

            assert b.live.stations() == {"CP-1": station()}
            assert b.live.transactions() == ()
