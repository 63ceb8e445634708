"""Calls out of a session: the slot, the timeout, and what comes back. The peer's end is scripted text."""

import json
from typing import Any

import pytest
import trio
import trio.testing

from ocpp_trio import (
    CallRejected,
    CallReport,
    CallTimeout,
    ErrorCode,
    InvalidResponse,
    LocalProtocolError,
    Registration,
    Router,
    Session,
    v16,
)
from ocpp_trio.link.registration import CsmsGate
from tests.link.conftest import Lone, assert_at_rest, open_lone

# The one action that both ends may send.
ACCEPTED = {"status": "Accepted"}


def request(data: str = "1") -> v16.DataTransferRequest:
    return v16.DataTransferRequest(vendor_id="Acme", data=data)


def report(outcome: str, origin: str = "local", *, message_id: str = "m-1", seconds: float = 0, **more: Any) -> Any:
    return CallReport(
        message_id=message_id,
        action="DataTransfer",
        outcome=outcome,  # type: ignore[arg-type]
        origin=origin,  # type: ignore[arg-type]
        seconds=seconds,
        **more,
    )


async def answer(end: Lone, *, after: float = 0) -> Any:
    """Accept the next CALL as the peer."""
    call = await end.hear()
    await trio.sleep(after)
    await end.say(3, call[1], ACCEPTED)
    return call


async def test_a_call_goes_out_and_its_response_comes_back(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        nursery.start_soon(answer, end)

        response = await end.session.call(request())

        assert response == v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)
        text = '[2,"m-1","DataTransfer",{"vendorId":"Acme","data":"1"}]'
        assert end.recorder.named("sent") == [("Call", "DataTransfer", text)]
        received = ("CallResult", "DataTransfer", json.dumps([3, "m-1", ACCEPTED]))
        assert end.recorder.named("received") == [received]
        assert end.recorder.named("ended") == [report("response", "remote")]
        assert_at_rest(end.session.statistics())


async def test_a_session_says_whose_it_is(lone, autojump_clock):
    async with lone() as end:
        assert end.session.identity == "CP-1"
        assert end.session.closed is None
        assert end.session.registration is Registration.UNKNOWN
        assert not end.session.draining


