"""The stack, broken on purpose: each defect is caught by the rule that is meant for it."""

from functools import partial

import pytest

from ocpp_trio.testing import attempt
from tests.simulation.long_run import innermost
from tests.simulation.mutants import FAST, INVARIANTS, SLOW
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


@pytest.mark.parametrize("name", [*FAST, *SLOW])
def test_every_variant_finds_what_it_breaks(name):
    """Also those that only the long run hunts, in which a name that has moved would be seen last of all."""
    with {**FAST, **SLOW}[name].mutant():
        pass


def test_each_invariant_has_a_stack_in_which_it_does_not_hold():
    assert all(INVARIANTS.values())
    assert sorted(name for names in INVARIANTS.values() for name in names) == sorted([*FAST, *SLOW])
    assert len(INVARIANTS) >= 18
