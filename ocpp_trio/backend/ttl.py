"""A table whose entries are forgotten when nobody renews them.

Owns how long an entry counts. Must not know what the entries are, and tells nobody by itself.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator
from itertools import takewhile
from typing import Generic, TypeVar

import attrs
import trio

K = TypeVar("K")
V = TypeVar("V")


@attrs.frozen
class _Entry(Generic[V]):
    value: V
    expires_at: float


class TtlTable(Generic[K, V]):
    """Entries by key, each for `ttl` seconds of trio's clock after it was put, and at most `capacity` of them.

    One time to live for all entries keeps them in the order in which they end: nothing here searches. A stale entry
    is never handed out, whether `expire` has been called or not. Raises ValueError unless both bounds are positive.
    """

    def __init__(self, *, ttl: float, capacity: int) -> None:
        if not ttl > 0:
            raise ValueError(f"ttl: expected a positive number of seconds, found {ttl!r}")
        if capacity < 1:
            raise ValueError(f"capacity: expected at least 1 entry, found {capacity!r}")
        self._ttl = ttl
        self._capacity = capacity
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()

    def __len__(self) -> int:
        """How many entries are held, stale ones included until `expire` takes them."""
        return len(self._entries)

    @property
    def next_expiry(self) -> float:
        """When the oldest entry ends, on trio's clock; `math.inf` if there is none."""
        for entry in self._entries.values():
            return entry.expires_at
        return math.inf

    def put(self, key: K, value: V) -> tuple[K, V] | None:
        """Add or renew an entry; the oldest one, if it had to go for that."""
        self._entries[key] = _Entry(value, trio.current_time() + self._ttl)
        self._entries.move_to_end(key)
        if len(self._entries) <= self._capacity:
            return None
        oldest, entry = self._entries.popitem(last=False)
        return oldest, entry.value

    def get(self, key: K) -> V | None:
        """The value, or None if there is none or it is stale."""
        entry = self._entries.get(key)
        return entry.value if entry is not None and entry.expires_at > trio.current_time() else None

    def pop(self, key: K) -> V | None:
        """Take an entry out; None if there was none or it was stale already."""
        value = self.get(key)
        if value is not None:
            del self._entries[key]
        return value

    def items(self) -> Iterator[tuple[K, V]]:
        """What is fresh at this moment, the longest unchanged first."""
        now = trio.current_time()
        return iter([(key, entry.value) for key, entry in self._entries.items() if entry.expires_at > now])

    def expire(self) -> list[tuple[K, V]]:
        """Take out what is stale."""
        now = trio.current_time()
        over = list(takewhile(lambda item: item[1].expires_at <= now, self._entries.items()))
        for key, _ in over:
            del self._entries[key]
        return [(key, entry.value) for key, entry in over]
