"""`ocpp-trio csms --redis`: two processes and a station, over a real Valkey server."""

import re

import pytest
import trio

from ocpp_trio.backend import IdRange
from ocpp_trio.cli import csms
from ocpp_trio.cli.nodes import NODES, NodeOptions
from tests.backend.nodes import Valkey
from tests.cli.test_commands import CSMS, number_in
from tests.operator_ground import send_request

REDIS = "redis://127.0.0.1:6379/0"


@pytest.mark.parametrize(
    "options",
    [
        {"redis": REDIS},
        {"name": "a"},
        {"redis": "http://a", "name": "a"},
        {"redis": "nonsense", "name": "a"},
        {"redis": "redis://", "name": "a"},
        {"redis": "redis://a:b", "name": "a"},
        {"redis": "unix://", "name": "a"},
    ],
)
def test_a_bus_that_makes_no_sense_is_refused(options):
    with pytest.raises(ValueError, match=r"expected|[Pp]ort"):
        NodeOptions(**options).membership()


@pytest.mark.real
async def test_a_server_that_is_away_at_the_start_is_one_line_and_exit_code_1(screen, tmp_path):
    code = await csms.run(screen, **CSMS, nodes=NodeOptions(redis=f"unix://{tmp_path}/none", name="a"))

    assert code == 1
    assert screen.err.getvalue().startswith("ocpp-trio: no node number from the server: ")


@pytest.mark.real
async def test_a_station_of_one_process_is_seen_and_called_at_another(run_command, tmp_path):
    valkey = Valkey(tmp_path)

    def node(name: str):
        store = str(tmp_path / f"{name}.db")
        arguments = ["--port", "0", "--api-port", "0", "--api-open", "--store", store]
        return run_command("csms", *arguments, "--redis", valkey.url, "--node", name)

    async def ask(method: str, path: str, body: object = None):
        stream = await trio.open_tcp_stream("127.0.0.1", api_port)
        return await send_request(stream, method, path, body, {})

    try:
        async with node("a") as a, node("b") as b:
            await a.wait_for("Ctrl-C stops")
            await b.wait_for("Ctrl-C stops")
            line = next(line for line in a.output.splitlines() if "listening on" in line)
            url = f"ws://127.0.0.1:{number_in(line)}/ocpp"
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", b.output)
            assert found is not None
            api_port = int(found[1])
            async with run_command("station", url, "CP-1", "--start", "TAG"):
                with trio.fail_after(20):
                    while not (shown := (await ask("GET", "/api/stations/CP-1")).json).get("transactions"):  # noqa: ASYNC110  # over HTTP there is nothing to wait on
                        await trio.sleep(0.05)
                answer = await ask("POST", "/api/stations/CP-1/calls/ClearCache", {})
                health = await ask("GET", "/health")
    finally:
        valkey.close()

    (charging,) = shown["transactions"]
    assert charging["transaction_id"] in (IdRange(0, NODES).first, IdRange(1, NODES).first)
    assert (shown["online"], answer.status) == (True, 200)
    assert health.json == {"status": "ok", "bus": "up"}
