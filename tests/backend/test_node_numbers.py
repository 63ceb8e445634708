"""The numbers of nodes, whichever server gives them: each test runs on the fake and on a real server."""

from collections.abc import Iterator

import pytest
import trio
import trio.testing

from ocpp_trio.backend import MemoryExchange, NumberConflict
from ocpp_trio.backend.letters import Beat
from ocpp_trio.backend.outbox import Outbox
from tests.backend.nodes import Memory, Server, Valkey, until


@pytest.fixture(params=["memory", pytest.param("valkey", marks=pytest.mark.real)])
def server(request, tmp_path_factory) -> Iterator[Server]:
    made = Memory(MemoryExchange()) if request.param == "memory" else Valkey(tmp_path_factory.mktemp("v"))
    yield made
    made.close()


@pytest.fixture
def clock(server):
    return trio.testing.MockClock(autojump_threshold=0) if server.virtual else None


async def test_names_that_come_at_once_get_numbers_of_their_own_and_keep_them(server, clock):
    numbers: dict[str, list[int]] = {name: [] for name in "abcde"}

    async def claim(name: str) -> None:
        numbers[name].append(await server.bus(name).claim_number(name))

    for _ in range(3):
        async with trio.open_nursery() as nursery:
            for name in (*numbers, *numbers):
                nursery.start_soon(claim, name)

    assert sorted(each[0] for each in numbers.values()) == [0, 1, 2, 3, 4]
    assert all(each == [each[0]] * 6 for each in numbers.values())


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a_server_that_cannot_be_asked_is_an_error(server, clock, end):
    getattr(server, end)()

    with pytest.raises(ConnectionError, match="no node number from the server"):
        await server.bus("a").claim_number("a")


async def test_a_server_that_has_forgotten_is_told_and_gives_the_number_to_nobody_else(server, clock):
    for name in ("a", "b"):
        await server.bus(name).claim_number(name)
    server.kill()
    server.start()

    assert await server.bus("b").claim_number("b", known=1) == 1
    assert await server.bus("c").claim_number("c") == 2
    assert await server.bus("a").claim_number("a", known=0) == 0
    assert await server.bus("d").claim_number("d") == 3


async def test_a_store_of_another_number_is_a_conflict(server, clock):
    await server.bus("a").claim_number("a")

    with pytest.raises(NumberConflict, match="expected number 7 for node 'a', .* found number 0 at the server"):
        await server.bus("a").claim_number("a", known=7)


async def test_a_number_that_the_server_has_given_to_another_is_a_conflict(server, clock):
    await server.bus("a").claim_number("a")

    with pytest.raises(NumberConflict, match="expected number 0 for node 'b', .* found it given to node 'a'"):
        await server.bus("b").claim_number("b", known=0)
    assert await server.bus("b").claim_number("b") == 1


async def test_a_node_that_runs_tells_a_server_that_has_forgotten_its_number(server, clock):
    bus = server.bus("a")
    await bus.claim_number("a")
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.run, Outbox("a", "1"), lambda sheet, age: None)
        await until(lambda: bus.status.healthy)
        server.kill()
        await until(lambda: not bus.status.healthy)
        server.start()
        await until(lambda: bus.status.healthy)

        assert await server.bus("b").claim_number("b") == 1
        nursery.cancel_scope.cancel()


async def test_a_number_known_from_before_is_told_when_the_server_comes_up_at_last(server, clock):
    bus = server.bus("a")
    server.kill()
    with pytest.raises(ConnectionError):
        await bus.claim_number("a", known=3)
    async with trio.open_nursery() as nursery:
        await nursery.start(bus.run, Outbox("a", "1"), lambda sheet, age: None)
        server.start()
        await until(lambda: bus.status.healthy)

        assert await server.bus("b").claim_number("b") == 4
        nursery.cancel_scope.cancel()


async def test_a_conflict_that_shows_later_keeps_the_node_off_the_bus_and_is_said_once(server, clock, caplog):
    bus, heard = server.bus("a"), list[bytes]()
    server.kill()
    with pytest.raises(ConnectionError):
        await bus.claim_number("a", known=0)
    server.start()
    assert await server.bus("b").claim_number("b") == 0
    async with trio.open_nursery() as nursery:
        other, box = Outbox("b", "2"), Outbox("a", "1")
        listener = server.bus("b")
        await nursery.start(listener.run, other, lambda sheet, age: heard.append(sheet))
        await nursery.start(bus.run, box, lambda sheet, age: None)
        await until(lambda: listener.status.healthy)
        await until(lambda: "found it given to node 'b'" in bus.status.detail)
        box.post(Beat(()))
        await trio.sleep(0.5)

        assert not bus.status.healthy
        assert heard == []
        nursery.cancel_scope.cancel()
    assert len([line for line in caplog.messages if "found it given to node 'b'" in line]) == 1
