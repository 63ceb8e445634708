"""What other nodes tell of their stations, taken over into this node's live state.

Owns whose each entry is: every node tells only what is its own, and only the owner can take it back.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

import attrs

from ocpp_trio.backend.events import Change, Event, Topic
from ocpp_trio.backend.interest import Want
from ocpp_trio.backend.letters import Part, read_wants
from ocpp_trio.backend.live import LiveState
from ocpp_trio.backend.peers import Peer, Peers, covers
from ocpp_trio.backend.records import Station

Name: TypeAlias = tuple[Topic, str, str]


@attrs.frozen
class _Owner:
    node: str
    life: str


class RemoteState:
    """The part of the live state that is others'.

    `publish` takes what subscribers here shall hear of. `wanted` is what they want: nothing else is taken over,
    because nobody would tell how it goes on. `roster` are the stations that have a session with this node.
    """

    def __init__(
        self,
        live: LiveState,
        publish: Callable[[Event], None],
        *,
        name: str,
        peers: Peers,
        roster: Mapping[str, None],
        wanted: Callable[[], dict[Want, None]],
        new_event_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._live = live
        self._publish = publish
        self._name = name
        self._peers = peers
        self._roster = roster
        self._wanted = wanted
        self._new_event_id = new_event_id
        self._now = now
        self._owners: dict[Name, _Owner] = {}
        self._told: dict[str, set[Name]] = {}

    def is_ours(self, topic: Topic, identity: str, key: str) -> bool:
        """Whether an entry came from a station of this node."""
        return (topic, identity, key) not in self._owners

    def release(self, event: Event) -> None:
        """Something of an entry happened at this node: from now on it is ours, or nobody's."""
        self._owners.pop((event.topic, event.identity, event.key), None)

    def hear(self, peer: Peer, event: Event) -> None:
        """Something changed at a node just now."""
        name = (event.topic, event.identity, event.key)
        if not covers(self._wanted(), event):
            return
        if peer.life in self._told:
            self._told[peer.life].add(name)
        if event.change is Change.UPDATED:
            event = self._seen_from_here(event)
            self._live.apply(event)
            if event.topic is not Topic.LOG:
                self._owners[name] = _Owner(peer.name, peer.life)
            self._publish(event)
        elif self._is_of(peer, name):
            self._take_away(name, event)

    def take(self, peer: Peer, part: Part) -> None:
        """A part of a node's state. Raises BadLetter."""
        if part.first:
            self._told[peer.life] = set()
        for written in part.entries:
            event = written.read(peer.name)
            if covers(self._wanted(), event):
                self._take_entry(peer, self._seen_from_here(event))
        if part.last and peer.life in self._told:
            self._sweep(peer, dict.fromkeys(read_wants(part.wants)))
            if part.whole:
                peer.lacking = False

    def miss(self, peer: Peer) -> None:
        """A letter of a node is missing: what is told of its state is not all of it."""
        self._told.pop(peer.life, None)

    def is_being_told(self, peer: Peer) -> bool:
        """Whether a node is in the middle of telling its state."""
        return peer.life in self._told

    def _take_entry(self, peer: Peer, event: Event) -> None:
        name = (event.topic, event.identity, event.key)
        if peer.life in self._told:
            self._told[peer.life].add(name)
        if self._knows_better(peer, event):
            return
        self._owners[name] = _Owner(peer.name, peer.life)
        if self._live.apply(event):
            self._publish(event)

    def _knows_better(self, peer: Peer, event: Event) -> bool:
        """Whether what is known here is not older than what a node remembers of a station that is not with it."""
        known = self._live.known(event.topic, event.identity, event.key)
        if known is None or self._is_of(peer, (event.topic, event.identity, event.key)):
            return False
        if event.identity in peer.roster and self._peers.where(event.identity) is peer:
            return event.identity in self._roster
        if isinstance(known, Station) and isinstance(event.value, Station):
            return known.last_seen >= event.value.last_seen
        return True

    def _is_of(self, peer: Peer, name: Name) -> bool:
        """Whether an entry is a node's, also if an earlier process of that node told it."""
        owner = self._owners.get(name)
        return owner is not None and owner.node == peer.name

    def _answers_for(self, peer: Peer, name: Name, told: set[Name]) -> bool:
        """Whether a node would have told an entry, if it were still there.

        Of what an earlier process of it told only if this one knows the station: else that is the last that is known.
        """
        owner, identity = self._owners[name], name[1]
        if owner.life == peer.life:
            return True
        return owner.node == peer.name and (identity in peer.roster or (Topic.STATIONS, identity, "") in told)

    def _sweep(self, peer: Peer, wants: dict[Want, None]) -> None:
        told = self._told.pop(peer.life)
        for name in list(self._owners):
            if name not in told and self._answers_for(peer, name, told):
                event = self._event(peer.name, Change.REMOVED, name)
                if event is None:
                    del self._owners[name]
                elif covers(wants, event):
                    self._take_away(name, event)

    def _take_away(self, name: Name, event: Event) -> None:
        del self._owners[name]
        if self._live.apply(event):
            self._publish(event)

    def forget_unwanted(self) -> None:
        """Let go of what nobody wants any more: nobody would tell when it changes, and nobody here hears of this."""
        wanted = self._wanted()
        for name in list(self._owners):
            event = self._event("", Change.REMOVED, name)
            if event is None or not covers(wanted, event):
                del self._owners[name]
                if event is not None:
                    self._live.apply(event)

    def restate(self, identity: str) -> None:
        """Say again whether a station is online, when that was learnt from somebody else than itself."""
        station = self._live.station(identity)
        if station is None or identity in self._roster:
            return
        peer = self._peers.where(identity)
        if station.online == (peer is not None):
            return
        name = (Topic.STATIONS, identity, "")
        event = self._event(peer.name if peer else self._name, Change.UPDATED, name)
        assert event is not None
        self._live.apply(attrs.evolve(event, value=attrs.evolve(station, online=peer is not None)))
        if peer is not None:
            self._owners[name] = _Owner(peer.name, peer.life)
        self._publish(attrs.evolve(event, value=attrs.evolve(station, online=peer is not None)))

    def _seen_from_here(self, event: Event) -> Event:
        """A node that has lost a station may hear of it later than others of where it is now."""
        station = event.value
        if not isinstance(station, Station) or station.online or event.change is not Change.UPDATED:
            return event
        online = event.identity in self._roster or self._peers.where(event.identity) is not None
        return attrs.evolve(event, value=attrs.evolve(station, online=online))

    def _event(self, node: str, change: Change, name: Name) -> Event | None:
        value = self._live.known(*name)
        if value is None:
            return None
        topic, identity, key = name
        return Event(
            event_id=self._new_event_id(),
            node=node,
            topic=topic,
            change=change,
            identity=identity,
            key=key,
            value=value,
            at=self._now(),
        )
