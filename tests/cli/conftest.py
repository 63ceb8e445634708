"""The command line in this process with its output in memory, and as a process of its own."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
import trio

from ocpp_trio.cli.terminal import Terminal
from tests.processes import COMMAND_LINE, Running, run_python


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


@pytest.fixture(scope="session")
def run_command() -> Callable[..., AbstractAsyncContextManager[Running]]:
    """`ocpp-trio` as a process."""
    return partial(run_python, *COMMAND_LINE)
