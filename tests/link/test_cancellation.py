"""Every public await of a session, cancelled at every moment: what is left must be whole, at rest, and still work."""

from typing import Any

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, ConnectionClosed, Router, Session, v16
from ocpp_trio.link.instrument import Role
from tests.blow import LONG, Blow, let_flow_later, sweep
from tests.link.conftest import Linked, assert_at_rest, open_linked


def transfer(data: str = "1") -> v16.DataTransferRequest:
    return v16.DataTransferRequest(vendor_id="Acme", data=data)


def echoing(seconds: float = 0) -> Router:
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def echo(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        await trio.sleep(seconds)
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED, data=request.data)

    return router


async def assert_in_order(ends: Linked) -> None:
    """Both ends still understand each other, and nothing is left over at either."""
    for session in (ends.a, ends.b):
        assert (await session.call(transfer("still there"))).data == "still there"
    await trio.testing.wait_all_tasks_blocked()
    for session, seen in ((ends.a, ends.a_seen), (ends.b, ends.b_seen)):
        assert session.closed is None
        assert_at_rest(session.statistics())
        assert seen.named("refused") == []
        sent = [frame for frame in seen.named("sent") if frame[0] == "Call"]
        assert len(seen.named("ended")) == len(sent), "every call that went out has one outcome"


@pytest.mark.parametrize("seconds", [0, 5])
def test_call(role: Role, seconds: float):
    async def scenario(blow: Blow) -> None:
        async with open_linked(role, echoing(), echoing(seconds)) as ends:
            with blow.strikes():
                assert (await ends.a.call(transfer())).data == "1"
            await assert_in_order(ends)

    assert sweep(scenario) > 7


def test_call_behind_another(role: Role):
    async def scenario(blow: Blow) -> None:
        async with open_linked(role, echoing(), echoing(5)) as ends, trio.open_nursery() as nursery:
            nursery.start_soon(ends.a.call, transfer("first"))
            await trio.testing.wait_all_tasks_blocked()
            with blow.strikes():
                await ends.a.call(transfer("second"))
            await assert_in_order(ends)

    assert sweep(scenario) > 7


def test_call_through_a_busy_writer(role: Role):
    async def scenario(blow: Blow) -> None:
        async with open_linked(role, echoing(), echoing(), outstanding_calls=2) as ends, trio.open_nursery() as nursery:
            ends.link.stall(client=True, server=True)
            nursery.start_soon(ends.a.call, transfer(LONG))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(let_flow_later, ends.link)
            with blow.strikes():
                await ends.a.call(transfer("second"))
            await trio.sleep(1)
            await assert_in_order(ends)

    assert sweep(scenario) > 7


def test_call_of_a_long_message(role: Role):
    async def scenario(blow: Blow) -> None:
        async with open_linked(role, echoing(), echoing()) as ends:
            with blow.strikes():
                await ends.a.call(transfer(LONG))
            await assert_in_order(ends)

    assert sweep(scenario) > 20


def test_call_while_the_connection_ends(role: Role):
    async def scenario(blow: Blow) -> None:
        async with open_linked(role, echoing(), echoing(5)) as ends, trio.open_nursery() as nursery:
            nursery.start_soon(reset_later, ends)
            with blow.strikes(), pytest.raises(ConnectionClosed):
                await ends.a.call(transfer())
            await ends.a.wait_closed()
            await trio.testing.wait_all_tasks_blocked()
            assert_at_rest(ends.a.statistics())
            assert len(ends.a_seen.named("ended")) == len(ends.a_seen.named("sent"))

    assert sweep(scenario) > 7


async def reset_later(ends: Linked) -> None:
    await trio.sleep(1)
    ends.link.reset()


def test_wait_closed(role: Role):
    async def scenario(blow: Blow) -> None:
        async with open_linked(role, echoing(), echoing()) as ends, trio.open_nursery() as nursery:
            nursery.start_soon(ends.b.call, transfer())
            with blow.strikes(), trio.move_on_after(1):
                await ends.a.wait_closed()
            await assert_in_order(ends)

    assert sweep(scenario) > 7


def test_drain(role: Role):
    async def scenario(blow: Blow) -> None:
        async with open_linked(role, echoing(), echoing(5)) as ends, trio.open_nursery() as nursery:
            nursery.start_soon(ends.a.call, transfer())
            await trio.testing.wait_all_tasks_blocked()
            with blow.strikes():
                await ends.a.drain()
                assert trio.current_time() == 5
            if ends.a.draining:
                await ends.a.drain()
            await trio.sleep(5)
            assert ends.a.closed is None
            assert_at_rest(ends.a.statistics())

    assert sweep(scenario) > 5


@pytest.mark.parametrize("close", [False, True])
def test_a_whole_session(role: Role, close: bool):
    """The scope around everything: transport, connection, session and callers."""

    async def scenario(blow: Blow) -> None:
        with blow.strikes():
            async with open_linked(role, echoing(), echoing(5)) as ends, trio.open_nursery() as nursery:
                nursery.start_soon(call_or_lose, ends.a)
                nursery.start_soon(call_or_lose, ends.b)
                await trio.sleep(1)
                if close:
                    ends.a.close(Closed(CloseReason.STOPPING, 1012))

    assert sweep(scenario) > 50


def test_ping(role: Role):
    """The ping belongs to the keepalive: who waits for it may leave at any time."""

    async def scenario(blow: Blow) -> None:
        async with open_linked(role, echoing(), echoing()) as ends:
            with blow.strikes():
                await ends.a.ping()
            await ends.a.ping()
            await assert_in_order(ends)

    assert sweep(scenario) >= 3


async def call_or_lose(session: Session) -> None:
    try:
        await session.call(transfer())
    except ConnectionClosed:
        assert session.closed is not None


def test_the_sweep_sees_what_it_is_for():
    """A scenario that leaves a mess behind is found at the step that makes it."""

    async def scenario(blow: Blow) -> None:
        held: list[Any] = []
        with blow.strikes():
            held.append("taken")
            await trio.sleep(1)
            await trio.sleep(1)
            held.clear()
        assert not held

    with pytest.raises(AssertionError, match="taken"):
        sweep(scenario)
