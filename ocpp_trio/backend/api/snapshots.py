"""What is known of some topics at one moment, in pieces that can be said one after the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ocpp_trio.backend.api.feed_messages import Selection
from ocpp_trio.backend.events import Known, Topic
from ocpp_trio.backend.live import LiveState

Snapshot = Sequence[tuple[Topic, Sequence[Known]]]

_READ: Final[Mapping[Topic, Callable[[LiveState], Sequence[Known]]]] = {
    Topic.STATIONS: lambda live: tuple(live.stations().values()),
    Topic.CONNECTORS: lambda live: live.connectors(),
    Topic.TRANSACTIONS: lambda live: live.transactions(),
    Topic.METER_VALUES: lambda live: live.meter_values(),
}
"""Of the log there is none: its lines are kept nowhere."""


def snapshot_of(live: LiveState, selection: Selection) -> Snapshot:
    """What is known of a selection now, topic by topic, in one pass over each."""
    named = None if selection.stations is None else frozenset(selection.stations)
    return [
        (topic, [value for value in _READ[topic](live) if named is None or value.identity in named])
        for topic in dict.fromkeys(selection.topics)
        if topic in _READ
    ]


def parts(values: Sequence[Known], size: int) -> Iterator[tuple[Sequence[Known], bool]]:
    """Pieces of at most `size` values, each with whether more follow; one that is empty if there are no values."""
    for start in range(0, len(values) or 1, size):
        yield values[start : start + size], start + size < len(values)
