"""`ocpp-trio demo`: a CSMS and three charging stations, live, and a verdict on what was seen.

CP-1 charges with a tag. CP-2 says something that its CSMS has never heard of, and later loses its link.
CP-3 is started and stopped from afar.
"""

import itertools
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import attrs
import trio

from ocpp_trio import (
    CallFailed,
    CallRejected,
    CsmsServer,
    ExponentialBackoff,
    Instruments,
    ReconnectPolicy,
    Request,
    Response,
    serve_csms,
    v16,
)
from ocpp_trio.backend import MemoryBackend
from ocpp_trio.cli.console import Console
from ocpp_trio.cli.operator import ApiAccess, expiring, serving_api
from ocpp_trio.cli.signals import run_until_signal
from ocpp_trio.cli.terminal import Terminal
from ocpp_trio.cli.verdict import Evidence, Heard
from ocpp_trio.observe import Counters, Milestones
from ocpp_trio.simulator import Device, NotPossible, open_simulator

HOST: Final = "127.0.0.1"
INTERVAL: Final = 3
SECONDS: Final = 17.5
PATIENCE: Final = 40.0
"""Seconds until a demo that is stuck somewhere is over all the same."""
POLICY: Final = ReconnectPolicy(backoff=ExponentialBackoff(initial=2.0, jitter=0.2))
CONFIGURATION: Final = {
    "MeterValueSampleInterval": "2",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import",
}
_GREEN, _RED = 32, 31


@attrs.frozen(kw_only=True)
class WeatherReportResponse(Response):
    """The answer that never comes."""


@attrs.frozen(kw_only=True)
class WeatherReportRequest(Request["WeatherReportRequest", WeatherReportResponse]):
    """An action that no OCPP version has."""

    celsius: int


EXTENDED: Final = attrs.evolve(
    v16.version, charge_point_requests=(*v16.version.charge_point_requests, WeatherReportRequest)
)
"""OCPP 1.6 with one action more, which the stations of the demo speak and its CSMS does not."""


@attrs.frozen(kw_only=True)
class Ground:
    """What the demo runs on: real sockets, unless somebody brings other ones."""

    listen: Callable[..., Awaitable[Sequence[trio.abc.Listener[Any]]]] = trio.open_tcp_listeners
    dial: Callable[[str, int], Awaitable[trio.abc.Stream]] = trio.open_tcp_stream
    rng: random.Random = attrs.Factory(random.Random)


