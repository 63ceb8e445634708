"""The hub: events come in, subscribers hear of those that they want, and nobody waits for a subscriber.

Owns the sequence numbers, the bounded history for those who come back, and each subscriber's bounded queue.
Must not know how events arise or how they are written on a wire.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from typing import Final, Protocol

import attrs
import trio

from ocpp_trio.backend.events import Event, Topic
from ocpp_trio.backend.interest import Interest, Want

HISTORY: Final = 10_000
"""Events kept for subscribers who come back: some minutes of a thousand stations."""
QUEUE: Final = 256
"""Events that may wait for one subscriber: what a busy node makes in a second or two."""


class SlowPolicy(StrEnum):
    """What becomes of a subscriber whose queue is full."""

    TELL = "tell"
    """It misses events, and is told how many at the place where they are missing."""
    DROP = "drop"
    """Its subscription ends."""


class SubscriptionDropped(Exception):
    """The subscriber did not keep up, and by its own policy that ended its subscription."""


@attrs.frozen
class Numbered:
    """An event with its place in this node's sequence, which counts up by one."""

    sequence: int
    event: Event


@attrs.frozen
class Lost:
    """So many events that were wanted are missing here."""

    count: int


class Tap(Protocol):
    """Sees everything that goes through a hub, at once and synchronously, and may have somebody behind it."""

    def passes_on(self, topic: Topic, identity: str) -> bool:
        """Whether somebody would hear by way of it of an event on a topic of this station."""

    def published(self, event: Event) -> None:
        """An event was handed to those who want it."""

    def interest_changed(self) -> None:
        """Something is wanted that nobody wanted before, or is wanted by nobody any more."""


class Subscription:
    """One subscriber's end, for one task. Made by `Hub.subscribe`."""

    def __init__(self, interest: Interest["Subscription"], capacity: int, policy: SlowPolicy) -> None:
        self._interest = interest
        self._capacity = capacity
        self._policy = policy
        self._queue: deque[Numbered | Lost] = deque()
        self._arrived = trio.Event()
        self.dropped = False

    @property
    def wants(self) -> tuple[Want, ...]:
        """What it wants to hear of."""
        return self._interest.wants_of(self)

    @property
    def waiting(self) -> int:
        """What waits to be received: events, and marks of those that are lost."""
        return len(self._queue)

    def subscribe(self, topic: Topic, identity: str | None = None) -> None:
        """Hear of a topic from now on, of one station or (None) of all."""
        if not self.dropped:
            self._interest.add(self, Want(topic, identity))

    def unsubscribe(self, topic: Topic, identity: str | None = None) -> None:
        """Hear of it no more; what waits already still comes."""
        self._interest.remove(self, Want(topic, identity))

    async def receive(self) -> Numbered | Lost:
        """The next event, or the mark of a gap. Cancelling loses nothing. Raises SubscriptionDropped."""
        await trio.lowlevel.checkpoint()
        while not self._queue and not self.dropped:
            await self._arrived.wait()
        return self.receive_nowait()

    async def wait_readable(self) -> None:
        """Wait until `receive_nowait` has something to give or to raise."""
        await self._arrived.wait()

    def receive_nowait(self) -> Numbered | Lost:
        """The next event, or the mark of a gap. Raises WouldBlock if nothing waits, and SubscriptionDropped."""
        if not self._queue:
            if self.dropped:
                raise SubscriptionDropped(f"expected less than {self._capacity} events to wait, and no more fit")
            raise trio.WouldBlock
        item = self._queue.popleft()
        if not self._queue and not self.dropped:
            self._arrived = trio.Event()
        return item

    def offer(self, numbered: Numbered) -> None:
        """Put an event into the queue, or apply the policy if it is full."""
        if len(self._queue) < self._capacity:
            self._queue.append(numbered)
        elif self._policy is SlowPolicy.DROP:
            self._interest.clear(self)
            self.dropped = True
        elif isinstance(self._queue[-1], Lost):
            self._queue[-1] = Lost(self._queue[-1].count + 1)
        else:
            self._queue.append(Lost(1))  # the one entry beyond the capacity, until there is room again
        self._arrived.set()


class Hub:
    """Where events meet those who want them."""

    def __init__(self, *, history: int = HISTORY, interest_changed: Callable[[], None] = lambda: None) -> None:
        self._history: deque[Numbered] = deque(maxlen=history)
        self._interest_changed = interest_changed
        self._interest: Interest[Subscription] = Interest(changed=self._tell_of_interest)
        self._taps: list[Tap] = []
        self._sequence = 0

    @property
    def sequence(self) -> int:
        """The number of the last event; 0 before the first."""
        return self._sequence

    @property
    def wants(self) -> tuple[Want, ...]:
        """What anybody here wants, each once."""
        return self._interest.wants()

    def anybody_wants(self, topic: Topic, identity: str) -> bool:
        """Whether a subscriber here, or somebody behind a tap, would hear of an event on a topic of this station."""
        return self._interest.anybody_wants(topic, identity) or any(
            tap.passes_on(topic, identity) for tap in self._taps
        )

    def publish(self, event: Event) -> None:
        """Number an event and hand it to all who want it. Never waits."""
        self._sequence += 1
        numbered = Numbered(self._sequence, event)
        self._history.append(numbered)
        for subscription in list(self._interest.subscribers_of(event)):
            subscription.offer(numbered)
        for tap in tuple(self._taps):
            tap.published(event)

    @contextmanager
    def tapped(self, tap: Tap) -> Iterator[None]:
        """For the time of the body, tell of every event and of every change of interest. What those
        behind a tap want is none of the hub's own `wants`.
        """
        self._taps.append(tap)
        try:
            yield
        finally:
            self._taps.remove(tap)

    def _tell_of_interest(self) -> None:
        self._interest_changed()
        for tap in tuple(self._taps):
            tap.interest_changed()

    @contextmanager
    def subscribe(self, *, capacity: int = QUEUE, policy: SlowPolicy = SlowPolicy.TELL) -> Iterator[Subscription]:
        """A subscription for the time of the body; it wants nothing at first.

        When `capacity` events wait that its task has not received, `policy` says what becomes of the next.
        Raises ValueError unless the capacity is positive.
        """
        if capacity < 1:
            raise ValueError(f"capacity: expected room for at least 1 event, found {capacity!r}")
        subscription = Subscription(self._interest, capacity, policy)
        try:
            yield subscription
        finally:
            self._interest.clear(subscription)

    def since(self, sequence: int, wants: Sequence[Want]) -> list[Numbered] | None:
        """The events after a number that somebody with these wants would have got; None if not all are kept.

        None too for a number that this node has not come to: it was another node's, or it is from before a restart.
        """
        missed = self._sequence - sequence
        if not 0 <= missed <= len(self._history):
            return None
        wanted = frozenset(wants)
        return [
            numbered
            for numbered in islice(self._history, len(self._history) - missed, None)
            if Want(numbered.event.topic) in wanted or Want(numbered.event.topic, numbered.event.identity) in wanted
        ]
