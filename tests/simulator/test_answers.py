"""What a CSMS may ask of a station, what it answers, and what follows the answer."""

from base64 import b64encode

import pytest
import trio
import trio.testing

from ocpp_trio import v16
from ocpp_trio.testing import Delayed, Ignore, Result

ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}
NEW_KEY = b"Basic " + b64encode(b"CP-1:" + b"\xab" * 16)


@pytest.fixture
async def charging(rig, autojump_clock):
    """A device in the middle of transaction 7."""
    async with rig.open_device(configuration={"MeterValueSampleInterval": "0"}) as device:
        await device.plug_in()
        await device.start("TAG-1")
        yield device


@pytest.fixture
async def device(rig, autojump_clock):
    async with rig.open_device() as device:
        yield device


def after(rig, message_id):
    order = rig.order()
    return order[order.index(message_id) + 1 :]


# ChangeAvailability


async def test_change_availability_is_answered_before_the_status_is_told(rig, device, autojump_clock):
    assert await rig.ask("ChangeAvailability", connectorId=0, type="Inoperative") == ACCEPTED

    assert after(rig, "csms-1") == ["StatusNotification", "StatusNotification"]
    assert (rig.statuses(0)[-1][1], rig.statuses(1)[-1][1]) == ("Unavailable", "Unavailable")


async def test_change_availability_waits_for_the_transaction(rig, charging, autojump_clock):
    assert await rig.ask("ChangeAvailability", connectorId=1, type="Inoperative") == {"status": "Scheduled"}
    assert after(rig, "csms-1") == []

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


# Configuration


async def test_heartbeat_interval_takes_effect_at_once_and_until_the_next_boot(rig, device, autojump_clock):
    assert await rig.ask("ChangeConfiguration", key="heartbeatinterval", value="10") == ACCEPTED
    await trio.sleep(25)
    beats = [at for at, _, _ in rig.told("Heartbeat")]
    device.station.drop_link()
    await device.station.wait_offline()
    await device.wait_ready()
    shown = await rig.ask("GetConfiguration", key=["HeartbeatInterval"])

    assert beats == [10.25, 20.25]
    assert shown == {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]}


@pytest.mark.parametrize(("interval", "shown"), [(0, "86400"), (-5, "86400"), (2**40, "2147483647")])
async def test_the_interval_of_the_boot_is_shown_as_heartbeat_interval(rig, autojump_clock, interval, shown):
    rig.stub.interval = interval
    async with rig.open_device():
        (key,) = (await rig.ask("GetConfiguration", key=["HeartbeatInterval"]))["configurationKey"]

    assert key["value"] == shown


async def test_sample_interval_takes_effect_at_once_counted_from_the_last_sample(rig, charging, autojump_clock):
    await trio.sleep(100)
    await rig.ask("ChangeConfiguration", key="MeterValueSampleInterval", value="40")
    await trio.sleep(105)

    # 100 s without samples, so the first one is due at once and the next at a multiple of 40 s.
    assert [at for at, _, _ in rig.told("MeterValues")] == [100.25, 120.25, 160.25, 200.25]


async def test_sampled_data_may_be_nothing_or_power_too(rig, charging, autojump_clock):
    await rig.ask("ChangeConfiguration", key="MeterValuesSampledData", value="")
    await rig.ask("ChangeConfiguration", key="MeterValueSampleInterval", value="10")
    await trio.sleep(15)
    assert rig.payloads("MeterValues") == []
    await rig.ask("ChangeConfiguration", key="MeterValuesSampledData", value="Power.Active.Import")
    await trio.sleep(10)

    (values,) = rig.payloads("MeterValues")
    assert [value["value"] for value in values["meterValue"][0]["sampledValue"]] == ["11000"]


async def test_get_configuration_without_keys_shows_all_but_the_secret(rig, device, autojump_clock):
    everything = await rig.ask("GetConfiguration")
    with_empty_list = await rig.ask("GetConfiguration", key=[])

    assert everything == with_empty_list
    assert "unknownKey" not in everything
    names = [key["key"] for key in everything["configurationKey"]]
    assert len(names) == 21
    assert "AuthorizationKey" not in names


@pytest.mark.parametrize("password", [None, b"an older password"])
async def test_a_new_key_takes_effect_with_a_new_connection_where_there_was_one_before(rig, password, autojump_clock):
    async with rig.open_device(password=password) as device:
        assert await rig.ask("ChangeConfiguration", key="authorizationkey", value="ab" * 16) == ACCEPTED
        assert await rig.ask("ChangeConfiguration", key="AuthorizationKey", value="secret") == REJECTED
        await device.station.wait_online()
        connections = device.station.statistics().connections

        assert device.station.has_password is (password is not None)
        assert device.station._headers == (() if password is None else ((b"Authorization", NEW_KEY),))

    assert connections == (1 if password is None else 2)


async def test_get_configuration_names_what_is_unknown_and_hides_the_secret(rig, device, autojump_clock):
    assert await rig.ask("ChangeConfiguration", key="AuthorizationKey", value="ab" * 16) == ACCEPTED

    assert await rig.ask("GetConfiguration", key=["numberOFconnectors", "Nope", "AuthorizationKey"]) == {
        "configurationKey": [
            {"key": "NumberOfConnectors", "readonly": True, "value": "1"},
            {"key": "AuthorizationKey", "readonly": False},
        ],
        "unknownKey": ["Nope"],
    }
    assert await rig.ask("GetConfiguration", key=["Nope"]) == {"unknownKey": ["Nope"]}


async def test_too_many_keys_are_an_occurence_constraint_violation(rig, device, autojump_clock):
    assert "configurationKey" in await rig.ask("GetConfiguration", key=["HeartbeatInterval"] * 50)
    assert await rig.ask("GetConfiguration", key=["x"] * 51) == "OccurenceConstraintViolation"


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [("Nope", "1", "NotSupported"), ("NumberOfConnectors", "1", "Rejected"), ("HeartbeatInterval", "x", "Rejected")],
)
async def test_what_cannot_be_changed(rig, device, autojump_clock, key, value, status):
    assert await rig.ask("ChangeConfiguration", key=key, value=value) == {"status": status}


async def test_there_is_no_cache_and_no_vendor(rig, device, autojump_clock):
    assert await rig.ask("ClearCache") == REJECTED
    assert await rig.ask("DataTransfer", vendorId="org.example") == {"status": "UnknownVendorId"}


# Remote start and stop


async def test_remote_start_on_a_plugged_vehicle_starts_after_the_answer(rig, device, autojump_clock):
    await device.plug_in()

    assert await rig.ask("RemoteStartTransaction", idTag="TAG-1") == ACCEPTED

    assert after(rig, "csms-1") == ["StartTransaction", "StatusNotification"]
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

    assert after(rig, "csms-1") == ["StopTransaction", "StatusNotification"]
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


# Reset and unlock


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
async def test_reset_is_answered_then_the_transaction_stops_then_the_station_boots(rig, charging, autojump_clock, kind):
    await trio.sleep(10)
    assert await rig.ask("Reset", type=kind) == ACCEPTED
    await charging.station.wait_offline()
    await charging.wait_ready()

    assert after(rig, "csms-1") == [
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


# TriggerMessage


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

    assert after(rig, "csms-1") == [action for action, _ in follows]
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


# Pending


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
