"""What the runner makes of a case that ends wrong, and that a seed plays the same cases again."""

from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.fuzz.cases import Case
from tests.fuzz.evil import Complaint
from tests.fuzz.purposes import PURPOSES, Purpose
from tests.fuzz.run import CHAPTER, Found, run


class Calm:
    async def check_calm(self) -> None:
        pass


@asynccontextmanager
async def calm_ground():
    yield Calm()


def failing_at(number: int, error: Exception, *, at_once: int = 1) -> dict[str, Purpose]:
    played = 0

    async def play(fire, rng, told):
        nonlocal played
        told(Case(kind="odd", pieces=(b"x",)))
        if played == number:
            raise error
        played += at_once

    return {"toy": Purpose(ground=calm_ground, play=play, at_once=at_once)}


def test_a_case_that_ends_wrong_names_the_command_that_plays_it_again() -> None:
    with pytest.raises(Found) as caught:
        run("toy", seed=7, first=0, cases=1000, purposes=failing_at(CHAPTER + 10, Complaint("deaf")))

    assert "deaf" in str(caught.value)
    assert f"in case {CHAPTER + 10}: Case(kind='odd'" in str(caught.value)
    assert f"again: python -m tests.fuzz --purpose toy --seed 7 --first {CHAPTER} --cases 11" in str(caught.value)


def test_cases_that_are_played_at_once_are_played_again_at_once() -> None:
    with pytest.raises(Found, match=f"--first {CHAPTER} --cases 15"):
        run("toy", seed=7, first=0, cases=1000, purposes=failing_at(CHAPTER + 10, Complaint("deaf"), at_once=5))


def test_any_other_error_is_found_too() -> None:
    with pytest.raises(Found, match="KeyError"):
        run("toy", seed=7, first=0, cases=10, purposes=failing_at(3, KeyError("x")))


def test_a_run_begins_with_a_chapter() -> None:
    with pytest.raises(ValueError, match="expected the first case to begin a chapter of 250, found 1"):
        run("toy", seed=7, first=1, cases=10)


@pytest.mark.parametrize("name", PURPOSES)
def test_a_seed_plays_the_same_cases_again(name: str) -> None:
    def played(seed: int) -> list[str]:
        cases: list[Any] = []
        run(name, seed=seed, first=0, cases=60, told=cases.append)
        # A reply to an upgrade answers the station's nonce, which the engine takes from the system.
        return [case.kind if name == "station-replies" else repr(case) for case in cases]

    once = played(3)
    assert once == played(3)
    assert once != played(4)
