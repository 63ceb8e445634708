import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import trio

from ocpp_trio import HandshakeError, v16
from ocpp_trio.backend import Connector, Topic, Want
from ocpp_trio.backend.api import ApiLimits
from tests.operator_ground import FeedClient, Ground

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def connector(identity: str = "CP-1", number: int = 1, info: str | None = None) -> Connector:
    return Connector(
        identity=identity,
        connector_id=number,
        status=v16.ChargePointStatus.AVAILABLE,
        error_code=v16.ChargePointErrorCode.NO_ERROR,
        since=NOW,
        info=info,
    )


@asynccontextmanager
async def feeding(query: str = "", **limits: Any) -> AsyncIterator[tuple[Ground, FeedClient]]:
    """A client of a feed."""
    ground = Ground(limits=ApiLimits(**limits))
    async with ground.running(), ground.feed(query) as client:
        yield ground, client


async def test_a_snapshot_comes_in_parts_with_the_number_that_it_belongs_to(autojump_clock):
    async with feeding(snapshot_part=2) as (ground, client):
        for number in range(5):
            ground.live.update_connector(connector(number=number))
        await client.send(subscribe={"topics": ["connectors", "log"], "stations": ["CP-1", "CP-1", "CP-9"]})
        said = [await client.receive() for _ in range(4)]

        assert said[0] == {
            "type": "subscribed",
            "sequence": 5,
            "resumed": False,
            "topics": ["connectors", "log"],
            "stations": ["CP-1", "CP-1", "CP-9"],
        }
        assert [[value["connector_id"] for value in part["values"]] for part in said[1:]] == [[0, 1], [2, 3], [4]]
        assert [(part["sequence"], part["more"]) for part in said[1:]] == [(5, True), (5, True), (5, False)]
        ground.live.log("CP-1", "a line")
        line = await client.receive()
        assert (line["topic"], line["value"], line["at"][-1]) == ("log", {"identity": "CP-1", "text": "a line"}, "Z")


@pytest.mark.parametrize("seed", range(20))
async def test_snapshots_and_changes_give_the_state_without_gap_or_double(autojump_clock, seed):
    """A client subscribes again and again, to more, to less and to the same, while things change: what it makes of
    it all is what is there, and no change comes twice or before one with a smaller number.
    """
    rng = random.Random(seed)
    stations = ["CP-1", "CP-2", "CP-3"]

    async def change(ground: Ground) -> None:
        for number in range(300):
            identity, key = rng.choice(stations), rng.randrange(4)
            if rng.random() < 0.2:
                ground.live.remove_connector(identity, key)
            else:
                ground.live.update_connector(connector(identity, key, info=str(number)))
            if rng.random() < 0.5:
                await trio.sleep(rng.choice([0, 0, 0.01]))

    async with feeding("?queue=4096", feed_burst=1000, snapshot_part=2) as (ground, client):
        known: dict[tuple[str, str], Any] = {}
        sequences = []
        subscribed: list[None] = []
        topics = {"topics": ["connectors"]}

        async def listen() -> None:
            parts: dict[tuple[str, str], Any] = {}
            asked: list[str] | None = None
            while True:
                message = await client.receive()
                if message["type"] == "subscribed":
                    parts, asked = {}, message["stations"]
                elif message["type"] == "snapshot":
                    parts |= {(value["identity"], str(value["connector_id"])): value for value in message["values"]}
                    if not message["more"]:
                        for key in [key for key in known if asked is None or key[0] in asked]:
                            del known[key]
                        known.update(parts)
                        subscribed.append(None)
                elif message["type"] == "change":
                    sequences.append(message["sequence"])
                    known.pop((message["identity"], message["key"]), None)
                    if message["change"] == "updated":
                        known[message["identity"], message["key"]] = message["value"]

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            async with trio.open_nursery() as changing:
                changing.start_soon(change, ground)
                for _ in range(30):
                    chosen = rng.choice([None, *([each] for each in stations)])
                    await client.send(subscribe=topics | {"stations": chosen})
                    await trio.sleep(rng.choice([0, 0.01]))
            await client.send(subscribe=topics)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()

        assert len(subscribed) == 31
        assert sequences == sorted(set(sequences))
        expected = {(each.identity, str(each.connector_id)): each.info for each in ground.live.connectors()}
        assert {key: value["info"] for key, value in known.items()} == expected


@pytest.mark.parametrize("command", ["subscribe", "unsubscribe"])
async def test_what_waited_when_a_client_changed_its_mind_comes_first(autojump_clock, command):
    """The client reads nothing for 5 s, so that changes wait while its next message is on its way."""
    async with feeding() as (ground, client):
        await client.subscribe("connectors")
        ground.network.links[0].stall(client=True)
        for _ in range(100):
            ground.live.update_connector(connector(info=2000 * "x"))
            await trio.sleep(0.01)
        await client.send(**{command: {"topics": ["connectors"]}})
        await trio.sleep(4)
        ground.network.links[0].stall()
        said = [await client.receive() for _ in range(101)]

    assert [each["sequence"] for each in said] == [*range(1, 101), 100]
    assert said[-1]["type"] == f"{command}d"


