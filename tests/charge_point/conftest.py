"""A CSMS that obeys, a network in memory, and a station between them."""

import itertools
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import attrs
import pytest
import trio

from ocpp_trio import (
    ChargePoint,
    ExponentialBackoff,
    Instruments,
    ReconnectPolicy,
    Router,
    open_charge_point,
    v16,
)
from ocpp_trio.observe import Counters, Timeline
from ocpp_trio.testing import CsmsStub, MemoryNetwork

BOOT: Final = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
EXACT: Final = ReconnectPolicy(backoff=ExponentialBackoff(initial=0.5, jitter=0.0))


@attrs.define
class Ground:
    """A network, a stub on it, and instruments on the station."""

    network: MemoryNetwork = attrs.Factory(MemoryNetwork)
    stub: CsmsStub = attrs.Factory(CsmsStub)
    counters: Counters = attrs.Factory(Counters)
    timeline: Timeline = attrs.Factory(Timeline)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """The stub listening; its port."""
        async with trio.open_nursery() as nursery:
            yield await nursery.start(
                lambda task_status: self.stub.serve(0, listen=self.network.listen, task_status=task_status)
            )
            nursery.cancel_scope.cancel()

    def station_for(self, port: int, **options: Any) -> AbstractAsyncContextManager[ChargePoint]:
        """A station on its way to a port. Message ids are m-1, m-2 …"""
        ids = (f"m-{number}" for number in itertools.count(1))
        settings: dict[str, Any] = {
            "router": Router(v16),
            "boot": BOOT,
            "reconnect": EXACT,
            "dial": self.network.dial,
            "instrument": Instruments([self.counters, self.timeline]),
            "new_message_id": lambda: next(ids),
            "rng": random.Random(1),
        }
        url = options.pop("url", f"ws://csms:{port}/ocpp")
        return open_charge_point(url, "CP-1", **(settings | options))

    @asynccontextmanager
    async def open_station(self, **options: Any) -> AsyncIterator[ChargePoint]:
        """Both."""
        async with self.serving() as port, self.station_for(port, **options) as station:
            yield station


@pytest.fixture
def ground() -> Iterator[Ground]:
    ground = Ground()
    yield ground
    print(ground.timeline)  # shown with a failing test only


@pytest.fixture(scope="session")
def new_ground() -> type[Ground]:
    """For tests that run the same thing many times and need a ground for each."""
    return Ground
