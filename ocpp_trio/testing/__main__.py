"""Replay a seed: `python -m ocpp_trio.testing package.module:function --seed 7`. Owns the command line only.

A function of a script is named by its file: `simulate.py:main`, as seen from the folder it is called in. `--plan` takes
the faults that a report printed.
"""

import argparse
import importlib
import math
import sys
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from ocpp_trio.testing.faults import Plan, load_plan
from ocpp_trio.testing.seeded import Main, RunBounds, attempt


def replay(arguments: Sequence[str]) -> int:
    """Run the function under the seed, print its transcript, and return 1 if it fails."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.place, _, options.name = options.function.rpartition(":")
    if not (options.place and options.name):
        parser.error(f"expected package.module:function or file.py:function, found {options.function!r}")
    if options.place.endswith(".py") and not Path(options.place).is_file():
        parser.error(f"expected a file at {str(Path(options.place).absolute())!r}, found none")
    bounds, main = RunBounds(seconds=options.limit), _function(options.place, options.name)
    if main is None:
        parser.error(f"expected a function {options.name!r} in {options.place!r}, found none")
    end = attempt(main, seed=options.seed, bounds=bounds, plan=options.plan)
    print(end.transcript.tail(options.events))
    print(f"digests: {' '.join(map(str, end.transcript.digests))}")
    if end.error is not None:
        sys.excepthook(type(end.error), end.error, end.error.__traceback__)
    return int(end.error is not None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ocpp_trio.testing", description="Replay a seeded run.")
    parser.add_argument(
        "function", help="an async function of a SeededRun, as package.module:function or file.py:function"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=math.inf, help="seconds of virtual time that the run may take")
    parser.add_argument("--plan", type=_plan, help="a file with the faults to play instead of the seed's own, as JSON")
    parser.add_argument("--events", type=int, default=30, help="how many of the last events to print")
    return parser


def _plan(path: str) -> Plan:
    try:
        return load_plan(Path(path).read_text())
    except (OSError, TypeError, ValueError) as exc:
        raise argparse.ArgumentTypeError(f"expected the faults of a report in {path!r}, found {exc}") from exc


def _function(place: str, name: str) -> Main | None:
    """A script finds what lies beside it, a module what lies below the folder it is named from."""
    script = Path(place) if place.endswith(".py") else None
    sys.path.insert(0, "" if script is None else str(script.parent))
    module = importlib.import_module(place if script is None else script.stem)
    try:
        return attrgetter(name)(module)  # type: ignore[no-any-return]  # whoever names it knows
    except AttributeError:
        return None


if __name__ == "__main__":
    sys.exit(replay(sys.argv[1:]))
