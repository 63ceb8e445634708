"""Two CSMS nodes on one bus, with everything that a scenario of the live feed needs: stations, clients, and waiting.

The same for both carriers: in memory under virtual time, or with real sockets and a real Valkey server. Waiting is
for something that happens: a letter that a node has read, an event, a change of interest. Deadlines only end a test
that has failed.
"""

import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from ocpp_trio.backend import Bus, Event, NodeSettings, PeerStatus, Topic, Want
from ocpp_trio.backend.bus import BusStatus, Deliver
from ocpp_trio.backend.letters import Beat, Body, News, read_letter, read_wants
from ocpp_trio.backend.outbox import Outbox
from ocpp_trio.backend.widening import widened
from ocpp_trio.testing.link import MemoryLink
from tests.backend.nodes import Server
from tests.csms_nodes import Cluster, CsmsNode
from tests.operator_ground import Answer, FeedClient

PATIENCE = 20.0
"""Seconds after which something that ought to happen is taken for what will not."""


class Bell:
    """Rung whenever anything happens; who waits for something looks again then."""

    def __init__(self) -> None:
        self._rung = trio.Event()

    def ring(self) -> None:
        self._rung.set()
        self._rung = trio.Event()

    async def until(self, condition: Callable[[], bool], *, within: float = PATIENCE) -> None:
        """Wait for something that others do; a fault is a failure with what was found."""
        with trio.move_on_after(within):
            while not condition():
                await self._rung.wait()
        assert condition()

    # As a tap of a hub.

    def passes_on(self, topic: Topic, identity: str) -> bool:
        return False

    def published(self, event: Event) -> None:
        self.ring()

    def interest_changed(self) -> None:
        self.ring()


@attrs.frozen
class Heard:
    """A letter that a node has read, and when."""

    at: float
    sender: str
    body: Body


@attrs.define
class OverheardBus:
    """A node's end of the bus that keeps what came over it, once the node has read it."""

    bus: Bus
    bell: Bell
    heard: list[Heard] = attrs.Factory(list)

    @property
    def status(self) -> BusStatus:
        return self.bus.status

    async def run(  # noqa: ASYNC128  # the bus calls it
        self, outbox: Outbox, deliver: Deliver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        def keep(sheet: bytes, age: float) -> None:
            deliver(sheet, age)
            letter = read_letter(sheet)
            self.heard.append(Heard(trio.current_time(), letter.node, letter.open()))
            self.bell.ring()

        await self.bus.run(outbox, keep, task_status=task_status)

    def beats(self, sender: str) -> list[tuple[float, tuple[Want, ...]]]:
        """When a node's heartbeats came, and what they said is wanted there."""
        found = [each for each in self.heard if each.sender == sender]
        return [(each.at, read_wants(each.body.interested_in)) for each in found if isinstance(each.body, Beat)]

    def news(self, sender: str) -> list[tuple[str, str, str]]:
        """Topic, identity and key of the events that a node has written."""
        events = [each.body.event for each in self.heard if each.sender == sender and isinstance(each.body, News)]
        return [(event.topic.value, event.identity, event.key) for event in events]


@attrs.define(eq=False)
class Cable(trio.abc.Stream):
    """A client's connection that can be reset, or pulled."""

    stream: trio.abc.Stream
    link: MemoryLink | None
    """What it is in memory."""
    _pulled: bool = False

    def reset(self) -> None:
        """End it as TCP does for a process that dies: at once, with no goodbye."""
        if self.link is not None:
            self.link.reset()
        elif isinstance(self.stream, trio.SocketStream):
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.stream.socket.close()

    def pull(self) -> None:
        """Let everything that the client says from now on vanish."""
        self._pulled = True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint() if self._pulled else await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self.stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self.stream.aclose()


@attrs.define
class FeedGround:
    """Nodes `a` and `b`. Stations are at `a` and clients at `b` unless a scenario says otherwise."""

    server: Server
    cluster: Cluster = attrs.field(init=False)
    bell: Bell = attrs.Factory(Bell)
    at_a: OverheardBus = attrs.field(init=False)
    at_b: OverheardBus = attrs.field(init=False)
    a: CsmsNode = attrs.field(init=False)
    b: CsmsNode = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.cluster = Cluster(self.server)
        self.at_a, self.at_b = (OverheardBus(self.server.bus(name), self.bell) for name in "ab")

    @property
    def virtual(self) -> bool:
        return self.server.virtual

    @property
    def settings(self) -> NodeSettings:
        return self.server.settings

    @asynccontextmanager
    async def running(self, *, always: Iterable[Want] = (), **options: Any) -> AsyncIterator[None]:
        """Both nodes, which know each other; b wants some things `always`."""
        async with (
            self.cluster.node("a", bus=self.at_a, **options) as self.a,
            self.cluster.node("b", bus=self.at_b, always=always, **options) as self.b,
        ):
            with self.a.backend.hub.tapped(self.bell), self.b.backend.hub.tapped(self.bell):
                await self.bell.until(lambda: self.seen_at_a().complete and self._seen(self.b, "a").complete)
                yield

    def seen_at_a(self) -> PeerStatus:
        """Node b as a sees it."""
        return self._seen(self.a, "b")

    def _seen(self, at: CsmsNode, name: str) -> PeerStatus:
        unseen = PeerStatus(name=name, interested_in=(), stations=0, complete=False, missed=0)
        return next((peer for peer in at.node.status().peers if peer.name == name), unseen)

    def station(self, identity: str = "CP-1") -> Any:
        """A charge point that is online at a."""
        return self.cluster.station(self.a, identity)

    def client(self, at: CsmsNode | None = None) -> Any:
        """A client of b's feed, or another node's."""
        return self.cluster.feed(at or self.b)

    @asynccontextmanager
    async def frail_client(self) -> AsyncIterator[tuple[FeedClient, Cable]]:
        """A client of b's feed, and what it hangs on."""
        cables: list[Cable] = []

        def lead(stream: trio.abc.Stream) -> Cable:
            link = next((each for each in self.cluster.network.links if each.client is stream), None)
            cables.append(Cable(stream, link))
            return cables[0]

        async with self.cluster.feed(self.b, through=lead) as client:
            yield client, cables[0]

    async def subscribe(
        self, client: FeedClient, *topics: str, stations: list[str] | None = None
    ) -> list[dict[str, Any]]:
        """Let a client subscribe, until the other node knows of it too; what the client was answered."""
        said = await client.subscribe(*topics, stations=stations)
        await self.bell.until(self._interest_is_known)
        return said

    def _interest_is_known(self) -> bool:
        return all(
            set(self._seen(to, by.node.name).interested_in).issuperset(widened(by.backend.hub.wants))
            for to, by in ((self.a, self.b), (self.b, self.a))
        )

    async def get(self, path: str, *, at: CsmsNode | None = None) -> Answer:
        """What b's operator API answers, or another node's."""
        return await self.cluster.request(at or self.b, "GET", path)

    async def let_pass(self, seconds: float) -> None:
        """Let virtual time pass; real time passes by itself."""
        await trio.sleep(seconds if self.virtual else 0)

    def assert_now(self, instant: float) -> None:
        """Exact on the virtual clock; on the real one durations are nobody's promise."""
        if self.virtual:
            assert trio.current_time() == pytest.approx(instant, abs=1e-6)
