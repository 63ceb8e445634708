"""What several nodes stand on, twice: a bus in memory under an autojump clock, and sockets with a real server."""

from collections.abc import Iterator

import pytest
import trio.testing

from ocpp_trio.backend import MemoryExchange
from tests.backend.nodes import Memory, Server, Valkey


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.real)])
def server(request, tmp_path_factory) -> Iterator[Server]:
    made = Memory(MemoryExchange()) if request.param == "memory" else Valkey(tmp_path_factory.mktemp("v"))
    yield made
    made.close()


@pytest.fixture
def clock(server) -> trio.testing.MockClock | None:
    return trio.testing.MockClock(autojump_threshold=0) if server.virtual else None
