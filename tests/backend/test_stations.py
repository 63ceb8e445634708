"""What messages and connections say about a station."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ocpp_trio import v16
from ocpp_trio.backend import LiveState, MeterReading, Registration, Station
from ocpp_trio.backend.live import CONNECTORS_KEPT
from ocpp_trio.backend.stations import Stations

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(seconds=5)
REGISTRATION = Registration(identity="CP-1", vendor="Acme", model="One", firmware="7", boots=4, last_boot=AT)
REMEMBERED = Station(identity="CP-1", last_seen=AT, vendor="Acme", model="One", firmware="7", boots=4)


@pytest.fixture
def live():
    return LiveState(lambda event: None)


@pytest.fixture
def stations(live):
    return Stations(live)


def status(connector_id: int, timestamp: datetime | None = None) -> v16.StatusNotificationRequest:
    return v16.StatusNotificationRequest(
        connector_id=connector_id,
        error_code=v16.ChargePointErrorCode.GROUND_FAILURE,
        status=v16.ChargePointStatus.FAULTED,
        timestamp=timestamp,
        info="wet",
        vendor_error_code="X1",
    )


async def test_station_that_has_never_booted_here_is_known_all_the_same(stations, live, autojump_clock):
    stations.seen("CP-1", AT)
    stations.seen("CP-1", LATER)

    assert live.station("CP-1") == Station(identity="CP-1", last_seen=LATER, online=True)


async def test_station_is_online_while_it_is_connected(stations, live, autojump_clock):
    stations.connected("CP-1", AT)
    during = live.station("CP-1")
    stations.disconnected("CP-1", LATER)

    assert during == Station(identity="CP-1", last_seen=AT, online=True)
    assert live.station("CP-1") == attrs.evolve(during, online=False)


async def test_what_a_station_is_comes_from_its_registration(stations, live, autojump_clock):
    stations.seen("CP-1", AT)
    stations.booted(REGISTRATION)
    stations.reported("CP-1", LATER, status(1))
    stations.booted(attrs.evolve(REGISTRATION, firmware="8", serial_number="S", boots=5, last_boot=LATER))

    assert live.station("CP-1") == Station(
        identity="CP-1",
        last_seen=LATER,
        online=True,
        vendor="Acme",
        model="One",
        serial_number="S",
        firmware="8",
        boots=5,
    )
    assert [connector.connector_id for connector in live.connectors("CP-1")] == [1]


async def test_station_whose_session_ended_while_it_was_registered_stays_offline(stations, live, autojump_clock):
    stations.connected("CP-1", AT)
    stations.disconnected("CP-1", LATER)
    stations.booted(REGISTRATION)

    assert live.station("CP-1") == attrs.evolve(REMEMBERED, last_seen=AT)


async def test_station_of_an_earlier_process_is_offline_until_it_comes(stations, live, autojump_clock):
    stations.remembered(REGISTRATION)
    remembered = live.station("CP-1")
    stations.connected("CP-1", LATER)
    stations.remembered(REGISTRATION)

    assert remembered == REMEMBERED
    assert live.station("CP-1") == attrs.evolve(REMEMBERED, last_seen=LATER, online=True)


async def test_status_is_as_old_as_it_says_or_as_its_receipt(stations, live, autojump_clock):
    stations.reported("CP-1", LATER, status(1, AT))
    stations.reported("CP-1", LATER, status(2))

    first, second = live.connectors("CP-1")
    assert (first.since, second.since) == (AT, LATER)
    assert (first.status.value, first.error_code.value, first.info, first.vendor_error_code) == (
        "Faulted",
        "GroundFailure",
        "wet",
        "X1",
    )


async def test_latest_meter_values_take_the_place_of_those_before(stations, live, autojump_clock):
    def values(reading: str) -> v16.MeterValuesRequest:
        sampled = v16.SampledValue(value=reading)
        return v16.MeterValuesRequest(
            connector_id=1,
            transaction_id=7,
            meter_value=(v16.MeterValue(timestamp=AT, sampled_value=(sampled,)),),
        )

    for reading in ("1", "2"):
        stations.metered("CP-1", values(reading))

    assert live.meter_values() == (
        MeterReading(identity="CP-1", connector_id=1, transaction_id=7, values=values("2").meter_value),
    )


async def test_station_cannot_claim_connectors_without_end(stations, live, autojump_clock):
    for connector_id in range(CONNECTORS_KEPT + 10):
        stations.reported("CP-1", AT, status(connector_id))

    assert len(live.connectors("CP-1")) == CONNECTORS_KEPT
