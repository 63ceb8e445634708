"""Delays before the next attempt: within their bounds, for every seed, for ever."""

import math
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio import (
    ExponentialBackoff,
    FleetBackoff,
    FullJitterBackoff,
    Ocpp201Backoff,
    ReconnectPolicy,
)

SEEDS = st.integers(0, 2**64)


def delays_of(policy, count, seed=1):
    return list(islice(policy.delays(Random(seed)), count))


def test_exponential_waits_double_up_to_the_maximum():
    policy = ExponentialBackoff(initial=0.1, maximum=1.6, jitter=0)

    delays = delays_of(policy, 7)

    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6]


def test_an_initial_wait_above_the_maximum_is_the_maximum():
    assert delays_of(ExponentialBackoff(initial=50, maximum=30, jitter=0), 2) == [30, 30]


@given(seed=SEEDS, jitter=st.floats(0, 1))
def test_exponential_waits_stay_within_the_jitter_and_below_the_maximum(seed, jitter):
    policy = ExponentialBackoff(initial=0.5, maximum=30, jitter=jitter)

    delays = delays_of(policy, 12, seed)

    for attempt, delay in enumerate(delays):
        base = min(0.5 * 2**attempt, 30)
        assert base * (1 - jitter) <= delay <= min(base * (1 + jitter), 30)


@given(seed=SEEDS)
def test_full_jitter_waits_lie_between_the_floor_and_a_doubling_bound(seed):
    policy = FullJitterBackoff(initial=1, maximum=300, floor=3)

    delays = delays_of(policy, 12, seed)

    for attempt, delay in enumerate(delays):
        bound = min(2**attempt, 300)
        assert min(3, bound) <= delay <= bound


@given(seed=SEEDS)
def test_fleet_waits_start_with_the_window_and_go_on_with_full_jitter_over_it(seed):
    policy = FleetBackoff(window=60, maximum=300, floor=1)

    first, *later = delays_of(policy, 12, seed)

    assert 0 <= first <= 60
    for attempt, delay in enumerate(later):
        assert 1 <= delay <= min(60 * 2**attempt, 300)


def test_stations_that_came_too_early_are_spread_again():
    """Those whose first wait fell into the outage: their second one must not bring them back together."""
    policy = FleetBackoff(window=60)

    seconds = [delays_of(policy, 2, seed)[1] for seed in range(6000)]

    tenths = [sum(1 + 5.9 * n <= wait < 1 + 5.9 * (n + 1) for wait in seconds) for n in range(10)]
    assert all(500 <= count <= 700 for count in tenths)


def test_fleet_waits_of_many_stations_fill_the_window_evenly():
    policy = FleetBackoff(window=60)

    firsts = [delays_of(policy, 1, seed)[0] for seed in range(6000)]

    tenths = [sum(6 * n <= first < 6 * (n + 1) for first in firsts) for n in range(10)]
    assert all(500 <= count <= 700 for count in tenths)


@pytest.mark.parametrize(
    ("wait_minimum", "repeat_times", "random_range", "bases"),
    [
        (10, 3, 5, [10, 20, 40, 80, 80, 80, 80]),
        (30, 5, 30, [30, 60, 120, 240, 480, 960, 960]),
        (1, 0, 0, [1, 1, 1, 1, 1, 1, 1]),
        (5, 2, 0, [5, 10, 20, 20, 20, 20, 20]),
    ],
)
@pytest.mark.parametrize("seed", range(20))
def test_ocpp_201_waits_double_so_often_and_then_stay(wait_minimum, repeat_times, random_range, bases, seed):
    policy = Ocpp201Backoff(wait_minimum=wait_minimum, repeat_times=repeat_times, random_range=random_range)

    delays = delays_of(policy, 7, seed)

    for base, delay in zip(bases, delays, strict=True):
        assert base <= delay <= base + random_range


def test_the_random_part_of_ocpp_201_is_new_each_time():
    delays = delays_of(Ocpp201Backoff(wait_minimum=10, repeat_times=0, random_range=10), 20)

    assert len(set(delays)) == 20


@pytest.mark.parametrize(
    ("policy", "least", "most"),
    [
        (ExponentialBackoff(), 24, 30),
        (ExponentialBackoff(initial=1, maximum=1e308), 8e307, 1e308),
        (FullJitterBackoff(), 0, 300),
        (FleetBackoff(), 1, 300),
        (Ocpp201Backoff(), 320, 330),
        (Ocpp201Backoff(wait_minimum=10, repeat_times=100_000), 1e20, 1e21),
    ],
    ids=repr,
)
def test_attempt_ten_thousand_does_not_overflow(policy, least, most):
    delays = delays_of(policy, 10_000)

    assert all(delay >= 0 for delay in delays)
    assert least <= delays[-1] <= most


@pytest.mark.parametrize("policy", [ExponentialBackoff(), FullJitterBackoff(), FleetBackoff(), Ocpp201Backoff()])
def test_the_same_seed_gives_the_same_waits_and_another_seed_others(policy):
    assert delays_of(policy, 20, seed=7) == delays_of(policy, 20, seed=7)
    assert delays_of(policy, 20, seed=7) != delays_of(policy, 20, seed=8)


@pytest.mark.parametrize(
    ("policy", "field", "value"),
    [
        (ExponentialBackoff, "jitter", 1.5),
        (ExponentialBackoff, "jitter", -0.1),
        (ExponentialBackoff, "initial", 0),
        (ExponentialBackoff, "maximum", -1),
        (ExponentialBackoff, "maximum", math.nan),
        (ExponentialBackoff, "maximum", math.inf),
        (FullJitterBackoff, "initial", -1),
        (FullJitterBackoff, "maximum", 0),
        (FullJitterBackoff, "floor", -1),
        (FleetBackoff, "window", -1),
        (FleetBackoff, "maximum", 0),
        (FleetBackoff, "floor", -1),
        (Ocpp201Backoff, "wait_minimum", 0),
        (Ocpp201Backoff, "repeat_times", -1),
        (Ocpp201Backoff, "random_range", -1),
        (ReconnectPolicy, "reset_after", -1),
        (ReconnectPolicy, "denied_wait", -1),
        (ReconnectPolicy, "boot_retry", 0),
        (ReconnectPolicy, "resume_delay", -1),
    ],
)
def test_a_wait_that_could_be_negative_or_vanish_is_refused(policy, field, value):
    with pytest.raises(ValueError, match=field):
        policy(**{field: value})


def test_the_default_policy_is_for_one_station():
    policy = ReconnectPolicy()

    assert policy.backoff == ExponentialBackoff(initial=0.5, maximum=30, jitter=0.2)
    assert (policy.reset_after, policy.denied_wait, policy.boot_retry, policy.resume_delay) == (0, 60, 60, 0.25)
    assert policy.boot_on_reconnect


def test_the_fleet_policy_spreads_the_first_wait_and_resets_late():
    policy = ReconnectPolicy.fleet(window=300)

    assert policy.backoff == FleetBackoff(window=300)
    assert policy.reset_after == 60
