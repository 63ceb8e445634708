"""Who wants to hear of what: topics, of one station or of all.

Owns the index from an event to its subscribers. Must not know how they are told.
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

import attrs

from ocpp_trio.backend.events import Event, Topic

S = TypeVar("S", bound=Hashable)


@attrs.frozen
class Want:
    """A topic, of one station or (None) of all."""

    topic: Topic
    identity: str | None = None


class Interest(Generic[S]):
    """Subscribers by what they want. Answers come in the order in which they began to want it.

    `changed` is called, synchronously, when something is wanted that nobody wanted before, and when the last who
    wanted something does so no more.
    """

    def __init__(self, *, changed: Callable[[], None]) -> None:
        self._changed = changed
        # Dictionaries instead of sets: the order of a set is that of addresses, and no two runs agree on it.
        self._by_want: dict[Want, dict[S, None]] = {}
        self._by_subscriber: dict[S, dict[Want, None]] = {}

    def add(self, subscriber: S, want: Want) -> None:
        """Note a want; once is enough."""
        self._by_subscriber.setdefault(subscriber, {})[want] = None
        new = want not in self._by_want
        self._by_want.setdefault(want, {})[subscriber] = None
        if new:
            self._changed()

    def remove(self, subscriber: S, want: Want) -> None:
        """Forget a want; one that was never noted is nothing to forget."""
        if self._forget(subscriber, want):
            self._changed()

    def clear(self, subscriber: S) -> None:
        """Forget a subscriber and all that it wants."""
        gone = [want for want in self.wants_of(subscriber) if self._forget(subscriber, want)]
        if gone:
            self._changed()

    def _forget(self, subscriber: S, want: Want) -> bool:
        """True if nobody wants it any more."""
        subscribers = self._by_want.get(want, {})
        if subscriber not in subscribers:
            return False
        del subscribers[subscriber], self._by_subscriber[subscriber][want]
        if not self._by_subscriber[subscriber]:
            del self._by_subscriber[subscriber]
        if subscribers:
            return False
        del self._by_want[want]
        return True

    def wants_of(self, subscriber: S) -> tuple[Want, ...]:
        """What one subscriber wants."""
        return tuple(self._by_subscriber.get(subscriber, ()))

    def wants(self) -> tuple[Want, ...]:
        """What anybody here wants, each once."""
        return tuple(self._by_want)

    def anybody_wants(self, topic: Topic, identity: str) -> bool:
        """Whether somebody would hear of an event on a topic of this station."""
        return Want(topic) in self._by_want or Want(topic, identity) in self._by_want

    def subscribers_of(self, event: Event) -> Iterator[S]:
        """Who wants to hear of an event, each once."""
        everywhere = self._by_want.get(Want(event.topic), {})
        yield from everywhere
        for subscriber in self._by_want.get(Want(event.topic, event.identity), ()):
            if subscriber not in everywhere:
                yield subscriber
