"""`ocpp-trio csms --redis`: what is said of options and starts, and processes over a real Valkey server."""

import re
import sys
from pathlib import Path

import pytest
import trio

from ocpp_trio.backend import Change, IdRange, TagPolicy, Topic
from ocpp_trio.cli import csms
from ocpp_trio.cli.nodes import NODES, NodeOptions
from tests.backend.nodes import READING, Valkey, event_of
from tests.backend.stores import START, open_once
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
        NodeOptions(**options).membership(Path("a.db"))


def test_a_node_without_a_store_is_refused():
    with pytest.raises(ValueError, match="expected a --store beside --redis: a node that forgets hands out the same"):
        NodeOptions(redis=REDIS, name="a").membership(None)


def test_without_the_library_of_the_bus_it_is_told_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "ocpp_trio.backend.redis", raising=False)
    monkeypatch.setitem(sys.modules, "coredis", None)

    with pytest.raises(ValueError, match=re.escape("--redis needs coredis: pip install 'ocpp-trio[redis]'")):
        NodeOptions(redis=REDIS, name="a").membership(Path("a.db"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


async def test_what_is_known_grows_old_whether_there_is_an_api_or_not(autojump_clock):
    async with csms.open_backend(None, {}, 300, None) as backend:
        with backend.hub.subscribe() as client:
            client.subscribe(Topic.METER_VALUES)
            backend.live.update_meter_values(READING)
            changes = [(await event_of(client)).change for _ in range(2)]

    assert changes == [Change.UPDATED, Change.EXPIRED]
    assert trio.current_time() == 900


async def test_a_node_that_is_started_alone_keeps_to_its_ids(path):
    ids = IdRange(5, NODES)
    await open_once(path, ids)

    async with csms.open_backend(path, {}, 300, None) as backend:
        begun = await backend.store.start_transaction("CP-2", START, TagPolicy())

    assert begun.transaction_id == ids.first + 1


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        ({"store": None}, 2, "expected a --store beside --redis: "),
        ({}, 1, "no node number from the server: .*; node 'a' needs one for its first start, .*a.db keeps it"),
    ],
)
@pytest.mark.real
async def test_what_is_missing_at_the_start_is_one_line(screen, tmp_path, options, code, complaint):
    nodes = NodeOptions(redis=f"unix://{tmp_path}/none", name="a")

    assert await csms.run(screen, **CSMS, **{"store": tmp_path / "a.db"} | options, nodes=nodes) == code

    assert re.fullmatch(f"ocpp-trio: {complaint}.*\n", screen.err.getvalue())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.real
async def test_a_conflict_about_the_number_is_one_line_and_exit_code_1(screen, tmp_path, path):
    valkey = Valkey(tmp_path)
    await open_once(path, IdRange(3, NODES))
    try:
        assert await valkey.bus("a").claim_number("a") == 0
        code = await csms.run(screen, **CSMS, store=path, nodes=NodeOptions(redis=valkey.url, name="a"))
    finally:
        valkey.close()

    assert code == 1
    assert screen.err.getvalue() == (
        "ocpp-trio: expected number 3 for node 'a', as its store says, found number 0 at the server: "
        "give this node its own store, or the name that the store was used under\n"
    )


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
