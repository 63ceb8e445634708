"""What a feed's client and its server say to each other, as values and as text.

Owns the shape of every message on the feed, and the refusal of what is none.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import product
from typing import Annotated, Final, TypeAlias

import attrs
import msgspec

from ocpp_trio.backend.api.plain import as_plain, dump, event_as_plain
from ocpp_trio.backend.events import Known, Topic
from ocpp_trio.backend.hub import Lost, Numbered
from ocpp_trio.backend.interest import Want

TEXTS_KEPT: Final = 1024
"""Changes whose text is kept, so that a thousand subscribers cost one conversion; no queue holds many more."""
IDENTITY_MOST: Final = 255
"""Characters of a station's name that are worth looking at."""


class BadMessage(ValueError):
    """A client's message that means nothing here; says what was found and what was expected."""


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Topics, of the named stations or (None) of all."""

    topics: Annotated[tuple[Topic, ...], msgspec.Meta(min_length=1)]
    stations: tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=IDENTITY_MOST)], ...] | None = None

    @property
    def wants(self) -> tuple[Want, ...]:
        """Each pair once."""
        stations = (None,) if self.stations is None else dict.fromkeys(self.stations)
        return tuple(Want(topic, identity) for topic, identity in product(dict.fromkeys(self.topics), stations))


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last change that a client has seen, and in which stream of changes that was."""

    stream: str
    sequence: Annotated[int, msgspec.Meta(ge=0)]


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    subscribe: Selection | None = None
    unsubscribe: Selection | None = None
    resume: Position | None = None


@attrs.frozen
class Subscribe:
    """Hear of these from now on; from `resume` on if that is still known, or else after a snapshot."""

    selection: Selection
    resume: Position | None = None


@attrs.frozen
class Unsubscribe:
    """Hear of these no more."""

    selection: Selection


Command: TypeAlias = Subscribe | Unsubscribe
_decoder: Final = msgspec.json.Decoder(_Message)


def read_command(text: str) -> Command:
    """A client's message. Raises BadMessage."""
    try:
        message = _decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise BadMessage(str(exc)[:300]) from None
    match message:
        case _Message(subscribe=Selection() as selection, unsubscribe=None, resume=resume):
            return Subscribe(selection, resume)
        case _Message(subscribe=None, unsubscribe=Selection() as selection, resume=None):
            return Unsubscribe(selection)
    found = [name for name in ("subscribe", "unsubscribe", "resume") if getattr(message, name) is not None]
    raise BadMessage(f"expected subscribe, with or without resume, or else unsubscribe, found {found}")


def hello(stream: str, sequence: int) -> str:
    """The first message: which stream this is, and where it stands."""
    return dump({"type": "hello", "stream": stream, "sequence": sequence})


def subscribed(selection: Selection, sequence: int, *, resumed: bool) -> str:
    """What is heard of from now on; after it come the changes that were missed, or a snapshot."""
    return dump(
        {
            "type": "subscribed",
            "sequence": sequence,
            "resumed": resumed,
            "topics": selection.topics,
            "stations": selection.stations,
        }
    )


def unsubscribed(selection: Selection, sequence: int) -> str:
    """Nothing of it comes after this."""
    return dump(
        {
            "type": "unsubscribed",
            "sequence": sequence,
            "topics": selection.topics,
            "stations": selection.stations,
        }
    )


def snapshot(topic: Topic, sequence: int, values: Sequence[Known], *, more: bool) -> str:
    """A part of what is known of a topic, as it was after the change of this number."""
    return dump(
        {
            "type": "snapshot",
            "topic": topic,
            "sequence": sequence,
            "values": [as_plain(value) for value in values],
            "more": more,
        }
    )


def error(detail: str) -> str:
    """The last message of the client did nothing, and why."""
    return dump({"type": "error", "detail": detail})


class ChangeTexts:
    """Changes and gaps as text, made once for all who hear of them."""

    def __init__(self, *, kept: int = TEXTS_KEPT) -> None:
        self._kept = kept
        self._texts: OrderedDict[int, str] = OrderedDict()

    def of(self, item: Numbered | Lost) -> str:
        """The message."""
        if isinstance(item, Lost):
            return dump({"type": "lost", "count": item.count})
        text = self._texts.get(item.sequence)
        if text is None:
            text = dump({"type": "change", "sequence": item.sequence, **event_as_plain(item.event)})
            self._texts[item.sequence] = text
            if len(self._texts) > self._kept:
                self._texts.popitem(last=False)
        return text
