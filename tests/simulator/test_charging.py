"""How a transaction goes on and ends: the plug, a CSMS that refuses or is silent, and a link that is lost."""

import pytest
import trio

from ocpp_trio import CallRejected, CallTimeout, v16
from ocpp_trio.simulator import NotPossible
from ocpp_trio.testing import Delayed, Error, Ignore, Result
from tests.simulator.conftest import id_tag_info


async def test_pulling_the_plug_ends_the_transaction(rig, autojump_clock):
    async with rig.open_device() as device:
        await device.plug_in()
        await device.start("TAG-1")
        await device.unplug()

    assert [(stop["reason"], "idTag" in stop) for stop in rig.payloads("StopTransaction")] == [
        ("EVDisconnected", False)
    ]
    assert rig.statuses()[2:] == [(0.25, "Charging"), (0.25, "Available")]


@pytest.mark.limit(4 * 3600)
async def test_pulling_the_plug_suspends_the_transaction_if_so_configured(rig, autojump_clock):
    async with rig.open_device(configuration={"StopTransactionOnEVSideDisconnect": "false"}) as device:
        await device.plug_in()
        await device.start("TAG-1")
        await trio.sleep(3600)
        await device.unplug()
        await trio.sleep(3600)
        await device.plug_in()
        await trio.sleep(3600)
        await device.stop()

    assert [stop["meterStop"] for stop in rig.payloads("StopTransaction")] == [22_000]
    assert [status for _, status in rig.statuses()] == [
        "Available",
        "Preparing",
        "Charging",
        "SuspendedEV",
        "Charging",
        "Finishing",
    ]


async def test_a_transaction_that_the_csms_refuses_is_stopped_as_deauthorized(rig, autojump_clock):
    rig.stub.on["StartTransaction"] = Result({"transactionId": 9, **id_tag_info("Invalid")})
    async with rig.open_device() as device:
        await device.plug_in()
        transaction = await device.start("TAG-1")

        assert device.transaction is None
        assert transaction.id_tag_info.status is v16.AuthorizationStatus.INVALID

    assert [(stop["transactionId"], stop["reason"]) for stop in rig.payloads("StopTransaction")] == [
        (9, "DeAuthorized")
    ]


async def test_a_transaction_that_the_csms_refuses_is_suspended_if_so_configured(rig, autojump_clock):
    rig.stub.on["StartTransaction"] = Result({"transactionId": 9, **id_tag_info("Invalid")})
    options = {"StopTransactionOnInvalidId": "false", "StopTransactionOnEVSideDisconnect": "false"}
    async with rig.open_device(configuration=options) as device:
        await device.plug_in()
        await device.start("TAG-1")
        await trio.sleep(600)
        await device.unplug()
        await device.plug_in()
        await trio.sleep(600)
        await device.stop()

    assert [status for _, status in rig.statuses()][-2:] == ["SuspendedEVSE", "Finishing"]
    assert [stop["meterStop"] for stop in rig.payloads("StopTransaction")] == [0]


@pytest.mark.parametrize(
    ("behaviour", "error", "words"),
    [(Ignore(), CallTimeout, "got no answer"), (Error("InternalError"), CallRejected, "was rejected")],
)
async def test_a_start_without_an_answer_ends_at_once_and_is_never_stopped(
    rig, autojump_clock, behaviour, error, words, caplog
):
    rig.stub.on["StartTransaction"] = behaviour
    async with rig.open_device() as device:
        await device.plug_in()
        with pytest.raises(error):
            await device.start("TAG-1")

        assert device.transaction is None
        assert device.status is v16.ChargePointStatus.FINISHING
    assert rig.payloads("StopTransaction") == []
    assert f"StartTransaction {words}" in caplog.text


async def test_a_transaction_stopped_before_its_start_is_answered_is_stopped_with_its_id(rig, autojump_clock):
    rig.stub.on["StartTransaction"] = Delayed(10, Result({"transactionId": 5, **id_tag_info("Accepted")}))
    async with rig.open_device() as device:
        await device.plug_in()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(device.start, "TAG-1")
            await trio.sleep(4)
            await device.stop()

    assert [(at, call["transactionId"]) for at, _, call in rig.told("StopTransaction")] == [(10.25, 5)]
    assert rig.payloads("StopTransaction")[0]["timestamp"] == "2026-01-01T00:00:04.250Z"


