"""Faults as values: drawn from a seed, written down, and played at their instants."""

from random import Random

import pytest
import trio

from ocpp_trio.testing import Fault, Spread, dump_plan, load_plan, play, random_plan

KINDS = {"rain": Spread(seconds=(1, 5), amount=(2, 9)), "hail": Spread(amount=(0.5, 0.75))}


def _plan(seed=1, **changes):
    arguments = {"kinds": KINDS, "hosts": ["a", "b"], "until": 1000.0, "every": 10.0, **changes}
    return random_plan(Random(seed), **arguments)


def test_plan_repeats_from_its_seed_and_differs_from_another():
    assert _plan(1) == _plan(1)
    assert _plan(1) != _plan(2)


def test_plan_keeps_to_its_bounds():
    plan = _plan(start=100.0)

    assert 60 < len(plan) < 130
    assert {fault.kind for fault in plan} == {"rain", "hail"}
    assert {fault.host for fault in plan} == {"a", "b"}
    for fault in plan:
        assert 100 <= fault.at < 1000
        if fault.kind == "rain":
            assert 1 <= fault.seconds <= 5
            assert fault.amount in range(2, 10)
        else:
            assert fault.seconds == 0
            assert 0.5 <= fault.amount <= 0.75


def test_kinds_take_turns():
    kinds = {str(number): Spread() for number in range(20)}

    plan = _plan(kinds=kinds, every=1.0)

    assert {fault.kind for fault in plan[:20]} == set(kinds)


def test_plan_that_was_written_down_is_the_same_plan():
    plan = _plan()

    assert load_plan(dump_plan(plan)) == plan
    assert dump_plan(plan).count("\n") == len(plan) - 1
    assert load_plan(dump_plan(())) == ()


async def test_faults_begin_and_end_at_their_instants_whatever_their_order(autojump_clock):
    log = []

    def strike(fault):
        log.append(("begins", fault.kind, trio.current_time()))
        return lambda: log.append(("ends", fault.kind, trio.current_time()))

    plan = [Fault(at=7, kind="hail", seconds=1), Fault(at=2, kind="rain", seconds=10)]
    seen: list[Fault] = []
    await play(plan, {"rain": strike, "hail": strike}, on_strike=seen.append)

    assert log == [("begins", "rain", 2), ("begins", "hail", 7), ("ends", "hail", 8), ("ends", "rain", 12)]
    assert seen == sorted(plan)


async def test_fault_with_nothing_to_undo_is_over_at_once(autojump_clock):
    await play([Fault(at=3, kind="rain", seconds=100)], {"rain": lambda fault: None})

    assert trio.current_time() == 3


async def test_cancelled_play_undoes_what_it_began(autojump_clock):
    undone = []

    with trio.move_on_after(5):
        await play([Fault(at=3, kind="rain", seconds=100)], {"rain": lambda fault: lambda: undone.append(fault.at)})

    assert undone == [3]


async def test_kind_that_nobody_can_strike_is_refused_before_anything_happens(autojump_clock):
    struck: list[Fault] = []

    with pytest.raises(LookupError, match=r"expected kinds of fault among \['rain'\], found \['snow'\]"):
        await play([Fault(at=0, kind="rain"), Fault(at=1, kind="snow")], {"rain": lambda fault: struck.append(fault)})

    assert struck == []
