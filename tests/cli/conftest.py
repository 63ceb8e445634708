"""The command line in this process with its output in memory, and as a process of its own."""

import io
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from ocpp_trio.cli.terminal import Terminal

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "import sys; from ocpp_trio.cli import main; sys.exit(main())"]
# As in pyproject.toml.
WARNINGS = "error,ignore:Unclosed <MemoryObject:ResourceWarning"


class Screen(Terminal):
    """A terminal that remembers, and on which one can wait for a text."""

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        super().__init__(self.out, self.err)
        self._said = trio.Event()

    def say(self, line: str = "") -> None:
        super().say(line)
        self._said.set()
        self._said = trio.Event()

    async def wait_for(self, text: str) -> str:
        """The line in which the text appears."""
        while text not in self.out.getvalue():
            await self._said.wait()
        return next(line for line in self.out.getvalue().splitlines() if text in line)


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    """A command sets up the logging of its process, and in a test that is everybody's."""
    root = logging.getLogger()
    loggers = [root, logging.getLogger("ocpp_trio.charge_point"), logging.getLogger("coredis")]
    handlers, levels = root.handlers[:], [logger.level for logger in loggers]
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture(scope="session")
def make_screen() -> Callable[[], Screen]:
    return Screen


@attrs.define
class Running:
    """A process of the command line; `output` grows as it speaks."""

    process: trio.Process
    stdout: trio.abc.ReceiveStream
    output: str = ""

    async def wait_for(self, text: str) -> None:
        while text not in self.output:
            chunk = await self.stdout.receive_some()
            assert chunk, f"ended without {text!r}: {self.output}"
            self.output += chunk.decode()

    async def finish(self) -> int:
        """Read to the end; the exit code."""
        async for chunk in self.stdout:
            self.output += chunk.decode()
        return await self.process.wait()


@pytest.fixture
def run_command() -> Callable[..., object]:
    @asynccontextmanager
    async def run(*arguments: str) -> AsyncIterator[Running]:
        process = await trio.lowlevel.open_process(
            [*COMMAND, *arguments],
            stdout=-1,
            stderr=-2,  # to stdout
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": WARNINGS},
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

    return run
