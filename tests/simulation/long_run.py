"""One seed of the long run, the hunt for one mutant, the picture: what a process of its own is given to do."""

import gc
import logging
from functools import partial

import attrs

from ocpp_trio.testing import RunBounds, attempt, run_seeded
from tests.simulation.mutants import FAST, SLOW, Catch
from tests.simulation.picture import draw
from tests.simulation.scenarios import LONG, RESTART
from tests.simulation.world import Outcome, Scenario, simulate

SEEDS_PER_MUTANT = 120


@attrs.frozen
class Finished:
    """A seed's run: what it came to, or how it failed."""

    seed: int
    outcome: Outcome | None
    failure: str


def collect_seldom() -> None:
    """Spare a process that does nothing but simulate a fifth of its time, which goes into looking for garbage."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def run_one(seed: int, scenario: Scenario = LONG) -> Finished:
    """Run a world under a seed."""
    logging.disable()
    end = attempt(partial(simulate, scenario=scenario), seed=seed, bounds=RunBounds(seconds=scenario.duration + 3600))
    if end.error is None:
        return Finished(seed, end.transcript.result, "")
    return Finished(seed, None, f"{innermost(end.error)}\n{end.transcript.tail()}")


def draw_restart() -> str:
    """How many stations are online while their CSMS dies and comes back, as SVG."""
    logging.disable()
    outcome = run_seeded(partial(simulate, scenario=RESTART), seed=0).result
    (crash,) = RESTART.plan
    return draw(
        outcome.online,
        stations=RESTART.stations,
        seconds=RESTART.duration,
        title=f"{RESTART.stations} stations online, the default backoff",
        down=(crash.at, crash.at + crash.seconds),
    )


def hunt(name: str) -> tuple[str, int | None, str]:
    """The first seed under which a mutant is caught, and by what; None if none of them did."""
    logging.disable()
    catch = {**FAST, **SLOW}[name]
    for seed in range(SEEDS_PER_MUTANT):
        caught = _caught(catch, seed)
        if caught:
            return name, seed, caught
    return name, None, ""


def _caught(catch: Catch, seed: int) -> str:
    with catch.mutant():
        end = attempt(
            partial(simulate, scenario=catch.world), seed=seed, bounds=RunBounds(seconds=catch.world.duration + 3600)
        )
    return "" if end.error is None else str(innermost(end.error)).partition("\n")[0] or repr(end.error)


def innermost(error: BaseException) -> BaseException:
    """What a group of groups is about."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
