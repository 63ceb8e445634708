"""Peers that send more than they may, or what is no frame: refused at once, bounded, and cut off in the end."""

import gc
import json

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, Router, Session, v16
from tests.link.conftest import Lone

ACCEPTED = {"status": "Accepted"}
TOO_MANY = ["GenericError", "too many unanswered CALLs", {}]


def slow_router(seconds: float = 10) -> Router:
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def transfer(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        await trio.sleep(seconds)
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED, data=request.data)

    return router


async def ask(end: Lone, message_id: str, data: str | None = None) -> None:
    await end.say(2, message_id, "DataTransfer", {"vendorId": "Acme", **({} if data is None else {"data": data})})
    await trio.testing.wait_all_tasks_blocked()


async def test_what_does_not_fit_the_inbox_is_refused_at_once(lone, autojump_clock):
    async with lone(slow_router()) as end:
        for number in range(1 + 8):
            await ask(end, f"p-{number}")
        assert (end.session.statistics().inbox, end.session.statistics().handlers_running) == (8, 1)

        await ask(end, "excess")

        assert await end.hear_at() == (0, [4, "excess", *TOO_MANY])
        for number in range(1 + 8):
            assert await end.hear_at() == (10 * (number + 1), [3, f"p-{number}", ACCEPTED])


async def test_excess_after_excess_is_refused_for_as_long_as_the_peer_reads(lone, autojump_clock):
    async with lone(slow_router(), inbox=1) as end:
        await ask(end, "p-1")
        await ask(end, "p-2")

        for number in range(100):
            await ask(end, f"excess-{number}")
            assert await end.hear_at() == (0, [4, f"excess-{number}", *TOO_MANY])
        assert end.session.closed is None


async def test_refusals_that_pile_up_close_with_1008(lone, autojump_clock):
    async with lone(slow_router(0), inbox=1, handler_deadline=1000, write_timeout=1000) as end:
        end.stall_peer()
        await ask(end, "p-1", "x" * 100_000)  # its answer blocks the writer
        await ask(end, "p-2")  # its answer waits for the writer
        await ask(end, "p-3")
        for number in range(8):
            await ask(end, f"excess-{number}")
        assert end.session.statistics().refusals == 8
        assert end.session.closed is None

        await ask(end, "one too many")

        closed = Closed(CloseReason.PROTOCOL_ERROR, 1008, "more than 8 excess CALLs at once")
        assert await end.session.wait_closed() == closed
        await trio.testing.wait_all_tasks_blocked()
        assert end.session.statistics().refusals == 0


async def test_an_id_in_progress_is_refused_and_may_be_used_again_later(lone, autojump_clock):
    async with lone(slow_router()) as end:
        await ask(end, "p-1")
        await ask(end, "p-2")

        await ask(end, "p-1")
        await ask(end, "p-2")

        duplicate = ["GenericError", "a CALL with this id is being processed", {}]
        assert await end.hear_at() == (0, [4, "p-1", *duplicate])
        assert await end.hear_at() == (0, [4, "p-2", *duplicate])
        assert await end.hear_at() == (10, [3, "p-1", ACCEPTED])
        assert await end.hear_at() == (20, [3, "p-2", ACCEPTED])
        await ask(end, "p-1")
        assert await end.hear_at() == (30, [3, "p-1", ACCEPTED])


@pytest.mark.parametrize(
    ("text", "message_id"),
    [
        ('[2,"p-1","DataTransfer"]', "p-1"),
        ('[2,"p-1","DataTransfer",{},{}]', "p-1"),
        ('[2,"p-1","DataTransfer",[]]', "p-1"),
        ('[2,"p-1",7,{}]', "p-1"),
        ('[2,"p-1"]', "p-1"),
        (json.dumps([2, "x" * 37, "DataTransfer", {}]), "x" * 37),
    ],
)
async def test_a_malformed_call_is_answered_under_its_id(lone, text: str, message_id: str, autojump_clock):
    async with lone() as end:
        await end.peer.send(text)

        reply = await end.hear()

        assert reply[:3] == [4, message_id, "FormationViolation"]
        assert end.recorder.named("refused") == [text]


