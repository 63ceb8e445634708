"""Tokens to the instant, and when those who got none may come back."""

import math
from collections import Counter
from random import Random

import pytest
import trio

from ocpp_trio.csms.token_bucket import LONGEST_QUEUE, TokenBucket


def take_all(bucket):
    taken = 0
    while taken < 10_000 and bucket.take():
        taken += 1
    return taken


async def test_it_starts_full_and_grows_back_at_its_rate_up_to_its_size(autojump_clock):
    bucket = TokenBucket(4, 10, Random(1))

    taken = [take_all(bucket)]
    for pause in (0, 0.125, 0.125, 1, 2.5, 1000):
        await trio.sleep(pause)
        taken.append(take_all(bucket))

    assert taken == [10, 0, 0, 1, 4, 10, 10]


async def test_less_than_one_a_second_is_a_rate_too(autojump_clock):
    bucket = TokenBucket(0.25, 1, Random(1))
    assert take_all(bucket) == 1

    await trio.sleep(3.9375)
    assert take_all(bucket) == 0
    await trio.sleep(0.0625)
    assert take_all(bucket) == 1


@pytest.mark.parametrize("seed", range(20))
async def test_no_stretch_of_time_has_more_than_the_size_and_what_grew_in_it(seed, autojump_clock):
    rng = Random(seed)
    rate, size = rng.choice([1, 8, 32]), rng.choice([1, 5, 40])
    bucket = TokenBucket(rate, size, rng)
    instants = []

    for _ in range(300):
        await trio.sleep(rng.choice([0, 0, 1 / 64, 3 / 32, 2]))
        if bucket.take():
            instants.append(trio.current_time())

    for first, begin in enumerate(instants):
        for last in range(first, len(instants)):
            assert last - first + 1 <= size + rate * (instants[last] - begin)


async def test_an_infinite_rate_always_has_a_token_left(autojump_clock):
    bucket = TokenBucket(math.inf, 1, Random(1))

    assert take_all(bucket) == 10_000
    assert bucket.wait_of_refused() == 1


async def test_those_who_are_refused_together_come_back_slower_than_the_rate(autojump_clock):
    bucket = TokenBucket(100, 1, Random(1))

    waits = Counter(bucket.wait_of_refused() for _ in range(3000))

    assert min(waits) == 1
    assert max(waits) <= 1 + 1.5 * 30 + 1
    assert max(waits.values()) <= 110
    assert len(waits) > 40


async def test_a_queue_that_was_worked_off_is_forgotten(autojump_clock):
    bucket = TokenBucket(100, 1, Random(1))
    for _ in range(3000):
        bucket.wait_of_refused()

    await trio.sleep(29)
    assert 2 <= bucket.wait_of_refused() <= 4
    await trio.sleep(2)
    assert bucket.wait_of_refused() in (1, 2)


async def test_a_flood_sends_nobody_away_for_longer_than_that(autojump_clock):
    bucket = TokenBucket(10, 1, Random(1))

    waits = [bucket.wait_of_refused() for _ in range(100_000)]

    assert max(waits) == 1.5 * LONGEST_QUEUE + 1
    assert set(waits[-1000:]) == set(range(61, 92)), "and those at the end of the queue are spread as well"


async def test_the_same_seed_gives_the_same_waits(autojump_clock):
    one, other = TokenBucket(10, 1, Random(7)), TokenBucket(10, 1, Random(7))

    assert [one.wait_of_refused() for _ in range(100)] == [other.wait_of_refused() for _ in range(100)]
