"""`python -m tests.fuzz --cases 1000000 --seed 7`: every purpose in turn, with a line of progress."""

import argparse
import sys
import time

from tests.fuzz.purposes import PURPOSES
from tests.fuzz.run import CHAPTER, Found, run


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000, help="cases, shared out over the purposes")
    parser.add_argument("--seed", type=int, default=None, help="the same seed plays the same cases; default: the time")
    parser.add_argument("--purpose", choices=PURPOSES, action="append", help="only this one; may be given again")
    parser.add_argument("--first", type=int, default=0, help=f"number of the first case, a multiple of {CHAPTER}")
    return parser.parse_args()


def main() -> int:
    """Play; the exit code is 1 if a case was found that ends wrong."""
    arguments = _arguments()
    names = arguments.purpose or list(PURPOSES)
    seed = int(time.time()) if arguments.seed is None else arguments.seed
    each = -(-arguments.cases // len(names))
    for name in names:
        began = time.monotonic()

        def progress(done: int, name: str = name, began: float = began) -> None:
            rate = done / (time.monotonic() - began)
            print(f"\r{name}: {done} of {each} cases, {rate:.0f}/s, seed {seed} ", end="", flush=True)

        try:
            kinds = run(name, seed=seed, first=arguments.first, cases=each, progress=progress)
        except Found as found:
            print(f"\n{found}", file=sys.stderr)
            return 1
        print(f"\n  {len(kinds)} kinds, the rarest {min(kinds.values())} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