NO_FRAMES = ["", "null", "{}", "[]", "[2]", '["2","p-1","X",{}]', "[5,1,2]", '[2,"","X",{}]', "[" * 5000, "[3,4,{}]"]


async def test_ten_bad_frames_in_a_row_close_with_1008(lone, autojump_clock):
    async with lone() as end:
        for text in NO_FRAMES[:9]:
            await end.peer.send(text)
        await trio.testing.wait_all_tasks_blocked()
        assert end.session.closed is None

        await end.peer.send(NO_FRAMES[9])

        closed = Closed(CloseReason.PROTOCOL_ERROR, 1008, "10 bad frames in a row")
        assert await end.session.wait_closed() == closed
        assert end.recorder.named("refused") == NO_FRAMES
    assert end.peer.closed == Closed(CloseReason.PROTOCOL_ERROR, 1008, "10 bad frames in a row")


@pytest.mark.parametrize("good", ['[2,"p-1","DataTransfer",{}]', '[3,"p-1",{}]', '[4,"p-1","X","",{}]'])
async def test_a_good_frame_resets_the_count(lone, good: str, autojump_clock):
    async with lone() as end:
        for _ in range(5):
            for text in NO_FRAMES[:9]:
                await end.peer.send(text)
            await end.peer.send(good)
        await trio.testing.wait_all_tasks_blocked()

        assert end.session.closed is None


async def test_malformed_calls_count_and_the_last_gets_no_answer(lone, autojump_clock):
    async with lone(bad_frames=3) as end:
        for number in range(3):
            await end.say(2, f"p-{number}", "DataTransfer")
            await trio.testing.wait_all_tasks_blocked()

        assert [(await end.hear())[1] for _ in range(2)] == ["p-0", "p-1"]
        assert (await end.session.wait_closed()).code == 1008


async def test_what_follows_the_last_straw_is_not_handled(lone, autojump_clock):
    handled: list[str] = []
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def transfer(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        handled.append(request.vendor_id)
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)

    async with lone(router, bad_frames=1) as end:
        await end.peer.send("[]")
        await end.say(2, "p-1", "DataTransfer", {"vendorId": "Acme"})
        await end.session.wait_closed()
        await trio.testing.wait_all_tasks_blocked()

    assert handled == []


async def test_the_end_of_the_session_forgets_the_inbox(lone, autojump_clock):
    handled: list[float] = []
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def transfer(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        handled.append(trio.current_time())
        await trio.sleep_forever()
        raise AssertionError("it does not return")

    async with lone(router) as end:
        for number in range(5):
            await ask(end, f"p-{number}")
        await trio.sleep(1)
        end.link.reset()
        await end.session.wait_closed()
        assert end.session.statistics().inbox == 0

    assert handled == [0]
    assert end.session.statistics().handlers_running == 0


async def test_a_refusal_at_the_end_of_the_session_is_dropped(lone, autojump_clock):
    async with lone(slow_router(0), write_timeout=5) as end:
        end.stall_peer()
        await ask(end, "p-1", "x" * 100_000)
        await end.say(2, "p-2", "Nonsense", {})
        await trio.testing.wait_all_tasks_blocked()
        assert end.session.statistics().refusals == 1

        await end.session.wait_closed()

        assert trio.current_time() == 5
        await trio.testing.wait_all_tasks_blocked()
        assert end.session.statistics().refusals == 0


async def test_nothing_of_a_call_is_kept_while_no_other_comes(lone, autojump_clock):
    def kept() -> int:
        gc.collect()
        return sum(type(each) in (v16.DataTransferRequest, v16.DataTransferResponse) for each in gc.get_objects())

    before = kept()
    async with lone(slow_router()) as end:
        for number in range(2):
            await ask(end, f"p-{number}")
            await end.hear()
            await trio.testing.wait_all_tasks_blocked()

            assert kept() == before
