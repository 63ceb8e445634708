"""What one network leaves for others, and what it costs it."""

import math
from random import Random

import pytest
import trio

from ocpp_trio.csms import rations
from ocpp_trio.csms.rations import SHARE, Rations


def take_all(tokens, network="attacker"):
    taken = 0
    for _ in range(1000):
        taken += tokens.take(network)
    return taken


async def test_one_network_alone_takes_its_share_and_what_is_above_the_last_half(autojump_clock):
    assert take_all(Rations(1, 100, Random(1))) == 50
    assert take_all(Rations(1, 10, Random(1))) == 10, "as much as its share"
    assert take_all(Rations(1, 1, Random(1))) == 1


async def test_the_last_half_is_left_for_those_who_come_now_and_then(autojump_clock):
    tokens = Rations(1, 100, Random(1))
    take_all(tokens)

    assert [tokens.take(f"site-{number}") for number in range(51)] == [True] * 50 + [False]


async def test_in_the_long_run_one_network_alone_has_the_whole_rate(autojump_clock):
    """Behind a proxy they are all one."""
    tokens = Rations(8, 100, Random(1))
    take_all(tokens)

    taken = 0
    for _ in range(100):
        await trio.sleep(1)
        taken += take_all(tokens)

    assert taken == 800


async def test_a_share_comes_back_to_who_stays_away_and_not_to_who_is_refused(autojump_clock):
    tokens = Rations(1 / 1024, 100, Random(1))
    take_all(tokens)
    await trio.sleep(1)
    assert take_all(tokens) == 1

    for _ in range(10):
        await trio.sleep(0.5)
        tokens.take("attacker")
        tokens.take("attacker")
    assert take_all(tokens) == 0
    await trio.sleep(SHARE)
    assert take_all(tokens) == SHARE


async def test_an_infinite_rate_has_tokens_for_everybody(autojump_clock):
    assert take_all(Rations(math.inf, 1, Random(1))) == 1000
    assert take_all(Rations(math.inf, 100, Random(1))) == 1000


async def test_the_table_is_bounded_and_the_one_not_seen_for_longest_is_forgotten(monkeypatch, autojump_clock):
    monkeypatch.setattr(rations, "TRACKED", 3)
    tokens = Rations(1, 100, Random(1))

    for network in "ABCAD":
        tokens.take(network)

    assert list(tokens._shares) == ["C", "A", "D"]
    assert len(tokens) == 3


@pytest.mark.parametrize("seed", range(5))
async def test_there_are_never_more_tokens_than_the_bucket_has(seed, autojump_clock):
    rng = Random(seed)
    tokens = Rations(4, 32, rng)
    taken = 0
    for _ in range(400):
        await trio.sleep(1 / 16)
        taken += tokens.take(rng.choice("ABCDEFG"))

    assert taken <= 32 + 4 * 25
