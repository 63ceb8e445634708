"""The ground that every smoke test stands on, twice: memory under an autojump clock, and a real socket."""

import itertools
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import (
    ChargePoint,
    ChargePointStatistics,
    ExponentialBackoff,
    Instruments,
    Limits,
    ReconnectPolicy,
    Router,
    open_charge_point,
    v16,
)
from ocpp_trio.observe import Counters, Logs, Timeline
from ocpp_trio.testing import CsmsStub, MemoryNetwork

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
EXACT = ReconnectPolicy(backoff=ExponentialBackoff(initial=0.5, jitter=0.0))


@attrs.define
class Ground:
    """A network, a stub on it, and instruments on the station. `virtual` says whether instants are exact."""

    virtual: bool
    network: MemoryNetwork = attrs.Factory(MemoryNetwork)
    stub: CsmsStub = attrs.Factory(CsmsStub)
    counters: Counters = attrs.Factory(Counters)
    timeline: Timeline = attrs.Factory(Timeline)

    @property
    def interval(self) -> int:
        """Seconds between heartbeats: as few as the wire allows where they really pass."""
        return 10 if self.virtual else 1

    def assert_now(self, seconds: float) -> None:
        """Exact on the virtual clock; on the real one durations are nobody's promise."""
        if self.virtual:
            assert trio.current_time() == seconds

    def assert_idle(self, snapshot: ChargePointStatistics) -> None:
        """Nothing pending, no deadline, nothing on its way out; and writes were one at a time all along."""
        assert (snapshot.pending_calls, snapshot.deadlines) == (0, 0)
        assert snapshot.session is not None
        assert (snapshot.session.writes_waiting, snapshot.session.writes_in_flight) == (0, 0)
        assert snapshot.session.max_writes_in_flight == 1

    @asynccontextmanager
    async def open_station(self, *, router: Router | None = None, **limits: Any) -> AsyncIterator[ChargePoint]:
        """The stub listening, and a station on its way to it. Message ids are m-1, m-2 …"""
        ids = (f"m-{number}" for number in itertools.count(1))
        real: dict[str, Any] = {} if not self.virtual else {"dial": self.network.dial}
        listen = self.network.listen if self.virtual else trio.open_tcp_listeners
        async with trio.open_nursery() as nursery:
            port = await nursery.start(lambda task_status: self.stub.serve(0, listen=listen, task_status=task_status))
            async with open_charge_point(
                f"ws://127.0.0.1:{port}/ocpp",
                "CP-1",
                router=router or Router(v16),
                boot=BOOT,
                reconnect=EXACT,
                limits=Limits(**limits),
                instrument=Instruments([self.counters, self.timeline, Logs()]),
                new_message_id=lambda: next(ids),
                rng=random.Random(1),
                **real,
            ) as station:
                yield station
            nursery.cancel_scope.cancel()


@pytest.fixture(params=["memory", pytest.param("socket", marks=pytest.mark.real)])
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    ground = Ground(virtual=request.param == "memory")
    yield ground
    print(ground.timeline)  # shown with a failing test only


@pytest.fixture
def clock(ground: Ground) -> trio.testing.MockClock | None:
    return trio.testing.MockClock(autojump_threshold=0) if ground.virtual else None
