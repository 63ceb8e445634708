"""Leaving at any step of the very first instant, and what becomes of those who wait for the station then."""

import pytest
import trio
import trio.testing
from trio._core import _run as scheduler

from ocpp_trio import CloseReason, ConnectionClosed, ConnectionState

S = ConnectionState
SEEDS = 8


def in_order(seed, test, *args):
    """Run with trio's order of what is runnable at one instant drawn from a seed."""
    scheduler._r.seed(seed)
    trio.run(test, *args, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.fixture
def _reproducible_order(monkeypatch):
    monkeypatch.setattr(scheduler, "_ALLOW_DETERMINISTIC_SCHEDULING", True)


@pytest.mark.usefixtures("_reproducible_order")
@pytest.mark.parametrize("cancelled", [False, True], ids=["returning", "cancelled"])
@pytest.mark.parametrize("steps", range(41))
def test_leaving_after_any_number_of_steps_is_clean_and_at_once(new_ground, steps, cancelled):
    async def leave():
        ground = new_ground()
        async with ground.serving() as port:
            with trio.CancelScope() as scope:
                async with ground.station_for(port) as station:
                    for _ in range(steps):
                        await trio.lowlevel.checkpoint()
                    if cancelled:
                        scope.cancel()
                        await trio.lowlevel.checkpoint()
            assert trio.current_time() == 0
            assert station.state is S.DISCONNECTED
            assert station.statistics().current_backoff is None
            await trio.sleep(1000)
            assert len(ground.network.links) <= 1

    for seed in range(SEEDS):
        in_order(seed, leave)


async def test_cancelling_around_the_station_is_no_loss_and_the_body_may_still_call(ground, autojump_clock):
    states = []

    async with ground.serving() as port:
        with trio.move_on_after(5):
            async with ground.station_for(port) as station:
                try:
                    await trio.sleep_forever()
                finally:
                    with trio.CancelScope(shield=True):
                        await trio.sleep(2)
                        states.append((trio.current_time(), station.state))

    assert states == [(7, S.ONLINE)]
    assert trio.current_time() == 7
    assert ground.counters.value("reconnects") == 0


async def test_who_waits_for_online_learns_that_the_station_left(ground, autojump_clock):
    ground.network.refuse = True
    ends = []

    async def wait(station):
        try:
            await station.wait_online()
        except ConnectionClosed as exc:
            ends.append((trio.current_time(), exc.reason, exc.was_sent))

    async with trio.open_nursery() as nursery:
        async with ground.open_station() as station:
            nursery.start_soon(wait, station)  # noqa: ASYNC111  # outlives the station on purpose
            await trio.sleep(1)
        await wait(station)

    assert ends == [(1, CloseReason.STOPPING, False)] * 2


async def test_waiting_for_online_after_leaving_while_online_is_refused(ground, autojump_clock):
    async with ground.open_station() as station:
        await station.wait_online()

    with pytest.raises(ConnectionClosed, match="stopping"):
        await station.wait_online()
    await station.wait_offline()


async def test_a_subscription_ends_with_the_station(ground, autojump_clock):
    seen = []

    async def read(station):
        with station.transitions() as changes:
            seen.extend([(change.at, change.state) async for change in changes])
        seen.append((trio.current_time(), "end"))

    async with trio.open_nursery() as nursery, ground.open_station() as station:
        nursery.start_soon(read, station)  # noqa: ASYNC111  # outlives the station on purpose
        await trio.sleep(1)

    expected = [(0, S.CONNECTING), (0, S.BOOTING), (0, S.RESUMING), (0.25, S.ONLINE), (1, S.CLOSING)]
    assert seen[-2:] == [(1, S.DISCONNECTED), (1, "end")]
    assert set(seen[:-2]) <= set(expected)
    assert seen[-3] == expected[-1]


async def test_a_subscription_after_the_end_ends_at_once(ground, autojump_clock):
    async with ground.open_station() as station:
        pass

    with station.transitions() as changes:
        assert [change async for change in changes] == []
