"""Every source of chance in the process, made to repeat: trio's scheduler, WebSocket masks, ids, jitter.

Owns what is swapped for the time of a run. `stream` is how everything else gets a source of its own.
"""

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any, Final

import trio

# The two knobs of trio that no public name reaches, and where the standard library takes its entropy from:
# wsproto's masks and nonces and uuid4 call os.urandom, secrets and SystemRandom what `random` imported of it.
_SWAPPED: Final = (("trio._core._run", "_ALLOW_DETERMINISTIC_SCHEDULING"), ("os", "urandom"), ("random", "_urandom"))


def stream(seed: int, purpose: str) -> Random:
    """A source of random numbers for one purpose, so that more of one thing does not change another.

    A text seeds through SHA-512, which no hash seed of the process has a part in.
    """
    return Random(f"{seed} {purpose}")


@contextmanager
def seeded_chance(seed: int) -> Iterator[None]:
    """Make everything that is left to chance in this process repeat, for the time of the body.

    Not covered is a `random.Random()` without a seed, which asks the system itself. Raises RuntimeError if
    trio or Python have moved what has to be swapped.
    """
    scheduler = _attribute("trio._core._run", "_r")
    values: dict[str, Any] = {
        "_ALLOW_DETERMINISTIC_SCHEDULING": True,
        "urandom": stream(seed, "masks and nonces").randbytes,
        "_urandom": stream(seed, "system random").randbytes,
    }
    with ExitStack() as undo:
        for source, purpose in ((scheduler, "scheduler"), (random, "global random")):
            undo.callback(source.setstate, source.getstate())
            source.seed(f"{seed} {purpose}")
        for module, name in _SWAPPED:
            undo.callback(setattr, sys.modules[module], name, _attribute(module, name))
            setattr(sys.modules[module], name, values[name])
        yield


def _attribute(module: str, name: str) -> Any:  # noqa: ANN401  # whatever is there is put back
    try:
        return getattr(sys.modules[module], name)
    except (KeyError, AttributeError):
        raise RuntimeError(f"expected {module}.{name} in trio {trio.__version__}, found none") from None
