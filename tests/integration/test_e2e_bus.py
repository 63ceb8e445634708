"""Calls between nodes, and what becomes of nodes, stations and calls when the bus or a node fails.

In memory, and with sockets and a real Valkey server.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from ocpp_trio import ConnectionClosed, Router, open_charge_point, v16
from ocpp_trio.backend import Topic, Want
from tests.backend.nodes import Valkey, until
from tests.csms_nodes import BOOT, SHOWN, Cluster, available

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster(server) -> Cluster:
    return Cluster(server)


async def test_frames_at_one_node_are_shown_to_a_client_of_another_while_it_watches(cluster, clock):
    """A WebSocket client of node B watches the log of a station that is at node A: it is shown the station's frames.
    It stops watching: node A makes no more lines, and its hub numbers none.
    """
    async with cluster.node("a") as a, cluster.node("b") as b, cluster.feed(b) as client, cluster.station(a) as station:
        await client.subscribe("log", stations=["CP-1"])
        await until(lambda: [len(peer.interested_in) for peer in a.node.status().peers] == [1])
        await station.call(available(2))
        heard = [await client.receive(), await client.receive()]
        assert [(line["topic"], line["node"], line["identity"]) for line in heard] == [("log", "a", "CP-1")] * 2
        assert heard[0]["value"]["text"].startswith("received CALL StatusNotification ")
        assert heard[1]["value"]["text"].startswith("sent CALLRESULT StatusNotification ")

        await client.send(unsubscribe={"topics": ["log"], "stations": ["CP-1"]})
        await until(lambda: [len(peer.interested_in) for peer in a.node.status().peers] == [0])
        with a.backend.hub.subscribe() as local:
            local.subscribe(Topic.CONNECTORS)
            before = a.backend.hub.sequence
            await station.call(available(2))
            # Of the station and of the connector, and of no frame.
            assert a.backend.hub.sequence == before + 2


async def test_an_operator_of_any_node_reaches_any_station(cluster, clock):
    """Stations are at both nodes. Each node calls the other's: both are answered, by the right station."""
    routers = {"CP-1": Router(v16), "CP-2": Router(v16)}
    called: list[str] = []
    for router in routers.values():

        @router.on(v16.ResetRequest)
        async def reset(session, request: v16.ResetRequest) -> v16.ResetResponse:
            called.append(session.identity)
            return v16.ResetResponse(status=v16.ResetStatus.ACCEPTED)

    async with (
        cluster.node("a") as a,
        cluster.node("b") as b,
        cluster.station(a, "CP-1", router=routers["CP-1"]),
        cluster.station(b, "CP-2", router=routers["CP-2"]),
    ):
        await until(lambda: (a.node.where("CP-2"), b.node.where("CP-1")) == ("b", "a"))
        for node, identity in ((a, "CP-2"), (b, "CP-1")):
            reply = await node.node.call(identity, v16.ResetRequest(type=v16.ResetType.SOFT))
            assert reply.status is v16.ResetStatus.ACCEPTED
    assert called == ["CP-2", "CP-1"]


@pytest.mark.parametrize("strike", ["kill", "stop"])
async def test_without_the_server_each_node_goes_on_with_its_stations(cluster, server, clock, strike):
    """The server is killed, or hangs. The station is answered as before and can be called at its own node; the other
    node says that it cannot. The server comes back, empty if it was killed: the other node shows what has happened
    meanwhile.
    """
    router = Router(v16)

    @router.on(v16.ResetRequest)
    async def reset(session, request: v16.ResetRequest) -> v16.ResetResponse:
        return v16.ResetResponse(status=v16.ResetStatus.ACCEPTED)

    request = v16.ResetRequest(type=v16.ResetType.SOFT)
    wants = [Want(Topic.STATIONS), Want(Topic.CONNECTORS)]
    async with (
        cluster.node("a") as a,
        cluster.node("b", always=wants) as b,
        cluster.station(a, router=router) as station,
    ):
        await until(lambda: b.node.where("CP-1") == "a")

        getattr(server, strike)()
        await until(lambda: not a.node.status().bus.healthy and not b.node.status().bus.healthy)
        await station.call(available(3))
        await a.node.call("CP-1", request)
        with pytest.raises(ConnectionClosed, match="the bus is down"):
            await b.node.call("CP-1", request)
        assert b.backend.live.connectors() == ()

        server.start()
        await until(lambda: [each.connector_id for each in b.backend.live.connectors()] == [3])
        await until(lambda: a.node.status().bus.healthy and b.node.status().bus.healthy)
        await b.node.call("CP-1", request)


async def test_a_server_that_is_restarted_in_the_middle_costs_no_change(cluster, server, clock):
    """A station reports one connector after the other, and a client of the other node listens. In the middle of it
    the server is killed and comes back empty: in the end the client has heard of every connector, and both nodes know
    the same.
    """
    numbers = range(1, 41)
    async with (
        cluster.node("a") as a,
        cluster.node("b") as b,
        cluster.feed(b) as client,
        cluster.station(a) as station,
    ):
        await client.subscribe("connectors")
        for number in numbers:
            await station.call(available(number))
            if number == 15:
                server.kill()
            if number == 25:
                server.start()

        heard: set[str] = set()
        while heard != {str(number) for number in numbers}:
            heard.add((await client.receive())["key"])
        assert b.backend.live.connectors("CP-1") == a.backend.live.connectors("CP-1")
        assert b.node.where("CP-1") == "a"


@pytest.fixture
def killable(tmp_path_factory) -> Iterator[tuple[Valkey, int, subprocess.Popen[str]]]:
    """A server, and a node with a CSMS in a process of its own."""
    server = Valkey(tmp_path_factory.mktemp("v"))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.other_node", server.url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield server, int(process.stdout.readline()), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        server.close()


@pytest.mark.real
async def test_a_node_is_killed_while_it_calls_a_station_for_another(killable):
    """A station is at a node in another process, and takes its time. The node is killed: the call that was routed to
    it fails within the deadline and says why, and the station is shown as offline.
    """
    server, port, process = killable
    asked = trio.Event()
    router = Router(v16)

    @router.on(v16.ResetRequest)
    async def reset(session, request: v16.ResetRequest) -> v16.ResetResponse:
        asked.set()
        await trio.sleep(20)
        return v16.ResetResponse(status=v16.ResetStatus.ACCEPTED)

    cluster = Cluster(server)
    async with cluster.node("a", always=SHOWN) as a, trio.open_nursery() as nursery:
        await nursery.start(_be_station, port, router)
        await until(lambda: a.node.where("CP-1") == "other")

        async def kill() -> None:
            await asked.wait()
            process.send_signal(signal.SIGKILL)

        nursery.start_soon(kill)
        with trio.fail_after(15), pytest.raises(ConnectionClosed, match="node 'other', .* is gone") as lost:
            await a.node.call("CP-1", v16.ResetRequest(type=v16.ResetType.SOFT))
        assert lost.value.was_sent
        assert not a.backend.live.stations()["CP-1"].online
        assert a.node.where("CP-1") is None
        nursery.cancel_scope.cancel()


async def _be_station(port: int, router: Router, *, task_status: trio.TaskStatus[None]) -> None:
    async with open_charge_point(f"ws://127.0.0.1:{port}/ocpp", "CP-1", router=router, boot=BOOT) as station:
        await station.wait_online()
        task_status.started()
        await trio.sleep_forever()
