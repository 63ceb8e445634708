"""How often connections took an identity's place from each other lately.

Owns the history and the cool-down that follows from it; does no I/O, and decides about no connection.
"""

import math
from collections import OrderedDict, deque
from typing import Final

import attrs
import trio

SWAPS: Final = 3
WINDOW: Final = 60.0
"""So many swaps within so many seconds are no station that lost its link: those take a while to come back."""
COOL_DOWN: Final = 600.0
"""Seconds in which proof alone takes no place. It locks nobody out: a session that is silent still gives way."""
RETRY_AFTER: Final = 60
"""The longest a refused connection is asked to stay away; the session that is in its way may end any time."""
IDENTITIES_KEPT: Final = 10_000
"""The one whose last swap is oldest is forgotten first; an honest fleet has a swap now and then."""


def _instants() -> deque[float]:
    return deque(maxlen=SWAPS)


@attrs.define
class _History:
    swaps: deque[float] = attrs.Factory(_instants)
    calm_at: float = -math.inf


class Swaps:
    """The history of every identity that had a swap."""

    def __init__(self) -> None:
        self._histories: OrderedDict[str, _History] = OrderedDict()

    def __len__(self) -> int:
        return len(self._histories)

    def note(self, identity: str) -> None:
        """A connection took the place of a session now."""
        history = self._histories.setdefault(identity, _History())
        self._histories.move_to_end(identity)
        if len(self._histories) > IDENTITIES_KEPT:
            self._histories.popitem(last=False)
        now = trio.current_time()
        history.swaps.append(now)
        if len(history.swaps) == SWAPS and now - history.swaps[0] < WINDOW:
            history.calm_at = now + COOL_DOWN

    def cool_down(self, identity: str) -> int | None:
        """Whole seconds for which a connection should stay away; None if the identity is not flapping."""
        history = self._histories.get(identity)
        remaining = 0.0 if history is None else history.calm_at - trio.current_time()
        return min(math.ceil(remaining), RETRY_AFTER) if remaining > 0 else None
