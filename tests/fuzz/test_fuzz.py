"""Fifty thousand cases on both ends. `python -m tests.fuzz --cases 1000000 --seed 7` plays more of them."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.fuzz.replies import REPLIES
from tests.fuzz.run import CHAPTER, run
from tests.fuzz.upgrades import REQUESTS

SEED: Final = 1
SHARES: Final = {
    "csms-texts": 20_500,
    "station-texts": 20_500,
    "csms-frames": 1_500,
    "station-frames": 1_500,
    "csms-upgrades": 3_000,
    "station-replies": 3_000,
}
PART: Final = 4_000
"""Cases in one test, so that several processes can share them."""


def parts() -> Iterator[tuple[str, int, int]]:
    for name, share in SHARES.items():
        yield from ((name, first, min(PART, share - first)) for first in range(0, share, PART))


@pytest.mark.parametrize(("name", "first", "cases"), list(parts()))
def test_no_case_ends_wrong(name: str, first: int, cases: int) -> None:
    assert run(name, seed=SEED, first=first, cases=cases).total() == cases


def test_there_are_fifty_thousand_cases_in_whole_chapters() -> None:
    assert sum(SHARES.values()) == 50_000
    assert [share % CHAPTER for share in SHARES.values()] == [0] * 6
    assert sum(cases for _, _, cases in parts()) == 50_000


@pytest.mark.parametrize(("name", "kinds"), [("csms-upgrades", len(REQUESTS)), ("station-replies", len(REPLIES))])
def test_every_kind_has_its_turn(name: str, kinds: int) -> None:
    assert len(run(name, seed=SEED, first=0, cases=CHAPTER)) == kinds
