"""Whole messages between the task that reads the stream and the task that takes them.

Owns the order and the bound. Must not know what a message says, or why there will be no more.
"""

from collections import deque

import trio


class Arrivals:
    """What has been read and not been taken.

    Bounded by what one read of the stream brings: who reads gives nothing new before `wait_room` has returned. So
    a put never waits, and a message costs no step of the scheduler on its way. One message that nobody takes does
    not keep what follows from being read, which may be a close frame.
    """

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._over = False
        self._came = trio.Event()
        self._taken = trio.Event()

    def put(self, text: str) -> None:
        """Add a message; after `close` or `discard` it is dropped."""
        if not self._over:
            self._texts.append(text)
            self._came.set()

    def close(self) -> None:
        """There will be no more; what came before can still be taken."""
        self._over = True
        self._came.set()

    def discard(self) -> None:
        """Nobody will take anything any more."""
        self._texts.clear()
        self._taken.set()
        self.close()

    async def take(self) -> str:
        """The next message, in order; for one task. Cancelling loses nothing. Raises trio.EndOfChannel."""
        if self._texts or self._over:
            await trio.lowlevel.checkpoint()
        else:
            self._came = trio.Event()
            await self._came.wait()
        if not self._texts:
            raise trio.EndOfChannel
        text = self._texts.popleft()
        if len(self._texts) < 2:
            self._taken.set()
        return text

    async def wait_room(self) -> None:
        """Wait until at most one message is left to take. Cancelling is harmless; no checkpoint if there is room."""
        if len(self._texts) > 1:
            self._taken = trio.Event()
            await self._taken.wait()
