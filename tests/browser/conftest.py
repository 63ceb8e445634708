"""A CSMS with its dashboard as a process, a station that is simulated here, and a browser that looks at the page."""

import json
import os
import re
import shutil
import socket
import sys
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

ROOT: Final = HERE.parents[1]
COMMAND: Final = [sys.executable, "-c", "import sys; from ocpp_trio.cli import main; sys.exit(main())"]
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
    process: trio.Process
    output: str = ""

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.api_port}/"

    async def heard(self, text: str) -> None:
        """Wait until the process has said something."""
        assert self.process.stdout is not None
        while text not in self.output:
            chunk = await self.process.stdout.receive_some()
            assert chunk, f"ended without {text!r}: {self.output}"
            self.output += chunk.decode()

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
    process = await trio.lowlevel.open_process(
        [*COMMAND, "csms", *ports, *arguments],
        stdout=-1,
        stderr=-2,  # to stdout
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
    )
    assert process.stdout is not None
    csms = Csms(port, api_port, process)
    try:
        await csms.heard("Ctrl-C stops")
        csms.api_port = int(_number(r"http://127\.0\.0\.1:(\d+)/", csms.output))
        csms.port = int(_number(r"listening on 127\.0\.0\.1 port (\d+)", csms.output))
        yield csms
    finally:
        process.kill()
        with trio.move_on_after(10, shield=True):
            await process.wait()
            await process.stdout.aclose()


def _number(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found.group(1)


Running = Callable[..., AbstractAsyncContextManager[Csms]]


@pytest.fixture
def run_csms() -> Running:
    return _running


@pytest.fixture
async def csms(run_csms: Running) -> AsyncIterator[Csms]:
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
