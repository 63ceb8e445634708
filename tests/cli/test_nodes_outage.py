"""`ocpp-trio csms --redis` while the server is away: processes, stations, and a real Valkey server that is killed."""

import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from ocpp_trio import ChargePoint, Router, open_charge_point, v16
from ocpp_trio.backend import IdRange
from ocpp_trio.cli.nodes import NODES
from tests.backend.nodes import Valkey
from tests.backend.stores import START
from tests.csms_nodes import BOOT, available
from tests.operator_ground import send_request
from tests.processes import Running

pytestmark = [pytest.mark.real, pytest.mark.limit(90)]

UP = {"status": "ok", "bus": "up"}
DOWN = {"status": "degraded", "bus": "down"}


@attrs.frozen
class Csms:
    """A node as a process, with its ports."""

    running: Running
    port: int
    api_port: int

    async def ask(self, path: str, *, method: str = "GET", body: object = None) -> Any:
        stream = await trio.open_tcp_stream("127.0.0.1", self.api_port)
        return (await send_request(stream, method, path, body, {})).json

    async def wait_for(self, path: str, **expected: Any) -> None:
        """Until what is told at a path has these members."""
        told = await self.ask(path)
        with trio.move_on_after(20):
            while not expected.items() <= {name: told.get(name) for name in expected}.items():
                await trio.sleep(0.05)  # over HTTP there is nothing to wait on
                told = await self.ask(path)
        assert {name: told.get(name) for name in expected} == expected

    async def wait_for_connector(self, number: int) -> None:
        found: list[int] = []
        with trio.move_on_after(20):
            while number not in found:
                told = await self.ask("/api/stations/CP-1")
                found = [each["connector_id"] for each in told.get("connectors", ())]
                await trio.sleep(0.05)
        assert number in found

    @asynccontextmanager
    async def station(self) -> AsyncIterator[ChargePoint]:
        router = Router(v16)

        @router.on(v16.ClearCacheRequest)
        async def clear(session, request: v16.ClearCacheRequest) -> v16.ClearCacheResponse:
            return v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)

        url = f"ws://127.0.0.1:{self.port}/ocpp"
        async with open_charge_point(url, "CP-1", router=router, boot=BOOT) as station:
            await station.wait_online()
            yield station


@pytest.fixture
def valkey(tmp_path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    yield server
    server.close()


@pytest.fixture
def node(run_command, valkey: Valkey, tmp_path: Path):
    @asynccontextmanager
    async def run(name: str) -> AsyncIterator[Csms]:
        store = str(tmp_path / f"{name}.db")
        arguments = ["--port", "0", "--api-port", "0", "--api-open", "--store", store]
        async with run_command("csms", *arguments, "--redis", valkey.url, "--node", name) as running:
            await running.wait_for("Ctrl-C stops")
            port = re.search(r"listening on \S+ port (\d+);", running.output)
            api_port = re.search(r"http://127\.0\.0\.1:(\d+)/", running.output)
            assert port is not None
            assert api_port is not None
            yield Csms(running, int(port[1]), int(api_port[1]))

    return run


async def test_a_node_serves_its_station_while_the_server_is_away_and_tells_the_others_afterwards(node, valkey):
    async with node("a") as a, node("b") as b, a.station() as station:
        await b.wait_for("/api/stations/CP-1", online=True)
        assert await a.ask("/health") == UP

        valkey.kill()
        await a.wait_for("/health", **DOWN)
        await station.call(available(2))
        begun = await station.call(START)
        await a.wait_for_connector(2)
        cleared = await a.ask("/api/stations/CP-1/calls/ClearCache", method="POST", body={})

        valkey.start()
        await a.wait_for("/health", **UP)
        await b.wait_for("/health", **UP)
        await b.wait_for_connector(2)
        (shown,) = (await b.ask("/api/stations/CP-1"))["transactions"]
        a.running.process.send_signal(signal.SIGTERM)
        assert await a.running.finish() == 143

    assert cleared == {"status": "Accepted"}
    assert shown["transaction_id"] == begun.transaction_id
    assert "the bus is down" in a.running.output
    assert "Traceback" not in a.running.output


async def test_a_node_that_restarts_while_the_server_is_away_goes_on_with_its_ids_and_joins_later(node, valkey):
    async with node("b") as b:
        async with node("a") as a, a.station() as station:
            first = (await station.call(START)).transaction_id
            a.running.process.kill()
            await a.running.finish()
        valkey.kill()

        async with node("a") as a, a.station() as station:
            assert await a.ask("/health") == DOWN
            second = (await station.call(attrs.evolve(START, connector_id=2))).transaction_id
            assert "going on as number 1, which" in a.running.output

            valkey.start()
            await a.wait_for("/health", **UP)
            await b.wait_for("/api/stations/CP-1", online=True)
            # It was told again who has which number, though it had forgotten everything.
            assert await valkey.bus("c").claim_number("c") == 2

    assert [first, second] == [IdRange(1, NODES).first, IdRange(1, NODES).first + 1]
