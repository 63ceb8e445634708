"""How many station-hours fit into a second of CPU, in virtual time, against PyPI `ocpp` over `websockets`.

    python benchmarks/virtual_time.py [--stations 100 1000] [--rounds 5] [--pings 20] [--values 1]

A CSMS and so many stations in one process, a heartbeat every 300 s and MeterValues every 60 s from each, no faults;
the readings are the current of three phases and the state of charge, and no two stations' minutes begin together.
Real WebSocket framing in memory at both: this stack on `ocpp_trio.testing.MemoryNetwork` under trio's
MockClock, the other one on the virtual loop of PyPI `async-solipsism`. Each measurement has a process of its own, and
counts its CPU time from when every station is online; all are made in turn, round by round, and what is printed is the
median of each side and of the rounds' ratios. The last two columns are this stack's own link without framing, for
tests of logic.
"""

import argparse
import asyncio
import logging
import math
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any

HEARTBEAT, READING = 300, 60
HOURS = {100: 2.0, 1000: 0.2}
"""Virtual hours that are measured, by the number of stations: some seconds of CPU at the slower of the two."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALUES = (
    {"value": "15.9", "measurand": "Current.Import", "phase": "L1", "unit": "A", "context": "Sample.Periodic"},
    {"value": "16.0", "measurand": "Current.Import", "phase": "L2", "unit": "A"},
    {"value": "15.8", "measurand": "Current.Import", "phase": "L3", "unit": "A"},
    {"value": "57", "measurand": "SoC", "unit": "Percent", "location": "EV"},
)
"""The usual sample of a car that is charged."""


def ours(stations: int, hours: float, pings: float, values: int, *, framing: bool = True) -> float:
    """CPU seconds of this stack."""
    import trio
    import trio.testing

    from ocpp_trio import ChargePoint, Limits, Router, Session, make_converter, open_charge_point, serve_csms, v16
    from ocpp_trio.testing import MemoryNetwork

    limits = Limits(ping_interval=pings, upgrades_per_second=math.inf, upgrade_burst=10_000)
    boot = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
    sampled = make_converter().structure(VALUES[:values], tuple[v16.SampledValue, ...])
    reading = v16.MeterValue(timestamp=NOW, sampled_value=sampled)
    router = Router(v16)
    answered = 0

    @router.on(v16.BootNotificationRequest)
    async def on_boot(session: Session, request: v16.BootNotificationRequest) -> v16.BootNotificationResponse:
        return v16.BootNotificationResponse(
            status=v16.RegistrationStatus.ACCEPTED, current_time=NOW, interval=HEARTBEAT
        )

    @router.on(v16.HeartbeatRequest)
    async def on_heartbeat(session: Session, request: v16.HeartbeatRequest) -> v16.HeartbeatResponse:
        return v16.HeartbeatResponse(current_time=NOW)

    @router.on(v16.MeterValuesRequest)
    async def on_reading(session: Session, request: v16.MeterValuesRequest) -> v16.MeterValuesResponse:
        nonlocal answered
        answered += 1
        return v16.MeterValuesResponse()

    async def report(station: ChargePoint) -> None:
        while True:
            await trio.sleep(READING)
            await station.call(v16.MeterValuesRequest(connector_id=1, meter_value=(reading,)))

    async def live(name: str, network: MemoryNetwork, *, task_status: trio.TaskStatus[None]) -> None:
        async with open_charge_point(
            "ws://csms:9000/",
            name,
            router=Router(v16),
            boot=boot,
            session_task=report,
            dial=network.dial,
            limits=limits,
        ) as station:
            await station.wait_online()
            task_status.started()
            await trio.sleep_forever()

    async def run() -> float:
        network = MemoryNetwork(history=False, framing=framing)
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serve_csms, [router], 9000, listen=network.listen, limits=limits))
            for number in range(stations):
                await nursery.start(live, f"CP-{number}", network)
                await trio.sleep(READING / stations)
            began, before = time.process_time(), answered
            await trio.sleep(hours * 3600)
            took = time.process_time() - began
            _check(answered - before, stations, hours)
            nursery.cancel_scope.cancel()
        return took

    return trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


def theirs(stations: int, hours: float, pings: float, values: int) -> float:
    """CPU seconds of `ocpp` over `websockets`."""
    import async_solipsism
    from ocpp.routing import on
    from ocpp.v16 import ChargePoint, call, call_result
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.typing import Subprotocol

    now, ocpp16 = NOW.isoformat(), Subprotocol("ocpp1.6")
    every = pings if pings < math.inf else None
    answered = 0

    class CentralSystem(ChargePoint):  # type: ignore[misc]  # the package carries no types
        @on("BootNotification")  # type: ignore[untyped-decorator]
        def on_boot(self, **request: Any) -> Any:  # noqa: ANN401
            return call_result.BootNotification(current_time=now, interval=HEARTBEAT, status="Accepted")

        @on("Heartbeat")  # type: ignore[untyped-decorator]
        def on_heartbeat(self) -> Any:  # noqa: ANN401
            return call_result.Heartbeat(current_time=now)

        @on("MeterValues")  # type: ignore[untyped-decorator]
        def on_reading(self, **request: Any) -> Any:  # noqa: ANN401
            nonlocal answered
            answered += 1
            return call_result.MeterValues()

    async def accept(websocket: ServerConnection) -> None:
        assert websocket.request is not None
        await CentralSystem(websocket.request.path.strip("/"), websocket).start()

    async def repeat(seconds: float, make: Callable[[], object], station: ChargePoint) -> None:
        while True:
            await asyncio.sleep(seconds)
            await station.call(make())

    async def run() -> float:
        tasks = []
        reading = [{"timestamp": now, "sampledValue": list(VALUES[:values])}]
        server = await serve(accept, "csms", 9000, subprotocols=[ocpp16], ping_interval=every, compression=None)
        for number in range(stations):
            websocket = await connect(
                f"ws://csms:9000/CP-{number}", subprotocols=[ocpp16], ping_interval=every, compression=None, proxy=None
            )
            station = ChargePoint(f"CP-{number}", websocket)
            tasks.append(asyncio.create_task(station.start()))
            await station.call(call.BootNotification(charge_point_model="One", charge_point_vendor="Acme"))
            meter_values = partial(call.MeterValues, connector_id=1, meter_value=reading)
            tasks.append(asyncio.create_task(repeat(HEARTBEAT, call.Heartbeat, station)))
            tasks.append(asyncio.create_task(repeat(READING, meter_values, station)))
            await asyncio.sleep(READING / stations)
        began, before = time.process_time(), answered
        await asyncio.sleep(hours * 3600)
        took = time.process_time() - began
        _check(answered - before, stations, hours)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        server.close()
        return took

    loop = async_solipsism.EventLoop()
    try:
        return float(loop.run_until_complete(run()))
    finally:
        loop.close()


def _check(answered: int, stations: int, hours: float) -> None:
    """A stack that does not do the work is fast."""
    expected = stations * hours * 3600 / READING
    if abs(answered - expected) > stations:
        raise RuntimeError(f"expected {expected:g} MeterValues, found {answered}")


SIDES: dict[str, Callable[[int, float, float, int], float]] = {
    "framed": ours,
    "unframed": partial(ours, framing=False),
    "ocpp": theirs,
}


def measure(side: str, stations: int, options: argparse.Namespace) -> float:
    """Station-hours per CPU second, in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--stations", str(stations)]
    command += ["--pings", str(options.pings), "--values", str(options.values)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, nargs="+", default=list(HOURS))
    parser.add_argument("--rounds", type=int, default=3, help="how often each side is measured")
    parser.add_argument("--pings", type=float, default=math.inf, help="seconds between WebSocket pings of either end")
    parser.add_argument("--values", type=int, choices=range(1, 5), default=4, help="sampled values of each reading")
    parser.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side is not None:
        (stations,) = options.stations
        hours = HOURS.get(stations, 0.2)
        logging.disable()
        seconds = SIDES[options.side](stations, hours, options.pings, options.values)
        print(stations * hours / seconds)
        return
    print("station-hours per CPU second, and times what ocpp does")
    print(f"{'stations':>8}{'ocpp':>10}{'ocpp_trio':>12}{'ratio':>8}{'no framing':>12}{'ratio':>8}")
    for stations in options.stations:
        rounds = [{side: measure(side, stations, options) for side in SIDES} for _ in range(options.rounds)]
        columns = [median(one["ocpp"] for one in rounds)]
        for side in ("framed", "unframed"):
            columns += [median(one[side] for one in rounds), median(one[side] / one["ocpp"] for one in rounds)]
        print("{:>8}{:>10.1f}{:>12.1f}{:>8.1f}{:>12.1f}{:>8.1f}".format(stations, *columns))


if __name__ == "__main__":
    main()
