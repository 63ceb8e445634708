"""Play many cases, and say of a failing one how to play exactly it again.

Cases come in chapters. A chapter has its own clock, network and ends, and begins at a multiple of CHAPTER: to
repeat a case is to repeat its chapter up to it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any, Final

import trio
import trio.testing

from tests.fuzz.cases import Case, Reply, Upgrade
from tests.fuzz.evil import Complaint
from tests.fuzz.purposes import PURPOSES, Purpose, Told
from tests.fuzz.trap import Trap, trapped

CHAPTER: Final = 250
CALM_EVERY: Final = 10
"""Cases between two calls of the calm neighbour."""
_ORDERED: Final = "_ALLOW_DETERMINISTIC_SCHEDULING"
ENGINE_EVERY: Final = 5
"""The engine logs more lines than everything else together: one chapter in so many looks at those as well."""


class Found(AssertionError):
    """A case with a wrong end."""


def command(name: str, seed: int, index: int, at_once: int) -> str:
    """What plays a case again, with those of its chapter before it."""
    first = index - index % CHAPTER
    cases = index - first + at_once
    return f"python -m tests.fuzz --purpose {name} --seed {seed} --first {first} --cases {cases}"


@contextmanager
def repeatable_scheduling(seed: str) -> Iterator[None]:
    """Let trio shuffle its tasks the same way each time: there is no public way to ask for that."""
    internals = vars(trio._core._run)
    shuffling, ordered = internals["_r"], internals[_ORDERED]
    state = shuffling.getstate()
    shuffling.seed(seed)
    internals[_ORDERED] = True
    try:
        yield
    finally:
        shuffling.setstate(state)
        internals[_ORDERED] = ordered


def run(
    name: str,
    *,
    seed: int,
    first: int,
    cases: int,
    progress: Callable[[int], None] = lambda done: None,
    told: Told = lambda case: None,
    purposes: Mapping[str, Purpose] = PURPOSES,
) -> Counter[str]:
    """Play cases `first` to `first + cases`; how many of each kind there were. `told` sees each before it is played.

    Raises Found.
    """
    if first % CHAPTER:
        raise ValueError(f"expected the first case to begin a chapter of {CHAPTER}, found {first}")
    kinds: Counter[str] = Counter()

    def note(case: Case | Upgrade | Reply) -> None:
        kinds.update(case.kind.split(" + "))
        told(case)

    for start in range(first, first + cases, CHAPTER):
        count = min(CHAPTER, first + cases - start)
        with (
            trapped(engine=start // CHAPTER % ENGINE_EVERY == 0) as trap,
            repeatable_scheduling(f"{seed}/{name}/{start}"),
        ):
            clock = trio.testing.MockClock(autojump_threshold=0)
            chapter = _Chapter(purposes[name], name, seed, trap, note)
            trio.run(partial(chapter.play, start, count), clock=clock)
        progress(start + count - first)
    return kinds


class _Chapter:
    def __init__(self, purpose: Purpose, name: str, seed: int, trap: Trap, note: Told) -> None:
        self._purpose, self._name, self._seed, self._trap, self._note = purpose, name, seed, trap, note
        self._index = 0
        self._case: Case | Upgrade | Reply | None = None

    async def play(self, first: int, count: int) -> None:
        try:
            async with self._purpose.ground() as fire:
                for index in range(first, first + count, self._purpose.at_once):
                    self._index = index
                    await self._play_one(fire)
            self._check_log()
        except (Exception, BaseExceptionGroup) as exc:
            complaint = _complaint_of(exc)
            if complaint is None:
                raise
            raise self._found(complaint) from exc

    async def _play_one(self, fire: Any) -> None:
        rng = Random(f"{self._seed}/{self._name}/{self._index}")
        await self._purpose.play(fire, rng, self._told)
        if self._index % CALM_EVERY < self._purpose.at_once:
            await fire.check_calm()
        self._check_log()

    def _told(self, case: Case | Upgrade | Reply) -> None:
        self._case = case
        self._note(case)

    def _check_log(self) -> None:
        if self._trap.wrong:
            raise Complaint("; ".join(self._trap.wrong[:3]))

    def _found(self, complaint: BaseException) -> Found:
        again = command(self._name, self._seed, self._index, self._purpose.at_once)
        what = str(complaint) if isinstance(complaint, Complaint) else repr(complaint)
        return Found(f"{what}\n  in case {self._index}: {str(self._case)[:600]}\n  again: {again}")


def _complaint_of(exc: BaseException) -> BaseException | None:
    """The first thing that went wrong; None for what is not about the case, such as KeyboardInterrupt."""
    if isinstance(exc, BaseExceptionGroup):
        return next(filter(None, map(_complaint_of, exc.exceptions)), None)
    return exc if isinstance(exc, Exception) else None
