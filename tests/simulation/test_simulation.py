"""Stations, a CSMS and a hostile network: nothing that must hold is ever violated, and broken code is caught."""

import logging
import math
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from ocpp_trio.testing import RunBounds, check_seeds, run_seeded
from tests.simulation.scenarios import CALM, FLIPPED, FLOODS, HEAVY, SHORT, STORM, TALK, TWINS, UNPROVEN, station_hours
from tests.simulation.world import ALL_FAULTS, Outcome, simulate

ROOT = Path(__file__).parents[2]
SHARE_OF_A_YEAR = 0.05
SEEDS = range(math.ceil(SHARE_OF_A_YEAR * 365 * 24 / station_hours(SHORT)))
pytestmark = pytest.mark.usefixtures("quiet")


def _check(scenario, seeds):
    main = partial(simulate, scenario=scenario)
    bounds = RunBounds(seconds=scenario.duration + 3600)
    return [transcript.result for transcript in check_seeds(main, seeds, bounds=bounds)]


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_violated_under_all_kinds_of_fault(seed):
    """Together they are a twentieth of a station-year."""
    (outcome,) = _check(SHORT, [seed])

    assert set(outcome.faults) == set(ALL_FAULTS)
    assert len(ALL_FAULTS) >= 20
    assert {"response", "rejected", "timeout", "closed", "cancelled"} <= set(outcome.outcomes)
    assert outcome.station_hours * len(SEEDS) >= SHARE_OF_A_YEAR * 365 * 24


def test_calm_sea_stays_calm(caplog):
    caplog.set_level(logging.WARNING, logger="ocpp_trio")

    (outcome,) = _check(CALM, [1])

    assert isinstance(outcome, Outcome)
    assert set(outcome.outcomes) == {"response", "rejected"}
    assert outcome.station_hours == 20 * 24
    assert (outcome.losses, outcome.dropped, outcome.reconnects) == ({}, {}, 0)
    assert caplog.records == []


def test_calm_sea_stays_calm_where_everybody_talks():
    (outcome,) = _check(TALK, [0])

    assert set(outcome.outcomes) == {"response", "rejected"}
    assert outcome.calls > 1000
    assert (outcome.losses, outcome.dropped, outcome.reconnects) == ({}, {}, 0)


def test_bad_peers_are_nobody_elses_business():
    (outcome,) = _check(FLOODS, [0])

    assert set(outcome.faults) == set(FLOODS.kinds)
    assert set(outcome.outcomes) <= {"response", "rejected"}
    assert (outcome.losses, outcome.reconnects) == ({}, 0)
    assert outcome.security["flood"] > 10


def test_floods_of_large_and_of_many_messages_stay_within_the_memory_that_limits_state():
    """Also where answers are read slowly or not at all, and nothing of them is left."""
    (outcome,) = _check(HEAVY, [0])

    assert set(outcome.faults) == set(HEAVY.kinds)
    assert sum(outcome.faults.values()) > 12
    assert outcome.memory > 20 * HEAVY.limits.message_size
    assert (outcome.losses, outcome.reconnects) == ({}, 0)


def test_wrong_bytes_are_the_business_of_their_link_alone():
    """Whoever reads them may take them for anything; stations on other links notice nothing."""
    (outcome,) = _check(FLIPPED, [1])

    assert sum(outcome.faults.values()) > 500
    assert outcome.reconnects > 0
    assert set(outcome.outcomes) <= {"response", "rejected"}
    assert outcome.losses == {}


def test_twin_without_proof_is_refused_while_the_session_is_alive():
    """Each of them is one security event, and no session is lost to any."""
    (outcome,) = _check(TWINS, [0])

    assert (outcome.losses, outcome.reconnects) == ({}, 0)
    assert outcome.security == {"twin_connection": outcome.faults["twin"]}


def test_nothing_is_violated_where_nobody_proves_who_it_is():
    """Sessions that are silent lose their places now and then: not under every seed."""
    outcomes = _check(UNPROVEN, range(3))

    assert all(set(outcome.faults) == set(ALL_FAULTS) for outcome in outcomes)
    assert sum(outcome.losses.get("csms: SUPERSEDED", 0) for outcome in outcomes) > 0


def digests():
    """What has to be the same in any process, of three seeds."""
    return [run_seeded(partial(simulate, scenario=STORM), seed=seed).digests for seed in range(3)]


def _digests_in_another_process(hash_seed):
    code = "from tests.simulation.test_simulation import digests; print(digests())"
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", f"import logging; logging.disable(); {code}"]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def test_storm_is_the_same_in_another_process():
    """This one has run other worlds before, and has another hash seed."""
    other = "77" if os.environ.get("PYTHONHASHSEED") != "77" else "1"

    assert _digests_in_another_process(other) == str(digests())
