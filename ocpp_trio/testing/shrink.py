"""From a seed that fails to the few faults that it takes, and the command that shows it again.

Owns the search. Runs are `attempt`s; what counts as the same failure is decided here.
"""

import math
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Final, TypeVar

import attrs

from ocpp_trio.testing.faults import Plan, dump_plan
from ocpp_trio.testing.seeded import Attempt, Main, RunBounds, attempt
from ocpp_trio.testing.transcript import Transcript

T = TypeVar("T")
SHRINK_RUNS: Final = 60
"""Runs spent on making a plan smaller; halving twenty faults to two takes about as many."""


class SeedFailed(AssertionError):
    """A seed under which a run fails, with what it takes to see it again.

    `error` is what was raised, `plan` the smallest set of faults found under which it still is, `repeats`
    whether running the seed again gave the same failure and the same digests.
    """

    def __init__(self, message: str, *, seed: int, plan: Plan, error: BaseException, repeats: bool) -> None:
        super().__init__(message)
        self.seed = seed
        self.plan = plan
        self.error = error
        self.repeats = repeats


def minimal(items: Sequence[T], fails: Callable[[tuple[T, ...]], bool], *, runs: int = SHRINK_RUNS) -> tuple[T, ...]:
    """The smallest part of `items` found that still fails, leaving out ever smaller pieces (delta debugging).

    `fails` is asked at most `runs` times; what is returned has failed, or is all of `items`.
    """
    kept, pieces = tuple(items), 2
    if not kept:
        return kept
    while runs > 0:
        size = max(1, -(-len(kept) // pieces))
        for start in range(0, len(kept), size):
            without = kept[:start] + kept[start + size :]
            runs -= 1
            if fails(without):
                kept, pieces = without, max(2, pieces - 1)
                break
            if runs == 0:
                return kept
        else:
            if size == 1:
                return kept
            pieces = min(len(kept), 2 * pieces)
        if not kept:
            return kept
    return kept


def check_seeds(
    main: Main,
    seeds: Iterable[int],
    *,
    bounds: RunBounds | None = None,
    replay: Callable[[int], str] | None = None,
    shrink_runs: int = SHRINK_RUNS,
) -> list[Transcript]:
    """Run `main` under each seed and return the transcripts.

    Raises SeedFailed at the first one that fails: with the command that replays it (`replay(seed)`, or
    `python -m ocpp_trio.testing`), with the fewest faults of its plan that are enough, found in at most
    `shrink_runs` further runs, and with the last events of a run with these.
    """
    transcripts = []
    for seed in seeds:
        end = attempt(main, seed=seed, bounds=bounds)
        if end.error is not None:
            raise _examine(main, end, bounds, replay or _command(main, bounds), shrink_runs) from end.error
        transcripts.append(end.transcript)
    return transcripts


def _examine(
    main: Main, failed: Attempt, bounds: RunBounds | None, replay: Callable[[int], str], shrink_runs: int
) -> SeedFailed:
    seed, error = failed.transcript.seed, failed.error
    assert error is not None
    sign, smallest = _sign(error), failed

    def fails(plan: Plan) -> bool:
        nonlocal smallest
        end = attempt(main, seed=seed, bounds=bounds, plan=plan)
        if end.error is None or _sign(end.error) != sign:
            return False
        smallest = end
        return True

    again = attempt(main, seed=seed, bounds=bounds)
    repeats = again.transcript.digests == failed.transcript.digests and again.error is not None
    plan = minimal(failed.plan, fails, runs=shrink_runs) if repeats else failed.plan
    report = _Report(failed=failed, smallest=smallest, error=error, plan=plan, repeats=repeats, command=replay(seed))
    return SeedFailed(report.text(), seed=seed, plan=plan, error=error, repeats=repeats)


@attrs.frozen(kw_only=True)
class _Report:
    failed: Attempt
    smallest: Attempt
    error: BaseException
    plan: Plan
    repeats: bool
    command: str

    def text(self) -> str:
        seed = self.failed.transcript.seed
        story = [f"seed {seed} fails: {_first_line(_innermost(self.error))}", f"replay it with: {self.command}"]
        if not self.repeats:
            story.append("it did not repeat: something in this run is not taken from the seed")
        if self.failed.plan:
            are = "is" if len(self.plan) == 1 else "are"
            story += [f"{len(self.plan)} of its {len(self.failed.plan)} faults {are} enough{self._why()}:"]
            story += [dump_plan(self.plan)]
        events = "the last events:" if self.smallest is self.failed else "the last events with these alone:"
        return "\n".join([*story, events, self.smallest.transcript.tail()])

    def _why(self) -> str:
        """The same line may fail for another station, say, than it did with all the faults."""
        assert self.smallest.error is not None
        what, now = (_first_line(_innermost(error)) for error in (self.error, self.smallest.error))
        return "" if now == what else f" for {now}"


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _sign(error: BaseException) -> tuple[str, str]:
    """What makes two failures the same: the type, and the line that raised it."""
    inner = _innermost(error)
    frames = traceback.extract_tb(inner.__traceback__)
    return type(inner).__name__, f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _command(main: Main, bounds: RunBounds | None) -> Callable[[int], str]:
    """What a shell can run, or Python where the function is none that a module has under its name."""
    name = getattr(main, "__qualname__", None) or repr(main)
    place = _place(main, name)
    if place is None:
        return lambda seed: f"run_seeded({name}, seed={seed})"
    limit = "" if bounds is None or bounds.seconds == math.inf else f" --limit {bounds.seconds}"
    return lambda seed: f"python -m ocpp_trio.testing {place}:{name} --seed {seed}{limit}"


def _place(main: Main, name: str) -> str | None:
    """The module or the script in which a function is found by its name."""
    module = sys.modules.get(getattr(main, "__module__", ""))
    try:
        found = attrgetter(name)(module)
    except AttributeError:
        return None
    return None if module is None or found is not main else _name_or_file(module)


def _name_or_file(module: ModuleType) -> str | None:
    """To a process of its own `__main__` is something else."""
    if module.__name__ != "__main__":
        return module.__name__
    if module.__spec__ is not None:  # `python -m`
        return module.__spec__.name
    file = getattr(module, "__file__", None)
    return None if file is None else Path(os.path.relpath(file)).as_posix()
