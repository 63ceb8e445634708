"""A CSMS restarts under a hundred stations: when do they come back?"""

import random
from collections import Counter
from functools import partial

import pytest
import trio
import trio.testing

from ocpp_trio import ExponentialBackoff, ReconnectPolicy, Router, open_charge_point, v16
from ocpp_trio.observe import Milestones
from ocpp_trio.testing import CsmsStub, MemoryNetwork

pytestmark = pytest.mark.untraced

STATIONS = 100
DOWN_AT, UP_AT = 300.0, 305.0
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")


async def be_station(network, milestones, number, policy):
    async with open_charge_point(
        "ws://csms:9000/ocpp",
        f"CP-{number}",
        router=Router(v16),
        boot=BOOT,
        reconnect=policy,
        instrument=milestones,
        dial=network.dial,
        rng=random.Random(number),
    ):
        await trio.sleep_forever()


async def serve_from_to(network, until):
    stub = CsmsStub()
    with trio.move_on_at(until):
        await stub.serve(9000, listen=network.listen)


async def restart(policy, *, ends):
    """The instants at which the stations were connected again after the restart, in order."""
    network, milestones = MemoryNetwork(), Milestones()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_from_to, network, DOWN_AT)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(STATIONS):
            nursery.start_soon(be_station, network, milestones, number, policy)
        await trio.sleep_until(UP_AT)
        nursery.start_soon(serve_from_to, network, ends)
        await trio.sleep_until(ends - 1)
        nursery.cancel_scope.cancel()
    losses = [attempt for attempt in milestones if attempt.open is not None and attempt.lost == DOWN_AT]
    opened = sorted(attempt.open for attempt in milestones if attempt.open is not None and attempt.open >= UP_AT)
    assert len(losses) == STATIONS
    assert len(opened) == STATIONS, "everybody is back, and once"
    assert len({attempt.identity for attempt in milestones if attempt.online and attempt.online >= UP_AT}) == STATIONS
    return opened


def worst_second(instants):
    return max(Counter(int(at) for at in instants).values())


async def test_fleet_policy_spreads_a_restart_over_its_window(autojump_clock):
    opened = await restart(ReconnectPolicy.fleet(window=60), ends=800)

    assert worst_second(opened) <= 8
    assert opened[-1] - opened[0] > 45
    assert opened[-1] < DOWN_AT + 60 + 30


@pytest.mark.parametrize("jitter", [0, 0.2])
async def test_the_policy_for_one_station_brings_them_all_back_at_once(autojump_clock, jitter):
    """The reason for the fleet policy: a few seconds of outage, and the herd arrives together."""
    policy = ReconnectPolicy(backoff=ExponentialBackoff(jitter=jitter))

    opened = await restart(policy, ends=800)

    assert worst_second(opened) >= 30
    assert len(set(opened)) == (1 if jitter == 0 else STATIONS)


def test_the_same_seeds_give_the_same_instants():
    def run():
        clock = trio.testing.MockClock(autojump_threshold=0)
        return trio.run(partial(restart, ReconnectPolicy.fleet(window=60), ends=800), clock=clock)

    assert run() == run()
