"""Connections that want an identity's place in a registry, and sessions that know nothing but how to end."""

import attrs
import pytest
import trio

from ocpp_trio import Closed, CloseReason, ConnectionClosed, Link, SecurityEventKind
from ocpp_trio.csms.registry import Registry
from ocpp_trio.link.instrument import Instrument

SUPERSEDED = Closed(CloseReason.SUPERSEDED, 1008, "superseded by a newer connection")
CLEAN = Closed(CloseReason.CLEAN)
TWIN = SecurityEventKind.TWIN_CONNECTION


def link_of(identity="CP-1"):
    return Link(identity=identity, role="csms", number=1)


@attrs.define(eq=False)
class FakeSession:
    """What the registry sees of a session. It answers a ping after `answers_after` seconds."""

    identity: str = "CP-1"
    answers_after: float = 0.0
    closed: Closed | None = None
    ended: trio.Event = attrs.Factory(trio.Event)
    pings: list[float] = attrs.Factory(list)

    def close(self, closed: Closed) -> None:
        self.closed = self.closed or closed
        self.ended.set()

    async def ping(self) -> None:
        self.pings.append(trio.current_time())
        with trio.move_on_after(self.answers_after):
            await self.ended.wait()
            raise ConnectionClosed(self.closed or CLEAN)


class Witness(Instrument):
    """Notes the security events."""

    def __init__(self):
        self.events = []

    def security_event(self, link, event):
        self.events.append((event.kind, trio.current_time()))


@attrs.define(eq=False)
class Guest:
    """A connection that takes a place, lives until it is closed, and takes `cleanup` seconds to be gone."""

    registry: Registry
    cleanup: float = 0.0
    proven: bool = True
    session: FakeSession = attrs.Factory(FakeSession)
    life: list[tuple[object, float]] = attrs.Factory(list)
    offences: list[SecurityEventKind | None] = attrs.Factory(list)

    async def live(self) -> None:
        async with self.registry.take_place(link_of(self.session.identity), authenticated=self.proven) as refusal:
            if refusal is not None:
                self.life.append((refusal.status, trio.current_time()))
                self.offences.append(refusal.offence)
                return
            self.life.append(("begins", trio.current_time()))
            self.registry.enter(self.session)  # type: ignore[arg-type]  # a fake
            await self.session.ended.wait()
            await trio.sleep(self.cleanup)
            self.life.append(("is gone", trio.current_time()))


@pytest.fixture
def witness():
    return Witness()


@pytest.fixture
def registry(witness):
    return Registry(witness)


@pytest.fixture
def new_guest(registry):
    """`new_guest()` has proof, `new_guest(proven=False)` has none; further options are those of its session."""

    def new_guest(*, cleanup=0.0, proven=True, **options):
        return Guest(registry, cleanup, proven, FakeSession(**options))

    return new_guest
