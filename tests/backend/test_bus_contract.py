"""What a bus promises, whichever it is: each test runs on the fake and on a real server."""

import pytest
import trio

from ocpp_trio.backend.letters import Presence, read_letter
from ocpp_trio.backend.outbox import Outbox
from tests.backend.nodes import until


def number(place: int) -> Presence:
    return Presence(str(place), online=True)


def numbers(sheets: list[bytes]) -> list[int]:
    bodies = [read_letter(sheet).open() for sheet in sheets]
    return [int(body.identity) for body in bodies if isinstance(body, Presence)]


async def test_what_one_writes_reaches_all_in_its_order_and_once(server, clock):
    heard: dict[str, list[bytes]] = {"a": [], "b": [], "c": []}
    boxes = {name: Outbox(name, f"life-{name}") for name in heard}
    async with trio.open_nursery() as nursery:
        for name, box in boxes.items():
            await nursery.start(server.bus(name).run, box, lambda sheet, age, to=heard[name]: to.append(sheet))
        # The place that a bus reads from is found when it is connected; what is written earlier it need not hear.
        boxes["a"].post(number(-1))
        boxes["b"].post(number(-1))
        boxes["c"].post(number(-1))
        await until(lambda: all(box.waiting == 0 for box in boxes.values()))

        for place in range(500):
            boxes["a"].post(number(place))
            boxes["b"].post(number(place + 1000))

        await until(lambda: all(len([n for n in numbers(got) if n >= 0]) == 1000 for got in heard.values()))
        nursery.cancel_scope.cancel()
    for got in heard.values():
        assert [n for n in numbers(got) if 0 <= n < 1000] == list(range(500))
        assert [n for n in numbers(got) if n >= 1000] == list(range(1000, 1500))


async def test_what_was_written_before_a_node_came_does_not_reach_it(server, clock):
    early, late = Outbox("a", "1"), Outbox("b", "2")
    heard: list[bytes] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(server.bus("a").run, early, lambda sheet, age: None)
        early.post(number(1))
        await early.wait_empty()

        bus = server.bus("b")
        await nursery.start(bus.run, late, lambda sheet, age: heard.append(sheet))
        late.post(number(2))
        await late.wait_empty()
        early.post(number(3))

        await until(lambda: len(heard) == 2)
        nursery.cancel_scope.cancel()
    assert numbers(heard) == [2, 3]


async def test_a_letter_comes_with_its_age(server, clock):
    box = Outbox("a", "1")
    ages: list[float] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(server.bus("a").run, box, lambda sheet, age: ages.append(age))
        box.post(number(1))
        await until(lambda: len(ages) == 1)
        nursery.cancel_scope.cancel()
    assert 0 <= ages[0] < 0.5


async def test_a_reader_that_comes_back_reads_on_where_it_was(server, clock):
    """It has read some letters when it loses the carrier, which goes on without it. Back again it reads what it has
    not read yet: all of it, in order, and nothing twice.
    """
    box, heard = Outbox("a", "1"), list[bytes]()
    reader = server.bus("b")
    async with trio.open_nursery() as nursery:
        await nursery.start(server.bus("a").run, box, lambda sheet, age: None)
        await nursery.start(reader.run, Outbox("b", "1"), lambda sheet, age: heard.append(sheet))
        await until(lambda: reader.status.healthy)
        for place in range(10):
            box.post(number(place))
        await until(lambda: len(heard) == 10)

        server.partition("b")
        await until(lambda: not reader.status.healthy)
        for place in range(10, 200):
            box.post(number(place))
        await box.wait_empty()
        assert len(heard) == 10
        server.heal("b")
        await until(lambda: len(heard) >= 200)

        box.post(number(200))
        await until(lambda: numbers(heard)[-1] == 200)
        nursery.cancel_scope.cancel()
    assert numbers(heard) == list(range(201))


@pytest.mark.parametrize("length", [100])
async def test_the_oldest_is_forgotten_beyond_the_length(server, clock, length):
    """A reader loses the carrier for longer than that keeps: it gets the newest letters, without a hole among them."""
    box, heard = Outbox("a", "1"), list[bytes]()
    reader = server.bus("b")
    async with trio.open_nursery() as nursery:
        await nursery.start(server.bus("a").run, box, lambda sheet, age: None)
        await nursery.start(reader.run, Outbox("b", "1"), lambda sheet, age: heard.append(sheet))
        await until(lambda: reader.status.healthy)
        server.partition("b")
        await until(lambda: not reader.status.healthy)
        for place in range(500):
            box.post(number(place))
            await box.wait_empty()  # or else many letters would share one entry

        server.heal("b")
        await until(lambda: numbers(heard)[-1:] == [499])
        nursery.cancel_scope.cancel()
    # A server that trims about so many entries keeps up to a block more of them.
    assert length <= len(heard) <= 2 * length
    assert numbers(heard) == list(range(500 - len(heard), 500))


async def test_what_was_not_confirmed_is_written_again_as_it_was(server, clock):
    box, heard = Outbox("a", "1"), list[bytes]()
    writer, reader = server.bus("a"), server.bus("b")
    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run, box, lambda sheet, age: None)
        await nursery.start(reader.run, Outbox("b", "1"), lambda sheet, age: heard.append(sheet))
        await until(lambda: writer.status.healthy and reader.status.healthy)
        server.doubt()
        box.post(number(1))
        if not server.virtual:
            await until(lambda: not writer.status.healthy)
        server.start()

        await box.wait_empty()
        box.post(number(2))
        await until(lambda: numbers(heard)[-1:] == [2])
        nursery.cancel_scope.cancel()
    assert numbers(heard)[:2] == [1, 1]
    assert heard[0] == heard[1]


@pytest.mark.parametrize("strike", ["kill", "stop"])
async def test_an_outage_shows_in_the_status_and_ends(server, clock, strike):
    box, bus = Outbox("a", "1"), server.bus("a")
    heard: list[bytes] = []
    async with trio.open_nursery() as nursery:
        assert not bus.status.healthy
        await nursery.start(bus.run, box, lambda sheet, age: heard.append(sheet))
        await until(lambda: bus.status.healthy)

        getattr(server, strike)()
        box.post(number(1))
        await until(lambda: not bus.status.healthy)
        assert bus.status.detail
        begun = bus.status.since
        server.start()

        await until(lambda: bus.status.healthy and len(heard) >= 1)
        nursery.cancel_scope.cancel()
    # Twice if the server had read it and its confirmation came too late.
    assert set(numbers(heard)) == {1}
    assert bus.status.since >= begun
    assert bus.status.detail == ""


async def test_it_can_be_left_in_the_middle_of_an_outage(server, clock):
    box, bus = Outbox("a", "1"), server.bus("a")
    with trio.fail_after(15):
        async with trio.open_nursery() as nursery:
            await nursery.start(bus.run, box, lambda sheet, age: None)
            await until(lambda: bus.status.healthy)
            server.stop()
            box.post(number(1))
            await until(lambda: not bus.status.healthy)
            nursery.cancel_scope.cancel()
    assert box.waiting == 1
