"""Letting a fleet go: at a rate, with a code that says why, and never later than promised."""

import math
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from ocpp_trio import CloseReason, ConnectionClosed, v16

FLEET = 1000
CLEAR = v16.ClearCacheRequest()
RESTART = b"\x88\x11\x03\xf4service restart"
"""The close frame of 1012, as a server sends it."""
CLOSE = b"\x88\x82\0\0\0\0\x03\xf4"
"""A station's answer to it, with a mask of zeros."""


class Fleet:
    """Stations that do nothing but answer a close; `told` is when each of them read it."""

    def __init__(self, ground):
        self.ground = ground
        self.told: dict[int, float] = {}

    async def connect(self, number):
        stream = await self.ground.dial()
        await stream.send_all(self.ground.request(f"/CP-{number}"))
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")
        return stream

    async def obey(self, number, stream):
        assert await stream.receive_some() == RESTART
        self.told[number] = trio.current_time()
        await stream.send_all(CLOSE)
        assert await self.ground.read(stream) == b""


@pytest.fixture
def fleet(ground):
    return Fleet(ground)


@asynccontextmanager
async def booted(ground, *identities):
    """A CSMS, stations that have booted there, and a nursery."""
    async with ground.serve() as server, AsyncExitStack() as stack:
        stations = [await stack.enter_async_context(ground.connect(identity)) for identity in identities]
        for station in stations:
            await station.boot()
        async with trio.open_nursery() as nursery:
            yield server, stations, nursery


async def note_the_end(drain, ends):
    await drain()
    ends.append(trio.current_time())


@pytest.mark.untraced
async def test_a_planned_restart_lets_them_go_at_the_rate_to_the_instant(ground, fleet, autojump_clock):
    async with ground.serve(upgrades_per_second=math.inf) as server, trio.open_nursery() as nursery:
        for number in range(FLEET):
            nursery.start_soon(fleet.obey, number, await fleet.connect(number))
        await trio.sleep(5)
        await server.drain(60, code=1012, per_second=100)
        ground.assert_now(5 + 9.99)
        await ground.returned.wait()
        ground.assert_now(5 + 9.99)

    assert fleet.told == {number: 5 + number / 100 for number in range(FLEET)}
    assert server.sessions == {}
    assert ground.counters.value("closes", reason="stopping") == FLEET


@pytest.mark.untraced
async def test_a_drain_of_a_fleet_that_is_half_silent_ends_after_deadline_and_close_timeout(
    ground, fleet, autojump_clock
):
    """Every session has a CALL out; half of the stations answer it, the others have stopped reading."""

    async def answer(number, stream):
        frame = await stream.receive_some()
        call = frame[frame.index(b"[") :].split(b'"')[1].decode()
        await stream.send_all(ground.frame(f'[3,"{call}",{{"status":"Accepted"}}]'))
        await fleet.obey(number, stream)

    async def task(session):
        await asked.wait()
        try:
            ends.append((await session.call(CLEAR)).status)
        except ConnectionClosed as exc:
            ends.append((exc.closed.code, exc.was_sent, trio.current_time()))

    ends: list[object] = []
    asked = trio.Event()
    tasks = trio.lowlevel.current_statistics().tasks_living
    async with ground.serve(upgrades_per_second=math.inf, session_task=task) as server:
        async with trio.open_nursery() as nursery:
            for number in range(FLEET):
                stream = await fleet.connect(number)
                if number % 2:
                    ground.network.links[-1].stall(client=True)
                else:
                    nursery.start_soon(answer, number, stream)
            asked.set()
            await trio.sleep(5)
            await server.drain(7, code=1012)
            ground.assert_now(5 + 7)
        ground.assert_now(5 + 7)
        await ground.returned.wait()
        ground.assert_now(5 + 7 + 3)
        await trio.testing.wait_all_tasks_blocked()
        left = trio.lowlevel.current_statistics().tasks_living - tasks

    assert ends.count(v16.ClearCacheStatus.ACCEPTED) == FLEET // 2
    assert ends.count((1012, True, 12)) == FLEET // 2
    assert fleet.told == dict.fromkeys(range(0, FLEET, 2), 5), "those with nothing open go at once"
    assert (server.sessions, server.statistics().pending_handshakes) == ({}, 0)
    assert left == 0


