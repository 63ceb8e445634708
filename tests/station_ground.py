"""The ground under tests of a station: a network in memory, a CSMS that obeys, and a station between them.

Goes with the autojump clock.
"""

import itertools
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final

import attrs
import pytest
import trio

from ocpp_trio import ChargePoint, ExponentialBackoff, Instruments, ReconnectPolicy, Router, open_charge_point, v16
from ocpp_trio.observe import Counters, Milestones, Timeline
from ocpp_trio.testing import CsmsStub, MemoryNetwork

BOOT: Final = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
EXACT: Final = ReconnectPolicy(backoff=ExponentialBackoff(initial=0.5, jitter=0.0))
"""The first wait is 0.5 s, online comes 0.25 s after the boot reply."""


@attrs.define
class Ground:
    """A network, a stub on it, and instruments on the station. `dials` are the instants of every dial."""

    network: MemoryNetwork = attrs.Factory(MemoryNetwork)
    stub: CsmsStub = attrs.Factory(CsmsStub)
    counters: Counters = attrs.Factory(Counters)
    milestones: Milestones = attrs.Factory(Milestones)
    timeline: Timeline = attrs.Factory(Timeline)
    dials: list[float] = attrs.Factory(list)

    async def dial(self, host: str, port: int) -> trio.abc.Stream:
        self.dials.append(trio.current_time())
        return await self.network.dial(host, port)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """The stub listening; its port."""
        async with trio.open_nursery() as nursery:
            yield await nursery.start(partial(self.stub.serve, 0, listen=self.network.listen))
            nursery.cancel_scope.cancel()

    def station_for(
        self, port: int, *, identity: str = "CP-1", **options: Any
    ) -> AbstractAsyncContextManager[ChargePoint]:
        """A station on its way to a port. Message ids are m-1, m-2 …"""
        ids = (f"m-{number}" for number in itertools.count(1))
        settings: dict[str, Any] = {
            "router": Router(v16),
            "boot": BOOT,
            "reconnect": EXACT,
            "dial": self.dial,
            "instrument": Instruments([self.counters, self.milestones, self.timeline]),
            "new_message_id": lambda: next(ids),
            "rng": random.Random(1),
        }
        url = options.pop("url", f"ws://csms:{port}/ocpp")
        return open_charge_point(url, identity, **(settings | options))

    @asynccontextmanager
    async def open_station(self, **options: Any) -> AsyncIterator[ChargePoint]:
        """A station on its way to the stub, which listens."""
        async with self.serving() as port, self.station_for(port, **options) as station:
            yield station


@pytest.fixture
def ground() -> Iterator[Ground]:
    ground = Ground()
    yield ground
    print(ground.milestones, ground.timeline, sep="\n")  # shown with a failing test only


@pytest.fixture(scope="session")
def new_ground() -> type[Ground]:
    """For tests that run the same thing many times and need a ground for each."""
    return Ground
