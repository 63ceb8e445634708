"""Letters on their way out: in order, numbered, never more than there is room for, and none too late."""

import pytest
import trio
import trio.testing

from ocpp_trio.backend.letters import Ask, BadLetter, Presence, read_letter
from ocpp_trio.backend.outbox import Outbox


def box(capacity: int = 4) -> Outbox:
    return Outbox("a", "life", capacity=capacity)


def place(number: int) -> Presence:
    return Presence(str(number), online=True)


def read(sheets):
    found = []
    for letter in map(read_letter, sheets):
        body = letter.open()
        assert isinstance(body, Presence)
        found.append((letter.number, body.identity))
    return found


async def test_letters_leave_in_order_with_numbers_that_count_by_one(autojump_clock):
    outbox = box()
    for number in range(3):
        outbox.post(place(number))

    assert read(await outbox.take(2)) == [(1, "0"), (2, "1")]
    outbox.done()
    assert read(await outbox.take(2)) == [(3, "2")]
    outbox.done()

    assert (outbox.waiting, outbox.written, outbox.dropped) == (0, 3, 0)


async def test_what_is_not_known_to_be_written_is_taken_again_with_the_same_numbers(autojump_clock):
    outbox = box()
    outbox.post(place(1))
    first = await outbox.take(8)
    outbox.post(place(2))

    assert await outbox.take(8) == first
    outbox.done()
    assert read(await outbox.take(8)) == [(2, "2")]


async def test_a_full_outbox_drops_the_oldest_and_leaves_its_number_out(autojump_clock):
    outbox = box(capacity=2)
    for number in range(5):
        outbox.post(place(number))

    assert read(await outbox.take(8)) == [(4, "3"), (5, "4")]
    assert outbox.dropped == 3


async def test_what_is_too_late_is_not_sent_and_leaves_no_gap(autojump_clock):
    outbox = box()
    outbox.post(place(1), until=5.0)
    outbox.post(place(2))
    await trio.sleep(5)

    assert read(await outbox.take(8)) == [(1, "2")]
    assert outbox.expired == 1


async def test_what_expires_while_it_is_tried_again_is_taken_out(autojump_clock):
    outbox = box()
    outbox.post(place(1), until=5.0)
    outbox.post(place(2))
    assert len(await outbox.take(8)) == 2
    await trio.sleep(5)

    assert read(await outbox.take(8)) == [(2, "2")]
    assert outbox.expired == 1


async def test_an_ask_says_how_much_of_its_time_is_left(autojump_clock):
    outbox = box()
    outbox.post(Ask("1", "CP-1", "ocpp1.6", "Reset", b"{}", 0.0), until=10.0)
    await trio.sleep(4)
    (first,) = await outbox.take(8)
    await trio.sleep(3)
    (second,) = await outbox.take(8)

    asks = [read_letter(sheet).open() for sheet in (first, second)]
    assert [ask.within for ask in asks if isinstance(ask, Ask)] == [6.0, 3.0]


async def test_who_can_wait_waits_for_half_the_room(autojump_clock):
    outbox = box(capacity=4)
    for number in range(4):
        outbox.post(place(number))
    with trio.move_on_after(1) as scope:
        await outbox.wait_room()
    assert scope.cancelled_caught

    await outbox.take(2)
    await outbox.wait_room()
    outbox.done()
    await outbox.take(2)
    outbox.done()
    await outbox.wait_empty()


def test_an_outbox_without_room_is_refused():
    with pytest.raises(ValueError, match="capacity: expected room for at least 1 letter, found 0"):
        box(capacity=0)


@pytest.mark.parametrize("sheet", [b"", b"\xc1", b"nonsense", b"\x96\x02\xa1a\xa1b\x01\xc0\xc0"])
def test_bytes_that_are_no_letter_are_refused(sheet):
    with pytest.raises(BadLetter):
        read_letter(sheet)
