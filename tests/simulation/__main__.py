"""The long run: `python -m tests.simulation --station-hours 8760 --workers 2` and a table.

Owns the command line, the processes and the table. A violation ends it with the command that replays the seed.
"""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from tests.simulation.long_run import hunt, run_one
from tests.simulation.mutants import FAST, SLOW
from tests.simulation.scenarios import LONG, station_hours
from tests.simulation.world import Outcome

T = TypeVar("T")


def main(arguments: Sequence[str]) -> int:
    """Simulate so many station-hours, then hunt every mutant; 1 if anything was violated or got away."""
    options = _parser().parse_args(arguments)
    seeds = range(options.first_seed, options.first_seed + max(1, round(options.station_hours / station_hours(LONG))))
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        finished = list(_progress(pool.imap_unordered(run_one, seeds), len(seeds), "worlds"))
        names = [*FAST, *SLOW] if options.mutants else []
        hunted = list(_progress(pool.imap_unordered(hunt, names), len(names), "mutants"))
    outcomes = [one.outcome for one in finished if one.outcome is not None]
    print(_table(outcomes))
    failures = [one for one in finished if one.outcome is None]
    for one in failures:
        print(f"\nseed {one.seed} fails: {one.failure}")
        print(f"replay it with: python -m tests.simulation --no-mutants --station-hours 0 --first-seed {one.seed}")
    got_away = [name for name, seed, _ in hunted if seed is None]
    for name, seed, caught in sorted(hunted):
        print(f"{name:<50} {'not caught' if seed is None else f'seed {seed}'}  {caught[:80]}")
    print(f"\n{len(failures)} violations, {len(hunted) - len(got_away)} of {len(hunted)} mutants caught")
    return int(bool(failures or got_away))


def _progress(results: Iterable[T], count: int, what: str) -> Iterator[T]:
    began = time.monotonic()
    for number, result in enumerate(results, 1):
        bar = "#" * round(30 * number / count)
        print(f"\r{what} [{bar:<30}] {number}/{count} {time.monotonic() - began:.0f} s", end="", file=sys.stderr)
        yield result
    print(file=sys.stderr)


def _table(outcomes: Sequence[Outcome]) -> str:
    sums = {name: Counter[str]() for name in ("outcomes", "faults", "losses", "dropped")}
    for outcome in outcomes:
        for name, counter in sums.items():
            counter.update(getattr(outcome, name))
    lines = [
        f"station-hours {sum(outcome.station_hours for outcome in outcomes):>12,.0f}",
        f"calls         {sum(outcome.calls for outcome in outcomes):>12,}",
        f"faults        {sums['faults'].total():>12,}",
    ]
    for name, counter in sums.items():
        lines += ["", name, *(f"  {key:<40} {count:>10,}" for key, count in sorted(counter.items()))]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="The long simulation.")
    parser.add_argument("--station-hours", type=float, default=8760.0)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--mutants", action=argparse.BooleanOptionalAction, default=True, help="hunt them afterwards")
    parser.add_argument("--workers", type=int, default=2)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
