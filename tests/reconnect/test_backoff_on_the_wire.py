"""The waits between attempts as they really pass, and that there is one attempt after each."""

import random

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio import ConnectionClosed, ConnectionState, ExponentialBackoff, ReconnectPolicy, v16
from ocpp_trio.testing import CloseWith, Drop, Ignore

S = ConnectionState
SEEDS = st.integers(0, 2**32)
ORDERS = 20
"""Runs of a race: trio shuffles what is runnable at one instant, so each order comes up."""


def virtually(test, *args):
    return trio.run(test, *args, clock=trio.testing.MockClock(autojump_threshold=0))


async def refused(ground, policy, *, attempts, seed=1):
    """The waits of a station that nobody lets in, and the instants of its dials."""
    ground.network.refuse = True
    waits: list[float | None] = []
    async with ground.open_station(reconnect=policy, rng=random.Random(seed)) as station:
        with station.transitions() as changes:
            while len(waits) < attempts:
                transition = await changes.receive()
                waits += [transition.backoff] if transition.state is S.BACKING_OFF else []
        assert station.attempt == attempts
    return waits


async def test_exponential_without_jitter(ground, autojump_clock):
    policy = ReconnectPolicy(backoff=ExponentialBackoff(initial=0.1, maximum=1.6, jitter=0))

    waits = await refused(ground, policy, attempts=8)

    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6, 1.6]
    assert ground.dials == pytest.approx([0, 0.1, 0.3, 0.7, 1.5, 3.1, 4.7, 6.3], abs=1e-12)
    assert [attempt.reconnect for attempt in ground.milestones][:-1] == ground.dials[1:]


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS)
def test_jitter_within_bounds(new_ground, seed):
    """A first wait of 1,000 ms with 20 %: always 800 to 1,200 ms, and the next dial comes right then."""

    async def lose_it_five_times():
        ground = new_ground()
        policy = ReconnectPolicy(backoff=ExponentialBackoff(initial=1, jitter=0.2))
        async with ground.open_station(reconnect=policy, rng=random.Random(seed)) as station:
            for _ in range(5):
                await station.wait_online()
                station.drop_link()
                wait, lost_at = station.current_backoff, trio.current_time()
                assert 0.8 <= wait <= 1.2
                await station.wait_online()
                assert ground.dials[-1] == lost_at + wait

    virtually(lose_it_five_times)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS)
def test_backoff_growth_and_cap(new_ground, seed):
    async def grow():
        ground = new_ground()
        policy = ReconnectPolicy(backoff=ExponentialBackoff(initial=0.1, maximum=1.6, jitter=0.2))

        waits = await refused(ground, policy, attempts=20, seed=seed)

        for attempt, wait in enumerate(waits):
            base = min(0.1 * 2**attempt, 1.6)
            assert base * 0.8 <= wait <= min(base * 1.2, 1.6)
        assert len(set(waits[4:])) > 1

    virtually(grow)


async def test_the_waits_start_again_after_a_time_online(ground, autojump_clock):
    policy = ReconnectPolicy(backoff=ExponentialBackoff(initial=1, jitter=0))
    waits = []

    async with ground.open_station(reconnect=policy) as station:
        for refusals in (0, 3, 1):
            await station.wait_online()
            assert station.attempt == 0
            ground.network.refuse = bool(refusals)
            station.drop_link()
            with station.transitions() as changes:
                waits.append([station.current_backoff])
                while len(waits[-1]) <= refusals:
                    transition = await changes.receive()
                    waits[-1] += [transition.backoff] if transition.state is S.BACKING_OFF else []
            ground.network.refuse = False

    assert waits == [[1], [1, 2, 4, 8], [1, 2]]


@pytest.mark.parametrize("behaviour", [CloseWith(1000), CloseWith(1012, "restart"), Drop()], ids=repr)
@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("order", range(ORDERS // 4))
async def test_close_schedules_exactly_one_reconnect(ground, autojump_clock, behaviour, forced, order):
    """Also when the server closes, the link is dropped twice and a call is pending, all at one instant."""
    ground.stub.on["DataTransfer"] = Ignore()

    async def call():
        with pytest.raises(ConnectionClosed):
            await station.call(v16.DataTransferRequest(vendor_id="org.example"))

    async def force():
        station.drop_link()
        await trio.lowlevel.checkpoint()
        station.drop_link()

    async with ground.open_station() as station:
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(call)
            await ground.stub.wait_received(1, "DataTransfer")
            nursery.start_soon(ground.stub.do, behaviour)
            if forced:
                nursery.start_soon(force)
        await trio.sleep(100)

        assert station.statistics().reconnects == 1
    assert ground.dials == [0, 1.5]
    assert ground.counters.value("reconnects") == 1


@pytest.mark.parametrize("order", range(ORDERS))
async def test_no_reconnect_while_closing(ground, autojump_clock, order):
    """The server closes at the instant at which the body leaves."""
    ground.stub.close_after = 5

    async with ground.open_station() as station:
        await trio.sleep(5)
    await trio.sleep(1000)

    assert ground.dials == [0]
    assert station.state is S.DISCONNECTED
    assert station.statistics().reconnects == 0


async def test_no_reconnect_while_leaving_over_a_dead_link(ground, autojump_clock):
    """Saying goodbye takes the close timeout here, and the link ends meanwhile."""
    async with trio.open_nursery() as nursery, ground.open_station() as station:
        await station.wait_online()
        ground.network.links[0].stall(server=True)
        nursery.start_soon(reset_later, ground.network.links[0])
    await trio.sleep(1000)

    assert ground.dials == [0]
    assert station.state is S.DISCONNECTED


async def reset_later(link):
    await trio.sleep(1)
    link.reset()


async def test_one_connect_is_in_flight_at_any_time(ground, autojump_clock):
    """Attempts that hang for longer than any wait: the next one starts only after the last has ended."""
    in_flight = []
    peak = 0

    async def slow_dial(host, port):
        nonlocal peak
        in_flight.append(port)
        peak = max(peak, len(in_flight))
        try:
            await trio.sleep(9)
            raise ConnectionRefusedError("after a long think")
        finally:
            in_flight.pop()

    async with ground.open_station(dial=slow_dial) as station:
        await trio.sleep(500)

        assert station.attempt > 10
    assert peak == 1
