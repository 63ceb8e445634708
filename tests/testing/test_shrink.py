"""A failing seed is reported with the fewest faults that are enough and the command that shows it again."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ocpp_trio.testing import Fault, SeedFailed, Spread, check_seeds, dump_plan
from ocpp_trio.testing.__main__ import replay
from ocpp_trio.testing.shrink import minimal

ROOT = Path(__file__).parents[2]
KINDS = {kind: Spread(seconds=(1, 2)) for kind in ("rain", "hail", "snow")}


async def fragile(run):
    """Fails when it hails while it snows, for seeds of at least 2."""
    weather = set()

    def strike(fault):
        weather.add(fault.kind)
        if run.seed >= 2 and {"hail", "snow"} <= weather:
            raise RuntimeError("the roof is gone")
        return lambda: weather.discard(fault.kind)

    run.faults(kinds=KINDS, hosts=["roof"], until=300, every=2)
    await run.play(dict.fromkeys(KINDS, strike))


async def moody(run):
    """Fails at the first attempt only: something that the seed does not rule."""
    if next(_moods) == 0:
        raise RuntimeError("not today")


_moods = itertools.count()


@pytest.mark.parametrize(
    ("guilty", "size"), [({3}, 1), ({2, 17}, 2), ({0, 1, 2}, 3), (set(), 0), ({0, 19}, 2), (set(range(20)), 20)]
)
def test_smallest_part_that_fails_is_found(guilty, size):
    found = minimal(range(20), lambda part: guilty <= set(part), runs=1000)

    assert set(found) == guilty
    assert len(found) == size


def test_search_ends_with_what_has_failed_when_it_has_cost_enough():
    asked = []

    def fails(part):
        asked.append(part)
        return {2, 17} <= set(part)

    found = minimal(range(20), fails, runs=5)

    assert len(asked) == 5
    assert {2, 17} <= set(found)
    assert minimal([], fails) == ()


def test_seeds_that_pass_give_their_transcripts():
    transcripts = check_seeds(fragile, [0, 1])

    assert [transcript.seed for transcript in transcripts] == [0, 1]


def test_failing_seed_is_reported_with_few_faults_and_a_command():
    with pytest.raises(SeedFailed, match="seed 2 fails: RuntimeError: the roof is gone") as failed:
        check_seeds(fragile, [0, 1, 2, 3])

    assert failed.value.seed == 2
    assert failed.value.repeats
    assert sorted(fault.kind for fault in failed.value.plan) == ["hail", "snow"]
    assert "\n2 of its " in str(failed.value)
    assert f"replay it with: python -m ocpp_trio.testing {__name__}:fragile --seed 2" in str(failed.value)
    assert "fault: " in str(failed.value), "the last events are shown"
    assert isinstance(failed.value.__cause__, BaseExceptionGroup | RuntimeError)


def test_command_can_be_another():
    with pytest.raises(SeedFailed, match="replay it with: make it-again SEED=2"):
        check_seeds(fragile, [2], replay=lambda seed: f"make it-again SEED={seed}")


def test_failure_that_does_not_repeat_says_so():
    with pytest.raises(
        SeedFailed, match="it did not repeat: something in this run is not taken from the seed"
    ) as failed:
        check_seeds(moody, [1])

    assert not failed.value.repeats


def test_seed_is_replayed_from_the_command_line():
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "ocpp_trio.testing",
        "tests.testing.test_shrink:fragile",
        "--seed",
        "2",
    ]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert "fault: " in done.stdout
    assert "digests: " in done.stdout
    assert "RuntimeError: the roof is gone" in done.stderr


def test_plan_is_replayed_from_a_file(tmp_path, capsys):
    plan = tmp_path / "plan.json"
    plan.write_text(dump_plan([Fault(at=1, kind="rain", host="roof", seconds=3)]))

    status = replay([f"{__name__}:fragile", "--seed", "2", "--plan", str(plan), "--events", "5"])

    assert status == 0
    assert "roof          fault: rain" in capsys.readouterr().out
    assert len(json.loads(plan.read_text())) == 1


async def test_seeded_run_cannot_be_had_inside_another(autojump_clock):
    with pytest.raises(RuntimeError, match="from inside a run"):
        check_seeds(fragile, [0])
