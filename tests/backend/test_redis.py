"""The bus over a server, as far as no other bus can be like it: what else may be in there, and what it may answer."""

from collections.abc import Iterator

import coredis
import pytest
import trio

from ocpp_trio.backend.letters import Presence
from ocpp_trio.backend.outbox import Outbox
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
