"""Who is gone and who only cannot be heard: a bus that hangs, at exact instants."""

import attrs
import pytest
import trio

from ocpp_trio.backend import Bus, MemoryExchange, Topic
from ocpp_trio.backend.bus import BusStatus, Deliver
from ocpp_trio.backend.letters import read_letter
from ocpp_trio.backend.outbox import Outbox
from tests.backend.nodes import ALL, Memory, member, station


@pytest.fixture
def server() -> Memory:
    return Memory(MemoryExchange())


async def test_a_bus_that_hangs_is_nobodys_death_before_that_is_known(server, autojump_clock):
    """The carrier notices after some seconds only that nothing comes through; a node is patient for less."""
    async with member(server, "a") as a, member(server, "b", always=ALL) as b:
        a.live.update_station(station())
        await trio.sleep_until(2.5)
        server.exchange.delay = 6.0  # from now on nothing comes for a while
        await trio.sleep_until(8.4)

        assert b.node.status().bus.healthy
        assert (a.peers, b.peers) == (["b"], ["a"])
        assert b.live.station("CP-1") == station()


@attrs.define
class HangingBus:
    """A node's end of a bus that says nothing for a while, and then that all was written just now, its own first."""

    bus: Bus
    own: str
    hangs: bool = False
    kept: list[bytes] = attrs.Factory(list)
    deliver: Deliver = lambda sheet, age: None

    @property
    def status(self) -> BusStatus:
        return self.bus.status

    async def run(  # noqa: ASYNC128  # the bus calls it
        self, outbox: Outbox, deliver: Deliver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        def keep(sheet: bytes, age: float) -> None:
            self.kept.append(sheet) if self.hangs else deliver(sheet, age)

        self.deliver = deliver
        await self.bus.run(outbox, keep, task_status=task_status)

    def go_on(self) -> None:
        self.hangs = False
        for sheet in sorted(self.kept, key=lambda sheet: read_letter(sheet).node != self.own):
            self.deliver(sheet, 0.0)


async def test_a_bus_that_goes_on_after_it_hung_is_nobodys_death(server, autojump_clock, caplog):
    bus = HangingBus(server.bus("b"), own="b")
    async with member(server, "a") as a, member(server, "b", always=ALL, bus=bus) as b:
        a.live.update_station(station())
        await trio.sleep_until(2.5)
        with b.hub.subscribe() as client:
            client.subscribe(Topic.STATIONS)
            bus.hangs = True
            await trio.sleep_until(8.5)
            bus.go_on()
            await trio.sleep(3)

            assert (b.peers, client.waiting) == (["a"], 0)
        assert caplog.messages == []

        server.exchange.partition("a")
        await trio.sleep(6)
        assert b.peers == []


async def test_letters_that_take_longer_than_a_node_is_patient_are_nobodys_death(server, autojump_clock, caplog):
    server.exchange.delay = 6.0
    async with member(server, "a"), member(server, "b") as b:
        await trio.sleep(30)
        assert b.peers == ["a"]
    assert caplog.messages == []