async def test_the_second_call_waits_for_the_answer_to_the_first(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(end.session.call, request(str(number)))
            await trio.testing.wait_all_tasks_blocked()
        statistics = end.session.statistics()
        assert (statistics.pending_calls, statistics.deadlines, statistics.calls_waiting) == (1, 1, 4)

        seen = []
        for _ in range(5):
            call = await end.hear()
            with trio.move_on_after(1) as scope:
                await end.hear()
            assert scope.cancelled_caught, "one unanswered CALL at a time"
            seen.append(call[3]["data"])
            await end.say(3, call[1], ACCEPTED)

    assert seen == ["0", "1", "2", "3", "4"]
    statistics = end.session.statistics()
    assert (statistics.max_calls_waiting, statistics.max_writes_in_flight) == (4, 1)
    assert statistics.max_writes_waiting <= 1


async def test_more_calls_may_be_outstanding_where_the_limit_says_so(lone, autojump_clock):
    async with lone(outstanding_calls=3) as end, trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(end.session.call, request(str(number)))
            await trio.testing.wait_all_tasks_blocked()

        calls = [await end.hear() for _ in range(3)]

        assert end.session.statistics().pending_calls == 3
        assert end.session.statistics().calls_waiting == 1
        for call in reversed(calls):
            await end.say(3, call[1], ACCEPTED)
        await answer(end)


async def test_no_reply_is_a_timeout_after_thirty_seconds(lone, autojump_clock):
    async with lone() as end:
        with pytest.raises(CallTimeout, match="no reply to DataTransfer within 30 s") as caught:
            await end.session.call(request())

        assert trio.current_time() == 30
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.origin == "local"
        assert end.recorder.named("ended") == [report("timeout", seconds=30)]
        assert_at_rest(end.session.statistics())


async def test_the_timeout_starts_at_the_hand_over_and_not_at_the_wait_for_the_slot(lone, autojump_clock):
    ends: list[float] = []

    async def call(end: Lone) -> None:
        with pytest.raises(CallTimeout):
            await end.session.call(request())
        ends.append(trio.current_time())

    async with lone(call_timeout=7) as end, trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(call, end)

    assert ends == [7, 14, 21]


async def test_the_timeout_starts_at_the_hand_over_and_not_at_the_wait_for_the_writer(lone, autojump_clock):
    async with lone(outstanding_calls=2, call_timeout=5) as end, trio.open_nursery() as nursery:
        end.stall_peer()
        nursery.start_soon(end.session.call, request("x" * 100_000))
        await trio.testing.wait_all_tasks_blocked()

        async def free_the_writer() -> None:
            await trio.sleep(4)
            end.let_peer_read()
            await end.say(3, (await end.hear())[1], ACCEPTED)
            assert (await end.hear())[1] == "m-2"

        nursery.start_soon(free_the_writer)
        with pytest.raises(CallTimeout):
            await end.session.call(request())

        assert trio.current_time() == 4 + 5
        assert end.recorder.named("ended")[-1] == report("timeout", message_id="m-2", seconds=5)


async def test_a_reply_at_the_last_moment_counts(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: answer(end, after=29.999))

        await end.session.call(request())

        assert end.recorder.named("ended") == [report("response", "remote", seconds=29.999)]


async def test_the_caller_may_wait_for_less(lone, autojump_clock):
    async with lone() as end:
        with pytest.raises(trio.TooSlowError), trio.fail_after(5):
            await end.session.call(request())

        assert trio.current_time() == 5
        assert end.recorder.named("ended") == [report("cancelled", seconds=5)]


async def test_a_late_reply_is_counted_and_dropped(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        with pytest.raises(CallTimeout):
            await end.session.call(request())
        await end.say(3, (await end.hear())[1], ACCEPTED)
        nursery.start_soon(answer, end)

        await end.session.call(request())

        assert end.recorder.named("dropped") == [("late", "m-1")]
        assert end.recorder.named("received")[0][:2] == ("CallResult", None)


async def test_duplicate_and_unknown_replies_are_counted_and_dropped(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        nursery.start_soon(answer, end)
        await end.session.call(request())
        await end.say(3, "m-1", ACCEPTED)
        await end.say(4, "m-1", "GenericError", "", {})
        await end.say(3, "m-77", ACCEPTED)
        await end.say(4, "-1", "GenericError", "", {})
        await trio.testing.wait_all_tasks_blocked()

        dropped = end.recorder.named("dropped")

    assert dropped == [("duplicate", "m-1"), ("duplicate", "m-1"), ("unknown", "m-77"), ("unknown", "-1")]


@pytest.mark.parametrize(
    "broken", ['[3,"m-1"]', '[3,"m-1",[]]', '[3,"m-1",{},{}]', '[4,"m-1"]', '[4,"m-1",7,"",{}]', '[4,"m-1","X","",7]']
)
async def test_a_broken_reply_settles_nothing_and_the_proper_one_still_does(lone, broken: str, autojump_clock):
    async def answer_badly_first() -> None:
        call = await end.hear()
        await end.peer.send(broken)
        await trio.sleep(1)
        await end.say(3, call[1], ACCEPTED)

    async with lone() as end, trio.open_nursery() as nursery:
        nursery.start_soon(answer_badly_first)

        await end.session.call(request())

        assert trio.current_time() == 1
        assert end.recorder.named("dropped") == [("mismatched", "m-1")]
        assert end.recorder.named("refused") == [broken]


async def test_a_broken_reply_to_nothing_is_unknown(lone, autojump_clock):
    async with lone() as end:
        await end.peer.send('[3,"m-9"]')
        await trio.testing.wait_all_tasks_blocked()

        assert end.recorder.named("dropped") == [("unknown", "m-9")]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, ErrorCode.PROTOCOL_ERROR),
        ({"status": "Perhaps"}, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION),
        ({"status": 1}, ErrorCode.TYPE_CONSTRAINT_VIOLATION),
        ({**ACCEPTED, "x": 1}, ErrorCode.FORMATION_VIOLATION),
    ],
)
async def test_a_result_that_does_not_fit_is_an_invalid_response(lone, payload, code, autojump_clock):
    async def answer_badly() -> None:
        await end.say(3, (await end.hear())[1], payload)

    async with lone() as end, trio.open_nursery() as nursery:
        nursery.start_soon(answer_badly)

        with pytest.raises(InvalidResponse, match="DataTransferResponse: ") as caught:
            await end.session.call(request())

        assert caught.value.origin == "local"
        assert end.recorder.named("ended") == [report("invalid_response", code=code)]


