"""The long run: `python -m tests.simulation --station-hours 8760 --workers 2` and a table.

Owns the command line, the processes and what they print. A violation ends it with the command that replays the seed.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from tests.simulation.long_run import Finished, collect_seldom, draw_restart, hunt, run_one
from tests.simulation.mutants import FAST, SLOW
from tests.simulation.scenarios import LONG, station_hours
from tests.simulation.table import table
from tests.simulation.world import Outcome

T = TypeVar("T")


def main(arguments: Sequence[str]) -> int:
    """Simulate so many station-hours, then hunt every mutant; 1 if anything was violated or got away."""
    options = _parser().parse_args(arguments)
    seeds = range(options.first_seed, options.first_seed + max(1, round(options.station_hours / station_hours(LONG))))
    names = [*FAST, *SLOW] if options.mutants else []
    with multiprocessing.get_context("spawn").Pool(options.workers, initializer=collect_seldom) as pool:
        finished = list(_told(_progress(pool.imap_unordered(run_one, seeds), len(seeds), "worlds")))
        hunted = list(_progress(pool.imap_unordered(hunt, names), len(names), "mutants"))
    failures = [one for one in finished if one.outcome is None]
    _report([one.outcome for one in finished if one.outcome is not None], len(failures), options.into)
    got_away = [name for name, seed, _ in hunted if seed is None]
    for name, seed, caught in sorted(hunted):
        print(f"{name:<60} {'not caught' if seed is None else f'seed {seed}'}  {caught[:80]}")
    print(f"\n{len(failures)} violations, {len(hunted) - len(got_away)} of {len(hunted)} mutants caught")
    return int(bool(failures or got_away))


def _report(outcomes: Sequence[Outcome], violations: int, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    text, picture = table(outcomes, violations), into / "restart.svg"
    (into / "table.txt").write_text(text + "\n")
    picture.write_text(draw_restart())
    print(text)
    print(f"\nthe same as a file: {into / 'table.txt'}\nstations online through a server's restart: {picture}")


def _told(worlds: Iterable[Finished]) -> Iterator[Finished]:
    """Print a violation when it is found: the run goes on for a quarter of an hour."""
    for one in worlds:
        if one.outcome is None:
            print(f"\nseed {one.seed} fails: {one.failure}")
            print(
                f"replay it with: python -m tests.simulation --no-mutants --station-hours 0 --first-seed {one.seed}",
                flush=True,
            )
        yield one


def _progress(results: Iterable[T], count: int, what: str) -> Iterator[T]:
    began = time.monotonic()
    for number, result in enumerate(results, 1):
        bar = "#" * round(30 * number / count)
        print(f"\r{what} [{bar:<30}] {number}/{count} {time.monotonic() - began:.0f} s", end="", file=sys.stderr)
        yield result
    print(file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="The long simulation.")
    parser.add_argument("--station-hours", type=float, default=8760.0)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--mutants", action=argparse.BooleanOptionalAction, default=True, help="hunt them afterwards")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--into", type=Path, default=Path("build/simulation"), help="where the table and a picture go")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
