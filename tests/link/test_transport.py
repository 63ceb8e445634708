"""The WebSocket after its handshake: what goes out, what comes in, and how it ends."""

import pytest
import trio
import trio.testing
from trio_websocket import WebSocketConnection

from ocpp_trio import Closed, CloseReason, ConnectionClosed
from ocpp_trio.link.sockets import peer_address
from ocpp_trio.link.transport import GOING_AWAY
from tests.link.conftest import Wire
from tests.link.raw_peer import CLOSE, PING, PONG, TEXT, SeenFrame

ABNORMAL = Closed(CloseReason.TRANSPORT_ERROR, 1006, "the stream ended without a close frame")


async def test_text_goes_both_ways(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        await transport.send("[ä]")
        await wire.peer.send(wire.peer.text("[ö]"))

        assert await wire.peer.next_frame() == SeenFrame(TEXT, "[ä]".encode())
        assert await transport.receive() == "[ö]"
        assert transport.subprotocol == "ocpp1.6"
        assert transport.closed is None
        wire.soon(wire.peer.answer_close)


async def test_a_message_in_fragments_arrives_as_one(wire: Wire, autojump_clock):
    euro = "€".encode()
    async with wire.open() as transport:
        # The character is split over the frames, and a ping comes in between (RFC 6455 section 5.4).
        await wire.peer.send(wire.peer.frame(TEXT, b"a" + euro[:1], fin=False), wire.peer.frame(PING, b"p"))
        await wire.peer.send(wire.peer.frame(0, euro[1:], fin=False), wire.peer.frame(0, b"b"))

        assert await transport.receive() == "a€b"
        assert await wire.peer.next_frame() == SeenFrame(PONG, b"p")
        wire.soon(wire.peer.answer_close)


async def test_leaving_says_1001_and_waits_for_the_answer(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        wire.soon(wire.peer.answer_close)

    assert trio.current_time() == 0
    assert transport.closed == GOING_AWAY
    await wire.assert_closed()


async def test_leaving_a_silent_peer_takes_the_close_timeout(wire: Wire, autojump_clock):
    async with wire.open():
        pass

    assert trio.current_time() == 3
    assert [frame.code for frame in await wire.peer.frames()] == [1001]
    await wire.assert_closed()


async def test_our_own_close_code_is_sent_and_remembered(wire: Wire, autojump_clock):
    closed = Closed(CloseReason.SUPERSEDED, 1008, "superseded")
    async with wire.open() as transport:
        transport.end(closed)
        transport.end(Closed(CloseReason.STOPPING, 1000, "the first cause stays"))

    assert transport.closed == closed
    assert await wire.peer.frames() == [SeenFrame(CLOSE, b"\x03\xf0superseded")]


async def test_an_end_without_a_code_says_nothing(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        transport.end(Closed(CloseReason.FORCED))

    assert trio.current_time() == 0
    assert await wire.peer.frames() == []


async def test_pings_and_messages_after_our_close_frame_are_harmless(wire: Wire, autojump_clock):
    async def go_on_then_close() -> None:
        frame = await wire.peer.next_frame()
        assert frame is not None
        await wire.peer.send(wire.peer.frame(PING, b"1"), wire.peer.text("late"), wire.peer.frame(PING, b"2"))
        await trio.sleep(1)
        await wire.peer.send(wire.peer.text("later"), wire.peer.frame(PING, b"3"), wire.peer.close(frame.code))

    async with wire.open() as transport:
        wire.soon(go_on_then_close)

    assert trio.current_time() == 1
    assert transport.closed == GOING_AWAY
    assert await wire.peer.frames() == [], "nothing follows a close frame"


@pytest.mark.parametrize("code", [1000, 1001, 1012, 3000, 4999])
async def test_a_close_of_the_peer_is_clean_and_answered(wire: Wire, autojump_clock, code: int):
    closed = Closed(CloseReason.CLEAN, code, "bye")
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.close(code, b"bye"))

        with pytest.raises(ConnectionClosed) as caught:
            await transport.receive()
        assert caught.value.closed == transport.closed == closed
        with pytest.raises(ConnectionClosed) as caught:
            await transport.send("too late")
        assert caught.value.closed == closed
        with pytest.raises(ConnectionClosed):
            await transport.ping()

    # The peer keeps TCP open, and we leave at once all the same.
    assert trio.current_time() == 0
    assert [frame.code for frame in await wire.peer.frames()] == [code]
    await wire.assert_closed()


async def test_a_close_without_a_code_is_clean(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.frame(CLOSE))

        with pytest.raises(ConnectionClosed) as caught:
            await transport.receive()

    assert caught.value.closed == Closed(CloseReason.CLEAN, 1005)
    assert await wire.peer.frames() == [SeenFrame(CLOSE)]


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009])
async def test_a_close_that_blames_us_is_a_protocol_error(wire: Wire, autojump_clock, code: int):
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.close(code))

        with pytest.raises(ConnectionClosed) as caught:
            await transport.receive()

    assert caught.value.closed == Closed(CloseReason.PROTOCOL_ERROR, code)


async def test_messages_before_a_close_are_still_read(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.text("last words"), wire.peer.close(1000))

        assert await transport.receive() == "last words"
        with pytest.raises(ConnectionClosed):
            await transport.receive()