async def reject(end: Lone, *elements: Any) -> None:
    await end.say(4, (await end.hear())[1], *elements)


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        ("NotSupported", ErrorCode.NOT_SUPPORTED),
        ("FormationViolation", ErrorCode.FORMATION_VIOLATION),
        ("FormatViolation", ErrorCode.FORMATION_VIOLATION),
        ("OccurrenceConstraintViolation", ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION),
        ("MyOwnError", "MyOwnError"),
        ("", ""),
    ],
)
async def test_a_call_error_is_raised_with_its_code(lone, sent: str, understood: str, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        nursery.start_soon(reject, end, sent, "because", {"at": [1]})

        with pytest.raises(CallRejected) as caught:
            await end.session.call(request())

        error = caught.value
        assert (error.code, error.description, error.details, error.origin) == (
            understood,
            "because",
            {"at": [1]},
            "remote",
        )
        assert end.recorder.named("ended") == [report("rejected", "remote", code=understood)]


async def test_a_call_error_without_its_end_is_understood(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        nursery.start_soon(reject, end, "GenericError")

        with pytest.raises(CallRejected) as caught:
            await end.session.call(request())

        assert (caught.value.description, caught.value.details) == ("", {})


async def test_text_that_cannot_be_sent_is_a_value_error_and_sends_nothing(lone, autojump_clock):
    async with lone() as end:
        with pytest.raises(ValueError, match="surrogate"):
            await end.session.call(request("\ud800"))

        assert_at_rest(end.session.statistics())
        assert end.recorder.named("sent") == []


@pytest.mark.parametrize(
    ("role", "wrong"),
    [
        ("charge_point", v16.ResetRequest(type=v16.ResetType.SOFT)),
        ("csms", v16.HeartbeatRequest()),
    ],
)
async def test_a_request_of_the_other_end_is_refused_here_and_now(lone, role, wrong, autojump_clock):
    async with lone() as end:
        with pytest.raises(LocalProtocolError, match=f"a {role} cannot send {type(wrong).__name__}"):
            await end.session.call(wrong)

        assert_at_rest(end.session.statistics())
        assert end.recorder.named("sent") == []


@pytest.mark.parametrize("seed", range(20))
async def test_a_triggered_call_right_behind_the_answer_passes_the_gate(seed: int, autojump_clock):
    """Both frames may arrive together, and the caller of the TriggerMessage need not have run yet."""
    gate = CsmsGate("BootNotification", Registration.PENDING)
    router = Router(v16)

    @router.on(v16.StatusNotificationRequest)
    async def handle(session: Session, request: v16.StatusNotificationRequest) -> v16.StatusNotificationResponse:
        return v16.StatusNotificationResponse()

    trigger = v16.TriggerMessageRequest(requested_message=v16.MessageTrigger.STATUS_NOTIFICATION)
    status = {"connectorId": 0, "errorCode": "NoError", "status": "Available"}
    async with open_lone("csms", router, gate=gate) as end, trio.open_nursery() as nursery:
        nursery.start_soon(end.session.call, trigger)
        call = await end.hear()
        await end.say(3, call[1], {"status": "Accepted"})
        await end.say(2, "p-1", "StatusNotification", status)
        answer = await end.hear()

    assert answer == [3, "p-1", {}]
