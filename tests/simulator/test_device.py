"""A driver at a station: what he does, what the CSMS is told, and when."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest
import trio
import trio.testing

from ocpp_trio import ConnectionState, v16
from ocpp_trio.simulator import NotPossible, open_simulator, opening
from ocpp_trio.testing import Result
from tests.simulator.conftest import id_tag_info

FAST = {"MeterValueSampleInterval": "600"}


async def test_it_reports_connectors_zero_and_one_once_it_is_accepted(rig, autojump_clock):
    async with rig.open_device():
        pass

    assert [(at, action) for at, action, _ in rig.told()] == [
        (0, "BootNotification"),
        (0.25, "StatusNotification"),
        (0.25, "StatusNotification"),
    ]
    assert rig.statuses(0) == [(0.25, "Available")]
    assert rig.statuses(1) == [(0.25, "Available")]
    assert rig.payloads("StatusNotification")[1]["timestamp"] == "2026-01-01T00:00:00.250Z"


async def test_a_charge_from_plug_to_unplug_is_told_in_order(rig, autojump_clock):
    async with rig.open_device(configuration=FAST) as device:
        await device.plug_in()
        await trio.sleep(10)
        assert await device.present("TAG-1")
        await trio.sleep(1750)
        assert await device.present("tag-1")
        await trio.sleep(5)
        await device.unplug()

    assert [(at, action) for at, action, _ in rig.told()][3:] == [
        (0.25, "StatusNotification"),
        (10.25, "Authorize"),
        (10.25, "StartTransaction"),
        (10.25, "StatusNotification"),
        (300, "Heartbeat"),
        (600, "Heartbeat"),
        (610.25, "MeterValues"),
        (900, "Heartbeat"),
        (1200, "Heartbeat"),
        (1210.25, "MeterValues"),
        (1500, "Heartbeat"),
        (1760.25, "StopTransaction"),
        (1760.25, "StatusNotification"),
        (1765.25, "StatusNotification"),
    ]
    assert rig.statuses()[1:] == [
        (0.25, "Preparing"),
        (10.25, "Charging"),
        (1760.25, "Finishing"),
        (1765.25, "Available"),
    ]
    assert rig.payloads("StartTransaction") == [
        {"connectorId": 1, "idTag": "TAG-1", "meterStart": 0, "timestamp": "2026-01-01T00:00:10.250Z"}
    ]
    assert rig.payloads("StopTransaction") == [
        {
            "idTag": "tag-1",
            "meterStop": 5347,
            "timestamp": "2026-01-01T00:29:20.250Z",
            "transactionId": 7,
            "reason": "Local",
        }
    ]
    assert rig.payloads("MeterValues")[0] == {
        "connectorId": 1,
        "transactionId": 7,
        "meterValue": [
            {
                "timestamp": "2026-01-01T00:10:10.250Z",
                "sampledValue": [
                    {
                        "value": "1833",
                        "context": "Sample.Periodic",
                        "measurand": "Energy.Active.Import.Register",
                        "unit": "Wh",
                    }
                ],
            }
        ],
    }


async def test_the_tag_of_the_transaction_stops_it_without_an_authorize(rig, autojump_clock):
    async with rig.open_device() as device:
        await device.plug_in()
        await device.start("TAG-1")
        await device.present("tag-1")

    assert rig.payloads("Authorize") == []
    assert device.transaction is None


async def test_a_tag_of_the_same_group_stops_the_transaction_and_a_stranger_does_not(rig, autojump_clock):
    rig.stub.on["StartTransaction"] = Result({"transactionId": 1, **id_tag_info("Accepted", parentIdTag="family")})
    rig.stub.on["Authorize"] = [
        Result(id_tag_info("Accepted")),
        Result(id_tag_info("Accepted", parentIdTag="other")),
        Result(id_tag_info("Accepted", parentIdTag="FAMILY")),
    ]
    async with rig.open_device() as device:
        await device.plug_in()
        await device.start("TAG-1")
        opened = [await device.present(tag) for tag in ("TAG-2", "TAG-3", "TAG-4")]

    assert opened == [False, False, True]
    assert [stop["idTag"] for stop in rig.payloads("StopTransaction")] == ["TAG-4"]


async def test_a_tag_first_starts_when_the_cable_follows(rig, autojump_clock):
    async with rig.open_device() as device:
        await device.present("TAG-1")
        assert device.status is v16.ChargePointStatus.PREPARING
        await trio.sleep(59)
        await device.plug_in()

    assert rig.statuses()[1:] == [(0.25, "Preparing"), (59.25, "Charging")]
    assert [start["idTag"] for start in rig.payloads("StartTransaction")] == ["TAG-1"]


async def test_a_tag_whose_cable_does_not_follow_in_time_is_forgotten(rig, autojump_clock):
    async with rig.open_device(configuration={"ConnectionTimeOut": "45"}) as device:
        await device.present("TAG-1")
        await trio.sleep(60)
        await device.plug_in()
        await trio.sleep(1)

    assert rig.statuses()[1:] == [(0.25, "Preparing"), (45.25, "Available"), (60.25, "Preparing")]
    assert rig.payloads("StartTransaction") == []


async def test_a_cable_whose_tag_does_not_follow_in_time_is_finishing_and_may_start_later(rig, autojump_clock):
    async with rig.open_device() as device:
        await device.plug_in()
        await trio.sleep(100)
        await device.present("TAG-1")

    assert rig.statuses()[1:] == [
        (0.25, "Preparing"),
        (60.25, "Finishing"),
        (100.25, "Preparing"),
        (100.25, "Charging"),
    ]


async def test_without_a_connection_time_out_the_cable_waits_for_ever(rig, autojump_clock):
    async with rig.open_device(configuration={"ConnectionTimeOut": "0"}) as device:
        await device.plug_in()
        await trio.sleep(3000)

        assert device.status is v16.ChargePointStatus.PREPARING


async def test_a_refused_tag_starts_nothing(rig, autojump_clock):
    rig.stub.on["Authorize"] = Result(id_tag_info("Blocked"))
    async with rig.open_device() as device:
        await device.plug_in()

        assert not await device.present("TAG-1")

    assert rig.payloads("StartTransaction") == []


async def test_a_second_tag_waits_for_no_cable_that_the_first_one_waits_for(rig, autojump_clock):
    async with rig.open_device() as device:
        await device.present("TAG-1")
        with pytest.raises(NotPossible, match="not free for 'TAG-2': Preparing"):
            await device.present("TAG-2")
        await device.plug_in()

        assert device.transaction.id_tag == "TAG-1"


async def test_start_returns_the_transaction_with_the_id_of_the_csms(rig, autojump_clock):
    async with rig.open_device() as device:
        await device.plug_in()
        transaction = await device.start("TAG-1")

        assert transaction is device.transaction
        assert transaction.transaction_id == 7


async def test_what_is_not_possible_changes_nothing(rig, autojump_clock):
    async with rig.open_device() as device:
        before = rig.order()
        for action, why in [
            (device.unplug, "no vehicle"),
            (device.stop, "no transaction"),
            (lambda: device.start("TAG-1"), "no vehicle"),
        ]:
            with pytest.raises(NotPossible, match=why):
                await action()
        assert rig.order() == before

        await device.plug_in()
        with pytest.raises(NotPossible, match="already"):
            await device.plug_in()
        await device.start("TAG-1")
        with pytest.raises(NotPossible, match="while Charging"):
            await device.start("TAG-2")


async def test_a_tag_that_is_too_long_is_refused_before_anything_happens(rig, autojump_clock):
    async with rig.open_device() as device:
        await device.plug_in()
        with pytest.raises(ValueError, match="id_tag"):
            await device.start("x" * 21)

        assert device.transaction is None
        assert device.status is v16.ChargePointStatus.PREPARING


async def test_the_body_of_the_simulator_raises_bare(rig, autojump_clock):
    with pytest.raises(KeyError, match="mine"):
        async with open_simulator("ws://memory:9000/ocpp", "CP-1", dial=rig.network.dial):
            raise KeyError("mine")


def test_the_same_script_twice_gives_the_same_frames(new_rig):
    def run() -> list[tuple[float, str]]:
        rig = new_rig()
        ids = itertools.count(1)

        async def script() -> None:
            options = {"rng": random.Random(3), "reconnect": None, "new_message_id": lambda: f"m-{next(ids)}"}
            async with rig.open_device(**options) as device:
                await device.plug_in()
                await device.present("TAG-1")
                await trio.sleep(100)
                device.station.drop_link()
                await trio.sleep(100)
                await device.stop()

        trio.run(script, clock=trio.testing.MockClock(autojump_threshold=0))
        return [(frame.at, frame.text) for frame in rig.stub.frames]

    assert run() == run()


def test_a_cable_at_the_last_instant_is_in_time_or_not_but_never_both(new_rig):
    """Both timers end at one instant and trio wakes their tasks in any order, so try often."""

    async def script(rig) -> None:
        async with rig.open_device() as device:
            await device.present("TAG-1")
            await trio.sleep(60)
            await device.plug_in()
        statuses = [status for _, status in rig.statuses()][2:]
        assert statuses in (["Charging"], ["Available", "Preparing"])
        assert (device.transaction is not None) is (statuses == ["Charging"])

    for _ in range(20):
        trio.run(script, new_rig(), clock=trio.testing.MockClock(autojump_threshold=0))


async def test_without_options_it_tells_the_time_of_the_wall_clock(rig, autojump_clock):
    before = datetime.now(UTC)
    async with rig.open_device(now=opening.utc_now) as device:
        assert device.meter.register == 0

    told = datetime.fromisoformat(rig.payloads("StatusNotification")[0]["timestamp"])
    assert before - timedelta(seconds=1) <= told <= datetime.now(UTC)


async def test_leaving_closes_the_connection_and_nothing_is_left(rig, autojump_clock):
    async with rig.open_device() as device:
        await device.plug_in()

    assert device.station.state is ConnectionState.DISCONNECTED
