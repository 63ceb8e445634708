"""How the event loop reaches a file that blocks: one call at a time, off the loop, and not for ever.

Owns the patience with a disk and the words for its failures.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import trio

from ocpp_trio.backend.store import FateUnknown, StoreError

T = TypeVar("T")
ConnectionT = TypeVar("ConnectionT", bound=sqlite3.Connection)

RunBlocking = Callable[[Callable[[], Any], trio.CapacityLimiter], Awaitable[Any]]
"""Runs a function that blocks, holding a token of the limiter until the function has ended."""

PATIENCE: Final = 20.0
"""Seconds that a call may take. Longer than another process may lock the file (5 s), shorter than a handler may take
to answer (25 s), so that it is the store that says what happened."""
CLOSING: Final = 5.0
"""Seconds for closing a file: everything in it is committed by then."""


async def in_thread(function: Callable[[], Any], limiter: trio.CapacityLimiter) -> Any:  # noqa: ANN401  # what it returns
    """Run it in a worker thread. Cancelling leaves the thread to itself, and the limiter's token with it."""
    return await trio.to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)


class Disk:
    """Calls about one connection to the file at `path`, one after the other."""

    def __init__(self, path: Path, run_blocking: RunBlocking) -> None:
        self._path = path
        self._run_blocking = run_blocking
        self._limiter = trio.CapacityLimiter(1)

    async def call(self, function: Callable[[], T], *, to: str) -> T:
        """What the function returns; `to` says what for, like "write to".

        Cancelling gives up on it. Raises StoreError if SQLite does, FateUnknown if it takes longer than `PATIENCE`.
        """
        with trio.move_on_after(PATIENCE):
            try:
                result: T = await self._run_blocking(function, self._limiter)
            except sqlite3.Error as exc:
                raise StoreError(f"cannot {to} {self._path}: {exc}") from exc
            return result
        raise FateUnknown(f"could not {to} {self._path} within {PATIENCE:g} s")

    @asynccontextmanager
    async def opened(self, connect: Callable[[Path], ConnectionT]) -> AsyncIterator[ConnectionT]:
        """A connection for the time of the block. Raises StoreError if it cannot be had."""
        with trio.CancelScope(shield=True):  # bounded by the patience; nobody would close a file given up on
            connection = await self.call(partial(connect, self._path), to="open")
        try:
            yield connection
        finally:
            with trio.move_on_after(CLOSING, shield=True):
                await self.call(connection.close, to="close")
