"""Simulate your own station under faults: hours of a bad network in seconds, the same again from the same seed.

Run it with `python examples/simulate_my_station.py` or with `pytest examples/simulate_my_station.py`. The code under
test counts energy, and must lose none of it whatever the network does. A seed under which it does is reported with the
few faults that are enough, and with the command that plays them again.
"""

import json
import logging
from functools import partial

import attrs
import pytest
import trio

from ocpp_trio import CallFailed, ChargePoint, Router, open_charge_point, v16
from ocpp_trio.testing import (
    NETWORK_FAULTS,
    CsmsStub,
    MemoryNetwork,
    NetworkStrikes,
    RunBounds,
    SeededRun,
    check_seeds,
    run_seeded,
)

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
KINDS = {kind: NETWORK_FAULTS[kind] for kind in ("reset", "cut", "partition", "latency", "stall of both", "cpu stall")}


@attrs.define
class EnergyMeter:
    """The code under test: a watt-hour a second, told to the CSMS every minute, kept until it was told."""

    station: ChargePoint | None = None
    counted: int = 0
    told: int = 0

    async def count(self) -> None:
        while True:
            await trio.sleep(60)
            self.counted += 60

    async def tell(self, station: ChargePoint) -> None:
        """A session task: runs while the station is online, and is cancelled with the connection."""
        while True:
            await trio.sleep(60)
            untold = self.counted - self.told
            try:
                await station.call(v16.DataTransferRequest(vendor_id="acme.energy", data=str(untold)))
            except CallFailed:
                continue  # whether it arrived is not known: it is told again
            self.told += untold


async def simulate(run: SeededRun, *, hours: float = 1.0) -> tuple[int, int]:
    """A station and a CSMS with a fault a minute between them, then ten minutes without any."""
    stub, meter = CsmsStub(interval=300), EnergyMeter()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(stub.serve, 0, listen=run.network.listen))
        nursery.start_soon(meter.count)
        async with open_charge_point(
            f"ws://csms:{port}/",
            "CP-1",
            router=Router(v16),
            boot=BOOT,
            session_task=meter.tell,
            dial=run.network.host("CP-1").dial,
            rng=run.rng("jitter of CP-1"),
            new_message_id=run.message_ids("CP-1"),
            instrument=run.instrument,
        ) as station:
            strikes = NetworkStrikes(run.network)
            run.faults(kinds=KINDS, hosts=["CP-1"], until=hours * 3600, every=60)
            await run.play(strikes.table)
            strikes.calm()
            with run.within(300, "coming back"):
                await station.wait_online()
            await trio.sleep(600)
        nursery.cancel_scope.cancel()
    arrived = sum(int(json.loads(frame.text)[3]["data"]) for frame in stub.received("DataTransfer"))
    run.note("CP-1", f"{meter.counted} Wh were counted, {meter.told} are known to have arrived, {arrived} did")
    assert meter.told >= meter.counted - 120, "energy was lost: what is not told yet is of the last two minutes"
    assert arrived >= meter.told, "energy was taken for told that never arrived"
    return meter.counted, arrived


@pytest.mark.ocpp_seeds(5)
@pytest.mark.ocpp_limit(3 * 3600)  # an hour of virtual time is the default
async def test_no_energy_is_lost(seeded_run: SeededRun) -> None:
    """The same as a test: `pytest examples/simulate_my_station.py --ocpp-seed 3` runs one seed of it alone."""
    await simulate(seeded_run)


@pytest.mark.trio
async def test_energy_is_told_every_minute(memory_network: MemoryNetwork, csms_stub: CsmsStub) -> None:
    """Without faults, with fixtures of the kit, to the instant."""
    meter = EnergyMeter()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(meter.count)
        async with open_charge_point(
            f"ws://csms:{csms_stub.port}/",
            "CP-1",
            router=Router(v16),
            boot=BOOT,
            session_task=meter.tell,
            dial=memory_network.dial,
        ):
            await trio.sleep(200)
        nursery.cancel_scope.cancel()

    assert [frame.at for frame in csms_stub.received("DataTransfer")] == [60.25, 120.25, 180.25]


def main() -> None:
    logging.disable(logging.WARNING)  # a station says each time that it is offline
    transcript = run_seeded(simulate, seed=1)
    counted, arrived = transcript.result
    print(f"seed 1: {counted} Wh counted, {arrived} Wh arrived, {sum(transcript.faults.values())} faults")
    assert run_seeded(simulate, seed=1).digests == transcript.digests
    print("again: the same bytes, events and schedule")
    check_seeds(simulate, range(2, 7), bounds=RunBounds(seconds=3 * 3600))
    print("seeds 2 to 6: no energy was lost")


if __name__ == "__main__":
    main()
