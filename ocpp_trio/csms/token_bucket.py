"""How many may come at once, and how many a second after that.

Owns the arithmetic: no I/O, and no idea of what is being rationed.
"""

import math
from random import Random
from typing import Final

import trio

LONGEST_QUEUE: Final = 60.0
"""Seconds of refused newcomers that are remembered. More would let a flood send honest peers away for hours."""


class TokenBucket:
    """Tokens that grow back at `rate` a second, up to `size` of them; it starts full."""

    def __init__(self, rate: float, size: int, rng: Random) -> None:
        self._rate = rate
        self._size = size
        self._rng = rng
        self._tokens = float(size)
        self._queue = 0.0
        self._as_of = trio.current_time()

    def take(self, *, leave: int = 0) -> bool:
        """Take a token, if that leaves so many."""
        self._catch_up()
        if self._tokens < leave + 1:
            return False
        self._tokens -= 1
        return True

    def wait_of_refused(self) -> int:
        """Whole seconds after which somebody who got no token may try again.

        Those who are refused in a row are given later and later times, a little less than `rate` a second, each
        moved by a random part: they come back one by one and not as the wave that they were.
        """
        self._catch_up()
        if math.isinf(self._rate):
            return 1
        self._queue = min(self._queue + 1, self._rate * LONGEST_QUEUE)
        turn = self._queue / self._rate
        return 1 + int(self._rng.uniform(turn, 1.5 * turn + 1))

    def _catch_up(self) -> None:
        now = trio.current_time()
        grown = math.inf if math.isinf(self._rate) else (now - self._as_of) * self._rate
        self._tokens = min(self._tokens + grown, self._size)
        self._queue = max(self._queue - grown, 0.0)
        self._as_of = now
