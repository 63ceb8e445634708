"""Pings, pongs and signs of life: who answers them, what waits for them, and what does not."""

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, ConnectionClosed, Transport
from ocpp_trio.testing import Conditions
from ocpp_trio.testing.network import BUFFER_SIZE
from tests.link.conftest import Wire
from tests.link.raw_peer import PING, PONG, SeenFrame


async def test_nothing_follows_a_write_that_finishes_after_the_abort(wire: Wire, autojump_clock):
    heard: list[SeenFrame] = []

    async def hear() -> None:
        heard.extend(await wire.peer.frames())

    async with wire.open() as transport, trio.open_nursery() as nursery:
        wire.link.shape(Conditions(buffer=4))
        wire.stall_peer()
        nursery.start_soon(transport.ping)
        await trio.testing.wait_all_tasks_blocked()
        transport.abort(Closed(CloseReason.STOPPING, 1001))
        wire.let_peer_read()
        wire.soon(hear)
        await trio.testing.wait_all_tasks_blocked()
        assert transport.writes_in_flight == 0

        with pytest.raises(ConnectionClosed):
            await transport.send("more")
        nursery.cancel_scope.cancel()

    await trio.testing.wait_all_tasks_blocked()
    assert [frame.opcode for frame in heard] == [PING]


async def test_there_is_no_sign_to_wait_for_after_the_end(wire: Wire, autojump_clock):
    closed = Closed(CloseReason.STOPPING, 1001)
    async with wire.open() as transport:
        transport.end(closed)
        with pytest.raises(ConnectionClosed) as caught:
            await transport.wait_sign()
        wire.soon(wire.peer.answer_close)

    assert caught.value.closed == closed


async def test_who_waits_for_a_sign_learns_that_the_context_is_left(wire: Wire, autojump_clock):
    caught: list[ConnectionClosed] = []

    async def wait_sign(transport: Transport) -> None:
        with pytest.raises(ConnectionClosed) as error:
            await transport.wait_sign()
        caught.append(error.value)

    async with wire.open() as transport:
        wire.soon(wait_sign, transport)
        await trio.testing.wait_all_tasks_blocked()
        wire.soon(wire.peer.answer_close)
    await trio.testing.wait_all_tasks_blocked()

    assert [error.closed.code for error in caught] == [1001]


async def test_a_ping_ends_with_its_pong(wire: Wire, autojump_clock):
    async def pong() -> None:
        frame = await wire.peer.next_frame()
        assert frame is not None
        await trio.sleep(2)
        await wire.peer.send(wire.peer.frame(PONG, frame.payload))

    async with wire.open() as transport:
        wire.soon(pong)

        await transport.ping()

        assert trio.current_time() == 2


async def test_a_ping_is_on_its_own_when_the_connection_dies_but_can_be_left(wire: Wire, autojump_clock):
    async def break_later() -> None:
        await trio.sleep(1)
        wire.link.reset()

    async with wire.open() as transport:
        with trio.move_on_after(5) as scope:
            wire.soon(break_later)
            await transport.ping()

        assert scope.cancelled_caught
        with pytest.raises(ConnectionClosed):
            await transport.ping()

    assert trio.current_time() == 5


async def test_a_pong_that_nobody_asked_for_is_ignored(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.frame(PONG, b"?"), wire.peer.text("hello"))

        assert await transport.receive() == "hello"
        assert transport.closed is None


async def test_pings_go_unanswered_while_two_messages_wait_so_somebody_must_always_read(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.text("1"), wire.peer.text("2"))
        await trio.testing.wait_all_tasks_blocked()
        await wire.peer.send(wire.peer.frame(PING, b"p"))
        with trio.move_on_after(60) as scope:
            await wire.peer.next_frame()
        assert scope.cancelled_caught

        await transport.receive()

        assert await wire.peer.next_frame() == SeenFrame(PONG, b"p")


async def test_a_cancelled_ping_tears_the_stream_like_a_message(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        wire.stall_peer()
        size = 65536 - 1 - (8 if wire.side == "client" else 4)
        await transport.send("x" * size)  # leaves a byte of room
        with trio.move_on_after(1):
            await transport.ping()

    assert trio.current_time() == 1
    wire.let_peer_read()
    assert await wire.peer.next_frame() is not None
    assert await wire.peer.next_frame() is None
    assert len(wire.peer.unread) == 1


async def test_a_pong_that_the_peer_never_takes_ends_at_the_write_timeout(wire, autojump_clock):
    """The engine's reader writes pongs and the answer to a close; it is shielded, so only the guard can end it."""
    async with wire.open(write_timeout=10) as transport:
        wire.stall_peer()
        header = 8 if wire.side == "client" else 4
        await transport.send("x" * (BUFFER_SIZE - header - 5))  # 5 bytes of room, fewer than a pong
        await wire.peer.send(wire.peer.frame(0x9, b"0123456789"))
        with pytest.raises(ConnectionClosed) as closed:
            await transport.receive()

    assert trio.current_time() == 10
    assert closed.value.closed.detail == "a write did not finish within 10 s"
