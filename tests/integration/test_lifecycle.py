"""A station and a CSMS of ours over many connections, with calls from both sides going on all the time."""

import itertools
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import (
    CallRejected,
    ChargePoint,
    Closed,
    CloseReason,
    ConnectionClosed,
    ConnectionState,
    CsmsServer,
    ExponentialBackoff,
    Instruments,
    ReconnectPolicy,
    Router,
    Session,
    open_charge_point,
    serve_csms,
    v16,
)
from ocpp_trio.observe import Counters, Milestones
from ocpp_trio.testing import MemoryNetwork

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
RESTART = Closed(CloseReason.STOPPING, 1012, "service restart")
FORCED = Closed(CloseReason.FORCED, None, "cut by the test")


@attrs.define
class Pace:
    """How fast things go: as on a real charger in virtual time, and in a hurry where time really passes."""

    virtual: bool

    @property
    def heartbeat(self) -> float:
        return 10 if self.virtual else 0.03

    @property
    def policy(self) -> ReconnectPolicy:
        hurry = 1 if self.virtual else 0.04
        return ReconnectPolicy(backoff=ExponentialBackoff(initial=0.5 * hurry), resume_delay=0.25 * hurry)

    @property
    def between_calls(self) -> float:
        return 1 if self.virtual else 0.002


@attrs.define
class World:
    """Both ends and what each of them saw. `numbers` are those that arrived, in their order."""

    pace: Pace
    network: MemoryNetwork = attrs.Factory(MemoryNetwork)
    at_csms: Counters = attrs.Factory(Counters)
    at_station: Counters = attrs.Factory(Counters)
    milestones: Milestones = attrs.Factory(Milestones)
    numbers: list[int] = attrs.Factory(list)
    orders: list[int] = attrs.Factory(list)
    ends: dict[int, str] = attrs.Factory(dict)
    port: int = 0
    _number: Iterator[int] = attrs.Factory(itertools.count)
    _order: Iterator[int] = attrs.Factory(itertools.count)
    _beaten: trio.Event = attrs.Factory(trio.Event)

    def csms_router(self) -> Router:
        router = Router(v16)

        @router.on(v16.BootNotificationRequest)
        async def boot(session: Session, request: v16.BootNotificationRequest) -> v16.BootNotificationResponse:
            accepted = v16.RegistrationStatus.ACCEPTED
            return v16.BootNotificationResponse(status=accepted, current_time=NOW, interval=300)

        @router.on(v16.HeartbeatRequest)
        async def heartbeat(session: Session, request: v16.HeartbeatRequest) -> v16.HeartbeatResponse:
            self._beaten.set()
            self._beaten = trio.Event()
            return v16.HeartbeatResponse(current_time=NOW)

        @router.on(v16.DataTransferRequest)
        async def take(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
            self.numbers.append(int(request.message_id or ""))
            return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)

        return router

    def station_router(self) -> Router:
        router = Router(v16)

        @router.on(v16.DataTransferRequest)
        async def obey(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
            self.orders.append(int(request.message_id or ""))
            return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)

        return router

    async def report(self, station: ChargePoint) -> None:
        """What the station does while it is online."""
        station.set_heartbeat_interval(self.pace.heartbeat)
        for number in self._number:
            self.ends[number] = "sent"
            try:
                await station.call(v16.DataTransferRequest(vendor_id="org.example", message_id=str(number)))
            except ConnectionClosed as closed:
                self.ends[number] = "lost" if closed.was_sent else "not sent"
                raise
            except CallRejected:
                self.ends[number] = "rejected"  # the CSMS is shutting down
            else:
                self.ends[number] = "answered"
            await trio.sleep(self.pace.between_calls)

    async def command(self, session: Session) -> None:
        """What the CSMS does while a station is there, until one of them leaves."""
        with suppress(ConnectionClosed):
            for number in self._order:
                await session.call(v16.DataTransferRequest(vendor_id="org.example", message_id=str(number)))
                await trio.sleep(self.pace.between_calls)

    async def serve(self, *, task_status: trio.TaskStatus[CsmsServer]) -> None:  # noqa: ASYNC128  # serve_csms reports
        listen: dict[str, Any] = {"listen": self.network.listen} if self.pace.virtual else {"host": "127.0.0.1"}
        await serve_csms(
            [self.csms_router()],
            self.port,
            session_task=self.command,
            instrument=self.at_csms,
            task_status=task_status,
            **listen,
        )

    @asynccontextmanager
    async def open_station(self) -> AsyncIterator[ChargePoint]:
        dial: dict[str, Any] = {"dial": self.network.dial} if self.pace.virtual else {}
        async with open_charge_point(
            f"ws://127.0.0.1:{self.port}/ocpp",
            "CP-1",
            router=self.station_router(),
            boot=BOOT,
            reconnect=self.pace.policy,
            session_task=self.report,
            instrument=Instruments([self.at_station, self.milestones]),
            rng=random.Random(1),
            **dial,
        ) as station:
            yield station

    async def wait_beaten(self, times: int) -> None:
        for _ in range(times):
            await self._beaten.wait()


