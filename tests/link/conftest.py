"""Connections for the tests of `link/`, in memory: raw ones, sessions with a scripted peer, pairs of sessions."""

import itertools
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal

import attrs
import pytest
import trio

from ocpp_trio import (
    CallReport,
    Closed,
    Frame,
    Instrument,
    Limits,
    Link,
    Match,
    Router,
    SecurityEvent,
    Session,
    SessionStatistics,
    Settings,
    Transport,
    open_client,
    open_server,
    v16,
)
from ocpp_trio.link.instrument import Role
from ocpp_trio.link.registration import Gate
from ocpp_trio.link.session import open_session
from ocpp_trio.testing import MemoryLink, MemoryNetwork, MemoryStream
from ocpp_trio.wire.frames import Reply
from tests.link.raw_peer import RawPeer

Side = Literal["client", "server"]
SIDE_OF: dict[Role, Side] = {"charge_point": "client", "csms": "server"}
OTHER: dict[Role, Role] = {"charge_point": "csms", "csms": "charge_point"}


@asynccontextmanager
async def open_end(side: Side, stream: trio.abc.Stream, limits: Limits) -> AsyncIterator[Transport]:
    """Our end after its handshake."""
    if side == "client":
        async with open_client(
            stream, host="csms", resource="/CP-1", subprotocols=["ocpp1.6"], limits=limits
        ) as transport:
            yield transport
    else:
        async with open_server(stream, limits=limits) as upgrade:
            yield await upgrade.accept("ocpp1.6")


async def memory_link() -> MemoryLink:
    network = MemoryNetwork()
    (listener,) = await network.listen(80)
    await network.dial("csms", 80)
    await listener.accept()
    return network.links[0]


