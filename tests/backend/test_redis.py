"""The bus over a server, as far as no other bus can be like it: what else may be in there, and what it may answer."""

from collections.abc import Iterator

import coredis
import msgspec
import pytest
import trio
import trio.testing

from ocpp_trio.backend.letters import Presence
from ocpp_trio.backend.outbox import Outbox
from ocpp_trio.backend.redis import RedisBus
from tests.backend.nodes import Valkey, until

STREAM = "ocpp-trio:letters"

pytestmark = pytest.mark.real


@pytest.fixture
def server(tmp_path_factory) -> Iterator[Valkey]:
    made = Valkey(tmp_path_factory.mktemp("v"))
    yield made
    made.close()


async def test_entries_of_somebody_elses_are_passed_over(server, caplog):
    box, bus, heard = Outbox("a", "1"), server.bus("a"), list[bytes]()
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.run, box, lambda sheet, age: heard.append(sheet))
        await until(lambda: bus.status.healthy)
        async with coredis.Redis.from_url(server.url, verify_version=False) as client:
            await client.xadd(STREAM, {b"other": b"field"})
            await client.xadd(STREAM, {b"l": b"no list of letters"})

        box.post(Presence("CP-1", online=True))

        await until(lambda: len(heard) == 1)
        assert bus.status.healthy
        nursery.cancel_scope.cancel()
    assert caplog.text.count("an entry of the stream that is no node's") == 2


async def test_a_server_that_answers_with_errors_is_out_of_order_until_it_does_not(server):
    box, bus, heard = Outbox("a", "1"), server.bus("a"), list[bytes]()
    async with trio.open_nursery() as nursery, coredis.Redis.from_url(server.url, verify_version=False) as client:
        await nursery.start(bus.run, box, lambda sheet, age: heard.append(sheet))
        await until(lambda: bus.status.healthy)
        await client.set(STREAM, "somebody took the name for a text")

        box.post(Presence("CP-1", online=True))
        await until(lambda: not bus.status.healthy)
        assert "wrong kind of value" in bus.status.detail
        await client.delete([STREAM])

        await until(lambda: bus.status.healthy and len(heard) == 1)
        nursery.cancel_scope.cancel()


WRITE_LATE = """
local now = redis.call('TIME')
local id = now[1] * 1000 + math.floor(now[2] / 1000) - 2000
return redis.call('XADD', KEYS[1], string.format('%.0f', id) .. '-1', 'l', ARGV[1])
"""


async def test_a_letter_is_never_taken_for_younger_than_it_is(server):
    sheet, bus, ages = msgspec.msgpack.encode([b"a letter"]), server.bus("a"), list[float]()
    async with trio.open_nursery() as nursery, coredis.Redis.from_url(server.url, verify_version=False) as client:
        await nursery.start(bus.run, Outbox("a", "1"), lambda sheet, age: ages.append(age))
        await until(lambda: bus.status.healthy)

        await client.eval(WRITE_LATE, [STREAM], [sheet])

        await until(lambda: len(ages) == 1)
        nursery.cancel_scope.cancel()
    assert ages[0] > 1.99


@pytest.fixture
def clock() -> trio.testing.MockClock:
    """Real time that can be put forward: then the server's clock is behind."""
    return trio.testing.MockClock(rate=1.0)


async def test_letters_are_not_taken_for_old_because_the_clocks_drift(server, clock):
    box, bus, ages = Outbox("a", "1"), RedisBus(server.url), list[float]()
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.run, box, lambda sheet, age: ages.append(age))
        await until(lambda: bus.status.healthy)
        clock.jump(3.0)

        with trio.fail_after(10):
            while not ages or ages[-1] > 1:
                box.post(Presence("CP-1", online=True))
                await trio.sleep(0.1)

        assert bus.status.healthy
        assert bus.status.since < trio.current_time() - 3
        nursery.cancel_scope.cancel()


async def test_a_bus_that_is_back_says_so_where_it_said_that_it_was_down(server, caplog):
    caplog.set_level("WARNING")
    box, bus = Outbox("a", "1"), server.bus("a")
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.run, box, lambda sheet, age: None)
        await until(lambda: bus.status.healthy)
        assert caplog.messages == []
        server.kill()
        await until(lambda: not bus.status.healthy)
        server.start()
        await until(lambda: bus.status.healthy)
        nursery.cancel_scope.cancel()

    down, back = caplog.messages
    assert (down.partition(":")[0], back) == ("the bus is down", "the bus works again")


async def test_a_server_that_hangs_is_told_in_words(server):
    bus = server.bus("a")
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.run, Outbox("a", "1"), lambda sheet, age: None)
        await until(lambda: bus.status.healthy)

        server.stop()

        await until(lambda: not bus.status.healthy)
        assert bus.status.detail == "TooSlowError: no answer in time"
        nursery.cancel_scope.cancel()


async def test_a_server_that_has_lost_the_newest_letters_does_not_tell_the_old_ones_again(server):
    """As one does that takes over from another: old letters may be those of a life that this node never heard of."""
    box, bus, heard = Outbox("a", "1"), server.bus("a"), list[bytes]()
    async with trio.open_nursery() as nursery, coredis.Redis.from_url(server.url, verify_version=False) as client:
        await client.xadd(STREAM, {b"l": msgspec.msgpack.encode([b"old"])})
        await nursery.start(bus.run, box, lambda sheet, age: heard.append(sheet))
        await until(lambda: bus.status.healthy)
        await client.xadd(STREAM, {b"l": msgspec.msgpack.encode([b"lost"])})
        await until(lambda: len(heard) == 1)

        newest = await client.xrevrange(STREAM, count=1)
        await client.xdel(STREAM, [newest[0].identifier])
        server.partition("a")
        await until(lambda: not bus.status.healthy)
        server.heal("a")
        await until(lambda: bus.status.healthy)
        await server.write([b"new"])
        await until(lambda: b"new" in heard)

        assert heard == [b"lost", b"new"]
        nursery.cancel_scope.cancel()
