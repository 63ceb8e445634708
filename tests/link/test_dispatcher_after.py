"""What follows an answer: `router.after` runs once the reply is on the wire, and never before."""

import logging

import pytest
import trio
import trio.testing

from ocpp_trio import CallRejected, Closed, CloseReason, ConnectionClosed, Router, Session, v16
from tests.link.conftest import Lone, assert_at_rest

RESTART = Closed(CloseReason.STOPPING, 1012, "restart")
ACCEPTED = v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)


def request(data: str = "1") -> v16.DataTransferRequest:
    return v16.DataTransferRequest(vendor_id="Acme", data=data)


def accepting() -> Router:
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def accept(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED, data=request.data)

    return router


async def ask(end: Lone, message_id: str = "p-1", data: str = "1") -> None:
    await end.say(2, message_id, "DataTransfer", {"vendorId": "Acme", "data": data})


async def test_the_cycle_of_calls_within_calls_takes_no_time(linked, autojump_clock):
    """A calls; B calls back before it answers; what follows A's answer calls again, while B's call is open."""
    story: list[str] = []
    router_a, router_b = accepting(), Router(v16)

    @router_b.on(v16.DataTransferRequest)
    async def call_back(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        story.append(f"b handles {request.data}")
        if request.data == "outer":
            await session.call(v16.DataTransferRequest(vendor_id="Acme", data="back"))
        return ACCEPTED

    @router_a.after(v16.DataTransferRequest)
    async def go_on(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        story.append(f"a follows {request.data}")
        await session.call(v16.DataTransferRequest(vendor_id="Acme", data="again"))
        story.append("done")

    async with linked(router_a, router_b) as ends:
        await ends.a.call(request("outer"))
        await trio.testing.wait_all_tasks_blocked()

        assert trio.current_time() == 0
        assert story == ["b handles outer", "a follows back", "b handles again", "done"]
        assert_at_rest(ends.a.statistics())


async def test_it_starts_once_the_reply_is_written(lone, autojump_clock):
    followed: list[float] = []
    router = accepting()

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        assert request.data == response.data
        followed.append(trio.current_time())

    async with lone(router) as end:
        end.stall_peer()
        await ask(end, data="x" * 100_000)
        await trio.sleep(5)
        assert followed == []
        end.let_peer_read()

        assert (await end.hear())[1] == "p-1"
        await trio.testing.wait_all_tasks_blocked()

        assert followed == [5]


@pytest.mark.parametrize("how", ["write timeout", "reset", "close"])
async def test_it_never_starts_if_the_reply_did_not_get_out(lone, how: str, autojump_clock):
    router = accepting()
    followed: list[float] = []

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        followed.append(trio.current_time())

    async with lone(router) as end:
        end.stall_peer()
        await ask(end, data="x" * 100_000)
        await trio.sleep(5)
        if how == "reset":
            end.link.reset()
        elif how == "close":
            end.session.close(RESTART)
        await end.session.wait_closed()
        await trio.testing.wait_all_tasks_blocked()

        assert trio.current_time() == (10 if how == "write timeout" else 5)
    assert followed == []


async def test_a_rejection_is_followed_by_nothing(lone, autojump_clock):
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def reject(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        raise CallRejected("GenericError")

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        raise AssertionError("nothing was accepted")

    async with lone(router) as end:
        await ask(end)
        await end.hear()
        await trio.testing.wait_all_tasks_blocked()

        assert end.recorder.named("failed") == []


async def test_a_failure_in_it_is_contained(lone, caplog, autojump_clock):
    error = ValueError("a bug")
    router = accepting()

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        raise error

    async with lone(router) as end:
        for number in range(20):  # more than may run at once
            await ask(end, f"p-{number}")
            assert (await end.hear())[0] == 3
        await trio.testing.wait_all_tasks_blocked()

        assert end.recorder.named("failed") == [("DataTransfer", f"p-{number}", error) for number in range(20)]
        assert end.session.closed is None
    assert {(record.levelno, record.getMessage()) for record in caplog.records} == {
        (logging.ERROR, "what follows DataTransfer failed")
    }


async def test_the_end_of_the_connection_is_no_failure_in_it(lone, caplog, autojump_clock):
    router = accepting()
    ended: list[str] = []

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        try:
            await session.call(request)
        except ConnectionClosed:
            ended.append("closed")
            raise

    async with lone(router) as end:
        await ask(end)
        await end.hear()
        await end.hear()
        end.link.reset()
        await end.session.wait_closed()

    assert ended == ["closed"]
    assert end.recorder.named("failed") == []
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


async def test_it_is_cancelled_with_the_session(lone, autojump_clock):
    router = accepting()
    cancelled: list[float] = []

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.append(trio.current_time())

    async with lone(router) as end:
        await ask(end)
        await end.hear()
        await trio.sleep(3)
        end.link.reset()
        await end.session.wait_closed()
        await trio.testing.wait_all_tasks_blocked()

        assert cancelled == [3]


async def test_a_call_with_one_more_than_the_limit_is_refused(lone, autojump_clock):
    router = accepting()
    running = 0
    peak = 0

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await trio.sleep(10)
        running -= 1

    async with lone(router, afterthoughts=2) as end:
        answers = []
        for number in range(4):
            await ask(end, f"p-{number}")
            answers.append(await end.hear())
        assert trio.current_time() == 0  # nobody waits for a place: a CALL too many is refused
        await trio.sleep(20)

    assert [answer[0] for answer in answers] == [3, 3, 4, 4]
    assert answers[2][2] == "GenericError"
    assert (running, peak) == (0, 2)


async def test_long_ones_leave_other_calls_alone(lone, autojump_clock):
    router = accepting()

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        await trio.sleep_forever()

    async with lone(router, afterthoughts=1) as end:
        await ask(end, "p-1")
        await ask(end, "p-2")
        answers = {answer[1]: answer for answer in (await end.hear(), await end.hear())}
        await end.say(2, "p-3", "NoSuchAction", {})
        answers["p-3"] = await end.hear()

    assert (answers["p-1"][0], answers["p-2"][0], answers["p-3"][2]) == (3, 4, "NotImplemented")


async def test_drain_waits_for_what_follows(lone, autojump_clock):
    router = accepting()

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        await trio.sleep(2)

    async with lone(router) as end:
        await ask(end, "p-1")
        await end.hear()
        await end.session.drain()

        assert trio.current_time() == 2


@pytest.mark.parametrize("where", ["handler", "afterthought"])
async def test_a_link_lost_under_user_code_with_a_nursery_is_no_failure(lone, autojump_clock, caplog, where):
    router = Router(v16)

    async def call_beside_another_task(session) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(session.call, v16.DataTransferRequest(vendor_id="v"))

    @router.on(v16.DataTransferRequest)
    async def handle(session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        if where == "handler":
            await call_beside_another_task(session)
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        await call_beside_another_task(session)

    async with lone(router) as end:
        await ask(end, "p-1")
        await trio.testing.wait_all_tasks_blocked()
        end.link.reset()
        closed = await end.session.wait_closed()

    assert closed.reason is CloseReason.TRANSPORT_ERROR
    assert end.recorder.named("failed") == []
    assert caplog.records == []


async def test_a_bug_beside_a_lost_link_is_still_told(lone, autojump_clock, caplog):
    router = accepting()

    @router.after(v16.DataTransferRequest)
    async def follow(session, request: v16.DataTransferRequest, response: v16.DataTransferResponse) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("a bug")

    async with lone(router) as end:
        await ask(end, "p-1")
        await end.hear()
        await trio.testing.wait_all_tasks_blocked()
        end.link.reset()
        await end.session.wait_closed()

    assert "what follows DataTransfer failed" in caplog.text
