"""What a cancelled caller leaves behind: nothing before the hand-over, an unanswered CALL after it."""

import pytest
import trio
import trio.testing

from ocpp_trio import CallTimeout, ConnectionClosed, LocalProtocolError, v16
from tests.link.conftest import Lone, assert_at_rest

ACCEPTED = {"status": "Accepted"}


def request(data: str = "1") -> v16.DataTransferRequest:
    return v16.DataTransferRequest(vendor_id="Acme", data=data)


async def answer(end: Lone, *, after: float = 0) -> str:
    """Accept the next CALL as the peer, and say what it carried."""
    call = await end.hear()
    await trio.sleep(after)
    await end.say(3, call[1], ACCEPTED)
    return str(call[3]["data"])


async def test_cancelled_at_the_slot_a_call_sends_nothing(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        nursery.start_soon(end.session.call, request("first"))
        await trio.testing.wait_all_tasks_blocked()

        with trio.move_on_after(1) as scope:
            await end.session.call(request("cancelled"))

        assert scope.cancelled_caught
        assert end.session.statistics().calls_waiting == 0
        nursery.start_soon(end.session.call, request("third"))
        assert [await answer(end), await answer(end)] == ["first", "third"]
        assert [ended.message_id for ended in end.recorder.named("ended")] == ["m-1"]


async def test_cancelled_at_the_writer_a_call_sends_nothing(lone, autojump_clock):
    async with lone(outstanding_calls=2) as end, trio.open_nursery() as nursery:
        end.stall_peer()
        nursery.start_soon(end.session.call, request("x" * 100_000))
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(1) as scope:
            await end.session.call(request("cancelled"))
        assert scope.cancelled_caught
        statistics = end.session.statistics()
        assert (statistics.pending_calls, statistics.deadlines, statistics.writes_waiting) == (1, 1, 0)
        end.let_peer_read()
        nursery.start_soon(end.session.call, request("third"))

        assert [len(await answer(end)), await answer(end)] == [100_000, "third"]


async def test_cancelled_in_mid_write_the_whole_frame_goes_out(lone, autojump_clock):
    async with lone() as end:
        end.stall_peer()
        with trio.move_on_after(1) as scope:
            await end.session.call(request("x" * 100_000))
        assert scope.cancelled_caught
        end.let_peer_read()

        assert len(await answer(end)) == 100_000
        await trio.testing.wait_all_tasks_blocked()
        assert end.recorder.named("dropped") == [("late", "m-1")]
        assert_at_rest(end.session.statistics())


async def test_a_cancelled_call_holds_the_slot_until_its_reply(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        with trio.move_on_after(1):
            await end.session.call(request("cancelled"))
        await trio.testing.wait_all_tasks_blocked()
        statistics = end.session.statistics()
        assert (statistics.pending_calls, statistics.deadlines) == (1, 1), "to the peer it is unanswered"
        assert [(e.outcome, e.seconds) for e in end.recorder.named("ended")] == [("cancelled", 1)]

        async def answer_both() -> None:
            assert await answer(end, after=4) == "cancelled"
            assert await answer(end) == "next"

        nursery.start_soon(answer_both)
        await end.session.call(request("next"))

        assert trio.current_time() == 5
        assert end.recorder.named("dropped") == [("late", "m-1")]
        assert [e.outcome for e in end.recorder.named("ended")] == ["cancelled", "response"]


async def test_a_cancelled_call_holds_the_slot_no_longer_than_its_timeout(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        with trio.move_on_after(1):
            await end.session.call(request("cancelled"))

        async def answer_the_second() -> None:
            await end.hear()
            assert await answer(end) == "next"

        nursery.start_soon(answer_the_second)
        await end.session.call(request("next"))

        assert trio.current_time() == 30, "and not 31: the time runs from the hand-over"
        assert_at_rest(end.session.statistics())


async def test_a_reply_after_the_timeout_of_a_cancelled_call_is_late_once_more(lone, autojump_clock):
    async with lone() as end:
        with trio.move_on_after(1):
            await end.session.call(request())
        await trio.sleep(30)
        await answer(end)
        await trio.testing.wait_all_tasks_blocked()

        assert end.recorder.named("dropped") == [("late", "m-1")]


async def test_a_second_reply_to_a_cancelled_call_is_a_duplicate(lone, autojump_clock):
    async with lone() as end:
        with trio.move_on_after(1):
            await end.session.call(request())
        await answer(end)
        await end.say(3, "m-1", ACCEPTED)
        await trio.testing.wait_all_tasks_blocked()

        assert end.recorder.named("dropped") == [("late", "m-1"), ("duplicate", "m-1")]


async def test_the_end_frees_the_slot_of_a_cancelled_call(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        with trio.move_on_after(1):
            await end.session.call(request())

        async def wait_for_the_slot() -> None:
            with pytest.raises(ConnectionClosed) as caught:
                await end.session.call(request())
            assert caught.value.was_sent is False
            assert trio.current_time() == 2

        nursery.start_soon(wait_for_the_slot)
        await trio.sleep(1)
        end.link.reset()
        await end.session.wait_closed()
        await trio.testing.wait_all_tasks_blocked()

        assert_at_rest(end.session.statistics())


@pytest.mark.parametrize("run", range(10))  # the order in which the tasks learn of it is random
async def test_cancelling_everything_at_once_leaves_nothing(lone, run: int, autojump_clock):
    with trio.move_on_after(5) as scope:
        async with lone() as end, trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(end.session.call, request())
            await end.session.call(request())

    assert scope.cancelled_caught
    assert trio.current_time() == 5
    assert_at_rest(end.session.statistics())
    assert [ended.outcome for ended in end.recorder.named("ended")] == ["cancelled"]


async def test_cancelling_wait_closed_leaves_the_session_as_it_is(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        with trio.move_on_after(1) as scope:
            await end.session.wait_closed()
        assert scope.cancelled_caught
        nursery.start_soon(answer, end)

        await end.session.call(request())


async def test_an_id_that_was_used_before_is_refused_and_frees_the_slot(lone, autojump_clock):
    async with lone(message_ids=["again", "again"]) as end, trio.open_nursery() as nursery:
        nursery.start_soon(answer, end)
        await end.session.call(request())

        with pytest.raises(LocalProtocolError, match="expected a message id that was not used before, found 'again'"):
            await end.session.call(request())

        assert_at_rest(end.session.statistics())


async def test_an_id_that_cannot_be_sent_is_a_value_error_and_leaves_nothing(lone, autojump_clock):
    async with lone(message_ids=["\ud800"]) as end, trio.open_nursery() as nursery:
        with pytest.raises(ValueError, match="surrogate"):
            await end.session.call(request())
        assert_at_rest(end.session.statistics())
        nursery.start_soon(answer, end)

        await end.session.call(request())


async def test_a_timed_out_call_frees_the_slot(lone, autojump_clock):
    async with lone(call_timeout=5) as end, trio.open_nursery() as nursery:
        with pytest.raises(CallTimeout):
            await end.session.call(request("lost"))

        async def answer_the_second() -> None:
            await end.hear()
            await answer(end)

        nursery.start_soon(answer_the_second)
        await end.session.call(request())

        assert trio.current_time() == 5
