"""The writer task, the keepalive and the orderly end of one connection, with a scripted peer at the other end."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, ConnectionClosed, Instrument, Limits, Link
from ocpp_trio.link.connection import Connection, Depth, open_connection
from tests.link.conftest import Wire
from tests.link.raw_peer import CLOSE, PING, PONG, TEXT

LINK = Link(identity="CP-1", role="csms", number=1)
BIG = "x" * 200_000
SILENT: dict[str, Any] = {"ping_interval": math.inf}


class Pongs(Instrument):
    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    def pong_received(self, link: Link, *, seconds: float) -> None:
        assert link is LINK
        self.seen.append((trio.current_time(), seconds))


@asynccontextmanager
async def connect(wire: Wire, *, instrument: Instrument | None = None, **limits: Any) -> AsyncIterator[Connection]:
    async with (
        wire.open(**limits) as transport,
        open_connection(
            transport, limits=Limits(**limits), instrument=instrument or Instrument(), link=LINK
        ) as connection,
    ):
        yield connection


async def collect(wire: Wire, texts: list[str]) -> None:
    """Read messages as the peer, for as long as it may, and answer the goodbye."""
    while (frame := await wire.peer.next_frame()) is not None:
        if frame.opcode == TEXT:
            texts.append(frame.payload.decode())
        if frame.opcode == CLOSE:
            await wire.peer.send(wire.peer.frame(CLOSE, frame.payload))


async def answer_pings(wire: Wire) -> None:
    while (frame := await wire.peer.next_frame()) is not None:
        if frame.opcode == PING:
            await wire.peer.send(wire.peer.frame(PONG, frame.payload))


async def pings(wire: Wire, seen: list[float]) -> None:
    """Note when pings come, and answer none."""
    while (frame := await wire.peer.next_frame()) is not None:
        if frame.opcode == PING:
            seen.append(trio.current_time())


async def test_messages_go_out_in_the_order_of_their_senders(wire: Wire, autojump_clock):
    texts: list[str] = []
    async with connect(wire, **SILENT) as connection:
        wire.stall_peer()
        wire.soon(collect, wire, texts)
        await connection.send(BIG)
        for number in range(20):
            wire.soon(connection.send, str(number))
            await trio.testing.wait_all_tasks_blocked()
        assert (connection.writes_waiting.now, connection.writes_waiting.peak) == (20, 20)
        wire.let_peer_read()
        await connection.send("last")

    assert texts == [BIG, *map(str, range(20)), "last"]
    assert connection.writes_waiting.now == 0
    assert connection.transport.max_writes_in_flight == 1


async def test_a_receipt_tells_when_the_message_is_written(wire: Wire, autojump_clock):
    async with connect(wire, **SILENT) as connection:
        wire.stall_peer()
        receipt = await connection.send(BIG)
        with trio.move_on_after(5) as scope:
            await receipt.wait_written()
        assert scope.cancelled_caught
        wire.let_peer_read()
        wire.soon(wire.peer.next_frame)

        assert await receipt.wait_written()

        assert trio.current_time() == 5


async def test_receive_hands_on_what_the_peer_says(wire: Wire, autojump_clock):
    async with connect(wire, **SILENT) as connection:
        await wire.peer.send(wire.peer.text("hello"), wire.peer.close(1000))

        assert await connection.transport.receive() == "hello"
        with pytest.raises(ConnectionClosed):
            await connection.transport.receive()


async def test_a_sender_cancelled_before_the_hand_over_sends_nothing(wire: Wire, autojump_clock):
    texts: list[str] = []
    async with connect(wire, **SILENT) as connection:
        wire.stall_peer()
        wire.soon(collect, wire, texts)
        await connection.send(BIG)
        with trio.move_on_after(1) as scope:
            await connection.send("never")
        assert scope.cancelled_caught
        assert connection.writes_waiting.now == 0
        wire.let_peer_read()
        await connection.send("after")

    assert texts == [BIG, "after"]


async def test_a_sender_cancelled_after_the_hand_over_still_sends_the_whole_frame(wire: Wire, autojump_clock):
    texts: list[str] = []
    async with connect(wire, **SILENT) as connection:
        wire.stall_peer()
        wire.soon(collect, wire, texts)
        with trio.move_on_after(1) as scope:
            receipt = await connection.send(BIG)
            await receipt.wait_written()
        assert scope.cancelled_caught
        wire.let_peer_read()
        await connection.send("after")

    assert texts == [BIG, "after"]


async def test_a_write_that_does_not_finish_cuts_the_connection(wire: Wire, autojump_clock):
    closed = Closed(CloseReason.TRANSPORT_ERROR, None, "a write did not finish within 10 s")
    errors: list[tuple[float, ConnectionClosed]] = []

    async def send(text: str) -> None:
        with pytest.raises(ConnectionClosed) as caught:
            await connection.send(text)
        errors.append((trio.current_time(), caught.value))

    async with connect(wire, **SILENT) as connection:
        wire.stall_peer()
        await trio.sleep(1)
        receipt = await connection.send(BIG)
        for _ in range(3):
            wire.soon(send, "waiting")
        with pytest.raises(ConnectionClosed) as caught:
            await connection.transport.receive()
        assert trio.current_time() == 11
        assert caught.value.closed == connection.transport.closed == closed
        assert not await receipt.wait_written(), "nobody waits for ever"
        await send("too late")

    assert [(at, error.closed, error.was_sent) for at, error in errors] == [(11, closed, False)] * 4
    assert trio.current_time() == 11, "a torn stream has nothing to wait for"
    wire.let_peer_read()
    assert await wire.peer.next_frame() is None
    assert len(wire.peer.unread) == 65536, "half a frame, and nothing behind it"


async def test_senders_learn_of_a_writer_that_died(wire: Wire, autojump_clock):
    async with connect(wire, **SILENT) as connection:
        wire.stall_peer()
        receipt = await connection.send(BIG)
        wire.soon(wait_and_reset, wire)

        with pytest.raises(ConnectionClosed) as caught:
            await connection.send("waiting")

        assert trio.current_time() == 5
        assert not await receipt.wait_written()
        assert caught.value.reason is CloseReason.TRANSPORT_ERROR
        assert caught.value.was_sent is False
        with pytest.raises(ConnectionClosed):
            await connection.transport.receive()


async def wait_and_reset(wire: Wire) -> None:
    await trio.sleep(5)
    wire.link.reset()


@pytest.mark.parametrize("interval", [30.0, 7.0])
async def test_pings_go_out_at_the_interval(wire: Wire, interval: float, autojump_clock):
    pongs = Pongs()
    async with connect(wire, instrument=pongs, ping_interval=interval):
        wire.soon(answer_pings, wire)
        await trio.sleep(4.5 * interval)

    assert pongs.seen == [(n * interval, 0) for n in (1, 2, 3, 4)]


async def test_a_ping_is_told_before_it_is_answered(wire: Wire, autojump_clock):
    told: list[float] = []

    class Pings(Instrument):
        def ping_sent(self, link: Link) -> None:
            told.append(trio.current_time())

    async with connect(wire, instrument=Pings(), ping_interval=30):
        await trio.sleep(45)

    assert told == [30]


async def test_a_slow_pong_is_measured_and_delays_the_next_ping(wire: Wire, autojump_clock):
    pongs = Pongs()

    async def answer_slowly() -> None:
        while (frame := await wire.peer.next_frame()) is not None:
            if frame.opcode == PING:
                await trio.sleep(19)
                await wire.peer.send(wire.peer.frame(PONG, frame.payload))

    async with connect(wire, instrument=pongs):
        wire.soon(answer_slowly)
        await trio.sleep(100)

    assert pongs.seen == [(49, 19), (98, 19)]


async def test_no_interval_means_no_pings(wire: Wire, autojump_clock):
    seen: list[float] = []
    async with connect(wire, **SILENT):
        wire.soon(pings, wire, seen)
        await trio.sleep(3000)

    assert seen == []


async def test_a_half_open_link_is_found_at_the_pong_deadline(wire: Wire, autojump_clock):
    async with connect(wire) as connection:
        wire.soon(answer_pings, wire)
        await trio.sleep(35)
        wire.link.cut()
        await connection.send("accepted by the kernel, and gone")

        with pytest.raises(ConnectionClosed) as caught:
            await connection.transport.receive()

        assert trio.current_time() == 60 + 20
        assert caught.value.closed == Closed(CloseReason.KEEPALIVE_TIMEOUT, None, "no pong within 20 s")
        with pytest.raises(ConnectionClosed) as caught:
            await connection.send("too late")
        assert caught.value.reason is CloseReason.KEEPALIVE_TIMEOUT

    assert trio.current_time() == 80


async def test_a_link_cut_from_the_start_is_found_after_fifty_seconds(wire: Wire, autojump_clock):
    async with connect(wire) as connection:
        wire.link.cut()

        with pytest.raises(ConnectionClosed):
            await connection.transport.receive()

    assert trio.current_time() == 30 + 20


async def test_the_keepalive_ends_with_the_connection(wire: Wire, autojump_clock):
    async with connect(wire) as connection:
        await wire.peer.send(wire.peer.close(1000))
        with pytest.raises(ConnectionClosed):
            await connection.transport.receive()
        await trio.sleep(100)

        assert connection.transport.closed == Closed(CloseReason.CLEAN, 1000)


async def test_ending_finishes_the_message_in_hand_and_says_goodbye(wire: Wire, autojump_clock):
    closed = Closed(CloseReason.STOPPING, 1012, "restart")
    async with connect(wire, **SILENT) as connection:
        wire.stall_peer()
        await connection.send(BIG)
        await trio.sleep(1)
        wire.let_peer_read()
        connection.end(closed)
        with pytest.raises(ConnectionClosed) as caught:
            await connection.send("too late")
        assert (caught.value.closed, caught.value.was_sent) == (closed, False)
        wire.soon(wire.peer.answer_close)

    assert trio.current_time() == 1
    assert connection.transport.closed == closed


async def test_leaving_waits_for_the_message_in_hand_no_longer_than_a_close_may_take(wire: Wire, autojump_clock):
    async with connect(wire, **SILENT) as connection:
        wire.stall_peer()
        await connection.send(BIG)

    assert trio.current_time() == 3, "the frame is cut, so there is no goodbye to wait for"
    await wire.assert_closed()


async def test_aborting_is_silent(wire: Wire, autojump_clock):
    closed = Closed(CloseReason.FORCED, None, "dropped")
    async with connect(wire) as connection:
        connection.abort(closed)

        with pytest.raises(ConnectionClosed) as caught:
            await connection.send("too late")
        assert caught.value.closed == closed
        with pytest.raises(ConnectionClosed):
            await connection.transport.receive()

    assert trio.current_time() == 0
    assert await wire.peer.frames() == []


async def test_aborting_in_mid_write_cuts_the_write(wire: Wire, autojump_clock):
    async with connect(wire, **SILENT) as connection:
        wire.stall_peer()
        receipt = await connection.send(BIG)
        await trio.sleep(1)
        connection.abort(Closed(CloseReason.FORCED))
        assert not await receipt.wait_written()

    assert trio.current_time() == 1


async def test_cancelling_around_a_connection_finishes_the_frame_and_says_1001(wire: Wire, autojump_clock):
    async def read_later() -> None:
        await trio.sleep(6)
        wire.let_peer_read()
        assert await wire.peer.next_frame() is not None
        await wire.peer.answer_close()

    wire.soon(read_later)
    with trio.move_on_after(5) as scope:
        async with connect(wire, **SILENT) as connection:
            wire.stall_peer()
            await connection.send(BIG)
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert trio.current_time() == 6
    assert await wire.peer.frames() == []
    await wire.assert_closed()


async def test_an_exception_of_the_body_leaves_bare(wire: Wire, autojump_clock):
    with pytest.raises(ValueError, match="a bug"):
        async with connect(wire):
            raise ValueError("a bug")

    assert trio.current_time() == 3


def test_a_depth_remembers_its_peak():
    depth = Depth()
    with depth, depth:
        assert (depth.now, depth.peak) == (2, 2)
    with depth:
        pass

    assert (depth.now, depth.peak) == (0, 2)
