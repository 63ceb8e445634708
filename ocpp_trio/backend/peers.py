"""The other nodes: who is there, what each wants, which stations it has, and whether something of it is missing.

Owns the numbers by which letters are found to be doubled or missing. Must not know what the letters say beyond that.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import attrs
import trio

from ocpp_trio.backend.events import Event, Topic
from ocpp_trio.backend.interest import Want
from ocpp_trio.backend.letters import Letter

T = TypeVar("T")

BURIED_KEPT: Final = 256
"""Lives that are over and may still be heard of: letters of a process that another has replaced come late. As many that
are only silent: what they wrote before may come once more when they are back."""


@attrs.define(eq=False)
class Peer:
    """Another node in one of its lives."""

    name: str
    life: str
    next_number: int
    heard_at: float
    wants: dict[Want, None] = attrs.Factory(dict)
    introduced: bool = False
    """Whether it has said what it wants."""
    lacking: bool = True
    """Whether something of its state may be missing here."""
    missed: int = 0
    """Letters of it that never came."""
    roster: dict[str, None] = attrs.Factory(dict)
    """The stations that have a session with it."""
    told: dict[str, None] | None = None
    """Those of them that it has named since it began to tell all of them; None if it does not."""


@attrs.frozen
class _Silent:
    life: str
    next_number: int


@attrs.frozen
class Heard:
    """What a letter says about who wrote it: if it is `new` here, who is `gone` by that, and if there is a `gap`."""

    peer: Peer
    new: bool
    gap: bool
    gone: Peer | None


class Peers:
    """The nodes that were heard of in the last `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._peers: dict[str, Peer] = {}
        self._buried: OrderedDict[str, None] = OrderedDict()
        self._silent: OrderedDict[str, _Silent] = OrderedDict()
        # The last that claimed a station comes last.
        self._claims: dict[str, dict[str, None]] = {}
        self._wants: dict[Want, None] = {}
        self.duplicates = 0

    def __iter__(self) -> Iterator[Peer]:
        return iter(tuple(self._peers.values()))

    def get(self, name: str) -> Peer | None:
        """The node of this name, if it is there."""
        return self._peers.get(name)

    def hear(self, letter: Letter, age: float) -> Heard | None:
        """Note a letter that was written `age` seconds ago; None for one that shall not be read.

        That is one that was read already or that a later one has overtaken, and one of a process that is over.
        """
        if letter.life in self._buried:
            return None
        peer, gone = self._peers.get(letter.node), None
        if peer is not None and peer.life != letter.life:
            gone, peer = self.remove(peer, bury=True), None
        expected = self._expected(letter) if peer is None else peer.next_number
        if letter.number < expected:
            self.duplicates += 1
            return None
        new = peer is None
        if peer is None:
            peer = self._peers[letter.node] = Peer(letter.node, letter.life, expected, trio.current_time() - age)
        gap = letter.number - expected
        if gap:
            peer.missed += gap
            peer.lacking, peer.told = True, None
        peer.next_number = letter.number + 1
        peer.heard_at = max(peer.heard_at, trio.current_time() - age)
        return Heard(peer, new, gap > 0, gone)

    def _expected(self, letter: Letter) -> int:
        """The number of the first letter to be read of a node that is not there."""
        before = self._silent.get(letter.node)
        if before is None:
            return letter.number
        if before.life == letter.life:
            return before.next_number
        # A process that was stopped for a while may go on, and must not replace the one that replaced it.
        del self._silent[letter.node]
        _keep(self._buried, before.life, None)
        return letter.number

    def remove(self, peer: Peer, *, bury: bool) -> Peer:
        """Forget a node; one that is buried is not heard again in this life, and any other is read on."""
        del self._peers[peer.name]
        if bury:
            _keep(self._buried, peer.life, None)
        else:
            _keep(self._silent, peer.name, _Silent(peer.life, peer.next_number))
        for identity in peer.roster:
            self._unclaim(peer.name, identity)
        self._unite()
        return peer

    def silent(self, since: float, *, until: float) -> list[Peer]:
        """Who was not heard for too long at the instant `until`, not counting the time before `since`."""
        latest = until - self._patience
        return [peer for peer in self._peers.values() if max(peer.heard_at, since) <= latest]

    def introduce(self, peer: Peer, wants: Iterable[Want]) -> tuple[Want, ...] | None:
        """What a node wants that it did not want before; None if it does not, and is known already."""
        wanted = dict.fromkeys(wants)
        added = tuple(want for want in wanted if want not in peer.wants)
        first, peer.introduced = not peer.introduced, True
        if wanted.keys() != peer.wants.keys():
            peer.wants = wanted
            self._unite()
        return added if first or added else None

    def wants(self, topic: Topic, identity: str) -> bool:
        """Whether any node wants events on a topic of this station."""
        return covers_names(self._wants, topic, identity)

    def claim(self, peer: Peer, identity: str) -> None:
        """A station has a session with a node."""
        peer.roster[identity] = None
        if peer.told is not None:
            peer.told[identity] = None
        claims = self._claims.setdefault(identity, {})
        claims.pop(peer.name, None)
        claims[peer.name] = None

    def unclaim(self, peer: Peer, identity: str) -> None:
        """A station has none with it any more."""
        if identity in peer.roster:
            del peer.roster[identity]
            self._unclaim(peer.name, identity)

    def begin_roster(self, peer: Peer) -> None:
        """From now on a node names all the stations that it has."""
        peer.told = {}

    def end_roster(self, peer: Peer) -> tuple[str, ...]:
        """It has named all of them: those that it has not are returned, and are not with it any more.

        Nothing happens if a letter was missing in between.
        """
        told, peer.told = peer.told, None
        others = () if told is None else tuple(identity for identity in peer.roster if identity not in told)
        for identity in others:
            self.unclaim(peer, identity)
        return others

    def where(self, identity: str) -> Peer | None:
        """The node that a station has a session with: the last that said so."""
        for name in reversed(self._claims.get(identity, {})):
            return self._peers[name]
        return None

    def _unclaim(self, name: str, identity: str) -> None:
        claims = self._claims[identity]
        del claims[name]
        if not claims:
            del self._claims[identity]

    def _unite(self) -> None:
        self._wants = {want: None for peer in self._peers.values() for want in peer.wants}


def _keep(kept: OrderedDict[str, T], name: str, value: T) -> None:
    kept[name] = value
    kept.move_to_end(name)
    if len(kept) > BURIED_KEPT:
        kept.popitem(last=False)


def covers(wants: dict[Want, None], event: Event) -> bool:
    """Whether an event is among what is wanted."""
    return covers_names(wants, event.topic, event.identity)


def covers_names(wants: dict[Want, None], topic: Topic, identity: str) -> bool:
    """Whether events on a topic of this station are among what is wanted."""
    return Want(topic) in wants or Want(topic, identity) in wants
