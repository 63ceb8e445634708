"""Stations, a CSMS and a hostile network in one seeded run, with callers at both ends that never rest.

Owns the world and its workload; what must hold in it is the oracle's business.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from functools import partial
from random import Random
from typing import Any

import attrs
import trio
import trio.testing

from ocpp_trio import (
    CallFailed,
    CallRejected,
    ChargePoint,
    Closed,
    CloseReason,
    Instruments,
    Limits,
    Router,
    Session,
    open_charge_point,
    v16,
)
from ocpp_trio.testing import WITHOUT_CORRUPTION, NetworkStrikes, Plan, SeededRun, Spread
from tests.simulation.cancelling import CANCELLATIONS, Cancelling
from tests.simulation.dials import DialOracle
from tests.simulation.ear import Ear
from tests.simulation.inside import Inside
from tests.simulation.memory import Memory
from tests.simulation.oracle import Oracle
from tests.simulation.peers import PEER_FAULTS, PeerStrikes
from tests.simulation.server import PORT, Csms
from tests.simulation.wire_oracle import WireOracle

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
BACK_ONLINE = 250.0
"""After the last fault and a ping: a pong that does not come (20 s), a longest wait (30 s, 60 s where it was denied), a
boot that times out, and again."""
TASKS_OF_ALL, TASKS_PER_STATION = 400, 60

# A flipped byte makes another frame of what an honest end wrote, and neither end is to blame for what follows.
ALL_FAULTS: Mapping[str, Spread] = {**WITHOUT_CORRUPTION, **PEER_FAULTS, **CANCELLATIONS}


@attrs.frozen(kw_only=True)
class Scenario:
    """How big a world is and how bad; seconds throughout."""

    stations: int = 5
    duration: float = 3600.0
    fault_every: float = 15.0
    kinds: Mapping[str, Spread] = ALL_FAULTS
    plan: Plan = ()
    """Faults to strike instead of those that the seed draws."""
    call_every: float = 20.0
    gives_up: float = 0.05
    """How often a caller is cancelled within a second."""
    heartbeat: int = 60
    limits: Limits = attrs.Factory(Limits)
    proof: bool = True
    """Whether the CSMS knows who its stations are; otherwise a second connection waits for the first to fall silent."""
    victims: int | None = None
    """So many stations are struck and not judged, and the others are judged and not struck; None does both to all."""
    calm: bool = False
    """Nothing befalls those that are judged, and so nothing at all may go wrong for them."""
    traced: bool = False
    """Every allocation is, so that memory can be judged."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What a world came to, for tables and pictures."""

    stations: int
    hours: float
    calls: int
    outcomes: Mapping[str, int]
    faults: Mapping[str, int]
    losses: Mapping[str, int]
    dropped: Mapping[str, int]
    security: Mapping[str, int]
    reconnects: int
    memory: int
    """The most bytes that a flood took, where that is known."""
    cancelled: int
    """Cancellations that found something to cancel."""
    inside: Mapping[str, int]
    """Cancellations of the stack's own tasks, by task."""
    online: tuple[tuple[float, int], ...]
    """How many stations were online from which instant on."""

    @property
    def station_hours(self) -> float:
        return self.stations * self.hours


