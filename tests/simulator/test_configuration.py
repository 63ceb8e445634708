"""What may be written into which key, and what is shown of it."""

import pytest
import trio
import trio.testing

from ocpp_trio import v16
from ocpp_trio.simulator import Configuration
from ocpp_trio.simulator.configuration import KEYS, Access

S = v16.ConfigurationStatus

# What OCPP 1.6 section 9.1 requires of the Core profile.
REQUIRED = {
    "AuthorizeRemoteTxRequests",
    "ClockAlignedDataInterval",
    "ConnectionTimeOut",
    "ConnectorPhaseRotation",
    "GetConfigurationMaxKeys",
    "HeartbeatInterval",
    "LocalAuthorizeOffline",
    "LocalPreAuthorize",
    "MeterValuesAlignedData",
    "MeterValuesSampledData",
    "MeterValueSampleInterval",
    "NumberOfConnectors",
    "ResetRetries",
    "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId",
    "StopTxnAlignedData",
    "StopTxnSampledData",
    "SupportedFeatureProfiles",
    "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
    "UnlockConnectorOnEVSideDisconnect",
}


def test_every_required_key_is_there():
    assert {key.name for key in KEYS} == REQUIRED | {"AuthorizationKey"}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_value_of_the_factory_can_be_shown_and_written_back(key):
    configuration = Configuration()
    shown = configuration.shown(key)

    if key.access is Access.READ_WRITE:
        assert shown.value is not None
        assert configuration.change(key.name, shown.value) is S.ACCEPTED
    assert shown.readonly is (key.access is Access.READ)


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("meterVALUEsampleinterval", "10", "10"),
        ("HeartbeatInterval", " 0060 ", "60"),
        ("HeartbeatInterval", "0", "0"),
        ("HeartbeatInterval", "2147483647", "2147483647"),
        ("AuthorizeRemoteTxRequests", "TRUE", "true"),
        ("StopTransactionOnInvalidId", " False", "false"),
        ("MeterValuesSampledData", "", ""),
        (
            "MeterValuesSampledData",
            "power.active.import, Energy.Active.Import.Register,Power.Active.Import",
            "Power.Active.Import,Energy.Active.Import.Register",
        ),
        ("AuthorizationKey", "00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff"),
    ],
)
def test_a_good_value_is_accepted_and_kept_in_its_normal_form(key, value, kept):
    configuration = Configuration()

    assert configuration.change(key, value) is S.ACCEPTED
    assert configuration.text(key) == kept


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NumberOfConnectors", "2"),
        ("numberofconnectors", "2"),
        ("HeartbeatInterval", "-1"),
        ("HeartbeatInterval", "1.5"),
        ("HeartbeatInterval", ""),
        ("HeartbeatInterval", "٣"),
        ("HeartbeatInterval", "2147483648"),
        ("HeartbeatInterval", "9" * 500),
        ("AuthorizeRemoteTxRequests", "1"),
        ("MeterValuesSampledData", "Energy.Active.Import.Register,SoC"),
        ("MeterValuesSampledData", "Energy.Active.Import.Register,,"),
        ("AuthorizationKey", "0011"),
        ("AuthorizationKey", "0" * 33),
        ("AuthorizationKey", "x" * 32),
    ],
)
def test_a_bad_value_is_rejected_and_changes_nothing(key, value):
    configuration = Configuration()
    before = configuration.text(key)

    assert configuration.change(key, value) is S.REJECTED
    assert configuration.text(key) == before


def test_an_unknown_key_is_not_supported():
    assert Configuration().change("Nope", "1") is S.NOT_SUPPORTED


def test_a_secret_is_not_shown():
    configuration = Configuration({"AuthorizationKey": "0" * 40})
    (key,) = [key for key in configuration if key.name == "AuthorizationKey"]

    assert configuration.shown(key) == v16.KeyValue(key="AuthorizationKey", readonly=False, value=None)


@pytest.mark.parametrize("initial", [{"Nope": "1"}, {"NumberOfConnectors": "2"}, {"HeartbeatInterval": "x"}])
def test_it_does_not_begin_with_what_could_not_be_set(initial):
    with pytest.raises(ValueError, match="cannot set"):
        Configuration(initial)


def test_the_station_itself_cannot_set_what_is_not_there():
    with pytest.raises(ValueError, match="expected a configuration key, found 'Nope'"):
        Configuration().put("Nope", "1")


async def test_a_change_wakes_who_waits_for_it(autojump_clock):
    configuration = Configuration()
    woken = []

    async def wait() -> None:
        await configuration.wait_changed()
        woken.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(3)
        configuration.change("HeartbeatInterval", "nonsense")
        await trio.sleep(4)
        configuration.change("HeartbeatInterval", "5")

    assert woken == [7]
