"""Stations, a CSMS and a hostile network: nothing that must hold is ever violated, and broken code is caught."""

import logging
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import attrs
import pytest

from ocpp_trio.testing import RunBounds, attempt, check_seeds, run_seeded
from tests.simulation.mutants import FAST
from tests.simulation.scenarios import CALM, LONG, STORM, station_hours
from tests.simulation.world import ALL_FAULTS, Outcome, simulate

ROOT = Path(__file__).parents[2]
SHARE_OF_A_YEAR = 0.05
LONG_SEEDS = range(-(-int(SHARE_OF_A_YEAR * 365 * 24) // int(station_hours(LONG))))


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """A storm says a lot to the log, and nobody reads it here."""
    caplog.set_level(logging.CRITICAL, logger="ocpp_trio")


def _check(scenario, seeds):
    main = partial(simulate, scenario=scenario)
    bounds = RunBounds(seconds=scenario.duration + 3600)
    return [transcript.result for transcript in check_seeds(main, seeds, bounds=bounds)]


@pytest.mark.parametrize("seed", LONG_SEEDS)
def test_nothing_is_violated_under_all_kinds_of_fault(seed):
    """Together they are a twentieth of a station-year."""
    (outcome,) = _check(LONG, [seed])

    assert set(outcome.faults) == set(ALL_FAULTS)
    assert len(ALL_FAULTS) >= 20
    assert {"response", "rejected", "timeout", "closed", "cancelled"} <= set(outcome.outcomes)
    assert outcome.station_hours * len(LONG_SEEDS) >= SHARE_OF_A_YEAR * 365 * 24


def test_calm_sea_stays_calm(caplog):
    caplog.set_level(logging.WARNING, logger="ocpp_trio")

    (outcome,) = _check(CALM, [1])

    assert isinstance(outcome, Outcome)
    assert set(outcome.outcomes) == {"response", "rejected"}
    assert outcome.station_hours == 20 * 24
    assert (outcome.losses, outcome.dropped, outcome.reconnects) == ({}, {}, 0)
    assert caplog.records == []


def test_bad_peers_are_nobody_elses_business():
    bad = ("garbage", "half an upgrade", "flood", "bad frames", "liar")
    scenario = attrs.evolve(
        CALM, stations=4, duration=7200.0, fault_every=10.0, kinds={kind: ALL_FAULTS[kind] for kind in bad}
    )

    (outcome,) = _check(scenario, [1])

    assert set(outcome.faults) == set(bad)
    assert set(outcome.outcomes) <= {"response", "rejected"}
    assert (outcome.losses, outcome.reconnects) == ({}, 0)


def digests():
    """What has to be the same in any process, of three seeds."""
    return [run_seeded(partial(simulate, scenario=STORM), seed=seed).digests for seed in range(3)]


def _digests_in_another_process(hash_seed):
    code = "from tests.simulation.test_simulation import digests; print(digests())"
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", f"import logging; logging.disable(); {code}"]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def test_storm_is_the_same_in_other_processes():
    assert _digests_in_another_process("1") == _digests_in_another_process("77") == str(digests())


@pytest.mark.parametrize("name", FAST)
def test_broken_stack_is_caught(name):
    """Otherwise the checks above are worth nothing."""
    catch = FAST[name]

    with catch.mutant():
        ends = [attempt(partial(simulate, scenario=STORM), seed=seed) for seed in range(3)]

    errors = [end.error for end in ends if end.error is not None]
    assert errors, f"{name}: nothing was violated"
    assert any(_mentions(error, catch.rule) for error in errors), errors


def _mentions(error, rule):
    leaves = [error]
    while any(isinstance(leaf, BaseExceptionGroup) for leaf in leaves):
        leaves = [
            inner for leaf in leaves for inner in (leaf.exceptions if isinstance(leaf, BaseExceptionGroup) else [leaf])
        ]
    return any(choice in str(leaf) for leaf in leaves for choice in rule.split("|"))