class World:
    """Everything of one run."""

    def __init__(self, run: SeededRun, scenario: Scenario) -> None:
        self.run = run
        self.scenario = scenario
        self.limits = scenario.limits
        self.names = [f"CP-{number}" for number in range(1, scenario.stations + 1)]
        self.struck = self.names[: scenario.victims]
        judged = self.names if scenario.victims is None else self.names[scenario.victims :]
        self.oracle = Oracle(run, honest=frozenset(judged), limits=self.limits, calm=scenario.calm)
        self.wire = WireOracle(self.oracle)
        self.dials = DialOracle(self.oracle, self.wire, heartbeat=scenario.heartbeat)
        self.memory = Memory(self.oracle, run.network)
        self.inside = Inside(run.rng("cancellations from inside"))
        self.cancelling = Cancelling(run.rng("cancellations"), self.oracle, self.inside)
        self.hung_up_on: Counter[str] = Counter()
        run.network.taps.insert(0, self.wire.tap)
        self.port = PORT
        self.stations: dict[str, ChargePoint] = {}
        self._born = {name: trio.Event() for name in self.names}
        self._ears: dict[str, Ear] = {}
        self._moods: dict[str, Random] = {}
        self._sequences: Counter[str] = Counter()
        self.csms = Csms(self)
        self.csms_router = self._make_csms_router()
        self.station_router = Router(v16)
        self.station_router.on(v16.DataTransferRequest)(self._data_transfer)

    def ear_of(self, name: str) -> Ear:
        return self._ears.setdefault(name, Ear(self.oracle, self.dials, self.memory))

    def _mood(self, name: str) -> Random:
        return self._moods.setdefault(name, self.run.rng(f"workload of {name}"))

    def _make_csms_router(self) -> Router:
        router = Router(v16)
        router.on(v16.DataTransferRequest)(self._data_transfer)
        router.on(v16.BootNotificationRequest)(self._boot)
        router.on(v16.HeartbeatRequest)(self._heartbeat)
        return router

    async def _boot(self, session: Session, request: v16.BootNotificationRequest) -> v16.BootNotificationResponse:
        if self.hung_up_on[session.identity] > 0:
            session.drop(Closed(CloseReason.FORCED, None, "hung up on"))
        return v16.BootNotificationResponse(
            status=v16.RegistrationStatus.ACCEPTED, current_time=self.run.now(), interval=self.scenario.heartbeat
        )

    async def _heartbeat(self, session: Session, request: v16.HeartbeatRequest) -> v16.HeartbeatResponse:
        return v16.HeartbeatResponse(current_time=self.run.now())

    async def _data_transfer(self, session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        """Answer at once, or after a while, or after a call of our own, or not with a result at all."""
        if session.identity in self.oracle.honest:
            self.oracle.handled(session, request.data or "")
        elif request.vendor_id == "echo":
            return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED, data=request.data)
        with self.cancelling.scope("handler"):
            await self._handle(session)
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)

    async def _handle(self, session: Session) -> None:
        mood = self._mood(f"handlers of {session.identity} at its {session.link.role}")
        what = mood.random()
        if what < 0.1:
            await trio.sleep(mood.uniform(0, 20))
        elif what < 0.13:
            raise CallRejected("GenericError", "not in the mood")
        elif what < 0.2 and session.link.role == "csms":
            await self._call_from(session, "csms", "asks back")

    async def drive_station(self, session: Session) -> None:
        """The CSMS's callers at one station: two at a time, and now and then one that gives up."""
        self.oracle.watch(session)
        self.inside.own_connection(session.identity)
        with self.cancelling.scope("session task"):
            async with trio.open_nursery() as nursery:
                for caller in ("csms-a", "csms-b"):
                    nursery.start_soon(self._keep_calling, lambda: session, "csms", caller, session.identity)

    async def _keep_calling(self, end: Callable[[], Any], role: str, caller: str, identity: str) -> None:
        mood = self._mood(f"{caller} of {identity}")
        while True:
            await trio.sleep(mood.expovariate(1 / self.scenario.call_every))
            patience = mood.uniform(0, 1) if mood.random() < self.scenario.gives_up else float("inf")
            with trio.move_on_after(patience), self.cancelling.scope("caller"):
                await self._call_from(end(), role, caller)

    async def _call_from(self, end: Any, role: str, caller: str) -> None:
        self._sequences[caller] += 1
        tag = f"{caller.replace(' ', '-')} {self._sequences[caller]}"
        request = v16.DataTransferRequest(vendor_id="x", data=tag)
        await self.oracle.call(end.identity, role, tag, partial(end.call, request))

    async def live(self) -> Outcome:
        """Run the world, end every fault, and see that everybody comes back and everything ends."""
        tasks_before = trio.lowlevel.current_statistics().tasks_living
        trio.lowlevel.add_instrument(self.inside)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._raise_violations)
            await nursery.start(self.csms.live)
            nursery.start_soon(self._audit)
            for name in self.names:
                await nursery.start(self._live_at, name)
            async with trio.open_nursery() as work:
                for name in self.names:
                    for caller in (f"{name}-a", f"{name}-b"):
                        station = partial(self.stations.__getitem__, name)
                        work.start_soon(self._keep_calling, station, "charge_point", caller, name)
                await self._suffer(nursery)
                await self._come_back()
                self.oracle.over = True
                self.memory.settle()
                work.cancel_scope.cancel()
            outcome = self._outcome()
            stopping = self.oracle.moment
            nursery.cancel_scope.cancel()
        trio.lowlevel.remove_instrument(self.inside)
        self.cancelling.judge_end("station", stopping)
        self._settle(tasks_before)
        return outcome

    async def _live_at(self, name: str, *, task_status: trio.TaskStatus[None]) -> None:
        """A station's life, and the next one as soon as it was cancelled."""
        self.inside.own(name)
        ids, lives = self.run.message_ids(name), 0
        while True:
            await trio.lowlevel.checkpoint()
            with self.cancelling.scope("station"):
                try:
                    async with self._open_station(name, ids) as self.stations[name]:
                        if lives == 0:
                            task_status.started()
                        lives += 1
                        await self._be_there(name)
                except Exception as exc:
                    self.judge_death(name, exc)
                else:
                    self.oracle.violate("ENDED_IN_SILENCE", f"{name}, and nobody had told it to")

    async def _be_there(self, name: str) -> None:
        self._born[name].set()
        try:
            await trio.sleep_forever()
        finally:
            self._born[name] = trio.Event()

    def judge_death(self, owner: str, error: Exception) -> None:
        """An end of the stack may fail if somebody meddled with its tasks, and only then."""
        self.run.note(owner, f"died: {error!r}")
        if not self.cancelling.was_inside(owner):
            self.oracle.violate("DIED", f"{owner}: {error!r}")

    def _open_station(self, name: str, ids: Callable[[], str]) -> AbstractAsyncContextManager[ChargePoint]:
        return open_charge_point(
            f"ws://csms:{PORT}/",
            name,
            router=self.station_router,
            boot=BOOT,
            limits=self.limits,
            instrument=Instruments([self.run.instrument, self.ear_of(name)]),
            new_message_id=ids,
            dial=self.dials.dialling_as(name, self.run.network.host(name).dial),
            rng=self.run.rng(f"jitter of {name}"),
        )

    async def _suffer(self, nursery: trio.Nursery) -> None:
        network = NetworkStrikes(self.run.network)
        peers = PeerStrikes(self, nursery, self.run.rng("bad peers"))
        if self.scenario.plan:
            self.run.plan = self.scenario.plan
        elif self.scenario.kinds:
            self.run.faults(
                kinds=self.scenario.kinds,
                hosts=self.struck,
                until=self.scenario.duration,
                every=self.scenario.fault_every,
            )
        await self.run.play({**network.table, **peers.table, **self.cancelling.table})
        await trio.sleep_until(self.scenario.duration)
        network.calm()
        self.cancelling.calm()
        self.oracle.stall_at_answer = 0.0

    async def _come_back(self) -> None:
        working: set[str] = set()
        bound = BACK_ONLINE + self.limits.ping_interval
        with trio.move_on_after(bound) as patience:
            for name in self.names:
                await self._prove(name)
                working.add(name)
        if patience.cancelled_caught:
            away = sorted(set(self.names) - working)
            self.oracle.violate("OFFLINE_AT_END", f"{away} are not back {bound:g} s after the last fault")
        elif self.csms.server is not None and not set(self.names) <= set(self.csms.server.sessions):
            self.oracle.violate("REGISTRY_MISSING", f"{sorted(self.csms.server.sessions)} of {self.names}")

    async def _prove(self, name: str) -> None:
        """Wait until a station is online, and has an answer to show for it."""
        while True:
            await self._born[name].wait()
            with suppress(CallFailed):
                await self.stations[name].wait_online()
                await self.stations[name].call(v16.HeartbeatRequest())
                return

    async def _audit(self) -> None:
        while True:
            await trio.sleep(300)
            # A call whose connection has just ended may still have to run to its end.
            await trio.testing.wait_all_tasks_blocked()
            stations = [station.statistics().session for station in self.stations.values()]
            self.oracle.audit([statistics for statistics in stations if statistics is not None])
            self.oracle.audit_tasks(TASKS_OF_ALL + TASKS_PER_STATION * len(self.names))
            self._audit_registry()
            self.dials.audit()
            self.wire.forget({link.number for link in self.run.network.live_links})

    def _audit_registry(self) -> None:
        """Who has a session is who is found by it."""
        if self.csms.server is None:
            return
        found = {identity: {session.link.number} for identity, session in self.csms.server.sessions.items()}
        if found != (live := self.ear_of("csms").live):
            self.oracle.violate("REGISTRY_MISSING", f"the sessions {live} live, found are {found}")

    async def _raise_violations(self) -> None:
        await self.oracle.found.wait()
        assert self.oracle.violation is not None
        raise self.oracle.violation

    def _settle(self, tasks_before: int) -> None:
        """Everything has ended: nothing may be left of it."""
        oracle = self.oracle
        if oracle.calls_started != oracle.calls_ended:
            oracle.violate("CALL_WITHOUT_END", f"{oracle.calls_started} began, {oracle.calls_ended} ended")
        living = trio.lowlevel.current_statistics().tasks_living
        if living > tasks_before:
            oracle.violate("TASKS_LEFT", f"{living - tasks_before} more than before")
        for ear in self._ears.values():
            ear.judge_sums()
        for link in self.run.network.live_links:
            if link.client_host in oracle.honest and not link.client.closed:
                oracle.violate("STREAM_LEFT", f"{link.client_host} left link {link.number} open")
            if self.wire.wrote(link.number, "down") and not link.server.closed:
                oracle.violate("STREAM_LEFT", f"the CSMS left link {link.number} of {link.client_host} open")
        for station in self.stations.values():
            statistics = station.statistics()
            if statistics.pending_calls or statistics.deadlines:
                oracle.violate("PENDING_AFTER_CLOSE", f"{statistics}")
        if oracle.violation is not None:
            raise oracle.violation

    def _outcome(self) -> Outcome:
        losses: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        security: Counter[str] = Counter()
        for ear in self._ears.values():
            security.update(ear.security)
            losses.update(ear.losses)
            dropped.update(ear.replies_dropped)
        return Outcome(
            stations=len(self.names),
            hours=self.scenario.duration / 3600,
            calls=self.oracle.calls_started,
            outcomes=dict(self.oracle.outcomes),
            faults=dict(Counter(fault.kind for fault in self.run.plan)),
            losses=dict(losses),
            dropped=dict(dropped),
            security=dict(security),
            memory=self.memory.peak,
            cancelled=self.cancelling.struck,
            inside=dict(self.inside.struck),
            online=tuple(self.dials.online),
            reconnects=sum(station.statistics().reconnects for station in self.stations.values()),
        )


async def simulate(run: SeededRun, scenario: Scenario | None = None) -> Outcome:
    """A world, for `run_seeded`."""
    world = World(run, scenario or Scenario())
    with world.memory.traced() if world.scenario.traced else nullcontext():
        return await world.live()
