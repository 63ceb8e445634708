"""Energy is power times time, in whole Wh, and never goes down."""

import pytest
import trio

from ocpp_trio.simulator import Meter


async def test_energy_is_power_times_time(autojump_clock):
    meter = Meter(1000)

    meter.feed(11_000)
    await trio.sleep(1800)

    assert (meter.register, meter.power) == (6500, 11_000)


async def test_reading_often_loses_nothing(autojump_clock):
    meter = Meter()
    meter.feed(1000)
    readings = []

    for _ in range(36_00):
        await trio.sleep(0.1)
        readings.append(meter.register)

    assert readings == sorted(readings)
    assert readings[-1] == 100


async def test_changing_the_power_often_loses_nothing(autojump_clock):
    meter = Meter()

    for _ in range(7):
        meter.feed(1800)
        await trio.sleep(1)

    assert meter.register == 3  # 3.5 Wh; in whole Wh per second it would be none


async def test_without_power_nothing_flows(autojump_clock):
    meter = Meter(5)
    meter.feed(3600)
    await trio.sleep(2)

    meter.feed(0)
    await trio.sleep(1000)

    assert (meter.register, meter.power) == (7, 0)


async def test_power_does_not_flow_backwards():
    with pytest.raises(ValueError, match="expected a power of 0 W or more, found -1"):
        Meter().feed(-1)
