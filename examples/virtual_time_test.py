"""Test your own charge point: eight hours of it in a few milliseconds, to the exact instant.

Run it with `pytest examples/virtual_time_test.py`. `autojump_clock` is pytest-trio's: whenever every task
sleeps, the clock jumps to the next deadline. The network is in memory, the WebSocket framing is the real one.
"""

from datetime import UTC, datetime
from functools import partial

import pytest
import trio
import trio.testing

from ocpp_trio import CallFailed, ChargePoint, Router, open_charge_point, v16
from ocpp_trio.testing import CsmsStub, MemoryNetwork

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
READING = v16.MeterValue(timestamp=datetime(2026, 1, 1, tzinfo=UTC), sampled_value=(v16.SampledValue(value="4711"),))


async def report_the_meter(station: ChargePoint) -> None:
    """The code under test: a reading every quarter of an hour, for as long as the station is online."""
    while True:
        await trio.sleep(15 * 60)
        try:
            await station.call(v16.MeterValuesRequest(connector_id=0, meter_value=(READING,)))
        except CallFailed as failure:  # a refusal is no reason to stop; a session task that raises ends the station
            print(f"reading not delivered: {failure}")


@pytest.mark.trio
async def test_the_meter_is_read_every_quarter_of_an_hour_also_after_a_lost_link(
    autojump_clock: trio.testing.MockClock,
) -> None:
    network, csms = MemoryNetwork(), CsmsStub(interval=3600)

    async with trio.open_nursery() as nursery:
        await nursery.start(partial(csms.serve, 9000, listen=network.listen))
        async with open_charge_point(
            "ws://csms:9000/ocpp",
            "CP-1",
            router=Router(v16),
            boot=BOOT,
            session_task=report_the_meter,
            dial=network.dial,
        ) as station:
            await trio.sleep(4 * 3600 + 60)
            network.links[0].reset()
            await station.wait_offline()
            await station.wait_online()
            back = trio.current_time()
            await trio.sleep(4 * 3600 + 60)
        nursery.cancel_scope.cancel()

    before = [0.25 + 900 * number for number in range(1, 17)]  # online 0.25 s after the boot
    after = [back + 900 * number for number in range(1, 17)]
    assert [frame.at for frame in csms.received("MeterValues")] == pytest.approx(before + after)
    assert len(csms.received("BootNotification")) == 2
