"""Every example does what it says, run as a reader would run it."""

import re
from functools import partial

import pytest

from tests.processes import COMMAND_LINE, ROOT, run_python

EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.real


run_program = partial(run_python, "-u")
"""An example prints as it likes, and not only when its output is read by a person."""


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
    async with run_program(EXAMPLES / "csms.py", "0") as csms:
        port = await csms.wait_for_match(r"listening on port (\d+)\n")
        async with run_program(EXAMPLES / "charge_point.py", f"ws://127.0.0.1:{port}/ocpp") as station:
            await csms.wait_for("CP-1: a One of Acme\n")
            await csms.wait_for("CP-1: remote start Accepted\n")
            await station.wait_for("asked to charge for TAG-1\n")
            await station.wait_for("TAG-1 is Accepted\n")

    assert "Traceback" not in csms.output + station.output


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
            await csms.wait_for("is refused: wrong identity or password\n")
            await thief.wait_for("HTTP status 401")

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


async def test_the_virtual_hours_pass():
    async with run_program(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / "virtual_time_test.py"
    ) as example:
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
    kit = ("-p", "ocpp_trio.testing.plugin")  # found by itself where the package is installed
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *kit, EXAMPLES / "simulate_my_station.py")
    async with run_program(*command) as example, run_program(*command, "--ocpp-seed", "3") as one:
        assert (await example.finish(), await one.finish()) == (0, 0), example.output + one.output

    assert "6 passed" in example.output
    assert "2 passed" in one.output
