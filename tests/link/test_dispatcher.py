"""Calls into a session: handlers, what they may do wrong, and what follows their answer."""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from ocpp_trio import CallError, CallRejected, CallTimeout, Closed, CloseReason, ErrorCode, Router, Session, v16
from tests.link.conftest import Lone, assert_at_rest

Handler = Callable[[Session, v16.DataTransferRequest], Awaitable[Any]]
ACCEPTED = v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)
FAILED = ["InternalError", "the handler failed", {}]


def request(data: str = "1") -> v16.DataTransferRequest:
    return v16.DataTransferRequest(vendor_id="Acme", data=data)


def transfer(handler: Handler) -> Router:
    """A router whose one handler is for the action that both ends may send."""
    router = Router(v16)
    router.on(v16.DataTransferRequest)(handler)
    return router


async def echo(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
    return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED, data=request.data)


async def ask(end: Lone, message_id: str = "p-1", data: str = "1") -> None:
    """Send a CALL as the peer."""
    await end.say(2, message_id, "DataTransfer", {"vendorId": "Acme", "data": data})


async def answer(end: Lone, *, after: float = 0) -> None:
    """Accept the next CALL as the peer."""
    call = await end.hear()
    await trio.sleep(after)
    await end.say(3, call[1], {"status": "Accepted"})


