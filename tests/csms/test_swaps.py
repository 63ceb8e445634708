"""The history of who took whose place."""

import pytest
import trio

from ocpp_trio.csms.swaps import IDENTITIES_KEPT, Swaps


@pytest.fixture
def swaps():
    return Swaps()


async def _note_at(swaps, *instants):
    for at in instants:
        await trio.sleep_until(at)
        swaps.note("CP-1")


async def test_unknown_identity_is_not_flapping(swaps, autojump_clock):
    assert swaps.cool_down("CP-1") is None


@pytest.mark.parametrize(
    ("instants", "flapping"),
    [((1, 2), False), ((1, 2, 3), True), ((1, 60, 60.9), True), ((1, 60, 61), False), ((1, 50, 61, 100), True)],
)
async def test_three_swaps_within_a_minute_are_flapping(swaps, instants, flapping, autojump_clock):
    await _note_at(swaps, *instants)

    assert (swaps.cool_down("CP-1") is not None) == flapping


async def test_cool_down_ends_ten_minutes_after_the_last_swap(swaps, autojump_clock):
    await _note_at(swaps, 1, 2, 3)

    waits = []
    for at in (3, 543, 543.5, 602.5, 603):
        await trio.sleep_until(at)
        waits.append(swaps.cool_down("CP-1"))

    assert waits == [60, 60, 60, 1, None]


async def test_swap_in_the_cool_down_begins_another_only_if_they_go_on(swaps, autojump_clock):
    await _note_at(swaps, 1, 2, 3, 300)
    await trio.sleep_until(603)

    assert swaps.cool_down("CP-1") is None


async def test_only_so_many_identities_are_remembered(swaps, autojump_clock):
    """The one whose last swap is oldest goes first, not the one that came first."""
    await _note_at(swaps, 1, 2)
    swaps.note("CP-2")
    swaps.note("CP-1")
    for number in range(IDENTITIES_KEPT - 1):
        swaps.note(f"more-{number}")

    flapping = swaps.cool_down("CP-1")
    swaps.note("one more")

    assert flapping == 60
    assert swaps.cool_down("CP-1") is None
    assert len(swaps) == IDENTITIES_KEPT