@pytest.mark.parametrize("how", ["end", "reset"])
async def test_a_stream_that_ends_without_a_close_frame_is_a_transport_error(wire: Wire, autojump_clock, how: str):
    async with wire.open() as transport:
        if how == "end":
            await wire.peer.stream.aclose()
        else:
            wire.link.reset()

        with pytest.raises(ConnectionClosed) as caught:
            await transport.receive()
        assert caught.value.closed == transport.closed == ABNORMAL
        with pytest.raises(ConnectionClosed) as caught:
            await transport.send("too late")
        assert caught.value.closed == ABNORMAL

    assert trio.current_time() == 0
    assert transport.closed == ABNORMAL
    await wire.assert_closed()


async def test_a_write_into_a_dead_stream_closes_the_connection(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        wire.link.reset()

        with pytest.raises(ConnectionClosed) as caught:
            await transport.send("into the void")
        with pytest.raises(ConnectionClosed):
            await transport.ping()

    assert caught.value.closed == ABNORMAL


async def test_a_half_frame_at_the_end_of_the_stream_is_a_transport_error(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.text("whole"), wire.peer.text("half")[:-2])
        await wire.peer.stream.send_eof()

        assert await transport.receive() == "whole"
        with pytest.raises(ConnectionClosed) as caught:
            await transport.receive()

    assert caught.value.closed == ABNORMAL


async def test_abort_is_silent_and_wakes_the_receiver(wire: Wire, autojump_clock):
    closed = Closed(CloseReason.KEEPALIVE_TIMEOUT, None, "no pong")
    async with wire.open() as transport, trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(ConnectionClosed) as caught:
                await transport.receive()
            assert caught.value.closed == closed

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        transport.abort(closed)

    assert trio.current_time() == 0
    assert await wire.peer.frames() == []
    await wire.assert_closed()


async def test_cancelling_receive_loses_nothing(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        with trio.move_on_after(1):
            await transport.receive()
        await wire.peer.send(wire.peer.text("kept"))

        assert await transport.receive() == "kept"


async def test_a_cancelled_send_tears_the_stream_and_nothing_more_is_written(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        wire.stall_peer()
        with trio.move_on_after(1) as scope:
            await transport.send("x" * 200_000)
        assert scope.cancelled_caught
        wire.let_peer_read()
        assert await wire.peer.stream.receive_some(1 << 20)

        with pytest.raises(ConnectionClosed):
            await transport.send("next")
        with pytest.raises(ConnectionClosed):
            await transport.ping()

    assert trio.current_time() == 1, "nobody waits for an answer to a close frame that was not sent"
    assert await wire.peer.stream.receive_some() == b"", "the half frame was the last that was written"
    await wire.assert_closed()


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), ExceptionGroup("two", [OSError()])])
async def test_an_exception_of_the_body_leaves_bare(wire: Wire, autojump_clock, error: BaseException):
    with pytest.raises(type(error)) as caught:
        async with wire.open():
            raise error

    assert caught.value is error
    assert trio.current_time() == 3
    assert [frame.code for frame in await wire.peer.frames()] == [1001]
    await wire.assert_closed()


async def test_an_exception_of_the_body_leaves_bare_while_cancelled_too(wire: Wire, autojump_clock):
    with pytest.raises(ValueError, match="a bug"), trio.move_on_after(1):
        async with wire.open():
            raise ValueError("a bug")

    assert trio.current_time() == 3


async def test_a_cancelled_body_still_says_1001(wire: Wire, autojump_clock):
    with trio.move_on_after(5) as scope:
        async with wire.open() as transport:
            await transport.receive()

    assert scope.cancelled_caught
    assert trio.current_time() == 5 + 3
    assert transport.closed == GOING_AWAY
    assert [frame.code for frame in await wire.peer.frames()] == [1001]
    await wire.assert_closed()


async def test_a_cancelled_body_leaves_at_once_if_the_peer_answers(wire: Wire, autojump_clock):
    with trio.move_on_after(5):
        async with wire.open() as transport:
            wire.soon(wire.peer.answer_close)
            await transport.receive()

    assert trio.current_time() == 5


async def test_writes_in_flight_are_counted(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        assert transport.writes_in_flight == 0
        wire.stall_peer()
        wire.soon(transport.send, "x" * 100_000)
        wire.soon(transport.send, "y")
        await trio.testing.wait_all_tasks_blocked()

        assert transport.writes_in_flight == transport.max_writes_in_flight == 1

        wire.let_peer_read()
        await wire.peer.next_frame()
        await wire.peer.next_frame()
        await trio.testing.wait_all_tasks_blocked()
        assert transport.writes_in_flight == 0
        assert transport.max_writes_in_flight == 1


async def test_a_stream_is_asked_for_its_peer(wire: Wire, autojump_clock):
    assert peer_address(wire.link.server) == "memory:1"


def test_the_private_names_of_the_engine_are_there():
    """The adapter starts the engine's reader itself, which `pyproject.toml` answers with a pinned series."""
    assert callable(WebSocketConnection._reader_task)


async def test_a_write_that_the_peer_never_takes_ends_at_the_write_timeout(wire, autojump_clock):
    async with wire.open(write_timeout=10) as transport:
        wire.stall_peer()
        with pytest.raises(ConnectionClosed) as closed:
            await transport.send("x" * 200_000)
        sent_until = trio.current_time()
        with pytest.raises(ConnectionClosed):
            await transport.receive()

    assert sent_until == 10
    assert closed.value.closed == Closed(CloseReason.TRANSPORT_ERROR, None, "a write did not finish within 10 s")
    assert trio.current_time() == 10
    await wire.assert_closed()
