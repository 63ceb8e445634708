"""Connections that take the place from each other again and again are slowed down."""

import trio

from ocpp_trio import SecurityEventKind
from tests.csms.guests import CLEAN, TWIN, link_of


async def _swap(nursery, guests):
    for guest in guests:
        nursery.start_soon(guest.live)
        await trio.sleep(1)


async def test_after_three_swaps_in_a_minute_a_session_that_lives_keeps_its_place(
    registry, new_guest, witness, autojump_clock
):
    guests = [new_guest() for _ in range(4)]
    late = new_guest()

    async with trio.open_nursery() as nursery:
        await _swap(nursery, guests)  # the third swap is at 3
        refused = new_guest()
        await refused.live()
        await trio.sleep_until(3 + 599)
        almost = new_guest()
        await almost.live()
        await trio.sleep_until(3 + 600)
        nursery.start_soon(late.live)
        await trio.sleep(1)
        late.session.close(CLEAN)

    assert [guest.life[0] for guest in guests] == [("begins", at) for at in (0, 1, 2, 3)]
    assert (refused.life, refused.offences) == ([(503, 4)], [SecurityEventKind.FLAPPING_IDENTITY])
    assert almost.life == [(503, 602)]
    assert late.life[0] == ("begins", 603)
    assert witness.events == [(TWIN, at) for at in (1, 2, 3, 603)]


async def test_refused_connection_learns_when_to_come_again(registry, new_guest, autojump_clock):
    waits = []

    async with trio.open_nursery() as nursery:
        await _swap(nursery, [new_guest() for _ in range(4)])
        for at in (4, 543, 560.5, 602.9):
            await trio.sleep_until(at)
            async with registry.take_place(link_of(), authenticated=True) as refusal:
                waits.append(dict(refusal.headers)[b"Retry-After"])
        next(iter(registry)).close(CLEAN)

    assert waits == [b"60", b"60", b"43", b"1"]


async def test_swaps_that_are_a_minute_apart_are_no_flapping(new_guest, witness, autojump_clock):
    guests = [new_guest() for _ in range(10)]

    async with trio.open_nursery() as nursery:
        for guest in guests:
            nursery.start_soon(guest.live)
            await trio.sleep(30)  # the third is a minute after the first
        guests[-1].session.close(CLEAN)

    assert [guest.life[0][0] for guest in guests] == ["begins"] * 10
    assert {kind for kind, _ in witness.events} == {TWIN}


async def test_silent_session_gives_way_in_the_cool_down_too(registry, new_guest, autojump_clock):
    """Nobody is locked out by a link that is half open."""
    guests = [*(new_guest() for _ in range(3)), new_guest(answers_after=60)]
    new = new_guest()

    async with trio.open_nursery() as nursery:
        await _swap(nursery, guests)
        nursery.start_soon(new.live)
        await trio.sleep(10)
        new.session.close(CLEAN)

    assert new.life[0] == ("begins", 4 + 3)


async def test_flapping_of_one_identity_is_nothing_to_another(new_guest, autojump_clock):
    flapping = [new_guest() for _ in range(4)]
    others = [new_guest(identity="CP-2") for _ in range(2)]

    async with trio.open_nursery() as nursery:
        await _swap(nursery, flapping)
        await _swap(nursery, others)
        for guest in (flapping[-1], others[-1]):
            guest.session.close(CLEAN)

    assert [guest.life[0] for guest in others] == [("begins", 4), ("begins", 5)]
