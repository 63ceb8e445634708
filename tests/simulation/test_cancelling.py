"""Cancellation fuzz: something that a user can cancel is, at any checkpoint, and everything that must hold does."""

from functools import partial

import pytest

from ocpp_trio.testing import check_seeds
from tests.simulation.cancelling import CANCELLATIONS
from tests.simulation.scenarios import CANCELS
from tests.simulation.world import simulate


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_cancelled_at_whatever_checkpoint(seed, quiet):
    """Stations, servers, callers, handlers, session tasks and drains: some 250 of them, each at a random step."""
    (transcript,) = check_seeds(partial(simulate, scenario=CANCELS), [seed])

    outcome = transcript.result
    assert set(CANCELLATIONS) <= set(outcome.faults)
    assert outcome.cancelled > 150
    assert outcome.outcomes["cancelled"] > 50
