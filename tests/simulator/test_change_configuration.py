"""What a CSMS reads and changes of a station's configuration, and when that takes effect."""

from base64 import b64encode

import pytest
import trio

from tests.simulator.conftest import ACCEPTED, REJECTED

NEW_KEY = b"Basic " + b64encode(b"CP-1:" + b"\xab" * 16)


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
