"""What bad peers may cost a CSMS in bytes that Python allocates, whatever they wait in; for worlds that are traced.

Owns the tracing and the bound, which is the one that `Limits` states.
"""

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

from ocpp_trio import Limits
from ocpp_trio.testing import MemoryNetwork
from tests.simulation.oracle import Oracle

IDLE = 96 * 1024
"""Of a session in which nothing waits, both its ends and the bytes between them included."""
BESIDES = 16
"""Messages that the peer has in its hands, which is a part of this process, and that its handler makes of one."""
SOME = 3
"""Floods of which one or another is over, with its links, when the next one begins."""
KEPT = 16 * 1024
"""After a flood, for what a world writes down about it. A session that is still there is several times that."""
ACCEPTED_LAST = 128 * 1024
"""`trio.serve_listeners` holds on to the stream that it accepted last, over or not, and what fills its buffers."""


class Memory:
    """Judges what is allocated while peers flood."""

    def __init__(self, oracle: Oracle, network: MemoryNetwork) -> None:
        self._oracle = oracle
        self._network = network
        self._floods = 0
        self._before: list[int] = []
        """What was allocated when nobody flooded, before each time that somebody did."""
        self.peak = 0
        """The most that any of the floods took."""

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Judge within the body; it is slow."""
        tracemalloc.start(1)
        try:
            yield
        finally:
            tracemalloc.stop()

    @contextmanager
    def flooding(self) -> Iterator[None]:
        """A peer floods within the body."""
        if self._floods == 0 and tracemalloc.is_tracing():
            self._before.append(self._allocated())
        self._floods += 1
        try:
            yield
        finally:
            self._floods -= 1

    def audit(self) -> None:
        """Look at what is allocated; cheap enough for every frame of a flood."""
        if self._floods == 0 or not tracemalloc.is_tracing():
            return
        held, bound = tracemalloc.get_traced_memory()[0] - self._before[-1], self._floods * _bound(self._oracle.limits)
        self.peak = max(self.peak, held // self._floods)
        if held > bound:
            self._oracle.violate("MEMORY_UNBOUNDED", f"{held} bytes for {self._floods} floods, expected {bound}")

    def _allocated(self) -> int:
        # Both keep what is over for a while, with what nobody has read.
        self._network.links = self._network.live_links
        self._oracle.audit_sessions()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    def settle(self) -> None:
        """Nothing may be left of those who flooded. The first fills caches, and of the last some may still be there."""
        floods = len(self._before) - SOME - 1
        if floods <= 0:
            return
        kept = min(self._before[-SOME:]) - min(self._before[1 : 1 + SOME])
        bound = floods * KEPT + ACCEPTED_LAST
        if kept > bound:
            self._oracle.violate("MEMORY_KEPT", f"{kept} bytes after {floods} floods, expected {bound}")


def _bound(limits: Limits) -> int:
    return limits.message_size * (limits.inbox + limits.handlers + 16 + BESIDES) + IDLE
