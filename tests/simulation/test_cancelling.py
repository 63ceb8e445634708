"""Cancellation fuzz: something that a user can cancel is, at any checkpoint, and everything that must hold does."""

from functools import partial

import pytest

from ocpp_trio.testing import RunBounds, check_seeds
from tests.simulation.cancelling import CANCELLATIONS
from tests.simulation.scenarios import CANCELS, INSIDE
from tests.simulation.world import simulate

INSIDES = {"run", "_read", "write", "keep_alive", "serve", "supervise", "_be_online", "_beat", "_run_session_task"}
"""The tasks of a session at both ends, and of a station."""


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_cancelled_at_whatever_checkpoint(seed, quiet):
    """Stations, servers, callers, handlers, session tasks, drains, and any task inside: each at a random step."""
    (transcript,) = check_seeds(partial(simulate, scenario=CANCELS), [seed])

    outcome = transcript.result
    assert set(CANCELLATIONS) <= set(outcome.faults)
    assert outcome.cancelled > 150
    assert outcome.outcomes["cancelled"] > 50


def test_tasks_cancelled_from_inside_are_nobody_elses_business(quiet):
    """Three stations lose readers, writers, hearts and supervisors over and over; three others notice nothing."""
    (transcript,) = check_seeds(partial(simulate, scenario=INSIDE), [0], bounds=RunBounds(seconds=3 * 3600))

    outcome = transcript.result
    assert outcome.cancelled > 60
    assert {name.rpartition(".")[2] for name in outcome.inside} >= INSIDES
    assert set(outcome.outcomes) <= {"response", "rejected", "cancelled"}  # the last ones by the end of the world
    assert outcome.losses == {}
