"""Several newcomers for one place: which of them waits, who is refused, and that it is never there twice."""

import pytest
import trio

from tests.csms.guests import CLEAN, TWIN, Guest


async def test_newest_of_many_with_proof_wins_and_the_others_are_refused_at_once(new_guest, autojump_clock):
    guests = [new_guest(cleanup=5) for _ in range(6)]

    async with trio.open_nursery() as nursery:
        for guest in guests:
            nursery.start_soon(guest.live)
            await trio.sleep(1)
        await trio.sleep(10)
        guests[-1].session.close(CLEAN)

    old, *others, newest = [guest.life for guest in guests]
    assert old == [("begins", 0), ("is gone", 6)]
    assert others == [[(503, at)] for at in (2, 3, 4, 5)]
    assert newest == [("begins", 6), ("is gone", 21)]


async def test_first_of_many_without_proof_waits_and_the_others_are_refused_at_once(new_guest, autojump_clock):
    old, *others = [new_guest(proven=False, answers_after=60) for _ in range(5)]

    async with trio.open_nursery() as nursery:
        for guest in (old, *others):
            nursery.start_soon(guest.live)
            await trio.sleep(0.5)
        await trio.sleep(10)
        others[0].session.close(CLEAN)

    assert old.life == [("begins", 0), ("is gone", 3.5)]
    assert [guest.life[0] for guest in others] == [("begins", 3.5), (503, 1), (503, 1.5), (503, 2)]
    assert [guest.offences for guest in others] == [[], [TWIN], [TWIN], [TWIN]]
    assert old.session.pings == [0.5]


async def test_proof_goes_before_one_without_that_waits(new_guest, autojump_clock):
    old, unproven, proven = new_guest(answers_after=60), new_guest(proven=False), new_guest()

    async with trio.open_nursery() as nursery:
        for guest in (old, unproven, proven):
            nursery.start_soon(guest.live)
            await trio.sleep(1)
        await trio.sleep(10)
        proven.session.close(CLEAN)

    assert unproven.life == [(503, 2)]
    assert proven.life[0] == ("begins", 2)


@pytest.mark.parametrize("seed", range(20))
async def test_newcomers_of_one_instant_leave_one_session(registry, seed, autojump_clock):
    """Whatever order trio runs them in: the first begins, the last follows it, those between are refused."""
    lives: list[tuple[object, float]] = []

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(Guest(registry, cleanup=1, life=lives).live)
        await trio.sleep(100)
        (last,) = registry
        last.close(CLEAN)

    begun = [life for life in lives if life[0] != 503]
    assert begun == [("begins", 0), ("is gone", 1), ("begins", 1), ("is gone", 101)]
    assert len(lives) == 3 + len(begun)


@pytest.mark.parametrize("seed", range(20))
async def test_newcomers_of_one_instant_without_proof_leave_the_first(registry, new_guest, seed, autojump_clock):
    guests = [new_guest(proven=False) for _ in range(5)]

    async with trio.open_nursery() as nursery:
        for guest in guests:
            nursery.start_soon(guest.live)
        await trio.sleep(100)
        (first,) = registry
        first.close(CLEAN)

    lives = sorted(guest.life for guest in guests if guest.session is not first)
    assert [guest.life for guest in guests if guest.session is first] == [[("begins", 0), ("is gone", 100)]]
    assert [len(life) for life in lives] == [1] * 4
    assert all(status in (403, 503) and at == 0 for life in lives for status, at in life)


@pytest.mark.parametrize("seed", range(20))
async def test_newcomer_of_the_instant_in_which_the_place_becomes_free(registry, new_guest, seed, autojump_clock):
    """It is not there twice, whoever trio runs first: the one that waited, or the one that has just come."""
    old, waiting, newest = new_guest(cleanup=5), new_guest(), new_guest(cleanup=5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(1)
        nursery.start_soon(waiting.live)
        await trio.sleep_until(6)
        nursery.start_soon(newest.live)
        await trio.sleep(10)
        newest.session.close(CLEAN)

    assert old.life[-1] == ("is gone", 6)
    assert waiting.life in ([(503, 6)], [("begins", 6), ("is gone", 6)])
    assert newest.life == [("begins", 6), ("is gone", 21)]
    assert len(registry) == 0
