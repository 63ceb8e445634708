"""How a session ends, what everybody who waits on it is told, and what the peer sees."""

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, ConnectionClosed, Router, Session, v16
from ocpp_trio.link.registration import ChargePointGate, Registration
from ocpp_trio.link.transport import GOING_AWAY
from tests.link.conftest import Lone, assert_at_rest, open_lone

REQUEST = v16.DataTransferRequest(vendor_id="Acme")
ACCEPTED = {"status": "Accepted"}
BIG = v16.DataTransferRequest(vendor_id="Acme", data="x" * 100_000)
ABNORMAL = Closed(CloseReason.TRANSPORT_ERROR, 1006, "the stream ended without a close frame")
FORCED = Closed(CloseReason.FORCED, None, "dropped")
RESTART = Closed(CloseReason.STOPPING, 1012, "restart")
# How an end comes about, and what it is called.
ENDS = {
    "peer closes": Closed(CloseReason.CLEAN, 1001, "bye"),
    "reset": ABNORMAL,
    "drop": FORCED,
    "close": RESTART,
}


def bring_about(end: Lone, how: str) -> None:
    match how:
        case "peer closes":
            end.hang_up(Closed(CloseReason.STOPPING, 1001, "bye"))
        case "reset":
            end.link.reset()
        case "drop":
            end.session.drop(FORCED)
        case "close":
            end.session.close(RESTART)


async def fail(end: Lone, errors: list[tuple[float, ConnectionClosed]], request=REQUEST) -> None:
    """A call that ends with ConnectionClosed."""
    with pytest.raises(ConnectionClosed) as caught:
        await end.session.call(request)
    errors.append((trio.current_time(), caught.value))


@pytest.mark.parametrize("how", list(ENDS))
async def test_everybody_learns_of_the_end_at_its_instant(lone, how: str, autojump_clock):
    errors: list[tuple[float, ConnectionClosed]] = []
    async with lone() as end, trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(fail, end, errors)
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(5)
        bring_about(end, how)

        closed = await end.session.wait_closed()

        assert closed == end.session.closed == ENDS[how]
        await trio.testing.wait_all_tasks_blocked()
        assert trio.current_time() == 5
        assert_at_rest(end.session.statistics())
        assert end.session.statistics().closed == closed

    assert [(at, error.closed, error.was_sent) for at, error in errors] == [
        (5, closed, True),
        *[(5, closed, False)] * 3,
    ]
    assert [ended.outcome for ended in end.recorder.named("ended")] == ["closed"]


@pytest.mark.parametrize("how", list(ENDS))
async def test_on_closed_runs_before_anybody_else_knows(lone, how: str, autojump_clock):
    order: list[str] = []

    async def call() -> None:
        with pytest.raises(ConnectionClosed):
            await end.session.call(REQUEST)
        order.append("caller")

    async def wait() -> None:
        await end.session.wait_closed()
        order.append("waiter")

    def on_closed(closed: Closed) -> None:
        assert closed == ENDS[how]
        assert end.session.closed == closed
        assert end.recorder.named("closed") == []
        order.append("callback")

    async with lone(on_closed=on_closed) as end, trio.open_nursery() as nursery:
        nursery.start_soon(call)
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        bring_about(end, how)

    assert order[0] == "callback"
    assert sorted(order) == ["callback", "caller", "waiter"]
    assert end.recorder.events[-2][0] == "closed", "the instrument knows before the call has ended"


