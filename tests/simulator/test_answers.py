"""What a CSMS may ask of a station, what it answers, and what follows the answer."""

import pytest
import trio

from ocpp_trio import v16
from ocpp_trio.testing import Ignore
from tests.simulator.conftest import ACCEPTED, REJECTED


async def test_change_availability_is_answered_before_the_status_is_told(rig, device, autojump_clock):
    assert await rig.ask("ChangeAvailability", connectorId=0, type="Inoperative") == ACCEPTED

    assert rig.after("csms-1") == ["StatusNotification", "StatusNotification"]
    assert (rig.statuses(0)[-1][1], rig.statuses(1)[-1][1]) == ("Unavailable", "Unavailable")


async def test_change_availability_waits_for_the_transaction(rig, charging, autojump_clock):
    assert await rig.ask("ChangeAvailability", connectorId=1, type="Inoperative") == {"status": "Scheduled"}
    assert rig.after("csms-1") == []

    await charging.stop()

    assert [status for _, status in rig.statuses()][-2:] == ["Charging", "Unavailable"]
    await charging.unplug()
    assert charging.status is v16.ChargePointStatus.UNAVAILABLE


async def test_availability_survives_a_reset(rig, device, autojump_clock):
    await rig.ask("ChangeAvailability", connectorId=1, type="Inoperative")
    await rig.ask("Reset", type="Hard")
    await device.wait_ready()

    assert rig.statuses()[-1][1] == "Unavailable"


async def test_an_unavailable_connector_starts_nothing(rig, device, autojump_clock):
    await device.plug_in()
    await rig.ask("ChangeAvailability", connectorId=1, type="Inoperative")

    assert await rig.ask("RemoteStartTransaction", connectorId=1, idTag="T") == REJECTED


async def test_change_availability_of_a_connector_that_is_not_there_is_rejected(rig, device, autojump_clock):
    assert await rig.ask("ChangeAvailability", connectorId=2, type="Inoperative") == REJECTED


async def test_there_is_no_cache_and_no_vendor(rig, device, autojump_clock):
    assert await rig.ask("ClearCache") == REJECTED
    assert await rig.ask("DataTransfer", vendorId="org.example") == {"status": "UnknownVendorId"}


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
async def test_reset_is_answered_then_the_transaction_stops_then_the_station_boots(rig, charging, autojump_clock, kind):
    await trio.sleep(10)
    assert await rig.ask("Reset", type=kind) == ACCEPTED
    await charging.station.wait_offline()
    await charging.wait_ready()

    assert rig.after("csms-1") == [
        "StopTransaction",
        "StatusNotification",
        "BootNotification",
        "StatusNotification",
        "StatusNotification",
    ]
    assert [stop["reason"] for stop in rig.payloads("StopTransaction")] == [f"{kind}Reset"]
    assert [at for at, _, _ in rig.told("BootNotification")] == [0, 10.25]
    assert rig.statuses()[-1] == (10.5, "Finishing")


async def test_reset_forgets_a_tag_that_waits_for_its_cable(rig, device, autojump_clock):
    await device.present("TAG-1")
    await rig.ask("Reset", type="Soft")
    await device.station.wait_offline()
    await device.wait_ready()
    await device.plug_in()

    assert device.transaction is None
    assert rig.statuses()[-2:] == [(0.5, "Available"), (0.5, "Preparing")]


async def test_a_reset_that_loses_its_link_reboots_all_the_same(rig, charging, autojump_clock):
    rig.stub.on["StopTransaction"] = Ignore()
    await rig.ask("Reset", type="Soft")
    await trio.sleep(3)
    charging.station.drop_link()
    await charging.station.wait_offline()
    await charging.wait_ready()

    assert len(rig.told("BootNotification")) == 2
    assert rig.statuses()[-1][1] == "Finishing"


async def test_unlocking_stops_the_transaction_first(rig, charging, autojump_clock):
    assert await rig.ask("UnlockConnector", connectorId=1) == {"status": "Unlocked"}

    assert [stop["reason"] for stop in rig.payloads("StopTransaction")] == ["UnlockCommand"]
    assert await rig.ask("UnlockConnector", connectorId=1) == {"status": "Unlocked"}


