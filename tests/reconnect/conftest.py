"""The ground that every test of reconnecting stands on, and a way to wait for one state."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from ocpp_trio import ConnectionState, Transition
from tests.station_ground import ground as ground
from tests.station_ground import new_ground as new_ground

Until = Callable[[trio.MemoryReceiveChannel[Transition], ConnectionState], Awaitable[Transition]]


async def _wait_for(changes: trio.MemoryReceiveChannel[Transition], state: ConnectionState) -> Transition:
    """The next transition to a state, from a subscription."""
    async for transition in changes:
        if transition.state is state:
            return transition
    raise AssertionError(f"the subscription ended before {state}")


@pytest.fixture(scope="session")
def until() -> Until:
    return _wait_for