@pytest.fixture(params=["memory", pytest.param("socket", marks=pytest.mark.real)])
def world(request: pytest.FixtureRequest) -> World:
    return World(Pace(virtual=request.param == "memory"))


@pytest.fixture
def clock(world: World) -> trio.testing.MockClock | None:
    return trio.testing.MockClock(autojump_threshold=0) if world.pace.virtual else None


async def by_the_station(world: World, server: CsmsServer, station: ChargePoint) -> None:
    station.drop_link()


async def by_a_reboot(world: World, server: CsmsServer, station: ChargePoint) -> None:
    station.reboot()


async def by_the_csms(world: World, server: CsmsServer, station: ChargePoint) -> None:
    server.sessions["CP-1"].close(RESTART)


async def by_the_csms_without_a_word(world: World, server: CsmsServer, station: ChargePoint) -> None:
    server.sessions["CP-1"].drop(FORCED)


async def test_boot_heartbeats_forced_close_and_heartbeats_again_several_times_over(world, clock, caplog):
    closes = [by_the_station, by_the_csms, by_a_reboot, by_the_csms_without_a_word, by_the_station]
    beats = [0]

    async with trio.open_nursery() as nursery:
        server = await nursery.start(world.serve)
        world.port = server.port
        async with world.open_station() as station:
            for close in closes:
                await station.wait_online()
                await world.wait_beaten(2)
                beats.append(world.at_csms.value("heartbeats", direction="received"))
                await close(world, server, station)
                await station.wait_offline()
            await station.wait_online()
            await world.wait_beaten(2)
            statistics = station.statistics()
            sessions = dict(server.sessions)
        nursery.cancel_scope.cancel()

    assert station.state is ConnectionState.DISCONNECTED
    assert (statistics.connections, statistics.reconnects, statistics.attempt) == (6, 5, 0)
    assert list(sessions) == ["CP-1"]
    assert all(later >= earlier + 2 for earlier, later in itertools.pairwise(beats))
    assert [attempt.boot_accepted is not None for attempt in world.milestones.of("CP-1")] == [True] * 6
    check_calls(world)
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
    if world.pace.virtual:
        assert all(attempt.online - attempt.boot_accepted == 0.25 for attempt in world.milestones)


async def test_a_restarted_csms_gets_its_station_back(world, clock, caplog):
    async with trio.open_nursery() as nursery:
        first = await nursery.start(world.serve)
        world.port = first.port
        async with world.open_station() as station:
            for _ in range(3):
                await station.wait_online()
                await world.wait_beaten(2)
                await first.drain(1)
                await station.wait_offline()
                first = await nursery.start(world.serve)
            await station.wait_online()
            await world.wait_beaten(2)
            statistics = station.statistics()
        nursery.cancel_scope.cancel()

    assert statistics.reconnects >= 3
    assert world.at_station.value("opens") == 4
    check_calls(world)
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


def check_calls(world: World) -> None:
    """Every call ended, nothing arrived twice or out of order, and what was answered did arrive."""
    for seen in (world.numbers, world.orders):
        assert len(seen) > 5
        assert all(earlier < later for earlier, later in itertools.pairwise(seen))
    ended = {number: end for number, end in world.ends.items() if end != "sent"}
    assert len(world.ends) - len(ended) <= len(world.milestones.of("CP-1"))  # cancelled with the link
    assert {number for number, end in ended.items() if end == "answered"} <= set(world.numbers)
    assert not {number for number, end in ended.items() if end == "not sent"} & set(world.numbers)
    assert world.at_station.value("timeouts") == world.at_csms.value("timeouts") == 0
    assert world.at_station.value("call_error") == sum(end == "rejected" for end in ended.values())
