"""Connections in memory: streams bounded to the byte, with the manners of sockets, and faults on demand."""

import pytest
import trio
import trio.testing

from ocpp_trio.testing import MemoryNetwork
from ocpp_trio.testing.network import BUFFER_SIZE


@pytest.fixture
def log() -> list[object]:
    """What `_note` writes down."""
    return []


async def _connect():
    """Both ends of a connection, and the link between them."""
    network = MemoryNetwork()
    (listener,) = await network.listen(0)
    client = await network.dial("csms", listener.port)
    return client, await listener.accept(), network.links[-1]


async def _make_pair():
    client, server, _ = await _connect()
    return client, server


async def _make_clogged_pair():
    client, server = await _make_pair()
    await client.send_all(bytes(BUFFER_SIZE))
    await server.send_all(bytes(BUFFER_SIZE))
    return client, server


async def _note(log, what, function, *args):
    """Do something, and log how it ended and when."""
    try:
        result = await function(*args)
    except Exception as exc:
        result = type(exc)
    log.append((what, result, trio.current_time()))


async def test_stream_is_what_trio_expects_of_a_half_closeable_stream(autojump_clock):
    await trio.testing.check_half_closeable_stream(_make_pair, _make_clogged_pair)


async def test_bytes_arrive_whole_and_in_order_at_no_cost_of_time(autojump_clock):
    client, server = await _make_pair()

    await client.send_all(b"to the server")
    await server.send_all(b"to the client")

    assert await server.receive_some(6) == b"to the"
    assert await server.receive_some() == b" server"
    assert await client.receive_some() == b"to the client"
    assert trio.current_time() == 0


async def test_sender_waits_at_the_byte_for_which_there_is_no_room(log, autojump_clock):
    client, server = await _make_pair()

    await client.send_all(bytes(BUFFER_SIZE))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_note, log, "last byte", client.send_all, b"!")
        await trio.sleep(5)
        log.append(("read", await server.receive_some(1), trio.current_time()))

    assert log == [("read", b"\0", 5), ("last byte", None, 5)]
    assert await _read_exactly(server, BUFFER_SIZE) == bytes(BUFFER_SIZE - 1) + b"!"


async def test_send_goes_on_in_pieces_as_room_appears(autojump_clock):
    client, server = await _make_pair()
    sent = bytes(range(256)) * (3 * BUFFER_SIZE // 256)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, sent)
        received = await _read_exactly(server, len(sent))

    assert received == sent


async def _read_exactly(stream, size):
    data = b""
    while len(data) < size:
        data += await stream.receive_some()
    return data


async def test_room_is_announced_without_sending(log, autojump_clock):
    client, server = await _make_clogged_pair()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_note, log, "room", client.wait_send_all_might_not_block)
        await trio.sleep(3)
        await server.receive_some(1)

    assert log == [("room", None, 3)]


async def test_cancelled_send_has_sent_what_there_was_room_for(autojump_clock):
    client, server = await _make_pair()

    with trio.move_on_after(1):
        await client.send_all(bytes(BUFFER_SIZE) + b"never")
    await _read_exactly(server, BUFFER_SIZE)
    await client.send_all(b"next")

    assert await server.receive_some() == b"next"


async def test_cancelled_receive_loses_nothing(autojump_clock):
    client, server = await _make_pair()

    with trio.move_on_after(1):
        await server.receive_some()
    await client.send_all(b"x")

    assert await server.receive_some() == b"x"


@pytest.mark.parametrize("size", [0, -1])
async def test_receive_wants_a_positive_size(autojump_clock, size):
    client, _ = await _make_pair()

    with pytest.raises(ValueError, match=f"max_bytes: expected a positive number, found {size}"):
        await client.receive_some(size)


@pytest.mark.parametrize(("first", "second"), [("send_all", "send_all"), ("send_all", "send_eof")])
async def test_second_sender_is_told_that_the_stream_is_busy(log, autojump_clock, first, second):
    client, server = await _make_clogged_pair()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(getattr(client, first), b"first")
        await trio.testing.wait_all_tasks_blocked()
        await _note(log, "second", getattr(client, second), *([b"second"] if second == "send_all" else []))
        await server.receive_some()

    assert log == [("second", trio.BusyResourceError, 0)]
    assert await server.receive_some() == b"first"


async def test_second_receiver_is_told_that_the_stream_is_busy(log, autojump_clock):
    client, server = await _make_pair()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_note, log, "first", server.receive_some)
        await trio.testing.wait_all_tasks_blocked()
        await _note(log, "second", server.receive_some)
        await client.send_all(b"x")

    assert log == [("second", trio.BusyResourceError, 0), ("first", b"x", 0)]


