"""The peers, and the two kinds of wire between them and us: ws, and wss with Basic authentication."""

import itertools
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
import trio

from ocpp_trio import Acceptance, Credentials, Refusal
from tests.certificates import Pki
from tests.peers.leash import PATIENCE, Kennel, Peer, on_leash

HERE = Path(__file__).parent
NODE = HERE / "node"


def _asyncio_command() -> list[str | Path]:
    return [sys.executable, HERE / "asyncio_peer.py"]


def _node_command() -> list[str | Path]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("left out: ocpp-rpc as charge point and as CSMS, because there is no node here")
    if not (NODE / "node_modules" / "ocpp-rpc").is_dir():
        pytest.skip("left out: ocpp-rpc as charge point and as CSMS, because `make peers` has not installed it")
    return [node, NODE / "peer.js"]


COMMANDS = {"ocpp": _asyncio_command, "ocpp-rpc": _node_command}


@pytest.fixture(scope="session", params=COMMANDS)
def kennel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kennel]:
    """One process for all tests with a stack: they use identities of their own."""
    command = COMMANDS[request.param]()
    kennel = Kennel(request.param, command, tmp_path_factory.mktemp("peer") / "stderr")
    yield kennel
    kennel.close()


@pytest.fixture
async def peer(kennel: Kennel) -> AsyncIterator[Peer]:
    async with on_leash(kennel) as peer:
        yield peer


@attrs.frozen(kw_only=True)
class Wire:
    """What the four kinds of ends need to meet over one kind of transport."""

    scheme: str
    our_csms: dict[str, Any] = attrs.Factory(dict)
    our_station: dict[str, Any] = attrs.Factory(dict)
    their_csms: dict[str, Any] = attrs.Factory(dict)
    their_station: dict[str, Any] = attrs.Factory(dict)

    def url(self, host: str, port: int, path: str = "/ocpp") -> str:
        return f"{self.scheme}://{host}:{port}{path}"


PASSWORD: Final = bytes.fromhex("00112233445566778899AABBCCDDEE3A3AFF0102")
"""As random as a real one: with a zero, two colons, and what is no UTF-8."""


async def _authenticate(credentials: Credentials) -> Acceptance | Refusal:
    return Acceptance(authenticated=True) if credentials.password == PASSWORD else Refusal(401, "wrong password")


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def wss(pki: Pki) -> Wire:
    certificate = str(pki.issue("localhost", "localhost", "127.0.0.1"))
    return Wire(
        scheme="wss",
        our_csms={"ssl_context": pki.server(), "authenticate": _authenticate},
        our_station={"ssl_context": pki.client(), "password": PASSWORD},
        their_csms={"cert": certificate, "key": certificate, "password": PASSWORD.hex()},
        their_station={"ca": str(pki.ca_file), "password": PASSWORD.hex()},
    )


@pytest.fixture(scope="session", params=["ws", "wss"])
def wire(request: pytest.FixtureRequest, wss: Wire) -> Wire:
    return wss if request.param == "wss" else Wire(scheme="ws")


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def identity(numbers: Iterator[int]) -> str:
    """One that no other test uses, and that has to be encoded in a path."""
    return f"Zürich/CP {next(numbers)}"


@asynccontextmanager
async def serving(peer: Peer, wire: Wire) -> AsyncIterator[str]:
    """Let the peer be a CSMS for the time of the body; its URL."""
    port = await peer.serve(**wire.their_csms)
    try:
        yield wire.url("localhost", port)
    finally:
        with trio.fail_after(PATIENCE, shield=True):
            await peer.do("stop")
            await peer.wait("stopped")
