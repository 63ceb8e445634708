"""The time that a handler has: each its own, whatever became of those before it and whatever it does when it is up."""

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from ocpp_trio import CallRejected, Closed, CloseReason, Router, v16
from tests.link.conftest import Lone, assert_at_rest

DEADLINE = 10
ACCEPTED = {"status": "Accepted"}
TOO_LATE = ["InternalError", "the handler did not answer in time", {}]
FAILED = ["InternalError", "the handler failed", {}]
RESTART = Closed(CloseReason.STOPPING, 1012, "restart")


def router_of(handle: Callable[[str], Awaitable[None]]) -> Router:
    """Accepts every DataTransfer once `handle` has done with its data."""
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def transfer(session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        await handle(request.data or "")
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)

    return router


async def take(seconds: str) -> None:
    await trio.sleep(float(seconds))


async def ask(end: Lone, message_id: str, data: object = "") -> None:
    await end.say(2, message_id, "DataTransfer", {"vendorId": "Acme", "data": str(data)})


async def test_the_time_of_one_call_is_not_that_of_the_next(lone, autojump_clock):
    async with lone(router_of(take), handler_deadline=DEADLINE) as end:
        await ask(end, "p-1", 9)
        await ask(end, "p-2", 9)
        assert await end.hear_at() == (9, [3, "p-1", ACCEPTED])
        assert await end.hear_at() == (18, [3, "p-2", ACCEPTED])
        await trio.sleep(100)  # while nothing is handled no time runs out

        await ask(end, "p-3", 9)

        assert await end.hear_at() == (127, [3, "p-3", ACCEPTED])
        assert end.recorder.named("failed") == []


async def test_calls_after_one_that_took_too_long_have_their_full_time(lone, autojump_clock):
    async with lone(router_of(take), handler_deadline=DEADLINE) as end:
        for number, seconds in enumerate([11, 9, 99, 99, 9, 0]):
            await ask(end, f"p-{number}", seconds)

        assert [await end.hear_at() for _ in range(6)] == [
            (10, [4, "p-0", *TOO_LATE]),
            (19, [3, "p-1", ACCEPTED]),
            (29, [4, "p-2", *TOO_LATE]),
            (39, [4, "p-3", *TOO_LATE]),
            (48, [3, "p-4", ACCEPTED]),
            (48, [3, "p-5", ACCEPTED]),
        ]
        await ask(end, "p-0", 1)  # its id is free again
        assert await end.hear_at() == (49, [3, "p-0", ACCEPTED])
        await trio.testing.wait_all_tasks_blocked()
        assert_at_rest(end.session.statistics())


async def test_one_that_takes_too_long_does_not_cut_the_one_beside_it(lone, autojump_clock):
    async with lone(router_of(take), handler_deadline=DEADLINE, handlers=2) as end:
        await ask(end, "p-1", 99)
        await trio.sleep(5)
        await ask(end, "p-2", 9)
        await ask(end, "p-3", 9)
        await trio.testing.wait_all_tasks_blocked()
        assert (end.session.statistics().handlers_running, end.session.statistics().inbox) == (2, 1)

        assert await end.hear_at() == (10, [4, "p-1", *TOO_LATE])
        await trio.testing.wait_all_tasks_blocked()
        assert (end.session.statistics().handlers_running, end.session.statistics().inbox) == (2, 0)
        assert await end.hear_at() == (14, [3, "p-2", ACCEPTED])
        assert await end.hear_at() == (19, [3, "p-3", ACCEPTED])


async def hold_on(seconds: str) -> None:
    with trio.CancelScope(shield=True):
        await trio.sleep(float(seconds))


async def pay_no_heed(seconds: str) -> None:
    try:
        await trio.sleep(float(seconds))
    except trio.Cancelled:  # noqa: ASYNC103  # as a handler should not
        await hold_on(str(float(seconds) - DEADLINE))  # noqa: ASYNC102


@pytest.mark.parametrize(
    ("handle", "seconds"), [(hold_on, DEADLINE), (hold_on, DEADLINE + 5), (pay_no_heed, DEADLINE + 5)]
)
async def test_an_answer_counts_although_the_time_is_up(lone, handle, seconds: int, autojump_clock):
    """And there is one answer, and the CALL behind it has its own time."""
    async with lone(router_of(handle), handler_deadline=DEADLINE) as end:
        await ask(end, "p-1", seconds)
        await ask(end, "p-2", seconds)

        assert await end.hear_at() == (seconds, [3, "p-1", ACCEPTED])
        assert await end.hear_at() == (2 * seconds, [3, "p-2", ACCEPTED])
        await trio.testing.wait_all_tasks_blocked()
        assert [frame for frame, *_ in end.recorder.named("sent")] == ["CallResult", "CallResult"]
        assert end.recorder.named("failed") == []
        assert_at_rest(end.session.statistics())