async def test_a_session_works_until_its_turn_and_finishes_what_it_began(ground, answer_after, autojump_clock):
    answer_after(2)

    drained: list[float] = []
    async with booted(ground, "A", "B") as (server, (a, b), nursery):
        nursery.start_soon(note_the_end, partial(server.drain, 60, code=1012, per_second=0.125), drained)
        first = await a.wait_ended()
        ground.assert_now(0)
        await trio.sleep(7)
        assert (await b.call("Heartbeat"))[0] == 3
        await b.send(2, "s-2", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1.5)
        refused = await b.call("Heartbeat")
        answer = await b.receive()
        ground.assert_now(9)
        last = await b.wait_ended()
        ground.assert_now(9)
        await ground.returned.wait()

    assert refused == [4, "s-1", "GenericError", "shutting down", {}]
    assert answer[:2] == [3, "s-2"]
    assert [(closed.code, closed.detail) for closed in (first, last)] == [(1012, "service restart")] * 2
    assert drained == [9]


async def test_a_rate_that_was_too_slow_ends_at_the_deadline_all_the_same(ground, autojump_clock):
    async with booted(ground, "A", "B", "C") as (server, (a, b, c), nursery):
        nursery.start_soon(lambda: server.drain(5, code=1013, per_second=0.25))
        ends = []
        for station in (a, b, c):
            closed = await station.wait_ended()
            ends.append((closed.code, trio.current_time()))
        await ground.returned.wait()

    assert ends == [(1013, 0), (1013, 4), (1013, 5)]


async def test_a_second_drain_overtakes_a_slow_one(ground, autojump_clock):
    drained: list[float] = []
    async with booted(ground, "A", "B") as (server, (a, b), nursery):
        nursery.start_soon(note_the_end, partial(server.drain, 1000, code=1012, per_second=0.01), drained)
        await trio.sleep(2)
        await server.drain(1)
        codes = [(await station.wait_ended()).code for station in (a, b)]
        await ground.returned.wait()
        ground.assert_now(2)

    assert codes == [1012, 1001]
    assert drained == [2]


async def test_a_cancelled_restart_closes_those_whose_turn_has_not_come_at_once(ground, autojump_clock):
    async with booted(ground, "A", "B", "C") as (server, (a, b, c), _):
        with trio.move_on_after(6):
            await server.drain(60, code=1012, per_second=0.25)
        ends = [await station.wait_ended() for station in (a, b, c)]
        await ground.returned.wait()
        ground.assert_now(6)

    assert [closed.code for closed in ends] == [1012] * 3


async def test_nobody_new_is_let_in_while_the_others_take_their_turns(ground, autojump_clock):
    async with booted(ground, "A", "B") as (server, (_, b), nursery):
        half = await ground.dial()
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(lambda: server.drain(60, code=1012, per_second=0.25))
        await trio.sleep(1)
        with pytest.raises(ConnectionRefusedError):
            await ground.dial()
        await half.send_all(ground.request("/late"))
        assert (await ground.read_head(half)).startswith(b"HTTP/1.1 101 ")
        assert await half.receive_some() == RESTART
        ground.assert_now(1)
        await half.aclose()
        assert list(server.sessions) == ["B"]
        assert (await b.wait_ended()).code == 1012
        ground.assert_now(4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"code": 1006}, "code: expected one of 1001, 1012, 1013, found 1006"),
        ({"per_second": 0}, "per_second: expected a positive number, found 0"),
        ({"per_second": float("nan")}, "per_second: expected a positive number, found nan"),
    ],
)
async def test_what_cannot_be_meant_is_a_value_error_and_nothing_happens(ground, options, message, autojump_clock):
    async with ground.serve() as server:
        with pytest.raises(ValueError, match=message):
            await server.drain(1, **options)
        async with ground.connect() as station:
            assert (await station.call("Heartbeat"))[0] == 3


@pytest.mark.real
async def test_planned_restart_on_real_sockets(real_ground):
    async def live(number, *, task_status):
        async with real_ground.connect(f"CP-{number}") as station:
            await station.call("Heartbeat")
            task_status.started()
            closed = await station.wait_ended()
            ends.append((closed.code, closed.reason))

    ends: list[object] = []
    async with real_ground.serve() as server, trio.open_nursery() as nursery:
        for number in range(20):
            await nursery.start(live, number)
        await server.drain(20, code=1012, per_second=200)
        await real_ground.returned.wait()

    assert ends == [(1012, CloseReason.CLEAN)] * 20
