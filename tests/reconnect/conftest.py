"""The ground that every test of reconnecting stands on: memory, the autojump clock, and a CSMS that obeys."""

import itertools
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import pytest
import trio

from ocpp_trio import (
    ChargePoint,
    ConnectionState,
    ExponentialBackoff,
    Instruments,
    Limits,
    ReconnectPolicy,
    Router,
    Transition,
    open_charge_point,
    v16,
)
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
    async def open_station(
        self,
        *,
        identity: str = "CP-1",
        policy: ReconnectPolicy = EXACT,
        router: Router | None = None,
        seed: int = 1,
        limits: Limits | None = None,
        port: int | None = None,
        **options: Any,
    ) -> AsyncIterator[ChargePoint]:
        """A station on its way to a port; without one to the stub, which listens then.

        Message ids are m-1, m-2 …
        """
        ids = (f"m-{number}" for number in itertools.count(1))
        async with trio.open_nursery() as nursery:
            if port is None:
                port = await nursery.start(
                    lambda task_status: self.stub.serve(0, listen=self.network.listen, task_status=task_status)
                )
            async with open_charge_point(
                f"ws://csms:{port}/ocpp",
                identity,
                router=router or Router(v16),
                boot=BOOT,
                reconnect=policy,
                limits=limits,
                instrument=Instruments([self.counters, self.milestones, self.timeline]),
                new_message_id=lambda: next(ids),
                rng=random.Random(seed),
                **{"dial": self.dial, **options},
            ) as station:
                yield station
            nursery.cancel_scope.cancel()


async def wait_for(changes: trio.MemoryReceiveChannel[Transition], state: ConnectionState) -> Transition:
    """The next transition to a state, from a subscription."""
    async for transition in changes:
        if transition.state is state:
            return transition
    raise AssertionError(f"the subscription ended before {state}")


@pytest.fixture
def ground() -> Iterator[Ground]:
    ground = Ground()
    yield ground
    print(ground.milestones, ground.timeline, sep="\n")  # shown with a failing test only


@pytest.fixture(scope="session")
def new_ground() -> type[Ground]:
    """For tests that run many examples and need a ground for each."""
    return Ground


@pytest.fixture(scope="session")
def until():
    return wait_for
