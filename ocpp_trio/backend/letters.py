"""What nodes write to each other, as values and as bytes.

Owns the shape of every letter and of the envelope around it. What another node wrote is checked here like anything
else that comes from outside; who wrote what to whom, and whether anything is missing, is for others.
"""

from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from ocpp_trio import CloseReason
from ocpp_trio.backend.events import Change, Event, Known, Topic
from ocpp_trio.backend.interest import Want
from ocpp_trio.backend.records import Connector, LogLine, MeterReading, Station, Transaction

FORMAT: Final = 1
"""Goes up when an older node could not read what a newer one writes; letters of another format are passed over."""

_VALUES: Final[dict[Topic, msgspec.msgpack.Decoder[Any]]] = {
    Topic.STATIONS: msgspec.msgpack.Decoder(Station),
    Topic.CONNECTORS: msgspec.msgpack.Decoder(Connector),
    Topic.TRANSACTIONS: msgspec.msgpack.Decoder(Transaction),
    Topic.METER_VALUES: msgspec.msgpack.Decoder(MeterReading),
    Topic.LOG: msgspec.msgpack.Decoder(LogLine),
}
# The last for what is nested too deeply.
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_encoder: Final = msgspec.msgpack.Encoder()
WrittenWant: TypeAlias = tuple[Topic, str | None]


class BadLetter(ValueError):
    """These bytes are no letter that this node can read; says why."""


class _Written(msgspec.Struct, frozen=True, array_like=True):
    """Positions instead of names: letters of one format have the same."""


class WrittenEvent(_Written, frozen=True):
    """An event without its node, which is on the envelope."""

    event_id: str
    topic: Topic
    change: Change
    identity: str
    key: str
    value: msgspec.Raw
    at: datetime

    def read(self, node: str) -> Event:
        """The event. Raises BadLetter."""
        try:
            value: Known = _VALUES[self.topic].decode(self.value)
        except _UNREADABLE as exc:
            raise BadLetter(f"{self.topic.value}: {exc}") from None
        named = (value.identity, _key_of(value))
        if named != (self.identity, self.key):
            raise BadLetter(f"{self.topic.value}: expected the value of {(self.identity, self.key)!r}, found {named!r}")
        return Event(
            event_id=self.event_id,
            node=node,
            topic=self.topic,
            change=self.change,
            identity=self.identity,
            key=self.key,
            value=value,
            at=self.at,
        )


def _key_of(value: Known) -> str:
    match value:
        case Connector() | MeterReading():
            return str(value.connector_id)
        case Transaction():
            return str(value.transaction_id)
    return ""


class Beat(_Written, frozen=True, tag="beat"):
    """I am here, and this is what is wanted here; `leaving` says that it is the last one."""

    interested_in: tuple[WrittenWant, ...]
    leaving: bool = False


class News(_Written, frozen=True, tag="news"):
    """Something changed here just now."""

    event: WrittenEvent


class Presence(_Written, frozen=True, tag="presence"):
    """A station has a session with me, or has none any more."""

    identity: str
    online: bool


class Please(_Written, frozen=True, tag="please"):
    """I may have missed something of yours: tell me your state."""


class Part(_Written, frozen=True, tag="part"):
    """A part of my state: all that I own of these topics, from the part that is `first` to the one that is `last`.

    What is owned by me, is of these topics and is in none of the parts is not there any more. `roster` are stations
    that have a session with me, and with `whole` all of them are.
    """

    first: bool
    last: bool
    whole: bool
    wants: tuple[WrittenWant, ...]
    roster: tuple[str, ...]
    entries: tuple[WrittenEvent, ...]


class Ask(_Written, frozen=True, tag="ask"):
    """Send this to a station of yours; worth doing `within` seconds of the writing only."""

    call_id: str
    identity: str
    subprotocol: str
    action: str
    payload: bytes
    within: Annotated[float, msgspec.Meta(ge=0)]


class Answer(_Written, frozen=True, tag="answer"):
    """What the station replied."""

    call_id: str
    payload: bytes


class Failure(_Written, frozen=True, tag="failure"):
    """There is no reply, and why: an error class of ours, taken apart."""

    call_id: str
    error: str
    text: str = ""
    code: str = ""
    details: bytes = b"{}"
    reason: CloseReason = CloseReason.TRANSPORT_ERROR
    close_code: int | None = None
    was_sent: bool = False


Body: TypeAlias = Beat | News | Presence | Please | Part | Ask | Answer | Failure


class Letter(_Written, frozen=True):
    """A body in its envelope. `life` tells one process of a node from the next, `number` counts its letters by one."""

    format: int
    node: str
    life: str
    number: int
    to: str | None
    body: msgspec.Raw

    def open(self) -> Body:
        """What is in it. Raises BadLetter."""
        try:
            return _bodies.decode(self.body)
        except _UNREADABLE as exc:
            raise BadLetter(str(exc)) from None


_letters: Final = msgspec.msgpack.Decoder(Letter)
_bodies: Final[msgspec.msgpack.Decoder[Body]] = msgspec.msgpack.Decoder(Body)


def write_letter(body: Body, *, node: str, life: str, number: int, to: str | None) -> bytes:
    """A letter as bytes."""
    return _encoder.encode(Letter(FORMAT, node, life, number, to, msgspec.Raw(_encoder.encode(body))))


def read_letter(sheet: bytes) -> Letter:
    """A letter, its body still closed. Raises BadLetter."""
    try:
        letter = _letters.decode(sheet)
    except _UNREADABLE as exc:
        raise BadLetter(str(exc)) from None
    if letter.format != FORMAT:
        raise BadLetter(f"expected format {FORMAT}, found {letter.format!r}")
    return letter


def write_event(event: Event) -> WrittenEvent:
    """An event for a letter."""
    return WrittenEvent(
        event.event_id,
        event.topic,
        event.change,
        event.identity,
        event.key,
        msgspec.Raw(_encoder.encode(event.value)),
        event.at,
    )


def write_wants(wants: tuple[Want, ...]) -> tuple[WrittenWant, ...]:
    """Wants for a letter."""
    return tuple((want.topic, want.identity) for want in wants)


def read_wants(written: tuple[WrittenWant, ...]) -> tuple[Want, ...]:
    """Wants out of a letter, each once."""
    return tuple(dict.fromkeys(Want(topic, identity) for topic, identity in written))