async def test_who_comes_back_gets_what_was_missed_and_no_snapshot(autojump_clock):
    async with feeding() as (ground, first):
        await first.subscribe("connectors", stations=["CP-1"])
        ground.live.update_connector(connector())
        seen = (await first.receive())["sequence"]
        ground.live.update_connector(connector("CP-2"))
        ground.live.update_connector(connector(number=2))
        ground.live.remove_connector("CP-1", 2)

        async with ground.feed() as again:
            position = {"stream": "s-1", "sequence": seen}
            (subscribed,) = await again.subscribe("connectors", stations=["CP-1"], resume=position)
            missed = [await again.receive(), await again.receive()]
            assert await again.is_silent()

    assert (subscribed["resumed"], subscribed["sequence"]) == (True, 4)
    assert [(each["sequence"], each["change"]) for each in missed] == [(3, "updated"), (4, "removed")]


@pytest.mark.parametrize("position", [{"stream": "s-0", "sequence": 1}, {"stream": "s-1", "sequence": 99}])
async def test_who_comes_back_from_another_life_gets_a_snapshot(autojump_clock, position):
    async with feeding() as (ground, client):
        ground.live.update_connector(connector())
        ground.live.update_connector(connector())
        subscribed, snapshot = await client.subscribe("connectors", resume=position)

    assert (subscribed["resumed"], len(snapshot["values"]), snapshot["sequence"]) == (False, 1, 2)


async def test_who_was_away_for_longer_than_the_history_gets_a_snapshot(autojump_clock):
    async with feeding() as (ground, client):
        for _ in range(10_001):
            ground.live.update_connector(connector())
        subscribed, _ = await client.subscribe("connectors", resume={"stream": "s-1", "sequence": 0})
        assert not subscribed["resumed"]

        async with ground.feed() as other:
            await other.send(
                subscribe={"topics": ["connectors"]}, resume={"stream": "s-1", "sequence": ground.hub.sequence - 3}
            )
            assert (await other.receive())["resumed"]
            assert len(await other.changes(3)) == 3


async def test_a_client_that_does_not_keep_up_is_told_what_it_lost_at_that_place(autojump_clock):
    async with feeding("?queue=3") as (ground, client):
        await client.subscribe("connectors")
        for number in range(10):
            ground.live.update_connector(connector(number=number))  # all before anybody gets to run
        said = [await client.receive() for _ in range(4)]
        ground.live.update_connector(connector(number=11))
        said.append(await client.receive())

    assert [each.get("sequence", each.get("count")) for each in said] == [1, 2, 3, 7, 11]
    assert said[3] == {"type": "lost", "count": 7}


async def test_a_client_that_would_rather_be_dropped_is(autojump_clock):
    async with feeding("?queue=3&slow=drop") as (ground, client):
        await client.subscribe("connectors")
        for number in range(4):
            ground.live.update_connector(connector(number=number))
        assert len(await client.changes(3)) == 3
        closed = (await client.end()).closed

    assert (closed.code, closed.detail) == (1013, "dropped: too many changes waited")
    assert ground.hub.wants == ()


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ({}, "expected subscribe, with or without resume, or else unsubscribe, found []"),
        ({"subscribe": {"topics": []}}, "Expected `array` of length >= 1 - at `$.subscribe.topics`"),
        ({"subscribe": {"topics": ["weather"]}}, "Invalid enum value 'weather' - at `$.subscribe.topics[0]`"),
        (
            {"subscribe": {"topics": ["log"], "stations": [1]}},
            "Expected `str`, got `int` - at `$.subscribe.stations[0]`",
        ),
        ({"unsubscribe": {"topics": ["log"]}, "resume": {"stream": "s", "sequence": 1}}, "['unsubscribe', 'resume']"),
        ({"subscribe": {"topics": ["log"]}, "sudo": 1}, "Object contains unknown field `sudo`"),
        ([1], "Expected `object`, got `array`"),
    ],
)
async def test_a_message_that_means_nothing_is_an_error_and_the_feed_goes_on(autojump_clock, message, detail):
    async with feeding() as (ground, client):
        await client.transport.send(json.dumps(message))
        error = await client.receive()
        assert error["type"] == "error"
        assert detail in error["detail"]

        await client.subscribe("connectors")
        ground.live.update_connector(connector())
        assert len(await client.changes(1)) == 1


@pytest.mark.parametrize(
    "text", ["", "{", '{"subscribe":' * 5000, '{"subscribe": {"topics": ["log"], "stations": ["\\ud800"]}}']
)
async def test_what_is_no_json_is_an_error_too(autojump_clock, text):
    async with feeding() as (_, client):
        await client.transport.send(text)
        assert (await client.receive())["type"] == "error"
        await client.subscribe("connectors")


