"""The letters of a node that are on their way out.

Owns their order, their numbers and the bound on how many wait. Must not know what carries them.
"""

import math
from collections import deque
from typing import Final

import attrs
import msgspec
import trio

from ocpp_trio.backend.letters import Ask, Body, write_letter

CAPACITY: Final = 4096
"""Letters that may wait: some seconds of a busy node. Whoever misses some asks for the state anew, so it need not be
long enough for an outage."""


@attrs.frozen
class _Mail:
    body: Body
    to: str | None
    until: float


class Outbox:
    """A queue that nobody waits for: when it is full, what has waited longest is dropped.

    Letters are numbered as they are written, and a dropped one leaves its number out: that is how the other nodes
    are told. One that is not worth sending after `until` (an instant of trio's clock) goes without a trace.
    """

    def __init__(self, node: str, life: str, *, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            raise ValueError(f"capacity: expected room for at least 1 letter, found {capacity!r}")
        self.node = node
        self.life = life
        self._capacity = capacity
        self._waiting: deque[_Mail] = deque()
        self._leaving: list[tuple[int, _Mail]] = []
        self._number = 0
        self._changed = trio.Event()
        self.dropped = 0
        self.expired = 0
        self.written = 0

    @property
    def waiting(self) -> int:
        """Letters that have not been written for certain."""
        return len(self._waiting) + len(self._leaving)

    def post(self, body: Body, *, to: str | None = None, until: float = math.inf) -> None:
        """Put a letter in, to one node or (None) to all. Never waits."""
        if len(self._waiting) >= self._capacity:
            self._waiting.popleft()
            self._number += 1
            self.dropped += 1
        self._waiting.append(_Mail(body, to, until))
        self._change()

    async def take(self, most: int) -> list[bytes]:
        """Wait for letters and take up to so many, as bytes. `done` says that they are written.

        Until then every call gives the same ones again, except for those that have expired meanwhile: a carrier that
        does not know whether they got through takes them once more. Cancelling leaves everything as it is.
        """
        await trio.lowlevel.checkpoint()
        self._prepare(most)
        while not self._leaving:
            await self._changed.wait()
            self._prepare(most)
        return [self._write(number, mail) for number, mail in self._leaving]

    def done(self) -> None:
        """What was taken has been written."""
        self.written += len(self._leaving)
        self._leaving.clear()
        self._change()

    async def wait_room(self) -> None:
        """Wait until half of the room is free, for letters that can wait."""
        while len(self._waiting) > self._capacity // 2:
            await self._changed.wait()

    async def wait_empty(self) -> None:
        """Wait until everything is written."""
        while self.waiting:
            await self._changed.wait()

    def _prepare(self, most: int) -> None:
        now = trio.current_time()
        fresh = [(number, mail) for number, mail in self._leaving if mail.until > now]
        self.expired += len(self._leaving) - len(fresh)
        self._leaving = fresh
        if self._leaving:
            return
        while self._waiting and len(self._leaving) < most:
            mail = self._waiting.popleft()
            if mail.until > now:
                self._number += 1
                self._leaving.append((self._number, mail))
            else:
                self.expired += 1

    def _write(self, number: int, mail: _Mail) -> bytes:
        body = mail.body
        if isinstance(body, Ask):  # the time that it waited here is gone
            body = msgspec.structs.replace(body, within=mail.until - trio.current_time())
        return write_letter(body, node=self.node, life=self.life, number=number, to=mail.to)

    def _change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