@pytest.mark.parametrize("connector", [0, 2])
async def test_only_connector_1_has_a_lock(rig, device, autojump_clock, connector):
    assert await rig.ask("UnlockConnector", connectorId=connector) == {"status": "NotSupported"}


@pytest.mark.parametrize(
    ("wanted", "follows"),
    [
        ({"requestedMessage": "Heartbeat", "connectorId": 5}, [("Heartbeat", None)]),
        ({"requestedMessage": "StatusNotification"}, [("StatusNotification", 0), ("StatusNotification", 1)]),
        ({"requestedMessage": "StatusNotification", "connectorId": 0}, [("StatusNotification", 0)]),
        ({"requestedMessage": "StatusNotification", "connectorId": 1}, [("StatusNotification", 1)]),
        ({"requestedMessage": "MeterValues"}, [("MeterValues", 1)]),
        ({"requestedMessage": "MeterValues", "connectorId": 1}, [("MeterValues", 1)]),
    ],
)
async def test_a_triggered_message_follows_the_answer(rig, charging, autojump_clock, wanted, follows):
    before = len(rig.told())

    assert await rig.ask("TriggerMessage", **wanted) == ACCEPTED

    assert rig.after("csms-1") == [action for action, _ in follows]
    assert [(action, payload.get("connectorId")) for _, action, payload in rig.told()[before:]] == follows


async def test_triggered_meter_values_say_so_and_name_their_transaction(rig, charging, autojump_clock):
    await rig.ask("TriggerMessage", requestedMessage="MeterValues")

    (values,) = rig.payloads("MeterValues")
    assert values["transactionId"] == 7
    assert values["meterValue"][0]["sampledValue"][0]["context"] == "Trigger"


async def test_meter_values_of_nothing_are_not_sent(rig, device, autojump_clock):
    await rig.ask("ChangeConfiguration", key="MeterValuesSampledData", value="")

    assert await rig.ask("TriggerMessage", requestedMessage="MeterValues") == ACCEPTED
    assert rig.payloads("MeterValues") == []


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"requestedMessage": "BootNotification"}, "Rejected"),
        ({"requestedMessage": "StatusNotification", "connectorId": 2}, "Rejected"),
        ({"requestedMessage": "MeterValues", "connectorId": 0}, "Rejected"),
        ({"requestedMessage": "FirmwareStatusNotification"}, "NotImplemented"),
        ({"requestedMessage": "DiagnosticsStatusNotification"}, "NotImplemented"),
    ],
)
async def test_what_is_not_triggered(rig, device, autojump_clock, wanted, status):
    before = len(rig.told())

    assert await rig.ask("TriggerMessage", **wanted) == {"status": status}
    assert len(rig.told()) == before


async def test_while_pending_only_triggered_messages_go_out(rig, autojump_clock):
    rig.stub.status, rig.stub.interval = "Pending", 600
    async with rig.open_device(ready=False) as device:
        await trio.sleep(1)
        await device.plug_in()
        start = await rig.ask("RemoteStartTransaction", idTag="TAG-1")
        stop = await rig.ask("RemoteStopTransaction", transactionId=1)
        unavailable = await rig.ask("ChangeAvailability", connectorId=1, type="Inoperative")
        assert [action for _, action, _ in rig.told()] == ["BootNotification"]

        status = await rig.ask("TriggerMessage", requestedMessage="StatusNotification")
        assert rig.statuses() == [(1, "Unavailable")]

        rig.stub.status = "Accepted"
        await trio.sleep(1)
        boot = await rig.ask("TriggerMessage", requestedMessage="BootNotification")
        await device.wait_ready()

    assert (start, stop, unavailable, status, boot) == (REJECTED, REJECTED, ACCEPTED, ACCEPTED, ACCEPTED)
    assert [at for at, _, _ in rig.told("BootNotification")] == [0, 2]
    assert rig.statuses()[-1] == (2.25, "Unavailable")


async def test_while_pending_a_running_transaction_is_not_stopped_from_afar(rig, charging, autojump_clock):
    rig.stub.status = "Pending"
    charging.station.drop_link()
    await trio.sleep(1)

    assert await rig.ask("RemoteStopTransaction", transactionId=7) == REJECTED
    assert charging.transaction is not None
