"""What nodes may count on, whichever bus carries their letters: each test runs on the fake and on a real server."""

from contextlib import AsyncExitStack

import attrs
import trio

from ocpp_trio.backend import Change, Lost, Topic, Want
from ocpp_trio.backend.letters import News, Presence, WrittenEvent, read_letter, write_letter
from ocpp_trio.backend.outbox import Outbox
from tests.backend.nodes import (
    ALL,
    LINE,
    READING,
    TRANSACTION,
    connector,
    event_of,
    member,
    station,
    until,
)


async def test_what_comes_twice_is_read_once(server, clock):
    async with member(server, "a") as a, member(server, "b", always=ALL) as b:
        await until(lambda: set(a.sees("b").interested_in) == set(ALL) and b.sees("a").complete)
        with b.hub.subscribe() as client:
            client.subscribe(Topic.CONNECTORS)
            server.doubt()
            for place in range(1, 6):
                a.live.update_connector(connector(place))
            if not server.virtual:
                await until(lambda: not a.node.status().bus.healthy)
            server.start()

            assert [(await event_of(client)).key for _ in range(5)] == ["1", "2", "3", "4", "5"]
            await until(lambda: b.node.status().duplicates > 0)
            a.live.remove_connector("CP-1", 1)
            assert (await event_of(client)).change is Change.REMOVED


async def test_an_event_is_the_same_everywhere_and_its_id_is_nobody_elses(server, clock):
    async with member(server, "a", always=ALL) as a, member(server, "b", always=ALL) as b:
        await until(lambda: set(a.sees("b").interested_in) == set(b.sees("a").interested_in) == set(ALL))
        with a.hub.subscribe() as at_a, b.hub.subscribe() as at_b:
            at_a.subscribe(Topic.CONNECTORS)
            at_b.subscribe(Topic.CONNECTORS)
            for place in range(1, 21):
                a.live.update_connector(connector(place))
                b.live.update_connector(connector(place, "CP-2"))
            heard = [{(event := await event_of(end)).event_id: event for _ in range(40)} for end in (at_a, at_b)]
    assert len(heard[0]) == 40
    assert heard[0] == heard[1]


async def test_what_is_no_letter_is_counted_and_does_no_harm(server, clock):
    async with member(server, "a") as a, member(server, "b", always=ALL) as b:
        await until(lambda: set(a.sees("b").interested_in) == set(ALL))

        await server.write(
            [b"", b"nonsense", write_letter(Presence("CP-1", online=True), node="z", life="1", number=1, to=None)[:-1]]
        )
        await until(lambda: (a.node.status().unreadable, b.node.status().unreadable) == (3, 3))

        a.live.update_connector(connector(1))
        await until(lambda: b.live.connectors("CP-1") == (connector(1),))
        assert b.peers == ["a"]


async def test_a_heartbeat_carries_the_interest(server, clock):
    async with member(server, "a") as a, member(server, "b") as b, member(server, "c", always=[Want(Topic.LOG)]) as c:
        await until(lambda: a.peers == ["b", "c"] and b.peers == ["a", "c"] and c.peers == ["a", "b"])
        with b.hub.subscribe() as client:
            client.subscribe(Topic.CONNECTORS, "CP-1")
            await until(lambda: a.sees("b").interested_in == (Want(Topic.CONNECTORS, "CP-1"),))
            assert a.sees("c").interested_in == (Want(Topic.LOG),)
        await until(lambda: a.sees("b").interested_in == ())


async def test_only_what_some_node_wants_is_written(server, clock):
    sheets: list[bytes] = []
    async with member(server, "a") as a, member(server, "b") as b, trio.open_nursery() as nursery:
        await nursery.start(server.bus("ear").run, Outbox("ear", "1"), lambda sheet, age: sheets.append(sheet))
        with b.hub.subscribe() as client:
            client.subscribe(Topic.CONNECTORS, "CP-1")
            await until(lambda: a.sees("b").interested_in != ())

            a.live.update_connector(connector(1, "CP-2"))
            a.live.update_meter_values(READING)
            a.live.update_connector(connector(1))

            heard = await event_of(client)
            assert (heard.node, heard.value) == ("a", connector(1))
            assert b.knows() == [(Topic.CONNECTORS, "CP-1", "1")]
        await until(lambda: len(news(sheets)) == 1)
        assert news(sheets)[0].identity == "CP-1"
        nursery.cancel_scope.cancel()


def news(sheets: list[bytes]) -> list[WrittenEvent]:
    bodies = [read_letter(sheet).open() for sheet in sheets]
    return [body.event for body in bodies if isinstance(body, News)]