class Demo:
    """One run. Owns the instruments and the script."""

    def __init__(self, terminal: Terminal, ground: Ground) -> None:
        self._terminal = terminal
        self._ground = ground
        self._start = trio.current_time()
        self._console = Console(terminal, start=self._start)
        self._csms_console = Console(terminal, start=self._start, frames=False)
        self._stations, self._csms, self._heard = Counters(), Counters(), Heard()
        self._milestones = Milestones(start=self._start)
        self._backend = MemoryBackend(interval=INTERVAL)

    async def play(self) -> Evidence:
        """Everything, from the first connection to the last."""
        server: CsmsServer | None = None
        with trio.move_on_after(PATIENCE):
            async with trio.open_nursery() as nursery:
                server = await nursery.start(self._serving())
                async with self._dashboard(server):
                    await self._live(server)
                self._tell("CSMS", "closes")
                await server.drain(1)
        return Evidence(
            stations=self._stations,
            csms=self._csms,
            heard=self._heard,
            transactions=tuple(self._backend.transactions.values()),
            milestones=self._milestones,
            left_open=len(server.sessions) if server is not None else 0,
        )

    def _serving(self) -> Callable[..., Awaitable[None]]:
        ids = itertools.count(1)
        return partial(
            serve_csms,
            [self._backend.router()],
            0,
            host=HOST,
            listen=self._ground.listen,
            instrument=Instruments([self._csms, self._heard, self._csms_console, self._backend.instrument]),
            new_message_id=lambda: f"csms/{next(ids)}",
        )

    @asynccontextmanager
    async def _dashboard(self, server: CsmsServer) -> AsyncIterator[None]:
        """The page beside it, behind a token of its own: pages of other sites can reach this machine's ports too."""
        access = ApiAccess(0, secrets.token_urlsafe(12), link=True)
        api = serving_api(
            self._terminal, access, self._backend, server, host=HOST, counters=self._csms, listen=self._ground.listen
        )
        async with expiring(self._backend), api:
            self._terminal.say()
            yield

    async def _live(self, server: CsmsServer) -> None:
        async with (
            self._open("CP-1", server) as first,
            self._open("CP-2", server) as second,
            self._open("CP-3", server) as third,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(self._act, self._charge_with_a_tag, first)
            nursery.start_soon(self._act, self._say_something_odd_and_lose_the_link, second)
            nursery.start_soon(self._act, partial(self._charge_from_afar, server), third)
            await self._at(SECONDS)
            self._tell("all", "the stations close")

    @asynccontextmanager
    async def _open(self, identity: str, server: CsmsServer) -> AsyncIterator[Device]:
        ids = itertools.count(1)
        async with open_simulator(
            f"ws://{HOST}:{server.port}/ocpp",
            identity,
            version=EXTENDED,
            configuration=CONFIGURATION,
            power=150_000,
            reconnect=POLICY,
            instrument=Instruments([self._stations, self._milestones, self._console]),
            new_message_id=lambda: f"{identity}/{next(ids)}",
            dial=self._ground.dial,
            rng=self._ground.rng,
        ) as device:
            yield device

    async def _act(self, act: Callable[[Device], Awaitable[None]], device: Device) -> None:
        """A part that does not go as written is told, and found in the counts."""
        try:
            await device.wait_ready()
            await act(device)
        except (CallFailed, NotPossible) as exc:
            self._tell(device.station.identity, f"error in the script: {exc}")

    async def _charge_with_a_tag(self, device: Device) -> None:
        await self._at(1)
        self._tell("CP-1", "a vehicle is plugged in")
        await device.plug_in()
        await self._at(2)
        self._tell("CP-1", "TAG-1 is presented")
        await device.present("TAG-1")
        await self._at(8.5)
        self._tell("CP-1", "TAG-1 is presented again")
        await device.present("TAG-1")
        await self._at(9.5)
        self._tell("CP-1", "the vehicle leaves")
        await device.unplug()

    async def _say_something_odd_and_lose_the_link(self, device: Device) -> None:
        await self._at(4)
        self._tell("CP-2", "sends an action that its CSMS has never heard of")
        try:
            await device.station.call(WeatherReportRequest(celsius=21))
        except CallRejected as rejected:
            self._tell("CP-2", f"goes on, knowing that it is {rejected.code}")
        await self._at(7)
        self._tell("CP-2", "the link is cut")
        device.station.drop_link()
        await device.station.wait_offline()
        await device.wait_ready()
        self._tell("CP-2", "is back")

    async def _charge_from_afar(self, server: CsmsServer, device: Device) -> None:
        await self._at(4.5)
        self._tell("CP-3", "a vehicle is plugged in")
        await device.plug_in()
        await self._at(5.5)
        self._tell("CP-3", "the CSMS starts a transaction")
        await _ask(server, v16.RemoteStartTransactionRequest(connector_id=1, id_tag="TAG-3"))
        await self._at(12.5)
        self._tell("CP-3", "the CSMS stops it")
        running = [known.transaction_id for known in self._backend.transactions.values() if known.running]
        await _ask(server, v16.RemoteStopTransactionRequest(transaction_id=running[0] if running else -1))
        await self._at(13.5)
        self._tell("CP-3", "the vehicle leaves")
        await device.unplug()

    async def _at(self, seconds: float) -> None:
        await trio.sleep_until(self._start + seconds)

    def _tell(self, identity: str, what: str) -> None:
        self._console.note(identity, "demo", what)


async def _ask(server: CsmsServer, request: Request[Any, Any]) -> None:
    """What an operator's page of a CSMS would do: find the session and call."""
    session = server.sessions.get("CP-3")
    if session is None:
        raise CallFailed("CP-3 is not connected")
    await session.call(request)


async def play(terminal: Terminal, ground: Ground) -> int:
    """Play the demo and judge it; the exit code."""
    evidence = await Demo(terminal, ground).play()
    terminal.say()
    for line in str(evidence.milestones).splitlines():
        terminal.say(line)
    terminal.say()
    for line in evidence.table():
        terminal.say(line)
    terminal.say()
    checks = list(evidence.checks())
    missing = [check for check in checks if not check.good]
    for check in missing:
        terminal.say(terminal.paint(f"missing: {check.what}: {check.found}", _RED))
    if missing:
        terminal.say(terminal.paint(f"not good: {len(missing)} of {len(checks)} expectations were not met", _RED))
        return 1
    terminal.say(terminal.paint(f"good: all {len(checks)} expectations were met", _GREEN))
    return 0


async def run(terminal: Terminal, ground: Ground | None = None) -> int:
    """The demo, until its end or a signal; the exit code."""
    terminal.show_logs(verbose=False)

    async def work(stop: trio.Event) -> int:
        code = 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when, stop, nursery.cancel_scope)
            code = await play(terminal, ground or Ground())
            nursery.cancel_scope.cancel()
        return code

    return await run_until_signal(work)


async def _cancel_when(stop: trio.Event, scope: trio.CancelScope) -> None:
    await stop.wait()
    scope.cancel()
