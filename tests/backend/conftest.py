"""What carries letters, twice: the fake under an autojump clock, and a real server."""

from collections.abc import Iterator

import pytest
import trio.testing

from ocpp_trio.backend import MemoryExchange
from tests.backend.nodes import Memory, Server, Valkey


@pytest.fixture
def length() -> int:
    """How much the carrier keeps; a test that is about it says so."""
    return 8192


@pytest.fixture(params=["memory", pytest.param("valkey", marks=pytest.mark.real)])
def server(request, length, tmp_path_factory) -> Iterator[Server]:
    made: Server = (
        Memory(MemoryExchange(length=length))
        if request.param == "memory"
        else Valkey(tmp_path_factory.mktemp("v"), length=length)
    )
    yield made
    made.close()


@pytest.fixture
def clock(server):
    return trio.testing.MockClock(autojump_threshold=0) if server.virtual else None
