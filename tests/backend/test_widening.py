"""Interest for others: as narrow as it may be, and never less."""

from ocpp_trio.backend import Topic, Want
from ocpp_trio.backend.widening import widened


def singles(number: int) -> list[Want]:
    return [Want(Topic.STATIONS, f"CP-{place}") for place in range(number)]


def test_few_wants_stay_as_they_are():
    wants = [*singles(3), Want(Topic.LOG)]
    assert list(widened([*wants, *wants], most=3)) == wants


def test_too_many_stations_become_the_whole_topic():
    assert list(widened([*singles(4), Want(Topic.LOG, "CP-1")], most=3)) == [
        Want(Topic.STATIONS),
        Want(Topic.LOG, "CP-1"),
    ]


def test_a_station_adds_nothing_to_the_whole_topic():
    assert list(widened([*singles(1), Want(Topic.STATIONS)])) == [Want(Topic.STATIONS)]