async def test_a_start_that_is_stopped_and_then_fails_leaves_nothing_to_say(rig, autojump_clock):
    rig.stub.on["StartTransaction"] = Ignore()
    async with rig.open_device() as device:
        await device.plug_in()
        with trio.move_on_after(1):
            await device.start("TAG-1")
        await device.stop()

    assert rig.payloads("StopTransaction") == []
    assert [status for _, status in rig.statuses()] == ["Available", "Preparing", "Charging", "Finishing"]


async def test_cancelling_an_action_only_ends_the_waiting(rig, autojump_clock):
    rig.stub.on["StartTransaction"] = Delayed(10, Result({"transactionId": 5, **id_tag_info("Accepted")}))
    async with rig.open_device() as device:
        await device.plug_in()
        with trio.move_on_after(1):
            await device.start("TAG-1")
        await trio.sleep(20)

        assert device.transaction.transaction_id == 5


async def test_a_transaction_survives_a_reconnect(rig, autojump_clock):
    async with rig.open_device(configuration={"MeterValueSampleInterval": "10"}) as device:
        await device.plug_in()
        await device.start("TAG-1")
        await trio.sleep(15)
        device.station.drop_link()
        await device.station.wait_offline()
        await device.wait_ready()
        await trio.sleep(10)
        await device.stop()

    assert [(at, call["transactionId"]) for at, _, call in rig.told("MeterValues")] == [(10.25, 7), (20.25, 7)]
    assert [call["transactionId"] for call in rig.payloads("StopTransaction")] == [7]
    assert rig.statuses()[3:] == [(16, "Charging"), (26, "Finishing")]
    assert rig.statuses(0) == [(0.25, "Available"), (16, "Available")]


async def test_after_the_stop_no_energy_flows_and_nothing_is_sampled(rig, autojump_clock):
    async with rig.open_device(configuration={"MeterValueSampleInterval": "10"}) as device:
        await device.plug_in()
        await device.start("TAG-1")
        await trio.sleep(36)
        await device.stop()
        await trio.sleep(3000)
        await device.start("TAG-2")

    assert [at for at, _, _ in rig.told("MeterValues")] == [10.25, 20.25, 30.25]
    assert [start["meterStart"] for start in rig.payloads("StartTransaction")] == [0, 110]


async def test_a_tag_whose_transaction_ends_while_it_is_judged_stops_nothing(rig, autojump_clock):
    group = id_tag_info("Accepted", parentIdTag="family")
    rig.stub.on["StartTransaction"] = Result({"transactionId": 1, **group})
    rig.stub.on["Authorize"] = Delayed(5, Result(group))
    opened = []

    async def present() -> None:
        opened.append(await device.present("TAG-2"))

    async with rig.open_device() as device:
        await device.plug_in()
        await device.start("TAG-1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(present)
            await trio.sleep(1)
            await device.stop()

    assert opened == [False]
    assert len(rig.payloads("StopTransaction")) == 1


async def test_availability_that_was_answered_is_carried_out_by_the_next_connection_at_the_latest(rig, autojump_clock):
    async with rig.open_device() as device:
        await device.plug_in()
        device.charging.connector.want(1, v16.AvailabilityType.INOPERATIVE)  # answered; the link breaks before the rest
        with pytest.raises(NotPossible, match="while Preparing"):
            await device.start("TAG-1")
        device.station.drop_link()
        await device.station.wait_offline()
        await device.wait_ready()

    assert rig.statuses()[-1][1] == "Unavailable"


async def test_a_stop_while_offline_is_logged_and_the_transaction_is_over(rig, autojump_clock, caplog):
    async with rig.open_device() as device:
        await device.plug_in()
        await device.start("TAG-1")
        rig.network.refuse = True
        device.station.drop_link()
        await device.station.wait_offline()
        await device.stop()
        assert device.transaction is None
        with pytest.raises(NotPossible, match="online"):
            await device.start("TAG-1")
        rig.network.refuse = False
        await device.wait_ready()

    assert rig.payloads("StopTransaction") == []
    assert "StopTransaction was not delivered" in caplog.text
    assert "StatusNotification" not in caplog.text  # that is told with the next connection
    assert rig.statuses()[-1][1] == "Finishing"


async def test_a_cable_that_comes_while_offline_starts_nothing(rig, autojump_clock, caplog):
    async with rig.open_device() as device:
        await device.present("TAG-1")
        rig.network.refuse = True
        device.station.drop_link()
        await device.station.wait_offline()
        await device.plug_in()

        assert device.transaction is None
    assert "nothing starts for 'TAG-1'" in caplog.text
