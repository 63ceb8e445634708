"""Every example does what it says, run as a reader would run it."""

import re
import signal
from contextlib import AbstractAsyncContextManager
from functools import partial

import attrs
import pytest
import trio

from tests.backend.nodes import Valkey
from tests.operator_ground import Answer, send_request
from tests.processes import COMMAND_LINE, ROOT, Running, run_python

EXAMPLES = ROOT / "examples"
KIT = ("-p", "ocpp_trio.testing.plugin")  # found by itself where the package is installed

pytestmark = pytest.mark.real


run_program = partial(run_python, "-u")
"""An example prints as it likes, and not only when its output is read by a person."""


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "backend.py",
        "charge_point.py",
        "csms.py",
        "nodes.py",
        "reconnect.py",
        "secure_csms.py",
        "simulate_my_station.py",
        "virtual_time_test.py",
    }


async def test_the_charge_point_and_the_csms_find_each_other():
    async with run_program(EXAMPLES / "csms.py", "0") as csms:
        port = await csms.wait_for_match(r"listening on port (\d+)\n")
        async with run_program(EXAMPLES / "charge_point.py", f"ws://127.0.0.1:{port}/ocpp") as station:
            await csms.wait_for("CP-1: a One of Acme\n")
            await csms.wait_for("CP-1: remote start Accepted\n")
            await station.wait_for("asked to charge for TAG-1\n")
            await station.wait_for("TAG-1 is Accepted\n")
            csms.process.send_signal(signal.SIGINT)
            codes = [await csms.finish()]
            await station.wait_for("offline, next try")
            station.process.send_signal(signal.SIGINT)
            codes.append(await station.finish())

    assert codes == [0, 0]
    assert "Traceback" not in csms.output + station.output


async def test_the_first_csms_is_told_the_status_of_a_whole_station():
    async with run_program(EXAMPLES / "csms.py", "0") as csms:
        port = await csms.wait_for_match(r"listening on port (\d+)\n")
        async with run_program(*COMMAND_LINE, "station", f"ws://127.0.0.1:{port}/ocpp", "CP-1"):
            await csms.wait_for("CP-1: connector 0 is Available\n")

    assert "NotSupported" not in csms.output


@attrs.frozen
class Backend:
    """What a backend said of itself."""

    port: int
    api_port: int
    token: str

    @classmethod
    async def of(cls, running: Running) -> "Backend":
        said = await running.wait_for_match(r"(listening on port \d+, dashboard on \S+\n)")
        port, api_port, token = re.findall(r"port (\d+), .*:(\d+)/#token=(\S+)", said)[0]
        return cls(int(port), int(api_port), token)

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        stream = await trio.open_tcp_stream("127.0.0.1", self.api_port)
        return await send_request(stream, method, path, body, {"Authorization": f"Bearer {self.token}"})

    def station(self, *more: str) -> AbstractAsyncContextManager[Running]:
        return run_program(*COMMAND_LINE, "station", f"ws://127.0.0.1:{self.port}/ocpp", "CP-1", *more)


async def wait_offline(*backends: Backend) -> None:
    """Until nobody sees the station any more."""
    with trio.fail_after(20):
        for backend in backends:
            while (await backend.ask("GET", "/api/stations/CP-1")).json["online"]:  # noqa: ASYNC110  # over HTTP there is nothing to wait on
                await trio.sleep(0.05)


async def test_the_backend_shows_a_charge_ends_without_a_traceback_and_remembers(tmp_path):
    command = (EXAMPLES / "backend.py", tmp_path / "csms.db", "0", "0")
    async with run_program(*command) as first:
        backend = await Backend.of(first)
        async with backend.station("--start", "TAG-1") as station:
            await station.wait_for("tag 'TAG-1' is accepted")
            shown = (await backend.ask("GET", "/api/stations/CP-1")).json
            page = await backend.ask("GET", "/")
            first.process.send_signal(signal.SIGINT)
            code = await first.finish()
            await station.wait_for("(1001)")
    async with run_program(*command) as second:
        remembered = (await (await Backend.of(second)).ask("GET", "/api/stations/CP-1")).json

    assert (shown["online"], len(shown["transactions"])) == (True, 1)
    assert b"<!doctype html>" in page.body.lower()
    assert code == 0
    assert len(first.output.splitlines()) == 1, first.output
    assert (remembered["online"], remembered["transactions"]) == (False, shown["transactions"])


