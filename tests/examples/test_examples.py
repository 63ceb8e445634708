"""Every example does what it says, run as a reader would run it."""

import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT

import attrs
import pytest
import trio

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.real


@attrs.define
class Running:
    """A process; `output` grows as it speaks."""

    process: trio.Process
    stdout: trio.abc.ReceiveStream
    output: str = ""

    async def wait_for(self, pattern: str) -> str:
        """What the first group of the pattern matches, once it does."""
        while (found := re.search(pattern, self.output)) is None:
            chunk = await self.stdout.receive_some()
            assert chunk, f"ended without {pattern!r}: {self.output}"
            self.output += chunk.decode()
        return found.group(1)

    async def finish(self) -> int:
        async for chunk in self.stdout:
            self.output += chunk.decode()
        return await self.process.wait()


@asynccontextmanager
async def run_python(*arguments: str | Path) -> AsyncIterator[Running]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error"}
    process = await trio.lowlevel.open_process(
        [sys.executable, *arguments], stdout=PIPE, stderr=STDOUT, env=environment
    )
    assert process.stdout is not None
    try:
        yield Running(process, process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
        with trio.move_on_after(10, shield=True):
            await process.wait()
            await process.stdout.aclose()


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "charge_point.py",
        "csms.py",
        "reconnect.py",
        "secure_csms.py",
        "simulate_my_station.py",
        "virtual_time_test.py",
    }


async def test_the_charge_point_and_the_csms_find_each_other():
    async with run_python(EXAMPLES / "csms.py", "0") as csms:
        port = await csms.wait_for(r"listening on port (\d+)\n")
        async with run_python(EXAMPLES / "charge_point.py", f"ws://127.0.0.1:{port}/ocpp") as station:
            await csms.wait_for(r"(CP-1: a One of Acme)\n")
            await csms.wait_for(r"(CP-1: remote start Accepted)\n")
            await station.wait_for(r"(asked to charge for TAG-1)\n")
            await station.wait_for(r"(TAG-1 is Accepted)\n")

    assert "Traceback" not in csms.output + station.output


async def test_the_secure_csms_lets_in_who_has_the_password(tmp_path, monkeypatch):
    monkeypatch.setenv("OCPP_TRIO_PASSWORD", "ABCDEFGHIJKLMNOP")
    command = ("-c", "import sys; from ocpp_trio.cli import main; sys.exit(main())")
    async with run_python(*command, "certs", tmp_path) as certs, run_python(*command, "password", "CP-1") as password:
        assert (await certs.finish(), await password.finish()) == (0, 0)
    (tmp_path / "passwords").write_text(password.output)

    async with run_python(EXAMPLES / "secure_csms.py", tmp_path, "0") as csms:
        port = await csms.wait_for(r"listening on port (\d+)\n")
        station = (*command, "station", f"wss://localhost:{port}/ocpp")
        async with run_python(*station, "CP-1", "--ca", tmp_path / "ca.pem"):
            await csms.wait_for(r"(CP-1: let in with security profile 2)\n")
            await csms.wait_for(r"(CP-1: a Simulator has booted)\n")
        async with run_python(*station, "CP-2", "--ca", tmp_path / "ca.pem") as thief:
            await csms.wait_for(r"(CP-2 at 127\.0\.0\.1:\d+ is refused: wrong identity or password)\n")
            await thief.wait_for(r"HTTP status (401: wrong identity or password)\n")
        csms.process.send_signal(signal.SIGINT)
        assert await csms.finish() == 0

    assert "Traceback" not in csms.output + thief.output
    assert "ABCDEFGH" not in csms.output + thief.output


async def test_the_lost_link_comes_back():
    async with run_python(EXAMPLES / "reconnect.py") as example:
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
    async with run_python(EXAMPLES / "reconnect.py") as example:
        await example.wait_for(r"(connecting)\n")
        example.process.send_signal(signal.SIGINT)
        code = await example.finish()

    assert (code, "Traceback" in example.output) == (0, False), example.output


async def test_the_virtual_hours_pass():
    async with run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / "virtual_time_test.py") as example:
        code = await example.finish()

    assert code == 0, example.output
    assert "1 passed" in example.output


async def test_the_simulated_station_loses_no_energy():
    async with run_python(EXAMPLES / "simulate_my_station.py") as example:
        code = await example.finish()

    assert code == 0, example.output
    assert re.fullmatch(
        r"seed 1: (\d+) Wh counted, \d+ Wh arrived, \d\d faults\n"
        r"again: the same bytes, events and schedule\n"
        r"seeds 2 to 6: no energy was lost\n",
        example.output,
    )


async def test_the_simulated_station_is_also_a_suite():
    kit = ("-p", "ocpp_trio.testing.plugin")  # found by itself where the package is installed
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *kit, EXAMPLES / "simulate_my_station.py")
    async with run_python(*command) as example, run_python(*command, "--ocpp-seed", "3") as one:
        assert (await example.finish(), await one.finish()) == (0, 0), example.output + one.output

    assert "6 passed" in example.output
    assert "2 passed" in one.output
