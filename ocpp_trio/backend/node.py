"""One CSMS node among others: its live state and its hub, tied to theirs by a bus.

Owns what is written to the other nodes and what is done about their letters. The station's messages, and what is
kept of them, are none of its business: it sees what the hub sees.
"""

import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

import trio

from ocpp_trio import Closed, CloseReason, ConnectionClosed, Request, Response, Session, Version, v16
from ocpp_trio.backend.bus import Bus
from ocpp_trio.backend.events import Change, Event, Topic
from ocpp_trio.backend.hub import Hub
from ocpp_trio.backend.interest import Want
from ocpp_trio.backend.letters import (
    Answer,
    Ask,
    BadLetter,
    Beat,
    Body,
    Failure,
    News,
    Part,
    Please,
    Presence,
    read_letter,
    read_wants,
    write_event,
    write_wants,
)
from ocpp_trio.backend.live import LiveState, new_event_ids, utc_now
from ocpp_trio.backend.node_values import NodeSettings, NodeStatus, PeerStatus
from ocpp_trio.backend.outbox import Outbox
from ocpp_trio.backend.peers import Peer, Peers
from ocpp_trio.backend.records import Station
from ocpp_trio.backend.remote_state import RemoteState
from ocpp_trio.backend.routing import Calls
from ocpp_trio.backend.sharing import StateSender
from ocpp_trio.backend.silence import Silence
from ocpp_trio.backend.widening import widened

logger = logging.getLogger(__name__)

ResponseT = TypeVar("ResponseT", bound=Response)