async def test_events_of_another_node_reach_the_state_and_the_subscribers_in_order(server, clock):
    async with member(server, "a") as a, member(server, "b", always=ALL) as b:
        await until(lambda: set(a.sees("b").interested_in) == set(ALL))
        await until(lambda: b.sees("a").complete)
        with b.hub.subscribe(capacity=1000) as client:
            for topic in Topic:
                client.subscribe(topic)
            a.live.update_station(station())
            for place in range(1, 60):
                a.live.update_connector(connector(place))
            a.live.update_transaction(TRANSACTION)
            a.live.update_meter_values(READING)
            a.live.log("CP-1", LINE.text)
            a.live.remove_connector("CP-1", 5)

            heard = [await event_of(client) for _ in range(64)]

        assert [event.key for event in heard[1:60]] == [str(place) for place in range(1, 60)]
        assert [event.value for event in (heard[0], *heard[60:63])] == [station(), TRANSACTION, READING, LINE]
        assert (heard[63].change, heard[63].key) == (Change.REMOVED, "5")
        assert b.live.stations() == {"CP-1": station()}
        assert len(b.live.connectors("CP-1")) == 58
        assert b.live.meter_values() == (READING,)
        assert b.node.where("CP-1") == "a"
        assert a.node.where("CP-1") is None  # it has no session here


async def test_who_begins_to_want_something_is_told_how_it_stands(server, clock):
    async with member(server, "a") as a, member(server, "b") as b:
        for place in range(1, 11):
            a.live.update_connector(connector(place))
        a.live.update_connector(connector(1, "CP-2"))
        await until(lambda: b.peers == ["a"] and b.sees("a").complete)
        assert b.knows() == []
        with b.hub.subscribe() as client:
            client.subscribe(Topic.CONNECTORS, "CP-1")
            heard = [await event_of(client) for _ in range(10)]
            assert [event.value for event in heard] == [connector(place) for place in range(1, 11)]
            assert len(b.knows()) == 10
        # Nobody would tell how it goes on.
        await until(lambda: b.knows() == [])


async def test_a_node_that_comes_late_is_told_and_tells(server, clock):
    async with member(server, "a", always=ALL, fill=lambda live: live.update_station(station())) as a:
        await until(lambda: a.node.status().bus.healthy and a.node.status().waiting == 0)
        async with member(server, "b", always=ALL, fill=lambda live: live.update_station(station("CP-2"))) as b:
            await until(
                lambda: list(b.live.stations()) == ["CP-2", "CP-1"] and list(a.live.stations()) == ["CP-1", "CP-2"]
            )
            assert (a.node.where("CP-2"), b.node.where("CP-1")) == ("b", "a")
        # It said farewell: its station is shown as it was, but not online.
        await until(lambda: a.peers == [])
        assert a.live.station("CP-2") == station("CP-2", online=False)
        assert a.node.where("CP-2") is None


async def test_after_an_outage_every_state_is_the_same_again(server, clock):
    """The server is killed with all that is in it; one node goes on and loses a connector, and later both agree."""
    small = attrs.evolve(server.settings, outbox=16)
    async with member(server, "a", settings=small) as a, member(server, "b", always=ALL) as b:
        a.live.update_station(station())
        a.live.update_connector(connector(1))
        a.live.update_connector(connector(2))
        await until(lambda: len(b.knows()) == 3)

        server.kill()
        await until(lambda: not a.node.status().bus.healthy and not b.node.status().bus.healthy)
        a.live.remove_connector("CP-1", 2)
        for place in range(3, 40):
            a.live.update_connector(connector(place))
        assert a.node.status().dropped > 0
        server.start()

        await until(lambda: a.knows() == b.knows())
        assert len(b.knows()) == 39
        assert b.node.status().peers[0].missed > 0


async def test_an_outage_is_nobodys_death(server, clock):
    async with member(server, "a") as a, member(server, "b", always=ALL) as b:
        a.live.update_station(station())
        await until(lambda: b.live.station("CP-1") == station())
        with b.hub.subscribe() as client:
            client.subscribe(Topic.STATIONS)
            server.stop()
            await until(lambda: not b.node.status().bus.healthy)
            await trio.sleep(server.settings.patience + 2 * server.settings.beat)
            assert (b.peers, b.live.station("CP-1")) == (["a"], station())
            server.start()
            await until(lambda: b.node.status().bus.healthy)
            await trio.sleep(server.settings.patience / 2)
            assert (b.peers, client.waiting) == (["a"], 0)


async def test_a_thousand_entries_are_told_in_pieces_and_nothing_is_lost(server, clock):
    def fill(live):
        for place in range(1000):
            live.update_station(station(f"CP-{place}"))

    async with AsyncExitStack() as stack:
        a = await stack.enter_async_context(
            member(server, "a", fill=fill, settings=attrs.evolve(server.settings, outbox=8))
        )
        b = await stack.enter_async_context(member(server, "b", always=ALL))
        await until(lambda: len(b.live.stations()) == 1000)
        assert a.node.status().dropped == 0
        assert b.node.status().peers[0].stations == 1000


async def test_a_subscriber_that_does_not_read_keeps_nobody_waiting(server, clock):
    async with member(server, "a") as a, member(server, "b") as b:
        with b.hub.subscribe(capacity=2) as slow, b.hub.subscribe(capacity=1000) as quick:
            slow.subscribe(Topic.CONNECTORS)
            quick.subscribe(Topic.CONNECTORS)
            await until(lambda: a.sees("b").interested_in != ())
            for place in range(1, 51):
                a.live.update_connector(connector(place))
            for _ in range(50):
                await quick.receive()
            await slow.receive()
            await slow.receive()
            assert await slow.receive() == Lost(48)