@pytest.mark.parametrize("run", range(10))  # the order of the two is random
async def test_a_call_that_arrives_at_the_end_is_dropped(lone, run: int, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(end.say, 2, f"p-{number}", "DataTransfer", {"vendorId": "Acme"})
            await trio.lowlevel.checkpoint()
        for _ in range(run):
            await trio.lowlevel.checkpoint()
        end.session.close(RESTART)
        received = len(end.recorder.named("received"))
        await trio.testing.wait_all_tasks_blocked()

        assert len(end.recorder.named("received")) == received


async def test_calls_after_the_end_fail_at_once(lone, autojump_clock):
    async with lone() as end:
        end.link.reset()
        await end.session.wait_closed()
        errors: list[tuple[float, ConnectionClosed]] = []

        await fail(end, errors)

        assert [(at, error.closed, error.was_sent) for at, error in errors] == [(0, ABNORMAL, False)]


async def test_the_first_end_counts(lone, autojump_clock):
    async with lone() as end:
        end.session.close(RESTART)
        end.session.drop(FORCED)
        end.session.close(GOING_AWAY)

        assert await end.session.wait_closed() == RESTART
    assert end.recorder.named("closed") == [RESTART]


async def test_leaving_the_body_ends_the_session_with_1001(lone, autojump_clock):
    async with lone() as end:
        pass

    assert end.session.closed == GOING_AWAY
    assert trio.current_time() == 0, "the peer answers the close frame"
    with pytest.raises(ConnectionClosed) as caught:
        await end.peer.receive()
    assert caught.value.closed == Closed(CloseReason.CLEAN, 1001, "going away")


async def test_closing_says_the_code_to_the_peer_once_the_body_has_left(lone, autojump_clock):
    async with lone() as end:
        end.session.close(RESTART)
        await trio.sleep(1)
        assert end.peer.closed is None

    with pytest.raises(ConnectionClosed) as caught:
        await end.peer.receive()
    assert caught.value.closed == Closed(CloseReason.CLEAN, 1012, "restart")


async def test_dropping_says_nothing_to_the_peer(lone, autojump_clock):
    async with lone() as end:
        end.session.drop(FORCED)

    with pytest.raises(ConnectionClosed) as caught:
        await end.peer.receive()
    assert caught.value.closed == ABNORMAL


async def test_the_end_of_the_connection_does_not_cancel_the_body(lone, autojump_clock):
    async with lone() as end:
        end.link.reset()
        await end.session.wait_closed()

        await trio.sleep(10)

        assert trio.current_time() == 10


async def test_an_exception_of_the_body_leaves_bare(lone, autojump_clock):
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="a bug")):  # the group is the fixture's own
        async with lone():
            raise ValueError("a bug")


async def test_a_caller_at_the_writer_learns_of_the_end_at_once(lone, autojump_clock):
    """The peer ends its direction while it reads nothing, so the writer is stuck and the reader is not."""
    errors: list[tuple[float, ConnectionClosed]] = []
    async with lone(outstanding_calls=2) as end, trio.open_nursery() as nursery:
        end.stall_peer()
        nursery.start_soon(fail, end, errors, BIG)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(fail, end, errors)
        await trio.testing.wait_all_tasks_blocked()
        theirs = end.link.server if end.session.link.role == "charge_point" else end.link.client
        await theirs.send_eof()
        await end.session.wait_closed()
        await trio.testing.wait_all_tasks_blocked()

        assert [(at, error.was_sent) for at, error in sorted(errors, key=lambda e: e[1].was_sent)] == [
            (0, False),
            (0, True),
        ]
        assert {error.closed for _, error in errors} == {ABNORMAL}


async def test_the_session_opens_before_anything_else_happens(lone, autojump_clock):
    async def speak(peer) -> None:
        await peer.send('[3,"early",{}]')
        await trio.testing.wait_all_tasks_blocked()

    async with lone(before=speak) as end:
        await trio.testing.wait_all_tasks_blocked()

        assert [event[0] for event in end.recorder.events] == ["opened", "received", "dropped"]


async def test_a_connection_that_ended_before_its_session_began(lone, autojump_clock):
    async def leave(peer) -> None:
        peer.abort(FORCED)
        await peer._guard._stream.aclose()
        await trio.testing.wait_all_tasks_blocked()

    async with lone(before=leave) as end:
        assert await end.session.wait_closed() == ABNORMAL

    assert [event[0] for event in end.recorder.events] == ["opened", "closed"]


