"""When heartbeats go out, to the instant."""

import pytest
import trio
import trio.testing

from ocpp_trio import Limits, ReconnectPolicy, v16
from ocpp_trio.testing import Delayed, Error, Ignore, Result

TIME = Result({"currentTime": "2026-01-01T00:00:00Z"})


def beats(ground):
    return [beat.at for beat in ground.stub.received("Heartbeat")]


async def test_heartbeats_keep_the_interval_of_the_boot_reply(ground, autojump_clock):
    ground.stub.interval = 10

    async with ground.open_station() as station:
        await trio.sleep(35)

        assert station.statistics().heartbeat_interval == 10
    assert beats(ground) == [10, 20, 30]


async def test_slow_answers_do_not_shift_the_rhythm(ground, autojump_clock):
    ground.stub.interval = 10
    ground.stub.on["Heartbeat"] = Delayed(3, TIME)

    async with ground.open_station():
        await trio.sleep(35)

    assert beats(ground) == [10, 20, 30]


async def test_heartbeats_whose_time_passed_unsent_are_skipped(ground, autojump_clock):
    ground.stub.interval = 10
    ground.stub.on["Heartbeat"] = [Delayed(25, TIME), TIME]

    async with ground.open_station():
        await trio.sleep(65)

    assert beats(ground) == [10, 40, 50, 60]


@pytest.mark.parametrize("behaviour", [Ignore(), Error("InternalError"), Result({"wrong": 1})], ids=repr)
async def test_a_heartbeat_without_a_proper_answer_is_followed_by_the_next(ground, autojump_clock, behaviour):
    ground.stub.interval = 10
    ground.stub.on["Heartbeat"] = [behaviour, TIME]

    async with ground.open_station(limits=Limits(call_timeout=5)) as station:
        await trio.sleep(25)

        assert station.online
    assert beats(ground) == [10, 20]


@pytest.mark.parametrize(("configured", "expected"), [(0, []), (20, [20, 40])])
async def test_an_interval_of_0_leaves_the_configured_one(ground, autojump_clock, configured, expected):
    ground.stub.interval = 0

    async with ground.open_station(heartbeat_interval=configured):
        await trio.sleep(50)

    assert beats(ground) == expected


async def test_a_new_interval_counts_from_the_instant_of_the_change(ground, autojump_clock):
    ground.stub.interval = 100

    async with ground.open_station() as station:
        await trio.sleep(30)
        station.set_heartbeat_interval(5)
        await trio.sleep(12)
        station.set_heartbeat_interval(0)
        await trio.sleep(1000)
        station.set_heartbeat_interval(7)
        await trio.sleep(8)

        assert station.statistics().heartbeat_interval == 7
    assert beats(ground) == [35, 40, 1049]


async def test_a_new_interval_while_an_answer_is_awaited_counts_from_then_too(ground, autojump_clock):
    ground.stub.interval = 10
    ground.stub.on["Heartbeat"] = [Delayed(4, TIME), TIME]

    async with ground.open_station() as station:
        await trio.sleep(12)
        station.set_heartbeat_interval(3)
        await trio.sleep(8)

    assert beats(ground) == [10, 15, 18]


@pytest.mark.parametrize("order", range(10))
async def test_the_next_accepted_boot_overrides_the_interval(ground, autojump_clock, order):
    ground.stub.interval = 10

    async with ground.open_station() as station:
        await station.wait_online()
        station.set_heartbeat_interval(3)
        await trio.sleep(6.75)
        station.drop_link()
        await trio.sleep(13.5)

    assert beats(ground) == [3.25, 6.25, 17.5]


@pytest.mark.parametrize(("interval", "resume_delay", "first"), [(1, 5, 5), (10, 5, 10), (5, 5, 5)])
async def test_the_first_heartbeat_waits_for_the_interval_and_the_resume_delay(
    ground, autojump_clock, interval, resume_delay, first
):
    ground.stub.interval = interval

    async with ground.open_station(reconnect=ReconnectPolicy(resume_delay=resume_delay)):
        await trio.sleep(first)
        await trio.testing.wait_all_tasks_blocked()

    assert beats(ground) == [first]


async def test_after_a_first_heartbeat_that_had_to_wait_the_intervals_are_whole(ground, autojump_clock):
    ground.stub.interval = 2

    async with ground.open_station(reconnect=ReconnectPolicy(resume_delay=5)):
        await trio.sleep(9.5)

    assert beats(ground) == [5, 7, 9]


async def test_a_negative_interval_stops_the_heart(ground, autojump_clock):
    ground.stub.interval = 10

    async with ground.open_station() as station:
        await trio.sleep(11)
        station.set_heartbeat_interval(-1)
        await trio.sleep(100)

    assert beats(ground) == [10]


async def test_heartbeats_pause_while_a_later_boot_is_rejected(ground, autojump_clock):
    """A station that boots by hand and is rejected stays up: the heart must neither speak nor break."""
    ground.stub.interval = 10
    boot = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="Two")

    async with ground.open_station() as station:
        await station.wait_online()
        ground.stub.status = "Rejected"
        await station.call(boot)
        await trio.sleep(24.75)
        ground.stub.status = "Accepted"
        await station.call(boot)
        await trio.sleep(10)

    assert beats(ground) == [30]


@pytest.mark.parametrize("order", range(20))
async def test_a_heartbeat_due_at_the_instant_of_a_reboot_is_no_error(ground, autojump_clock, order):
    ground.stub.interval = 10

    async with ground.open_station() as station:
        await trio.sleep(10)
        station.reboot()
        await trio.sleep(1)

        assert station.online
    assert ground.stub.received("BootNotification")[-1].at == 10
