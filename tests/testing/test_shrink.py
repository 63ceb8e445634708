"""A failing seed is reported with the fewest faults that are enough and the command that shows it again."""

import itertools
import json
import os
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from ocpp_trio.testing import Fault, RunBounds, SeedFailed, Spread, check_seeds, dump_plan
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


async def _weather(run, *, bad):
    assert run.seed < 2, bad


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


def test_last_events_are_those_of_the_run_with_few_faults():
    with pytest.raises(SeedFailed) as failed:
        check_seeds(fragile, [2])

    story = str(failed.value).partition("the last events with these alone:\n")[2]
    assert sorted(line.split()[3] for line in story.splitlines()) == ["hail", "snow"]


async def leaky(run):
    """Fails at every fault, which the message counts."""
    struck: list[Fault] = []
    run.faults(kinds=KINDS, hosts=["roof"], until=300, every=2)
    await run.play(dict.fromkeys(KINDS, struck.append))
    assert not struck, f"{len(struck)} leaks"


def test_what_few_faults_do_is_told_where_it_is_not_what_all_of_them_did():
    with pytest.raises(SeedFailed, match="seed 2 fails: AssertionError: [0-9]{2,} leaks") as failed:
        check_seeds(leaky, [2])

    assert "faults is enough for AssertionError: 1 leaks:\n" in str(failed.value)


@pytest.mark.parametrize(("bounds", "limit"), [(None, ""), (RunBounds(), ""), (RunBounds(seconds=250), " --limit 250")])
def test_command_bounds_the_run_as_it_was_bounded(bounds, limit):
    with pytest.raises(SeedFailed) as failed:
        check_seeds(fragile, [2], bounds=bounds)

    assert f"replay it with: python -m ocpp_trio.testing {__name__}:fragile --seed 2{limit}\n" in str(failed.value)


async def forgetful(run):
    await trio.sleep_until(1e9)


def test_seed_that_takes_too_long_is_replayed_within_its_limit(capsys):
    status = replay([f"{__name__}:forgetful", "--seed", "2", "--limit", "300"])

    assert status == 1
    assert "Hang: the run did not end within 300 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("main", "said"),
    [(partial(_weather, bad="hail"), "functools.partial("), (lambda run: _weather(run, bad="hail"), "<lambda>")],
)
def test_function_that_no_module_names_is_replayed_from_python(main, said):
    """A command line could not find it."""
    with pytest.raises(SeedFailed, match="seed 2 fails") as failed:
        check_seeds(main, [2])

    (line,) = (line for line in str(failed.value).splitlines() if line.startswith("replay it with:"))
    assert line.startswith("replay it with: run_seeded(")
    assert said in line
    assert line.endswith(", seed=2)")


SCRIPT = """
from ocpp_trio.testing import check_seeds
from of_the_script import THRESHOLD

async def main(run):
    assert run.seed < THRESHOLD, "too much"

if __name__ == "__main__":
    check_seeds(main, range(5))
"""


def test_command_of_a_script_finds_its_function(tmp_path):
    (tmp_path / "of_the_script.py").write_text("THRESHOLD = 3\n")
    (tmp_path / "simulate.py").write_text(SCRIPT)

    failed = _python(str(tmp_path / "simulate.py"))
    (command,) = (line for line in failed.stderr.splitlines() if line.startswith("replay it with: python "))
    again = _python(*shlex.split(command.removeprefix("replay it with: python ")))

    assert again.returncode == 1
    assert "digests: " in again.stdout
    assert again.stderr.splitlines()[-1] == "AssertionError: too much"


@pytest.mark.parametrize("name", ["fragile", "tests.testing.test_shrink:", ":fragile"])
def test_name_that_is_none_of_a_function_is_refused(name, capsys):
    with pytest.raises(SystemExit):
        replay([name])

    assert f"expected package.module:function or file.py:function, found {name!r}" in capsys.readouterr().err


def test_function_that_its_place_does_not_have_is_refused(capsys):
    with pytest.raises(SystemExit):
        replay([f"{__name__}:nope", "--seed", "1"])

    assert f"expected a function 'nope' in {__name__!r}, found none" in capsys.readouterr().err


def test_script_that_is_not_in_this_folder_is_said_to_be_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit):
        replay(["simulate.py:main", "--seed", "2"])

    assert f"error: expected a file at {str(tmp_path / 'simulate.py')!r}, found none" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, "no JSON", '[{"at":1}]', "7"])
def test_plan_that_cannot_be_read_is_refused(tmp_path, capsys, text):
    plan = tmp_path / "plan.json"
    if text is not None:
        plan.write_text(text)

    with pytest.raises(SystemExit):
        replay([f"{__name__}:fragile", "--plan", str(plan)])

    assert f"expected the faults of a report in {str(plan)!r}, found " in capsys.readouterr().err


def test_failure_that_does_not_repeat_says_so():
    with pytest.raises(
        SeedFailed, match="it did not repeat: something in this run is not taken from the seed"
    ) as failed:
        check_seeds(moody, [1])

    assert not failed.value.repeats


def _python(*arguments):
    command = [sys.executable, "-W", "ignore", *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_seed_is_replayed_from_the_command_line():
    done = _python("-m", "ocpp_trio.testing", "tests.testing.test_shrink:fragile", "--seed", "2")

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
