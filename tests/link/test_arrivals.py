"""The place between the reader of a stream and the taker of its messages: order, bound, end."""

import pytest
import trio
import trio.testing

from ocpp_trio.link.arrivals import Arrivals


async def test_messages_are_taken_in_the_order_in_which_they_came(autojump_clock):
    arrivals = Arrivals()
    for text in ("1", "2", "3"):
        arrivals.put(text)

    assert [await arrivals.take() for _ in range(3)] == ["1", "2", "3"]


async def test_who_takes_waits_for_the_next_message(autojump_clock):
    arrivals = Arrivals()
    taken: list[tuple[str, float]] = []

    async def take() -> None:
        taken.append((await arrivals.take(), trio.current_time()))

    async with trio.open_nursery() as nursery:
        start = trio.current_time()
        nursery.start_soon(take)
        await trio.sleep(3)
        arrivals.put("late")

    assert taken == [("late", start + 3)]


async def test_what_came_before_the_close_is_taken_and_nothing_after_it(autojump_clock):
    arrivals = Arrivals()
    arrivals.put("before")
    arrivals.close()
    arrivals.put("after")

    assert await arrivals.take() == "before"
    with pytest.raises(trio.EndOfChannel):
        await arrivals.take()


async def test_who_takes_learns_of_the_close(autojump_clock):
    arrivals = Arrivals()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_expect_the_end, arrivals)
        await trio.testing.wait_all_tasks_blocked()
        arrivals.close()


async def _expect_the_end(arrivals: Arrivals) -> None:
    with pytest.raises(trio.EndOfChannel):
        await arrivals.take()


async def test_a_discarded_message_is_not_taken_any_more(autojump_clock):
    arrivals = Arrivals()
    arrivals.put("1")
    arrivals.discard()

    with pytest.raises(trio.EndOfChannel):
        await arrivals.take()


async def test_messages_are_forwarded_in_order_inside_the_task_that_puts_them(autojump_clock):
    arrivals = Arrivals()
    got: list[str] = []
    arrivals.put("1")
    arrivals.put("2")

    with trio.move_on_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(arrivals.forward, got.append)
            await trio.testing.wait_all_tasks_blocked()
            with trio.testing.assert_no_checkpoints():
                arrivals.put("3")
                assert got == ["1", "2", "3"]


async def test_forwarding_ends_with_the_close(autojump_clock):
    arrivals = Arrivals()
    arrivals.put("1")
    arrivals.close()
    got: list[str] = []

    with pytest.raises(trio.EndOfChannel):
        await arrivals.forward(got.append)

    assert got == ["1"]


async def test_what_a_taker_raises_is_raised_where_it_forwards_and_not_where_it_is_put(autojump_clock):
    arrivals = Arrivals()

    def fail(text: str) -> None:
        raise LookupError(text)

    async def forward() -> None:
        with pytest.raises(LookupError, match="1"):
            await arrivals.forward(fail)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(forward)
        await trio.testing.wait_all_tasks_blocked()
        arrivals.put("1")
        arrivals.put("2")


@pytest.mark.parametrize("waiting", ["", "1"])
async def test_there_is_room_beside_one_message_without_a_checkpoint(waiting, autojump_clock):
    arrivals = Arrivals()
    for text in waiting:
        arrivals.put(text)

    with trio.testing.assert_no_checkpoints():
        await arrivals.wait_room()


@pytest.mark.parametrize("free", ["take", "discard"])
async def test_two_messages_leave_no_room_until_one_is_taken_or_both_are_discarded(free, autojump_clock):
    arrivals = Arrivals()
    arrivals.put("1")
    arrivals.put("2")

    async def make_room() -> None:
        await trio.sleep(2)
        if free == "take":
            await arrivals.take()
        else:
            arrivals.discard()

    async with trio.open_nursery() as nursery:
        start = trio.current_time()
        nursery.start_soon(make_room)
        await arrivals.wait_room()
        assert trio.current_time() == start + 2


@pytest.mark.parametrize("before", [True, False], ids=["a_message_waits", "none_waits"])
async def test_cancelling_who_takes_loses_nothing(before, autojump_clock):
    arrivals = Arrivals()
    if before:
        arrivals.put("kept")
    with trio.CancelScope() as scope:
        scope.cancel()
        await arrivals.take()
    if not before:
        arrivals.put("kept")

    assert await arrivals.take() == "kept"
