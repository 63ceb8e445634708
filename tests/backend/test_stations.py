"""What is kept of the stations, and what is forgotten."""

from datetime import UTC, datetime, timedelta

from ocpp_trio import v16
from ocpp_trio.backend import Stations
from ocpp_trio.backend.stations import CONNECTORS_KEPT

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(seconds=5)
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")


def status(connector_id: int, timestamp: datetime | None = None) -> v16.StatusNotificationRequest:
    return v16.StatusNotificationRequest(
        connector_id=connector_id,
        error_code=v16.ChargePointErrorCode.NO_ERROR,
        status=v16.ChargePointStatus.AVAILABLE,
        timestamp=timestamp,
    )


def test_a_station_that_has_never_booted_here_is_known_all_the_same():
    stations = Stations()
    stations.seen("CP-1", AT)
    stations.seen("CP-1", LATER)

    station = stations.snapshot()["CP-1"]
    assert (station.last_seen, station.boot, station.boots, dict(station.connectors)) == (LATER, None, 0, {})


def test_boots_are_counted_and_connectors_outlive_them():
    stations = Stations()
    stations.booted("CP-1", AT, BOOT)
    stations.reported("CP-1", AT, status(1))
    stations.booted("CP-1", LATER, BOOT)

    station = stations.snapshot()["CP-1"]
    assert (station.boot, station.boots, set(station.connectors)) == (BOOT, 2, {1})


def test_a_status_is_as_old_as_it_says_or_as_its_receipt():
    stations = Stations()
    stations.reported("CP-1", LATER, status(1, AT))
    stations.reported("CP-1", LATER, status(2))

    connectors = stations.snapshot()["CP-1"].connectors
    assert [connectors[number].since for number in (1, 2)] == [AT, LATER]


def test_a_snapshot_does_not_change():
    stations = Stations()
    stations.reported("CP-1", AT, status(1))
    before = stations.snapshot()
    stations.reported("CP-1", AT, status(2))
    stations.seen("CP-2", AT)

    assert set(before) == {"CP-1"}
    assert set(before["CP-1"].connectors) == {1}


def test_the_longest_silent_station_is_forgotten_first():
    stations = Stations(kept=2)
    for identity in ("CP-1", "CP-2", "CP-1", "CP-3"):
        stations.seen(identity, AT)

    assert list(stations.snapshot()) == ["CP-1", "CP-3"]


def test_a_station_cannot_claim_connectors_without_end():
    stations = Stations()
    for connector_id in range(CONNECTORS_KEPT + 10):
        stations.reported("CP-1", AT, status(connector_id))
    stations.reported("CP-1", AT, status(0, LATER))

    connectors = stations.snapshot()["CP-1"].connectors
    assert len(connectors) == CONNECTORS_KEPT
    assert connectors[0].since == LATER
