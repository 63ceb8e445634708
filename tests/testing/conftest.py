"""A stub to be tested, twice: in memory under an autojump clock, and on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import Limits, Transport, open_client
from ocpp_trio.testing import CsmsStub, MemoryNetwork


@attrs.define
class Ground:
    """A stub, and a bare WebSocket as its station. `virtual` says whether instants are exact."""

    virtual: bool
    network: MemoryNetwork = attrs.Factory(MemoryNetwork)
    stub: CsmsStub = attrs.Factory(CsmsStub)

    def assert_now(self, seconds: float) -> None:
        if self.virtual:
            assert trio.current_time() == seconds

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[int]:
        """The stub listening on a port."""
        listen = self.network.listen if self.virtual else trio.open_tcp_listeners
        async with trio.open_nursery() as nursery:
            yield await nursery.start(partial(self.stub.serve, 0, host="127.0.0.1", listen=listen))
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def dial(self, port: int, *, subprotocols: tuple[str, ...] = ("ocpp1.6",)) -> AsyncIterator[Transport]:
        """A station's WebSocket to the stub."""
        stream = await (self.network.dial if self.virtual else trio.open_tcp_stream)("127.0.0.1", port)
        async with open_client(
            stream, host="127.0.0.1", resource="/CP-1", subprotocols=subprotocols, limits=Limits()
        ) as transport:
            yield transport

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Transport]:
        """Both."""
        async with self.serve() as port, self.dial(port) as station:
            yield station


@pytest.fixture(params=["memory", pytest.param("socket", marks=pytest.mark.real)])
def ground(request: pytest.FixtureRequest) -> Ground:
    return Ground(virtual=request.param == "memory")


@pytest.fixture
def clock(ground: Ground) -> trio.testing.MockClock | None:
    return trio.testing.MockClock(autojump_threshold=0) if ground.virtual else None
