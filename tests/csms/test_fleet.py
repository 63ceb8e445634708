"""A fleet comes back after a restart, to a CSMS that takes a tenth of it at once and as many a second."""

from random import Random

import pytest
import trio

from ocpp_trio import (
    ExponentialBackoff,
    Instrument,
    Limits,
    ReconnectPolicy,
    Router,
    open_charge_point,
    serve_csms,
    v16,
)
from ocpp_trio.testing import MemoryNetwork
from tests.csms.test_cancellation import willing

pytestmark = pytest.mark.untraced

STATIONS, RATE, BURST = 200, 20.0, 20
UP_AT = 2.0
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")


class Openings(Instrument):
    """When a session began."""

    def __init__(self):
        self.instants = []

    def connection_opened(self, link):
        self.instants.append(trio.current_time())


async def serve(network, openings, *, task_status):  # noqa: ASYNC128  # serve_csms calls started()
    await serve_csms(
        [willing()],
        9000,
        limits=Limits(upgrades_per_second=RATE, upgrade_burst=BURST),
        instrument=openings,
        rng=Random(1),
        listen=network.listen,
        task_status=task_status,
    )


async def be_station(network, number, online):
    policy = ReconnectPolicy(backoff=ExponentialBackoff(jitter=0))
    url = "ws://csms:9000/ocpp"
    async with open_charge_point(
        url,
        f"CP-{number}",
        router=Router(v16),
        boot=BOOT,
        reconnect=policy,
        dial=network.host(f"site-{number}").dial,
        rng=Random(number),
    ) as station:
        await station.wait_online()
        online.append(trio.current_time())
        await trio.sleep_forever()


def assert_within_the_bucket(instants):
    """In no stretch of time more than the burst and what grew back in it: a bucket of our own never runs dry."""
    tokens, as_of = float(BURST), UP_AT
    for instant in instants:
        tokens = min(tokens + (instant - as_of) * RATE, BURST) - 1
        as_of = instant
        assert tokens > -1e-6, f"one too many at {instant}"


async def test_a_fleet_without_any_jitter_comes_back_at_the_rate_of_the_bucket(autojump_clock):
    """They all lost the old server at one moment, and all dial the new one at one moment."""
    network, after = MemoryNetwork(), Openings()
    online: list[float] = []
    async with trio.open_nursery() as nursery:
        for number in range(STATIONS):
            nursery.start_soon(be_station, network, number, online)
        await trio.sleep_until(UP_AT)
        server = await nursery.start(serve, network, after)
        await trio.sleep_until(100)
        statistics = server.statistics()
        nursery.cancel_scope.cancel()

    assert len(online) == STATIONS
    assert_within_the_bucket(after.instants)
    assert after.instants.count(UP_AT + 1.5) == BURST, "the attempts are in lock step, and so is the first wave"
    assert statistics.shed == statistics.connections - STATIONS > 0
    assert online[-1] < UP_AT + 60
