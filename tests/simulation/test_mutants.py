"""The stack, broken on purpose: each defect is caught by the rule that is meant for it."""

from functools import partial

import pytest

from ocpp_trio.testing import attempt
from tests.simulation.long_run import innermost
from tests.simulation.mutants import FAST, SLOW
from tests.simulation.world import simulate

SEEDS = 3


@pytest.mark.parametrize("name", FAST)
def test_broken_stack_is_caught(name):
    """Otherwise what the simulation checks is worth nothing."""
    catch = FAST[name]
    error = None

    with catch.mutant():
        for seed in range(SEEDS):
            error = attempt(partial(simulate, scenario=catch.world), seed=seed).error
            if error is not None:
                break

    assert error is not None, f"{name}: nothing was violated"
    assert any(rule in str(innermost(error)) for rule in catch.rule.split("|")), error


def test_there_are_enough_of_them():
    assert len(FAST) >= 6
    assert len(FAST) + len(SLOW) >= 20
