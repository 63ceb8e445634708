"""Whole messages between the task that reads the stream and the task that takes them.

Owns the order and the bound. Must not know what a message says, or why there will be no more.
"""

from collections import deque
from collections.abc import Callable
from typing import NoReturn

import trio


class Arrivals:
    """What has been read and not been taken.

    Bounded by what one read of the stream brings: who reads gives nothing new before `wait_room` has returned. So
    a put never waits, and a message costs no step of the scheduler on its way. One message that nobody takes does
    not keep what follows from being read, which may be a close frame.
    """

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self.has_room = True
        """Whether `wait_room` would not wait."""
        self._taker: Callable[[str], None] | None = None
        self._failure: Exception | None = None
        self._over = False
        self._came = trio.Event()
        self._taken = trio.Event()

    def put(self, text: str) -> None:
        """Add a message; after `close` or `discard` it is dropped."""
        if self._over:
            return
        if self._taker is None:
            self._texts.append(text)
            self._note_room()
            self._came.set()
            return
        try:
            self._taker(text)
        except Exception as failure:  # of who takes, and none of who reads
            self._failure = failure
            self.discard()

    def close(self) -> None:
        """There will be no more; what came before can still be taken."""
        self._over = True
        self._came.set()

    def discard(self) -> None:
        """Nobody will take anything any more."""
        self._texts.clear()
        self._note_room()
        self.close()

    async def take(self) -> str:
        """The next message, in order; for one task. Cancelling loses nothing. Raises trio.EndOfChannel."""
        if self._texts or self._over:
            await trio.lowlevel.checkpoint()
        else:
            await self._wait_for_more()
        if not self._texts:
            raise trio.EndOfChannel
        text = self._texts.popleft()
        self._note_room()
        return text

    def _note_room(self) -> None:
        self.has_room = len(self._texts) < 2
        if self.has_room:
            self._taken.set()

    async def forward(self, taker: Callable[[str], None]) -> NoReturn:
        """Call `taker` with every message as it comes, inside the task that puts it, until there are no more.

        Raises trio.EndOfChannel then, or at once what `taker` raises. Cancelling loses nothing.
        """
        while self._texts:
            taker(await self.take())
        self._taker = taker
        try:
            if not self._over:
                await self._wait_for_more()
        finally:
            self._taker = None
        raise self._failure or trio.EndOfChannel

    async def wait_room(self) -> None:
        """Wait until at most one message is left to take. Cancelling is harmless; no checkpoint if there is room."""
        if not self.has_room:
            self._taken = trio.Event()
            await self._taken.wait()

    async def _wait_for_more(self) -> None:
        self._came = trio.Event()
        await self._came.wait()
