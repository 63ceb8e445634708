"""Python programs in processes of their own, heard as they speak."""

import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import trio

ROOT: Final = Path(__file__).parents[1]
COMMAND_LINE: Final = ("-c", "import sys; from ocpp_trio.cli import main; sys.exit(main())")
"""What makes `run_python` the command `ocpp-trio`."""
# As in pyproject.toml.
WARNINGS: Final = "error,ignore:Unclosed <MemoryObject:ResourceWarning"


@attrs.define
class Running:
    """A process; `output` is what it has said so far, complaints included."""

    process: trio.Process
    stdout: trio.abc.ReceiveStream
    output: str = ""

    async def wait_for(self, text: str) -> None:
        await self.wait_for_match(f"({re.escape(text)})")

    async def wait_for_match(self, pattern: str) -> str:
        """What the first group of the pattern matches, once it does."""
        while (found := re.search(pattern, self.output)) is None:
            chunk = await self.stdout.receive_some()
            assert chunk, f"ended without {pattern!r}: {self.output}"
            self.output += chunk.decode()
        return found.group(1)

    async def finish(self) -> int:
        """Read to the end; the exit code."""
        async for chunk in self.stdout:
            self.output += chunk.decode()
        return await self.process.wait()


@asynccontextmanager
async def run_python(*arguments: str | Path) -> AsyncIterator[Running]:
    """Python with these arguments, in which a warning is an error. It is killed at the end of the body."""
    _hear_ctrl_c()
    process = await trio.lowlevel.open_process(
        [sys.executable, *arguments],
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


def _hear_ctrl_c() -> None:
    """A shell has what it runs in the background ignore SIGINT, and all that it starts in its turn."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
