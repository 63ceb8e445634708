"""Test your own charge point: eight hours of it in a few milliseconds, to the exact instant.

Run it with `pytest examples/virtual_time_test.py`. The fixtures bring a clock with them: whenever every task sleeps,
it jumps to the next deadline. The network is in memory, the WebSocket framing is the real one.
"""

from datetime import UTC, datetime

import pytest
import trio

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
@pytest.mark.ocpp_limit(9 * 3600)  # an hour of virtual time is the default
async def test_the_meter_is_read_every_quarter_of_an_hour_also_after_a_lost_link(
    memory_network: MemoryNetwork, csms_stub: CsmsStub
) -> None:
    csms_stub.interval = 3600

    async with open_charge_point(
        f"ws://csms:{csms_stub.port}/ocpp",
        "CP-1",
        router=Router(v16),
        boot=BOOT,
        session_task=report_the_meter,
        dial=memory_network.dial,
    ) as station:
        await trio.sleep(4 * 3600 + 60)
        memory_network.links[0].reset()
        await station.wait_offline()
        await station.wait_online()
        back = trio.current_time()
        await trio.sleep(4 * 3600 + 60)

    before = [0.25 + 900 * number for number in range(1, 17)]  # online 0.25 s after the boot
    after = [back + 900 * number for number in range(1, 17)]
    assert [frame.at for frame in csms_stub.received("MeterValues")] == pytest.approx(before + after)
    assert len(csms_stub.received("BootNotification")) == 2
