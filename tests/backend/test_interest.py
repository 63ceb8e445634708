"""From an event to those who want it."""

from datetime import UTC, datetime

import pytest

from ocpp_trio.backend.events import Change, Event, Topic
from ocpp_trio.backend.interest import Interest, Want
from ocpp_trio.backend.records import Station

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALL = Want(Topic.STATIONS)
ONE = Want(Topic.STATIONS, "CP-1")


def event(identity="CP-1", topic=Topic.STATIONS):
    station = Station(identity=identity, last_seen=NOW)
    return Event(
        event_id="e", node="n", topic=topic, change=Change.UPDATED, identity=identity, key="", value=station, at=NOW
    )


@pytest.fixture
def changes():
    return []


@pytest.fixture
def interest(changes):
    index: Interest[str] = Interest(changed=lambda: changes.append(index.wants()))
    return index


def test_subscribers_of_all_and_of_one_station_are_found_once(interest):
    interest.add("b", ONE)
    interest.add("a", ALL)
    interest.add("a", ONE)

    assert list(interest.subscribers_of(event())) == ["a", "b"]
    assert list(interest.subscribers_of(event("CP-2"))) == ["a"]
    assert list(interest.subscribers_of(event(topic=Topic.LOG))) == []


def test_change_is_told_for_the_first_and_the_last_of_a_want_only(interest, changes):
    interest.add("a", ALL)
    interest.add("b", ALL)
    interest.add("b", ONE)
    interest.remove("a", ALL)
    interest.clear("b")

    assert changes == [(ALL,), (ALL, ONE), ()]


def test_nothing_is_left_of_a_subscriber_that_was_cleared(interest, changes):
    interest.add("a", ALL)
    interest.clear("a")
    interest.clear("a")

    assert (interest.wants(), interest.wants_of("a"), list(interest.subscribers_of(event()))) == ((), (), [])
    assert changes == [(ALL,), ()]


def test_want_that_was_never_noted_is_nothing_to_forget(interest, changes):
    interest.add("a", ALL)
    interest.remove("a", ONE)
    interest.remove("b", ALL)

    assert interest.wants_of("a") == (ALL,)
    assert changes == [(ALL,)]