@attrs.frozen
class Wire:
    """`side` is the end that is under test, `stream` its stream; `peer` is at the other end."""

    side: Side
    link: MemoryLink
    stream: MemoryStream
    peer: RawPeer
    nursery: trio.Nursery

    @asynccontextmanager
    async def open(self, **limits: Any) -> AsyncIterator[Transport]:
        self.nursery.start_soon(self.peer.shake_hands)
        async with open_end(self.side, self.stream, Limits(**limits)) as transport:
            await self.peer.shaken.wait()
            yield transport

    def soon(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Run what the peer does beside the test."""
        self.nursery.start_soon(function, *args)

    def stall_peer(self) -> None:
        """The peer reads no more."""
        self.link.stall(client=self.side == "server", server=self.side == "client")

    def let_peer_read(self) -> None:
        self.link.stall()

    async def assert_closed(self) -> None:
        """Our end let go of its stream."""
        with pytest.raises(trio.ClosedResourceError):
            await self.stream.receive_some()


@pytest.fixture(params=["client", "server"])
def side(request: pytest.FixtureRequest) -> Side:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
async def wire(side: Side, nursery: trio.Nursery) -> Wire:
    link = await memory_link()
    ours, theirs = (link.client, link.server) if side == "client" else (link.server, link.client)
    return Wire(side, link, ours, RawPeer(theirs, client=side == "server"), nursery)


class Recorder(Instrument):
    """Every event as a tuple of its name and what tells it apart."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def named(self, name: str) -> list[Any]:
        """What was noted under a name: single values bare, several as a tuple."""
        found = [event[1:] for event in self.events if event[0] == name]
        return [rest[0] if len(rest) == 1 else rest for rest in found]

    def connection_opened(self, link: Link) -> None:
        self.events.append(("opened",))

    def connection_closed(self, link: Link, closed: Closed) -> None:
        self.events.append(("closed", closed))

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        self.events.append(("sent", type(frame).__name__, action, text))

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        self.events.append(("received", type(frame).__name__, action, text))

    def frame_refused(self, link: Link, description: str, *, text: str) -> None:
        self.events.append(("refused", text))

    def reply_dropped(
        self, link: Link, match: Match, *, message_id: str | None, action: str | None, frame: Reply | None
    ) -> None:
        self.events.append(("dropped", match.value, message_id))

    def security_event(self, link: Link, event: SecurityEvent) -> None:
        self.events.append(("security", event.kind.value, event.detail))

    def call_ended(self, link: Link, report: CallReport) -> None:
        self.events.append(("ended", report))

    def handler_failed(self, link: Link, action: str, *, message_id: str, error: Exception | None) -> None:
        self.events.append(("failed", action, message_id, error))


def assert_at_rest(statistics: SessionStatistics) -> None:
    """Nothing pending, nothing waiting, no timer, no handler."""
    still = attrs.asdict(
        statistics, filter=lambda field, _: field.type is int and not str(field.name).startswith("max_")
    )
    assert still == dict.fromkeys(still, 0)


@attrs.define
class Lone:
    """A session under test, with the other end of its WebSocket in the hands of the test."""

    session: Session
    recorder: Recorder
    peer: Transport
    link: MemoryLink
    gone: trio.Event = attrs.Factory(trio.Event)

    async def say(self, *elements: Any) -> None:
        await self.peer.send(json.dumps(elements))

    async def hear(self) -> Any:
        return json.loads(await self.peer.receive())

    async def hear_at(self) -> tuple[float, Any]:
        """What comes next, behind the instant at which it did."""
        elements = await self.hear()
        return trio.current_time(), elements

    def hang_up(self, closed: Closed) -> None:
        """Let the peer close in an orderly way."""
        self.peer.end(closed)
        self.gone.set()

    def stall_peer(self) -> None:
        """The peer reads no more."""
        station = self.session.link.role == "charge_point"
        self.link.stall(client=not station, server=station)

    def let_peer_read(self) -> None:
        self.link.stall()


def settings_of(recorder: Recorder, ids: Iterator[str], **limits: Any) -> Settings:
    """No keepalive, so that it adds no instants of its own."""
    bounds = Limits(**{"ping_interval": math.inf, **limits})
    return Settings(limits=bounds, instrument=recorder, new_message_id=lambda: next(ids))


def numbered(prefix: str) -> Iterator[str]:
    """`m-1`, `m-2` …"""
    return (f"{prefix}-{number}" for number in itertools.count(1))


@asynccontextmanager
async def open_lone(
    role: Role,
    router: Router | None = None,
    *,
    gate: Gate | None = None,
    on_closed: Callable[[Closed], None] | None = None,
    before: Callable[[Transport], Awaitable[None]] | None = None,
    message_ids: Iterable[str] = (),
    **limits: Any,
) -> AsyncIterator[Lone]:
    """`before` may let the peer speak before the session begins."""
    wire = await memory_link()
    recorder = Recorder()
    side = SIDE_OF[role]
    ours, theirs = (wire.client, wire.server) if side == "client" else (wire.server, wire.client)
    gone = trio.Event()

    async def be_peer(*, task_status: trio.TaskStatus[Transport]) -> None:
        async with open_end("server" if side == "client" else "client", theirs, Limits(ping_interval=math.inf)) as peer:
            task_status.started(peer)
            await gone.wait()

    peers: list[Transport] = []
    arrived = trio.Event()

    async def start_peer(nursery: trio.Nursery) -> None:
        peers.append(await nursery.start(be_peer))
        arrived.set()

    settings = settings_of(recorder, itertools.chain(message_ids, numbered("m")), **limits)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(start_peer, nursery)
        async with open_end(side, ours, settings.limits) as transport:
            await arrived.wait()
            if before is not None:
                await before(peers[0])
            async with open_session(
                transport,
                router or Router(v16),
                link=Link(identity="CP-1", role=role, number=1),
                settings=settings,
                gate=gate,
                on_closed=on_closed,
            ) as session:
                yield Lone(session, recorder, peers[0], wire, gone)
        gone.set()
        assert_at_rest(session.statistics())


@attrs.frozen
class Linked:
    """Two sessions that talk to each other; `a` has the role of the test, `b` the other one."""

    a: Session
    b: Session
    a_seen: Recorder
    b_seen: Recorder
    link: MemoryLink


@asynccontextmanager
async def open_linked(role: Role, router_a: Router, router_b: Router, **limits: Any) -> AsyncIterator[Linked]:
    wire = await memory_link()
    recorders = {"a": Recorder(), "b": Recorder()}
    routers = {"a": router_a, "b": router_b}
    roles = {"a": role, "b": OTHER[role]}
    sessions: dict[str, Session] = {}

    async def be(name: str, *, task_status: trio.TaskStatus[None]) -> None:
        settings = settings_of(recorders[name], numbered(name), **limits)
        link = Link(identity="CP-1", role=roles[name], number=1)
        stream = wire.client if roles[name] == "charge_point" else wire.server
        async with open_end(SIDE_OF[roles[name]], stream, settings.limits) as transport:
            async with open_session(transport, routers[name], link=link, settings=settings) as session:
                sessions[name] = session
                task_status.started()
                await session.wait_closed()
            assert_at_rest(session.statistics())

    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as opening:
            for name in ("a", "b"):
                opening.start_soon(nursery.start, be, name)
        yield Linked(sessions["a"], sessions["b"], recorders["a"], recorders["b"], wire)
        nursery.cancel_scope.cancel()


@pytest.fixture(params=["charge_point", "csms"])
def role(request: pytest.FixtureRequest) -> Role:
    """Which end is under test; most behaviour is the same at both."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def lone(role: Role) -> Callable[..., AbstractAsyncContextManager[Lone]]:
    """`async with lone(router, call_timeout=5) as end:`"""
    return lambda *args, **options: open_lone(role, *args, **options)


@pytest.fixture
def linked(role: Role) -> Callable[..., AbstractAsyncContextManager[Linked]]:
    """`async with linked(router_a, router_b) as ends:`"""
    return lambda *args, **options: open_linked(role, *args, **options)
