"""Transactions that a CSMS starts and stops from afar."""

import pytest
import trio

from ocpp_trio.testing import Delayed, Ignore, Result
from tests.simulator.conftest import ACCEPTED, REJECTED


async def test_remote_start_on_a_plugged_vehicle_starts_after_the_answer(rig, device, autojump_clock):
    await device.plug_in()

    assert await rig.ask("RemoteStartTransaction", idTag="TAG-1") == ACCEPTED

    assert rig.after("csms-1") == ["StartTransaction", "StatusNotification"]
    assert rig.payloads("Authorize") == []
    assert device.transaction.transaction_id == 7


async def test_remote_start_waits_for_the_plug(rig, device, autojump_clock):
    assert await rig.ask("RemoteStartTransaction", connectorId=1, idTag="TAG-1") == ACCEPTED
    assert await rig.ask("RemoteStartTransaction", connectorId=1, idTag="TAG-2") == REJECTED
    await trio.sleep(30)
    await device.plug_in()

    assert device.transaction.id_tag == "TAG-1"
    assert [status for _, status in rig.statuses()] == ["Available", "Preparing", "Charging"]


@pytest.mark.parametrize(("status", "started"), [("Accepted", True), ("Expired", False)])
async def test_remote_start_authorizes_first_if_so_configured(rig, device, autojump_clock, status, started):
    rig.stub.on["Authorize"] = Result({"idTagInfo": {"status": status}})
    await device.plug_in()
    await rig.ask("ChangeConfiguration", key="AuthorizeRemoteTxRequests", value="true")

    assert await rig.ask("RemoteStartTransaction", idTag="TAG-1") == ACCEPTED

    assert len(rig.payloads("Authorize")) == 1
    assert (device.transaction is not None) is started


async def test_remote_start_that_the_driver_overtakes_starts_nothing(rig, device, autojump_clock, caplog):
    rig.stub.on["Authorize"] = Delayed(5, Result({"idTagInfo": {"status": "Accepted"}}))
    await device.plug_in()
    await rig.ask("ChangeConfiguration", key="AuthorizeRemoteTxRequests", value="true")
    await rig.ask("RemoteStartTransaction", idTag="TAG-1")
    await device.start("TAG-2")
    await trio.sleep(10)

    assert [start["idTag"] for start in rig.payloads("StartTransaction")] == ["TAG-2"]
    assert "no remote start: no transaction can start while Charging" in caplog.text


@pytest.mark.parametrize("connector", [0, 2])
async def test_remote_start_needs_a_connector_that_is_there(rig, device, autojump_clock, connector):
    assert await rig.ask("RemoteStartTransaction", connectorId=connector, idTag="TAG-1") == REJECTED


async def test_remote_start_during_a_transaction_is_rejected(rig, charging, autojump_clock):
    assert await rig.ask("RemoteStartTransaction", connectorId=1, idTag="TAG-2") == REJECTED


async def test_remote_start_on_a_finished_connector_has_to_name_it(rig, charging, autojump_clock):
    await charging.stop()

    assert await rig.ask("RemoteStartTransaction", idTag="TAG-2") == REJECTED
    assert await rig.ask("RemoteStartTransaction", connectorId=1, idTag="TAG-2") == ACCEPTED

    assert [status for _, status in rig.statuses()][-3:] == ["Finishing", "Preparing", "Charging"]


@pytest.mark.parametrize(
    ("purpose", "more", "status"),
    [
        ("TxProfile", {}, "Accepted"),
        ("TxProfile", {"transactionId": 3}, "Rejected"),
        ("TxDefaultProfile", {}, "Rejected"),
    ],
)
async def test_remote_start_takes_only_a_profile_for_its_own_transaction(
    rig, device, autojump_clock, purpose, more, status
):
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
        **more,
    }

    assert await rig.ask("RemoteStartTransaction", idTag="T", chargingProfile=profile) == {"status": status}


async def test_remote_stop_stops_after_the_answer(rig, charging, autojump_clock):
    assert await rig.ask("RemoteStopTransaction", transactionId=7) == ACCEPTED

    assert rig.after("csms-1") == ["StopTransaction", "StatusNotification"]
    assert rig.payloads("StopTransaction")[0]["reason"] == "Remote"


async def test_remote_stop_of_another_transaction_is_rejected(rig, charging, autojump_clock):
    assert await rig.ask("RemoteStopTransaction", transactionId=8) == REJECTED
    assert charging.transaction is not None


async def test_remote_stop_of_a_transaction_that_is_not_answered_yet_is_rejected(rig, device, autojump_clock):
    rig.stub.on["StartTransaction"] = Ignore()
    await device.plug_in()
    with trio.move_on_after(1):
        await device.start("TAG-1")

    assert await rig.ask("RemoteStopTransaction", transactionId=7) == REJECTED
