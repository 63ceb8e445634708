"""Replay a seed: `python -m ocpp_trio.testing package.module:function --seed 7`. Owns the command line only."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from ocpp_trio.testing.faults import load_plan
from ocpp_trio.testing.seeded import Main, attempt


def replay(arguments: Sequence[str]) -> int:
    """Run the function under the seed, print its transcript, and return 1 if it fails."""
    options = _parser().parse_args(arguments)
    plan = None if options.plan is None else load_plan(options.plan.read_text())
    end = attempt(_function(options.function), seed=options.seed, plan=plan)
    print(end.transcript.tail(options.events))
    print(f"digests: {' '.join(map(str, end.transcript.digests))}")
    if end.error is not None:
        sys.excepthook(type(end.error), end.error, end.error.__traceback__)
    return int(end.error is not None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ocpp_trio.testing", description="Replay a seeded run.")
    parser.add_argument("function", help="an async function of a SeededRun, as package.module:function")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plan", type=Path, help="a file with the faults to play instead of the seed's own, as JSON")
    parser.add_argument("--events", type=int, default=30, help="how many of the last events to print")
    return parser


def _function(name: str) -> Main:
    module, _, function = name.partition(":")
    sys.path.insert(0, "")
    return attrgetter(function)(importlib.import_module(module))  # type: ignore[no-any-return]  # whoever names it knows


if __name__ == "__main__":
    sys.exit(replay(sys.argv[1:]))