async def test_resuming_what_is_held_would_double_it_and_is_refused(autojump_clock):
    async with feeding() as (_, client):
        await client.subscribe("connectors", stations=["CP-1"])
        await client.send(
            subscribe={"topics": ["connectors"], "stations": ["CP-2", "CP-1"]}, resume={"stream": "s-1", "sequence": 0}
        )
        error = await client.receive()

    assert error["detail"] == "expected to resume only what is not subscribed to already"


async def test_more_subscriptions_than_allowed_are_refused_whole(autojump_clock):
    async with feeding(feed_wants=3) as (ground, client):
        await client.subscribe("connectors", "stations", stations=["CP-1"])
        await client.send(subscribe={"topics": ["connectors"], "stations": ["CP-1", "CP-2", "CP-3"]})
        error = await client.receive()

        assert error["detail"] == "expected at most 3 pairs of topic and station, found 4"
        assert ground.hub.wants == (Want(Topic.CONNECTORS, "CP-1"), Want(Topic.STATIONS, "CP-1"))


async def test_a_flood_ends_the_feed_and_a_steady_stream_does_not(autojump_clock):
    async with feeding(feed_burst=3, feed_rate=2) as (_, client):
        for _ in range(20):
            await client.send()
            assert (await client.receive())["type"] == "error"
            await trio.sleep(0.5)
        for _ in range(4):
            await client.send()
        closed = (await client.end()).closed

    assert (closed.code, closed.detail) == (1008, "too many messages")


@pytest.mark.parametrize(("size", "code"), [(200, 1009), (10_000, 1009)])
async def test_a_message_that_is_too_large_ends_the_feed(autojump_clock, size, code):
    """Just beyond the limit in bytes the app sees it, far beyond it in characters the WebSocket protocol does."""
    async with feeding(feed_message_size=300) as (ground, client):
        await client.subscribe("connectors")
        await client.transport.send(size * "é")
        closed = (await client.end()).closed
        before = trio.current_time()
        await trio.sleep(4)

    assert closed.code == code
    assert ground.hub.wants == ()
    assert before == 0


@pytest.mark.parametrize(
    ("query", "status"),
    [("?queue=0", 422), ("?queue=4097", 422), ("?queue=x", 422), ("?queue=" + "9" * 5000, 422), ("?slow=never", 422)],
)
async def test_a_wish_out_of_bounds_is_refused_before_the_upgrade(autojump_clock, query, status):
    ground = Ground()
    async with ground.running():
        with pytest.raises(HandshakeError) as refused:
            async with ground.feed(query):
                pass

    assert refused.value.status == status


async def test_one_that_never_reads_is_dropped_and_nobody_waits_for_it(autojump_clock):
    """Its buffers fill, then its queue; a write that does not finish within 10 s is the end of it."""
    async with feeding("?queue=10") as (ground, sleeper), ground.feed() as reader:
        await sleeper.subscribe("connectors", "log")
        await reader.subscribe("connectors")
        ground.network.links[0].stall(client=True)
        for number in range(1, 200):
            ground.live.update_connector(connector(info=2000 * "x"))
            assert (await reader.receive())["sequence"] == number
            await trio.sleep(0.1)
            if ground.hub.wants == (Want(Topic.CONNECTORS),):
                break

        assert 10 < trio.current_time() < 15  # the buffers, then the write timeout
        assert ground.api.statistics().connections == 1


@pytest.mark.untraced
async def test_a_thousand_subscribers_all_hear_everything(autojump_clock):
    ground = Ground()
    async with ground.running(), trio.open_nursery() as nursery:
        heard: list[int] = []

        async def be_client(*, task_status: trio.TaskStatus[None]) -> None:
            async with ground.feed() as client:
                await client.subscribe("connectors")
                task_status.started()
                heard.extend([(await client.receive())["sequence"] for _ in range(3)])

        for _ in range(1000):
            await nursery.start(be_client)
        for number in range(3):
            ground.live.update_connector(connector(number=number))

    assert sorted(heard) == sorted([1, 2, 3] * 1000)


@pytest.mark.parametrize("way", ["drain", "cancel"])
async def test_a_server_that_stops_says_so_to_its_feeds(autojump_clock, way):
    ground = Ground()
    async with trio.open_nursery() as nursery:
        closed = []

        async def be_client(*, task_status: trio.TaskStatus[None]) -> None:
            async with ground.feed() as client:
                task_status.started()
                closed.append((await client.end()).closed)

        async with ground.running():
            for _ in range(3):
                await nursery.start(be_client)
            if way == "drain":
                await ground.api.drain(5)

    assert [(each.code, each.detail) for each in closed] == 3 * [(1001, "going away")]
    assert ground.hub.wants == ()
    assert trio.current_time() < 1