async def test_a_call_is_answered_by_its_handler(lone, autojump_clock):
    seen: list[Any] = []

    async def handler(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        seen.append((session, request))
        return ACCEPTED

    async with lone(transfer(handler)) as end:
        await ask(end)

        assert await end.peer.receive() == '[3,"p-1",{"status":"Accepted"}]'

        assert seen == [(end.session, request())]
        assert [event[:3] for event in end.recorder.events[1:]] == [
            ("received", "Call", "DataTransfer"),
            ("sent", "CallResult", "DataTransfer"),
        ]


@pytest.mark.parametrize("payload", [None, {}])
async def test_null_as_payload_is_an_empty_object(payload, autojump_clock, lone):
    router = Router(v16)

    @router.on(v16.HeartbeatRequest)
    async def heartbeat(session: Session, request: v16.HeartbeatRequest) -> v16.HeartbeatResponse:
        raise CallRejected("GenericError", "heard")

    @router.on(v16.ClearCacheRequest)
    async def clear(session: Session, request: v16.ClearCacheRequest) -> v16.ClearCacheResponse:
        raise CallRejected("GenericError", "heard")

    async with lone(router) as end:
        action = "ClearCache" if end.session.link.role == "charge_point" else "Heartbeat"
        await end.say(2, "p-1", action, payload)

        assert await end.hear() == [4, "p-1", "GenericError", "heard", {}]


async def test_calls_are_handled_one_by_one_in_order(lone, autojump_clock):
    async def slow(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        await trio.sleep(2)
        return await echo(session, request)

    async with lone(transfer(slow)) as end:
        for number in range(4):
            await ask(end, f"p-{number}", str(number))
        await trio.testing.wait_all_tasks_blocked()
        assert (end.session.statistics().inbox, end.session.statistics().handlers_running) == (3, 1)

        answers = []
        for _ in range(4):
            answers.append(await end.hear())
            assert trio.current_time() == 2 * len(answers)

    assert [reply[2]["data"] for reply in answers] == ["0", "1", "2", "3"]


async def test_several_handlers_may_run_side_by_side(lone, autojump_clock):
    async def shorter_and_shorter(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        await trio.sleep(10 - int(request.data or ""))
        return await echo(session, request)

    async with lone(transfer(shorter_and_shorter), handlers=3) as end:
        for number in range(4):
            await ask(end, f"p-{number}", str(number))
        await trio.testing.wait_all_tasks_blocked()
        assert (end.session.statistics().inbox, end.session.statistics().handlers_running) == (1, 3)

        assert [(await end.hear())[1] for _ in range(4)] == ["p-2", "p-1", "p-0", "p-3"]
        assert trio.current_time() == 8 + 7


@pytest.mark.parametrize("error", [KeyError("secret"), ExceptionGroup("two", [ValueError("secret")])])
async def test_an_exception_answers_internal_error_without_internals(lone, error: Exception, caplog, autojump_clock):
    async def broken(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        if request.data == "bad":
            raise error
        return ACCEPTED

    async with lone(transfer(broken)) as end:
        await ask(end, "p-1", "bad")
        assert await end.hear() == [4, "p-1", *FAILED]
        await ask(end, "p-2", "good")

        assert (await end.hear())[0] == 3, "and the session goes on"
        assert end.recorder.named("failed") == [("DataTransfer", "p-1", error)]
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[1] is error


async def test_a_rejection_says_what_the_handler_says(lone, autojump_clock):
    async def reject(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        raise CallRejected(ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, "because", {"at": 1})

    async with lone(transfer(reject)) as end:
        await ask(end)

        # The code is spelt as 1.6 spells it.
        assert await end.hear() == [4, "p-1", "OccurenceConstraintViolation", "because", {"at": 1}]
        assert end.recorder.named("failed") == []


@pytest.mark.parametrize(
    "rejection", [CallRejected("X", "\ud800"), CallRejected("X", "", {"a": object()}), CallRejected("\ud800")]
)
async def test_a_rejection_that_cannot_be_sent_is_a_failure(lone, rejection: CallRejected, autojump_clock):
    async def reject(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        raise rejection

    async with lone(transfer(reject)) as end:
        await ask(end)

        assert await end.hear() == [4, "p-1", *FAILED]


@pytest.mark.parametrize(
    "returned",
    [None, {"status": "Accepted"}, request(), v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)],
)
async def test_anything_but_the_response_is_a_failure(lone, returned: Any, autojump_clock):
    async def confused(session: Session, request: v16.DataTransferRequest) -> Any:
        return returned

    async with lone(transfer(confused)) as end:
        await ask(end)

        assert await end.hear() == [4, "p-1", *FAILED]
        ((_, _, error),) = end.recorder.named("failed")
        assert str(error) == f"handler of DataTransfer: expected DataTransferResponse, found {returned!r}"


async def test_a_response_that_cannot_be_sent_is_a_failure(lone, autojump_clock):
    async def unsendable(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED, data="\ud800")

    async with lone(transfer(unsendable)) as end:
        await ask(end)

        assert await end.hear() == [4, "p-1", *FAILED]


async def test_a_handler_has_twenty_five_seconds(lone, autojump_clock):
    async def slow(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        await trio.sleep(float(request.data or ""))
        return ACCEPTED

    async with lone(transfer(slow)) as end:
        await ask(end, "p-1", "24.999")
        assert (await end.hear())[0] == 3
        begun = trio.current_time()
        await ask(end, "p-2", "26")

        assert await end.hear() == [4, "p-2", "InternalError", "the handler did not answer in time", {}]
        assert trio.current_time() == begun + 25
        assert end.recorder.named("failed") == [("DataTransfer", "p-2", None)]


async def test_each_handler_has_the_whole_time_whatever_those_before_it_took(lone, autojump_clock):
    async def slow(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        await trio.sleep(float(request.data or ""))
        return await echo(session, request)

    async with lone(transfer(slow)) as end:
        answers = []
        for number, seconds in enumerate(["20", "20", "26", "24", "20"]):
            await ask(end, f"p-{number}", seconds)
        for _ in range(5):
            kind, message_id, *_ = await end.hear()
            answers.append((kind, message_id, trio.current_time()))
        await trio.sleep(100)  # nobody's deadline is left over

        assert answers == [(3, "p-0", 20), (3, "p-1", 40), (4, "p-2", 65), (3, "p-3", 89), (3, "p-4", 109)]
        await ask(end, "p-5", "1")
        assert (await end.hear())[:2] == [3, "p-5"]
        statistics = end.session.statistics()

    assert (statistics.handlers_running, statistics.inbox, statistics.counters.handler_failures) == (0, 0, 1)


async def test_an_answer_that_comes_although_the_time_was_up_is_sent_once_and_the_next_call_has_its_time(
    lone, autojump_clock
):
    async def shielded(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        with trio.CancelScope(shield=request.data == "30"):
            await trio.sleep(float(request.data or ""))
        return await echo(session, request)

    async with lone(transfer(shielded)) as end:
        await ask(end, "p-0", "30")
        await ask(end, "p-1", "24")

        assert [((await end.hear())[:2], trio.current_time()) for _ in range(2)] == [([3, "p-0"], 30), ([3, "p-1"], 54)]
        await ask(end, "p-2", "1")
        assert (await end.hear())[:2] == [3, "p-2"]
        assert end.recorder.named("failed") == []


async def test_a_handler_may_call_back_before_it_answers(lone, autojump_clock):
    async def ask_first(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        return await session.call(request)

    async with lone(transfer(ask_first)) as end:
        await ask(end)
        await answer(end, after=3)

        assert await end.hear() == [3, "p-1", {"status": "Accepted"}]
        assert trio.current_time() == 3


@pytest.mark.parametrize("reply", ["rejection", "silence"])
async def test_the_peers_error_is_not_passed_off_as_the_handlers(lone, reply: str, autojump_clock):
    async def ask_first(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        return await session.call(request)

    async with lone(transfer(ask_first), call_timeout=20) as end:
        await ask(end)
        call = await end.hear()
        if reply == "rejection":
            await end.say(4, call[1], "SecurityError", "yours", {})

        assert await end.hear() == [4, "p-1", *FAILED]
        ((_, _, error),) = end.recorder.named("failed")
        assert isinstance(error, CallRejected if reply == "rejection" else CallTimeout)


async def test_a_handler_that_is_cut_off_by_the_end_is_no_failure(lone, caplog, autojump_clock):
    async def ask_first(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        return await session.call(request)

    async with lone(transfer(ask_first)) as end:
        await ask(end)
        await end.hear()
        end.link.reset()
        await end.session.wait_closed()

    assert end.recorder.named("failed") == []
    assert caplog.records == []


async def test_a_handler_may_close_its_own_session(lone, autojump_clock):
    async def goodbye(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        session.close(Closed(CloseReason.STOPPING, 1012, "restart"))
        return ACCEPTED

    async with lone(transfer(goodbye)) as end:
        await ask(end)

        assert (await end.session.wait_closed()).code == 1012

    assert end.recorder.named("failed") == []


async def test_pings_are_answered_while_a_handler_works(lone, autojump_clock):
    async def slow(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        await trio.sleep(20)
        return ACCEPTED

    async with lone(transfer(slow)) as end:
        for number in range(6):
            await ask(end, f"p-{number}")

        with trio.fail_after(1):
            await end.peer.ping()


async def test_no_handler_is_not_supported(lone, autojump_clock):
    async with lone() as end:
        await ask(end)

        assert await end.hear() == [4, "p-1", "NotSupported", "DataTransfer is not supported here", {}]


async def test_an_unknown_action_is_not_implemented(lone, autojump_clock):
    async with lone() as end:
        await end.say(2, "p-1", "Brew☕", {})

        assert await end.hear() == [4, "p-1", "NotImplemented", "no action 'Brew☕' here", {}]


@pytest.mark.parametrize(("role", "action"), [("charge_point", "Heartbeat"), ("csms", "Reset")])
async def test_an_action_in_the_wrong_direction_is_not_implemented(lone, action: str, autojump_clock):
    async with lone() as end:
        await end.say(2, "p-1", action, {})

        assert (await end.hear())[2] == "NotImplemented"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, "ProtocolError"),
        ({"vendorId": "Acme", "x": 1}, "FormationViolation"),
        ({"vendorId": 1}, "TypeConstraintViolation"),
        ({"vendorId": "x" * 256}, "PropertyConstraintViolation"),
    ],
)
async def test_a_payload_that_does_not_fit_is_answered_with_its_defect(lone, payload, code: str, autojump_clock):
    async with lone(transfer(echo)) as end:
        await end.say(2, "p-1", "DataTransfer", payload)

        reply = await end.hear()

        assert reply[:3] == [4, "p-1", code]
        assert end.recorder.named("sent")[-1][:2] == (CallError.__name__, "DataTransfer")
        assert end.recorder.named("failed") == []


async def test_lone_surrogates_of_the_peer_are_bad_frames_and_harm_nobody(lone, autojump_clock):
    texts = [
        '[2,"p-1","DataTransfer",{"vendorId":"\\ud800","data":1}]',
        '[2,"p-2","DataTransfer",{"vendorId":"Acme","\\ud800":1}]',
        '[2,"p-3","\\ud800",{}]',
        '[2,"\\ud800","DataTransfer",{}]',
    ]
    async with lone(transfer(echo)) as end:
        for text in texts:
            await end.peer.send(text)
        await ask(end, "p-5")

        assert (await end.hear())[1] == "p-5"
        assert end.recorder.named("refused") == texts


async def test_the_same_at_both_ends_at_once(linked, autojump_clock):
    async with linked(transfer(echo), transfer(echo)) as ends:
        replies: list[str] = []

        async def call(session: Session, data: str) -> None:
            replies.append((await session.call(request(data))).data or "")

        async with trio.open_nursery() as nursery:
            for number in range(10):
                nursery.start_soon(call, ends.a, f"a{number}")
                nursery.start_soon(call, ends.b, f"b{number}")

        assert sorted(replies) == sorted(f"{end}{number}" for end in "ab" for number in range(10))
        assert trio.current_time() == 0
        for session in (ends.a, ends.b):
            await trio.testing.wait_all_tasks_blocked()
            assert_at_rest(session.statistics())
            assert session.statistics().max_writes_in_flight == 1
        sent = [json.loads(text) for _, _, text in ends.a_seen.named("sent")]
        assert len({frame[1] for frame in sent if frame[0] == 2}) == 10
