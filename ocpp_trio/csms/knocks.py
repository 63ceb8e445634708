"""Connections that are not upgraded yet: how many there are, whose they are, and who makes room for another.

Owns the count. Must not know what a connection does meanwhile.
"""

from collections import Counter

import attrs
import trio

from ocpp_trio.errors import Closed


@attrs.define(eq=False)
class Knock:
    """One of them. `asked` is set when its request has come as a whole."""

    network: str
    asked: bool = False
    dropped: Closed | None = None
    scope: trio.CancelScope = attrs.Factory(trio.CancelScope)

    def drop(self, closed: Closed) -> None:
        """End it at once, for a reason that lies with others."""
        self.dropped = closed
        self.scope.cancel()


class Knocks:
    """Those that were let in so far, the oldest first; `peak` is the most that there ever were."""

    def __init__(self) -> None:
        self._inside: dict[Knock, None] = {}
        self._by_network: Counter[str] = Counter()
        self.peak = 0

    def __len__(self) -> int:
        return len(self._inside)

    def of(self, network: str) -> int:
        """How many are of a network."""
        return self._by_network[network]

    def enter(self, knock: Knock) -> None:
        """One more."""
        self._inside[knock] = None
        self._by_network[knock.network] += 1
        self.peak = max(self.peak, len(self._inside))

    def leave(self, knock: Knock) -> None:
        """It is a session, or gone; harmless for one that is not inside."""
        if knock not in self._inside:
            return
        del self._inside[knock]
        self._by_network[knock.network] -= 1
        if not self._by_network[knock.network]:
            del self._by_network[knock.network]

    def first_to_go(self) -> Knock | None:
        """Of those that have not asked for anything yet, the oldest of the network that has most inside.

        An honest peer asks within a few round trips; who holds many places in silence loses his own first.
        """
        silent = (knock for knock in self._inside if not knock.asked)
        return max(silent, key=lambda knock: self.of(knock.network), default=None)
