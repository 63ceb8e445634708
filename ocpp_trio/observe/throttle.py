"""At most one line of a kind in a while, and how many there would have been."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

import attrs
import trio

PERIOD: Final = 60.0
"""Seconds of trio's clock between two lines of one key."""
KEYS_KEPT: Final = 1024
"""The one whose last line is oldest is forgotten first: who has so many addresses gets lines, and no memory."""


@attrs.define
class _Line:
    at: float
    held_back: int = 0


class Throttle:
    """Says for every event whether it gets a line."""

    def __init__(self) -> None:
        self._lines: OrderedDict[Hashable, _Line] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lines)

    def held_back(self, key: Hashable) -> int | None:
        """How many events of this key got no line since its last one; None if this is one more of them."""
        now, last = trio.current_time(), self._lines.get(key)
        if last is not None and now - last.at < PERIOD:
            last.held_back += 1
            return None
        self._lines[key] = _Line(now)
        self._lines.move_to_end(key)
        if len(self._lines) > KEYS_KEPT:
            self._lines.popitem(last=False)
        return 0 if last is None else last.held_back
