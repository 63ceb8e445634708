"""A CSMS with its dashboard as a process, a station that is simulated here, and a browser that looks at the page."""

import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
import trio

from ocpp_trio import ExponentialBackoff, ReconnectPolicy
from ocpp_trio.simulator import Device, open_simulator
from tests.browser.browser import HERE, Browser, open_browser
from tests.processes import COMMAND_LINE, Running, run_python

TOKEN: Final = "open-sesame"
AT_ONCE: Final = ReconnectPolicy(backoff=ExponentialBackoff(initial=0.2, maximum=0.5))
CONFIGURATION: Final = {
    "MeterValueSampleInterval": "1",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import",
}


def chromium() -> str | None:
    """The browser's program, if it is here."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def missing() -> str | None:
    """What is not here and has to be for these tests."""
    if shutil.which("node") is None:
        return "there is no node here"
    if not (HERE / "node" / "node_modules" / "playwright-core").is_dir():
        return "`make browser` has not installed what drives it"
    if chromium() is None:
        return "there is no Chromium here (Debian and Ubuntu: apt-get install chromium)"
    return None


@pytest.fixture
def programs() -> tuple[str, str]:
    """Node and Chromium. Not async: a skip within a trio run would lose its reason."""
    why = missing()
    if why is not None:
        pytest.skip(f"left out: the dashboard in a browser, because {why}")
    node, program = shutil.which("node"), chromium()
    assert node is not None
    assert program is not None
    return node, program


@pytest.fixture
async def browser(programs: tuple[str, str], tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(*programs, tmp_path / "profile") as browser:
        yield browser


@attrs.define(eq=False)
class Csms:
    """`ocpp-trio csms` as a process, whose ports stay the same when it is started again."""

    port: int
    api_port: int
    running: Running

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.api_port}/"

    async def get(self, path: str) -> Any:
        """What the API answers, over a connection of its own."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.api_port)
        async with stream:
            lines = [f"GET {path} HTTP/1.1", "Host: here", f"Authorization: Bearer {TOKEN}", "Connection: close"]
            await stream.send_all("\r\n".join([*lines, "", ""]).encode())
            answer = b"".join([chunk async for chunk in stream])
        return json.loads(answer.partition(b"\r\n\r\n")[2])


@asynccontextmanager
async def _running(*arguments: str, port: int = 0, api_port: int = 0) -> AsyncIterator[Csms]:
    ports = ["--port", str(port), "--api-port", str(api_port)]
    async with run_python(*COMMAND_LINE, "csms", *ports, *arguments) as running:
        await running.wait_for("Ctrl-C stops")
        api_port = int(await running.wait_for_match(r"http://127\.0\.0\.1:(\d+)/"))
        port = int(await running.wait_for_match(r"listening on 127\.0\.0\.1 port (\d+)"))
        yield Csms(port, api_port, running)


RunCsms = Callable[..., AbstractAsyncContextManager[Csms]]


@pytest.fixture
def run_csms() -> RunCsms:
    return _running


@pytest.fixture
async def csms(run_csms: RunCsms) -> AsyncIterator[Csms]:
    """A CSMS whose API wants the token."""
    async with run_csms("--api-token", TOKEN, "--interval", "300") as csms:
        yield csms


@asynccontextmanager
async def station(csms: Csms, identity: str = "CP-1") -> AsyncIterator[Device]:
    """A station that is ready, and looks for its CSMS again at once if that goes."""
    async with open_simulator(
        f"ws://127.0.0.1:{csms.port}/ocpp", identity, configuration=CONFIGURATION, reconnect=AT_ONCE
    ) as device:
        await device.wait_ready()
        yield device


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