class Node:
    """Made by `open_node`."""

    def __init__(
        self,
        live: LiveState,
        hub: Hub,
        bus: Bus,
        *,
        name: str,
        sessions: Callable[[], Mapping[str, Session]],
        version: Version,
        settings: NodeSettings,
        always: Iterable[Want],
        new_life: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self.name = name
        self.version = version
        self._live, self._hub, self._bus = live, hub, bus
        self._sessions = sessions
        self._settings = settings
        self._always = tuple(always)
        self._outbox = Outbox(name, new_life(), capacity=settings.outbox)
        self._peers = Peers(settings.patience)
        self._roster: dict[str, None] = {}
        self._wants: dict[Want, None] = {}
        self._calls = Calls(self._outbox, sessions, version)
        ids = new_event_ids()
        self._remote = RemoteState(
            live,
            self._publish_remote,
            name=name,
            peers=self._peers,
            roster=self._roster,
            wanted=lambda: self._wants,
            new_event_id=ids,
            now=now,
        )
        self._sender = StateSender(
            live, self._outbox, roster=self._roster, is_ours=self._remote.is_ours, new_event_id=ids, now=now
        )
        self._publishing_remote = False
        self._hurry = trio.Event()
        self._silence = Silence(settings.beat)
        self._unreadable = 0
        self._namesake: str | None = None  # that was complained about: once will do
        self._nursery: trio.Nursery | None = None

    @property
    def wants(self) -> tuple[Want, ...]:
        """What the other nodes are told is wanted here."""
        return tuple(self._wants)

    def status(self) -> NodeStatus:
        """A frozen snapshot, for a health page and for tests."""
        return NodeStatus(
            name=self.name,
            bus=self._bus.status,
            peers=tuple(
                PeerStatus(
                    name=peer.name,
                    interested_in=tuple(peer.wants),
                    stations=len(peer.roster),
                    complete=not peer.lacking,
                    missed=peer.missed,
                )
                for peer in self._peers
            ),
            waiting=self._outbox.waiting,
            written=self._outbox.written,
            dropped=self._outbox.dropped,
            expired=self._outbox.expired,
            duplicates=self._peers.duplicates,
            unreadable=self._unreadable,
            calls=self._calls.open,
        )

    def where(self, identity: str) -> str | None:
        """The name of the node that a station has a session with; None if no node says so."""
        if identity in self._sessions():
            return self.name
        peer = self._peers.where(identity)
        return None if peer is None else peer.name

    async def call(self, identity: str, request: Request[Any, ResponseT]) -> ResponseT:
        """Send a request to a station, wherever it is connected, and wait for its response.

        A deadline of the caller travels along: a call that comes too late for it is not made. Cancelling leaves a
        call of another node to its fate, as it does on a session of one's own.

        Raises what `Session.call` raises; ConnectionClosed too if the station is connected nowhere, if the bus is
        down, and if the other node goes away meanwhile, with `was_sent` as on a session of one's own. CallTimeout if
        nothing comes back from the other node.
        """
        session = self._sessions().get(identity)
        if session is not None:
            return await session.call(request)
        await trio.lowlevel.checkpoint()
        peer = self._peers.where(identity)
        if peer is None:
            raise _not_sent(f"no node says that {identity!r} is connected to it")
        if not self._bus.status.healthy:
            raise _not_sent(f"it is connected to node {peer.name!r}, and the bus is down: {self._bus.status.detail}")
        return await self._calls.ask(peer, identity, request, within=self._settings.call_deadline)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work with the other nodes until cancelled, and then say farewell to them."""
        with self._hub.tapped(self):
            self._roster.update(dict.fromkeys(identity for identity, s in self._live.stations().items() if s.online))
            async with trio.open_nursery() as nursery:
                await nursery.start(self._carry)
                try:
                    async with trio.open_nursery() as self._nursery:
                        self._nursery.start_soon(self._beat)
                        self._nursery.start_soon(self._sender.run)
                        task_status.started()
                finally:
                    self._nursery = None
                    self._outbox.post(Beat((), leaving=True))
                    with trio.move_on_after(self._settings.farewell, shield=True):
                        await self._outbox.wait_empty()
                    self._carrying.cancel()

    async def _carry(self, *, task_status: trio.TaskStatus[None]) -> None:  # noqa: ASYNC128  # the bus calls it
        # The farewell is still carried when all else is cancelled; `run` bounds it.
        with trio.CancelScope(shield=True) as self._carrying:
            await self._bus.run(self._outbox, self._deliver, task_status=task_status)

    async def _beat(self) -> None:
        while True:
            self._silence.beat()
            self._hurry = trio.Event()
            self._update_wants()
            self._outbox.post(Beat(write_wants(tuple(self._wants))))
            with trio.move_on_after(self._settings.beat):
                await self._hurry.wait()
                await trio.sleep(self._settings.gather)

    def _hear_self(self, age: float) -> None:
        """A letter of this node has come back, and so has all that the others wrote before it."""
        if self._silence.hear_self(age):
            self._look_round()

    def _look_round(self) -> None:
        """Whoever is silent is gone, unless it is this node that hears nobody; who has told too little is asked."""
        status = self._bus.status
        if not status.healthy:
            return
        for peer in self._peers.silent(max(status.since, self._silence.since), until=self._silence.until):
            logger.warning("node %a is gone: it was not heard for %g s", peer.name, self._settings.patience)
            self._peers.remove(peer, bury=False)
            self._lose(peer)
        for peer in self._peers:
            if peer.lacking and not self._remote.is_being_told(peer):
                self._outbox.post(Please(), to=peer.name)

    def _lose(self, peer: Peer) -> None:
        self._remote.miss(peer)
        for identity in peer.roster:
            self._remote.restate(identity)
        self._calls.lose(peer)

    def passes_on(self, topic: Topic, identity: str) -> bool:
        """Whether another node wants events on a topic of this station."""
        return self._peers.wants(topic, identity)

    def published(self, event: Event) -> None:
        """An event went through the hub: one of this node goes to those who want it."""
        if self._publishing_remote:
            return
        ours = event.change is Change.UPDATED or self._remote.is_ours(event.topic, event.identity, event.key)
        self._remote.release(event)
        if not ours:
            return
        if self.passes_on(event.topic, event.identity):
            self._outbox.post(News(write_event(event)))
        if event.topic is Topic.STATIONS:
            self._note_presence(event.identity, online=_is_online(event))

    def _note_presence(self, identity: str, *, online: bool) -> None:
        if online == (identity in self._roster):
            return
        if online:
            self._roster[identity] = None
        else:
            del self._roster[identity]
        self._outbox.post(Presence(identity, online))
        self._remote.restate(identity)

    def interest_changed(self) -> None:
        """What is wanted here has changed: the others are told soon."""
        self._hurry.set()

    def _update_wants(self) -> None:
        """What counts is what the others are told: an interest that is back before that was never gone for them."""
        before, self._wants = self._wants, widened(chain(self._always, self._hub.wants))
        if before.keys() - self._wants.keys():
            self._remote.forget_unwanted()

    def _publish_remote(self, event: Event) -> None:
        self._publishing_remote = True
        try:
            self._hub.publish(event)
        finally:
            self._publishing_remote = False

    def _deliver(self, sheet: bytes, age: float) -> None:
        try:
            letter = read_letter(sheet)
            if letter.node == self.name:
                if letter.life == self._outbox.life:
                    self._hear_self(age)
                else:
                    self._mind_namesake(letter.life)
                return
            heard = self._peers.hear(letter, age)
            if heard is None:
                return
            if heard.gone is not None:
                self._lose(heard.gone)
            if heard.new:
                self._hurry.set()
            if heard.gap:
                self._remote.miss(heard.peer)
            if letter.to in (None, self.name):
                self._read(heard.peer, letter.open(), age)
        except BadLetter as bad:
            self._unreadable += 1
            logger.warning("a letter that this node cannot read: %a", str(bad))

    def _mind_namesake(self, life: str) -> None:
        if life != self._namesake:
            self._namesake = life
            logger.warning("another node is called %a as well, or was until a moment ago", self.name)

    def _read(self, peer: Peer, body: Body, age: float) -> None:
        match body:
            case Beat(leaving=True):
                self._lose(self._peers.remove(peer, bury=True))
            case Beat():
                self._hear_beat(peer, body)
            case News():
                self._hear_news(peer, body.event.read(peer.name))
            case Presence():
                self._hear_presence(peer, body.identity, online=body.online)
            case Please():
                self._sender.owe(peer.name, peer.wants, whole=True)
            case Part():
                self._hear_part(peer, body)
            case Ask():
                if self._nursery is not None:
                    self._nursery.start_soon(self._calls.serve, peer.name, body, age)
            case Answer() | Failure():
                self._calls.end(peer, body)

    def _hear_beat(self, peer: Peer, beat: Beat) -> None:
        first = not peer.introduced
        added = self._peers.introduce(peer, read_wants(beat.interested_in))
        if added is not None:
            self._sender.owe(peer.name, dict.fromkeys(added), whole=first)

    def _hear_news(self, peer: Peer, event: Event) -> None:
        if event.topic is Topic.STATIONS:
            # Its presence comes behind it, and would make a second event of the same change.
            (self._peers.claim if _is_online(event) else self._peers.unclaim)(peer, event.identity)
        self._remote.hear(peer, event)

    def _hear_presence(self, peer: Peer, identity: str, *, online: bool) -> None:
        (self._peers.claim if online else self._peers.unclaim)(peer, identity)
        self._remote.restate(identity)

    def _hear_part(self, peer: Peer, part: Part) -> None:
        if part.whole and part.first:
            self._peers.begin_roster(peer)
        for identity in part.roster:
            self._hear_presence(peer, identity, online=True)
        if part.last:
            for identity in self._peers.end_roster(peer):
                self._remote.restate(identity)
        self._remote.take(peer, part)


def _is_online(event: Event) -> bool:
    return event.change is Change.UPDATED and isinstance(event.value, Station) and event.value.online


def _not_sent(detail: str) -> ConnectionClosed:
    return ConnectionClosed(Closed(CloseReason.TRANSPORT_ERROR, None, detail), was_sent=False)


@asynccontextmanager
async def open_node(
    live: LiveState,
    hub: Hub,
    bus: Bus,
    *,
    name: str | None = None,
    sessions: Callable[[], Mapping[str, Session]] = dict,
    version: Version = v16.version,
    settings: NodeSettings | None = None,
    always: Iterable[Want] = (),
    new_life: Callable[[], str] = lambda: secrets.token_hex(8),
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Node]:
    """Be one of several nodes for the time of the body.

    What subscribers of the hub want, the other nodes tell; what they want, they are told. `always` is wanted whether
    anybody subscribes or not: of what is not wanted this node knows its own stations only. `sessions` tells who is
    connected here, such as `lambda: server.sessions`, and `version` is the one that routed calls are of.

    Give every node a `name` of its own; without one it gets a name that nobody else has. Leaving the body tells the
    others, for which `settings.farewell` is the bound.
    """
    node = Node(
        live,
        hub,
        bus,
        name=name or f"node-{secrets.token_hex(4)}",
        sessions=sessions,
        version=version,
        settings=settings or NodeSettings(),
        always=always,
        new_life=new_life,
        now=now,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(node.run)
        yield node
        nursery.cancel_scope.cancel()