@pytest.mark.parametrize("outstanding", [1, 2])
async def test_draining_waits_for_what_is_open_and_takes_nothing_new(lone, outstanding: int, autojump_clock):
    errors: list[tuple[float, ConnectionClosed]] = []
    async with lone(outstanding_calls=outstanding) as end, trio.open_nursery() as nursery:
        nursery.start_soon(end.session.call, REQUEST)
        await trio.testing.wait_all_tasks_blocked()
        if outstanding == 1:
            nursery.start_soon(fail, end, errors)
            await trio.testing.wait_all_tasks_blocked()

        async def answer() -> None:
            await trio.sleep(4)
            await end.say(3, (await end.hear())[1], ACCEPTED)

        nursery.start_soon(answer)
        nursery.start_soon(end.session.drain)
        await trio.testing.wait_all_tasks_blocked()
        assert end.session.draining
        await fail(end, errors)
        assert errors[0][0] == 0

        await end.session.drain()

        assert trio.current_time() == 4
        assert end.session.closed is None
        assert {error.closed for _, error in errors} == {GOING_AWAY}
        assert not any(error.was_sent for _, error in errors)


async def test_draining_at_rest_is_done_at_once(lone, autojump_clock):
    async with lone() as end:
        await end.session.drain()
        await end.session.drain()

        assert trio.current_time() == 0


async def test_draining_refuses_calls_of_the_peer(lone, autojump_clock):
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def transfer(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        await trio.sleep(5)
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)

    async with lone(router) as end, trio.open_nursery() as nursery:
        await end.say(2, "p-1", "DataTransfer", {"vendorId": "Acme"})
        await trio.sleep(1)
        nursery.start_soon(end.session.drain)
        await trio.testing.wait_all_tasks_blocked()
        await end.say(2, "p-2", "DataTransfer", {"vendorId": "Acme"})

        assert await end.hear() == [4, "p-2", "GenericError", "shutting down", {}]
        assert await end.hear() == [3, "p-1", ACCEPTED]
        await end.session.drain()
        assert trio.current_time() == 5


@pytest.mark.parametrize("how", ["answer", "timeout"])
async def test_draining_ends_when_a_cancelled_call_is_settled(lone, how: str, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        with trio.move_on_after(1):
            await end.session.call(REQUEST)

        async def answer() -> None:
            await trio.sleep(2)
            if how == "answer":
                await end.say(3, (await end.hear())[1], ACCEPTED)

        nursery.start_soon(answer)

        await end.session.drain()

        assert trio.current_time() == (3 if how == "answer" else 30)


async def test_draining_ends_with_the_session(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        errors: list[tuple[float, ConnectionClosed]] = []
        nursery.start_soon(fail, end, errors)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(end.session.drain)
        await trio.sleep(1)
        end.link.reset()

    assert trio.current_time() == 1


async def test_cancelling_drain_leaves_the_session_draining(lone, autojump_clock):
    async with lone() as end, trio.open_nursery() as nursery:
        errors: list[tuple[float, ConnectionClosed]] = []
        nursery.start_soon(fail, end, errors)
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(1) as scope:
            await end.session.drain()
        assert scope.cancelled_caught

        assert end.session.draining
        end.session.close(GOING_AWAY)


@pytest.mark.parametrize("steps", range(12))
async def test_drain_never_leaves_a_call_without_an_answer(lone, steps: int, autojump_clock):
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def handle(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        await trio.sleep(1)
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)

    async with lone(router) as end:
        await end.say(2, "p-1", "DataTransfer", {"vendorId": "Acme"})
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end.session.drain)
            answer = await end.hear()

    assert answer[:2] in ([3, "p-1"], [4, "p-1"])


async def test_a_caller_at_the_slot_learns_of_the_end_also_where_the_gate_was_reset(autojump_clock):
    """As a reboot does it: registration is forgotten and the link closed at one instant."""
    gate = ChargePointGate("BootNotification", Registration.ACCEPTED)
    errors: list[tuple[float, ConnectionClosed]] = []

    async with open_lone("charge_point", gate=gate) as end, trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(fail, end, errors)
        await trio.testing.wait_all_tasks_blocked()
        gate.reset()
        end.session.close(RESTART)

    assert {(error.closed, error.was_sent) for _, error in errors} == {(RESTART, False), (RESTART, True)}