async def test_eof_ends_one_direction_and_leaves_the_other(autojump_clock):
    client, server = await _make_pair()

    await client.send_all(b"last")
    await client.send_eof()
    await server.send_all(b"answer")

    assert [await server.receive_some() for _ in range(3)] == [b"last", b"", b""]
    assert await client.receive_some() == b"answer"
    with pytest.raises(trio.ClosedResourceError, match="has sent its EOF"):
        await client.send_all(b"more")


async def test_close_lets_the_peer_read_what_is_in_flight_and_refuses_its_writes(autojump_clock):
    client, server = await _make_pair()

    await client.send_all(b"last words")
    await client.aclose()

    assert [await server.receive_some() for _ in range(2)] == [b"last words", b""]
    with pytest.raises(trio.BrokenResourceError):
        await server.send_all(b"answer")


@pytest.mark.parametrize("method", ["receive_some", "send_eof", "wait_send_all_might_not_block"])
async def test_closed_stream_is_of_no_more_use(autojump_clock, method):
    client, _ = await _make_pair()

    await client.aclose()

    with pytest.raises(trio.ClosedResourceError, match="this stream was closed"):
        await getattr(client, method)()


async def test_reset_fails_both_ends_at_once_and_loses_what_is_in_flight(log, autojump_clock):
    client, server, link = await _connect()

    await server.send_all(b"lost")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_note, log, "server reads", server.receive_some)
        nursery.start_soon(_note, log, "client sends", client.send_all, bytes(BUFFER_SIZE + 1))
        link.stall(server=True)
        await trio.sleep(2)
        link.reset()
    await _note(log, "client reads", client.receive_some)

    ended = ("client reads", "client sends", "server reads")
    assert sorted(log) == [(what, trio.BrokenResourceError, 2) for what in ended]


async def test_cut_cable_swallows_everything_and_tells_nobody(log, autojump_clock):
    client, server, link = await _connect()

    await client.send_all(b"before")
    link.cut()
    async with trio.open_nursery() as nursery:
        await client.send_all(bytes(10 * BUFFER_SIZE))
        await server.send_all(bytes(10 * BUFFER_SIZE))
        assert await server.receive_some() == b"before"
        nursery.start_soon(_note, log, "server reads", server.receive_some)
        await trio.sleep(1)
        await client.aclose()  # its FIN is lost as well
        await trio.sleep(600)
        await server.send_all(b"still no error")
        nursery.cancel_scope.cancel()

    assert log == []


async def test_cut_lets_a_blocked_writer_go_on_into_the_void(log, autojump_clock):
    client, server, link = await _connect()

    await client.send_all(bytes(BUFFER_SIZE))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_note, log, "send", client.send_all, b"lost")
        await trio.sleep(1)
        link.cut()

    assert log == [("send", None, 1)]
    assert await _read_exactly(server, BUFFER_SIZE) == bytes(BUFFER_SIZE)


async def test_end_that_came_before_the_cut_has_arrived(autojump_clock):
    client, server, link = await _connect()

    await client.aclose()
    link.cut()

    assert await server.receive_some() == b""
    with pytest.raises(trio.BrokenResourceError):
        await server.send_all(b"x")


@pytest.mark.parametrize("end", ["client", "server"])
async def test_stalled_end_reads_nothing_not_even_the_end(log, autojump_clock, end):
    client, server, link = await _connect()
    stalled, other = (client, server) if end == "client" else (server, client)

    link.stall(**{end: True})
    async with trio.open_nursery() as nursery:
        await other.send_all(b"late")
        await other.send_eof()
        nursery.start_soon(_note, log, "reads", stalled.receive_some)
        await stalled.send_all(b"free")  # the other direction is not stalled
        assert await other.receive_some() == b"free"
        await trio.sleep(7)
        link.stall()

    assert log == [("reads", b"late", 7)]
    assert await stalled.receive_some() == b""


async def test_stalled_end_blocks_its_sender_at_a_full_buffer(autojump_clock):
    client, _, link = await _connect()

    link.stall(server=True)
    await client.send_all(bytes(BUFFER_SIZE))
    with trio.move_on_after(60) as blocked:
        await client.send_all(b"!")

    assert blocked.cancelled_caught


async def test_closing_wakes_the_tasks_of_this_end(log, autojump_clock):
    client, _ = await _make_clogged_pair()
    reader, _ = await _make_pair()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_note, log, "send", client.send_all, b"!")
        nursery.start_soon(_note, log, "receive", reader.receive_some)
        await trio.sleep(1)
        await client.aclose()
        await reader.aclose()

    assert sorted(log) == [("receive", trio.ClosedResourceError, 1), ("send", trio.ClosedResourceError, 1)]