async def test_a_node_shows_and_calls_the_station_of_another_and_starts_again_without_the_server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    valkey = Valkey(tmp_path)
    try:
        async with (
            run_program(EXAMPLES / "nodes.py", valkey.url, "a", "0", "0") as one,
            run_program(EXAMPLES / "nodes.py", valkey.url, "b", "0", "0") as other,
        ):
            here, there = await Backend.of(one), await Backend.of(other)
            async with here.station() as station:
                await station.wait_for("online")
                with trio.fail_after(20):
                    while (await there.ask("GET", "/api/stations/CP-1")).status != 200:  # noqa: ASYNC110  # over HTTP there is nothing to wait on
                        await trio.sleep(0.05)
                answer = await there.ask("POST", "/api/stations/CP-1/calls/ClearCache", {})
            # Where nothing runs any more: Python may raise it at any line.
            await wait_offline(here, there)
            for node in (one, other):
                node.process.send_signal(signal.SIGINT)
            codes = [await one.finish(), await other.finish()]
        valkey.kill()
        async with run_program(EXAMPLES / "nodes.py", valkey.url, "a", "0", "0") as again:
            alone = await (await Backend.of(again)).ask("GET", "/api/stations/CP-1")
    finally:
        valkey.close()

    assert answer.status == 200
    assert codes == [0, 0]
    assert "Traceback" not in one.output + other.output
    assert alone.status == 200


async def test_the_secure_csms_lets_in_who_has_the_password(tmp_path, monkeypatch):
    monkeypatch.setenv("OCPP_TRIO_PASSWORD", "ABCDEFGHIJKLMNOP")
    command = COMMAND_LINE
    async with run_program(*command, "certs", tmp_path) as certs, run_program(*command, "password", "CP-1") as password:
        assert (await certs.finish(), await password.finish()) == (0, 0)
    (tmp_path / "passwords").write_text(password.output)

    async with run_program(EXAMPLES / "secure_csms.py", tmp_path, "0") as csms:
        port = await csms.wait_for_match(r"listening on port (\d+)\n")
        station = (*command, "station", f"wss://localhost:{port}/ocpp")
        async with run_program(*station, "CP-1", "--ca", tmp_path / "ca.pem"):
            await csms.wait_for("CP-1: let in with security profile 2\n")
            await csms.wait_for("CP-1: a Simulator has booted\n")
        async with run_program(*station, "CP-2", "--ca", tmp_path / "ca.pem") as thief:
            await csms.wait_for_match(r"(CP-2 at 127\.0\.0\.1:\d+ is refused: wrong identity or password)\n")
            await thief.wait_for("HTTP status 401: wrong identity or password\n")
        csms.process.send_signal(signal.SIGINT)
        assert await csms.finish() == 0

    assert "Traceback" not in csms.output + thief.output
    assert "ABCDEFGH" not in csms.output + thief.output


async def test_the_lost_link_comes_back():
    async with run_program(EXAMPLES / "reconnect.py") as example:
        code = await example.finish()

    assert code == 0, example.output
    assert [line.split(" for ")[0] for line in example.output.splitlines()] == [
        "connecting",
        "booting",
        "resuming",
        "online",
        "backing_off",
        "connecting",
        "booting",
        "resuming",
        "online",
    ]
    assert "forced: the link was dropped on purpose" in example.output


async def test_the_example_that_cuts_links_ends_on_ctrl_c():
    async with run_program(EXAMPLES / "reconnect.py") as example:
        await example.wait_for("backing_off")
        await trio.sleep(0.1)  # until nothing runs any more: Python may raise it at any line
        example.process.send_signal(signal.SIGINT)
        code = await example.finish()

    assert (code, "Traceback" in example.output) == (0, False), example.output


async def test_the_virtual_hours_pass():
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *KIT, EXAMPLES / "virtual_time_test.py")
    async with run_program(*command) as example:
        code = await example.finish()

    assert code == 0, example.output
    assert "1 passed" in example.output


async def test_the_simulated_station_loses_no_energy():
    async with run_program(EXAMPLES / "simulate_my_station.py") as example:
        code = await example.finish()

    assert code == 0, example.output
    assert re.fullmatch(
        r"seed 1: (\d+) Wh counted, \d+ Wh arrived, \d\d faults\n"
        r"again: the same bytes, events and schedule\n"
        r"seeds 2 to 6: no energy was lost\n",
        example.output,
    )


async def test_the_simulated_station_is_also_a_suite():
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *KIT, EXAMPLES / "simulate_my_station.py")
    async with run_program(*command) as example, run_program(*command, "--ocpp-seed", "3") as one:
        assert (await example.finish(), await one.finish()) == (0, 0), example.output + one.output

    assert "6 passed" in example.output
    assert "2 passed" in one.output