async def test_an_error_of_one_that_is_cut_off_is_what_is_told(lone, autojump_clock):
    error = ValueError("a bug")

    async def fail_at_the_end(_: str) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise error

    async with lone(router_of(fail_at_the_end), handler_deadline=DEADLINE) as end:
        await ask(end, "p-1")

        assert await end.hear_at() == (10, [4, "p-1", *FAILED])
        assert end.recorder.named("failed") == [("DataTransfer", "p-1", error)]


async def test_an_error_beside_the_cut_is_told_and_one_answer_given(lone, autojump_clock):
    error = ValueError("a bug")

    async def fail_at_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise error

    async def run_two(_: str) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_at_the_end)
            nursery.start_soon(trio.sleep_forever)

    async with lone(router_of(run_two), handler_deadline=DEADLINE) as end:
        await ask(end, "p-1")
        await ask(end, "p-2")

        assert await end.hear_at() == (10, [4, "p-1", *TOO_LATE])
        assert await end.hear_at() == (20, [4, "p-2", *TOO_LATE])
        (_, id_1, group), (_, id_2, late), *_ = end.recorder.named("failed")
        assert (id_1, id_2, late) == ("p-1", "p-1", None)
        assert group.exceptions == (error,)


@pytest.mark.parametrize("run", range(8))
@pytest.mark.parametrize("how", ["close", "drop", "reset"])
async def test_the_end_in_the_instant_of_the_deadline_leaves_nothing(lone, how: str, run: int, autojump_clock):
    router = router_of(take)

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        raise AssertionError("nothing was answered")

    async with lone(router, handler_deadline=DEADLINE, handlers=2) as end:
        for number in range(4):
            await ask(end, f"p-{number}", 99)
        await trio.sleep(DEADLINE)
        if how == "reset":
            end.link.reset()
        else:
            getattr(end.session, how)(RESTART)
        await end.session.wait_closed()
        await trio.testing.wait_all_tasks_blocked()

        assert trio.current_time() == 10
        assert end.session.statistics().counters.frames_sent <= 2
        assert not end.session._dispatcher.busy
        await end.session.drain()


async def test_draining_ends_with_the_last_deadline(lone, autojump_clock):
    async with lone(router_of(take), handler_deadline=DEADLINE) as end:
        await ask(end, "p-1", 99)
        await ask(end, "p-2", 99)
        await trio.sleep(4)

        await end.session.drain()

        assert trio.current_time() == 20
        await trio.testing.wait_all_tasks_blocked()
        assert_at_rest(end.session.statistics())


async def test_whatever_becomes_of_a_call_the_place_of_what_would_follow_is_free_again(lone, autojump_clock):
    followed: list[float] = []

    async def become(what: str) -> None:
        if what == "rejected":
            raise CallRejected("GenericError")
        if what == "failed":
            raise ValueError("a bug")
        if what == "late":
            await trio.sleep_forever()

    router = router_of(become)

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        followed.append(trio.current_time())

    async with lone(router, handler_deadline=DEADLINE, afterthoughts=1) as end:
        for number, what in enumerate(["rejected", "failed", "late", None, "late", "accepted", "accepted"]):
            vendor = {"vendorId": "Acme"} if what else {}  # without it no handler sees the CALL
            await end.say(2, f"p-{number}", "DataTransfer", {**vendor, "data": what or ""})
            assert "too much follows from earlier CALLs" not in await end.hear()
            await trio.testing.wait_all_tasks_blocked()
            assert not end.session._dispatcher.busy

        assert followed == [20, 20]
        await end.session.drain()
    assert not end.session._dispatcher.busy


async def test_a_call_that_has_ended_does_not_end_again_with_the_session(lone, autojump_clock):
    async def reject(_: str) -> None:
        raise CallRejected("GenericError")

    router = router_of(reject)

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        raise AssertionError("nothing was accepted")

    async with lone(router) as end:
        await ask(end, "p-1")
        assert (await end.hear())[:2] == [4, "p-1"]
        end.link.reset()
        await end.session.wait_closed()

    assert end.session._dispatcher.afterthoughts.now == 0
