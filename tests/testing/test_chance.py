"""What is left to chance in a process, and that it repeats for the time of a run and not after it."""

import os
import random
import secrets
import uuid

import pytest
import trio

from ocpp_trio.testing.chance import seeded_chance, stream


def _draws():
    return [random.random(), secrets.token_hex(4), random.SystemRandom().random(), uuid.uuid4(), os.urandom(4)]


def _schedule():
    order = []

    async def main():
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(step, number)

    async def step(number):
        await trio.lowlevel.checkpoint()
        order.append(number)

    trio.run(main)
    return order


def test_everything_repeats_under_the_same_seed():
    draws = []
    for seed in (1, 1, 2):
        with seeded_chance(seed):
            draws.append((_draws(), _schedule()))

    assert draws[0] == draws[1]
    for one, other in zip(draws[0][0] + [draws[0][1]], draws[2][0] + [draws[2][1]], strict=True):
        assert one != other


def test_chance_is_chance_again_afterwards():
    random.seed(7)
    expected = random.random()
    random.seed(7)

    with seeded_chance(1):
        _draws()

    assert random.random() == expected, "the state of the global source is put back"
    assert secrets.token_hex(8) != secrets.token_hex(8)
    assert os.urandom.__module__ == "posix"


def test_an_update_that_moves_the_knobs_is_noticed(monkeypatch):
    before = os.urandom
    monkeypatch.delattr(random, "_urandom")

    with pytest.raises(RuntimeError, match=r"expected random\._urandom in trio .*, found none"), seeded_chance(1):
        pass

    assert os.urandom is before


def test_purposes_do_not_share_a_stream():
    assert stream(1, "jitter").random() == stream(1, "jitter").random()
    assert stream(1, "jitter").random() != stream(1, "faults").random()
    assert stream(1, "jitter").random() != stream(2, "jitter").random()
