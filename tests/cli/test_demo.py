"""The demo, in memory and in virtual time: seventeen and a half seconds of it in half of one."""

import random
import re
import signal
import sys

import attrs
import pytest
import trio

from ocpp_trio.cli import demo
from ocpp_trio.cli.demo import Ground, play
from ocpp_trio.testing import MemoryNetwork


def ground(network: MemoryNetwork) -> Ground:
    return Ground(listen=network.listen, dial=network.dial, rng=random.Random(1))


async def test_everything_expected_is_seen(screen, autojump_clock):
    code = await play(screen, ground(MemoryNetwork()))

    text = screen.out.getvalue()
    assert code == 0
    assert trio.current_time() == pytest.approx(17.5)
    assert text.splitlines()[-1] == "good: all 22 expectations were met"
    for told in [
        "NotImplemented: no action 'WeatherReport' here",
        "the link is cut",
        "backing_off for",
        "<- call   csms/1   RemoteStartTransaction connectorId 1, idTag TAG-3",
        "meterValue 83 Wh 150000 W",
        "transactionId 2, reason Remote",
        "heartbeats sent               14       0",
        "links cut                      1       0",
        "station     connect        open      booted      online  first beat        lost  reason",
    ]:
        assert told in text
    assert screen.err.getvalue() == ""


async def test_lines_are_in_columns_and_not_too_long(screen, autojump_clock):
    screen.width = 100
    await play(screen, ground(MemoryNetwork()))

    dashboard, timeline, *_ = screen.out.getvalue().split("\n\n")
    assert re.fullmatch(r"dashboard on http://127\.0\.0\.1:\d+/#token=[\w-]{16}", dashboard)
    lines = timeline.splitlines()
    assert max(map(len, lines)) == 100
    column = re.compile(r" {2,}\d+\.\d\d  (CP-\d|CSMS|all) +(station|csms|demo) +\S")
    assert [line for line in lines if not column.match(line)] == []


async def test_the_dashboard_is_there_while_it_plays_for_whoever_has_the_link(screen, autojump_clock):
    network = MemoryNetwork()
    answers = []

    async def visit(path: str, token: str, port: int) -> None:
        stream = await network.dial(demo.HOST, port)
        async with stream:
            head = f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
            await stream.send_all(head.encode())
            answers.append(b"".join([bytes(chunk) async for chunk in stream]).decode())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(play, screen, ground(network))
        link = re.fullmatch(r"dashboard on http://127.0.0.1:(\d+)/#token=(.+)", await screen.wait_for("dashboard on"))
        assert link is not None
        await trio.sleep(8)  # CP-2 has lost its link
        await visit("/", "", int(link[1]))
        await visit("/api/stations", "", int(link[1]))
        await visit("/api/stations", link[2], int(link[1]))
        await trio.sleep(4)
        await visit("/api/stations", link[2], int(link[1]))

    page, refused, without, stations = answers
    assert "<title>Charging stations</title>" in page
    assert refused.startswith("HTTP/1.1 401")
    assert without.count('"online":true') == 2
    assert stations.count('"online":true') == 3
    assert trio.current_time() == pytest.approx(17.5)
    assert screen.out.getvalue().splitlines()[-1].startswith("good: ")


async def test_a_demo_without_what_the_dashboard_needs_says_so_and_plays(screen, monkeypatch, autojump_clock):
    for name in [name for name in sys.modules if name.startswith(("starlette", "ocpp_trio.backend.api"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)

    code = await play(screen, ground(MemoryNetwork()))

    assert code == 0
    assert screen.err.getvalue() == "ocpp-trio: the API needs starlette: pip install 'ocpp-trio[backend]'\n"


async def test_a_link_that_is_lost_besides_is_not_good(screen, autojump_clock):
    network = MemoryNetwork()

    async def disturb() -> None:
        await trio.sleep(10)
        network.links[0].reset()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(disturb)
        code = await play(screen, ground(network))

    text = screen.out.getvalue()
    assert code == 1
    assert "missing: boots by station: {'CP-1': 2, 'CP-2': 2, 'CP-3': 1}, expected" in text
    assert "missing: reconnects: 2, expected 1" in text
    assert text.splitlines()[-1].startswith("not good: ")


async def test_a_part_that_does_not_go_as_written_is_told_and_not_good(screen, autojump_clock):
    network = MemoryNetwork()

    async def disturb() -> None:
        await trio.sleep(5)
        network.links[2].reset()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(disturb)
        code = await play(screen, ground(network))

    assert code == 1
    assert "error in the script: CP-3 is not connected" in screen.out.getvalue()


async def test_a_demo_that_is_stuck_ends_all_the_same(screen, autojump_clock):
    network = MemoryNetwork()
    network.silent = True

    async def accept_nobody(port: int, *, host: str | None = None):
        await trio.sleep_forever()

    code = await play(screen, attrs.evolve(ground(network), listen=accept_nobody))

    assert code == 1
    assert trio.current_time() == demo.PATIENCE


@pytest.mark.real
async def test_ctrl_c_ends_the_demo_with_130(run_command):
    async with run_command("demo") as process:
        await process.wait_for("StatusNotification")
        process.process.send_signal(signal.SIGINT)
        assert await process.finish() == 130

    assert "Traceback" not in process.output


@pytest.mark.parametrize(("number", "code"), [(None, 0), (signal.SIGINT, 130)])
async def test_the_command_gives_its_verdict_or_the_signal_as_exit_code(
    screen, monkeypatch, autojump_clock, number, code
):
    monkeypatch.setattr("ocpp_trio.cli.terminal.logging.basicConfig", lambda **options: None)  # the root is pytest's

    async def interrupt() -> None:
        await screen.wait_for("StatusNotification")
        if number is not None:
            signal.raise_signal(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(interrupt)
        assert await demo.run(screen, ground(MemoryNetwork())) == code
