"""Bytes on their way: when they arrive, in which pieces, and what becomes of them."""

import math
from random import Random

import pytest
import trio

from ocpp_trio.testing import Conditions, MemoryNetwork


async def _connect(**conditions):
    network = MemoryNetwork(rng=Random(1))
    network.conditions = Conditions(**conditions)
    (listener,) = await network.listen(0)
    client = await network.dial("csms", listener.port)
    return client, await listener.accept(), network.links[-1]


async def _read_all(stream, size):
    """What comes, with the instants at which it came."""
    pieces: list[tuple[float, bytes]] = []
    while sum(len(data) for _, data in pieces) < size:
        data = await stream.receive_some()
        assert data, "expected more before the end"
        pieces.append((trio.current_time(), data))
    return pieces


async def test_latency_delays_bytes_and_the_end_and_costs_the_dial_a_round_trip(autojump_clock):
    client, server, _ = await _connect(latency=0.5)
    dialled_at = trio.current_time()

    await client.send_all(b"one")
    await trio.sleep(0.1)
    await client.send_all(b"two")
    await client.send_eof()
    pieces = await _read_all(server, 6)
    end = await server.receive_some()

    assert dialled_at == 1.0
    assert [data for _, data in pieces] == [b"one", b"two"]
    assert [at for at, _ in pieces] == pytest.approx([1.5, 1.6])
    assert end == b""
    assert trio.current_time() == pytest.approx(1.6)


async def test_refused_writer_is_told_a_latency_after_the_close(autojump_clock):
    client, server, _ = await _connect(latency=0.5)

    await server.aclose()
    await client.send_all(b"does not know yet")
    await trio.sleep(0.5)
    with pytest.raises(trio.BrokenResourceError):
        await client.send_all(b"knows")


async def test_writer_that_waits_is_told_a_latency_after_the_close(autojump_clock):
    client, server, _ = await _connect(latency=0.5, buffer=4)
    told_at = []

    async def send():
        with pytest.raises(trio.BrokenResourceError):
            await client.send_all(b"too much of it")
        told_at.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.sleep(1)
        await server.aclose()

    assert told_at == [2.5]


async def test_jitter_spreads_the_pieces_and_keeps_their_order(autojump_clock):
    client, server, _ = await _connect(jitter=2.0)
    sent = bytes(range(256)) * 40

    await client.send_all(sent)
    pieces = await _read_all(server, len(sent))

    instants = [at for at, _ in pieces]
    assert b"".join(data for _, data in pieces) == sent
    assert len(set(instants)) > 1
    assert instants == sorted(instants)
    assert max(instants) <= 2.0


async def test_bandwidth_spaces_the_pieces_out(autojump_clock):
    client, server, _ = await _connect(bandwidth=1460)

    await client.send_all(bytes(1460))
    await client.send_all(bytes(2 * 1460))
    pieces = await _read_all(server, 3 * 1460)

    assert [(at, len(data)) for at, data in pieces] == [(1, 1460), (2, 1460), (3, 1460)]


async def test_slow_reader_waits_between_its_reads_and_blocks_the_sender(autojump_clock):
    client, server, _ = await _connect(read_rate=10, piece=20, buffer=40)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, bytes(100))
        pieces = await _read_all(server, 100)

    assert [(at, len(data)) for at, data in pieces] == [(0, 20), (2, 20), (4, 20), (6, 20), (8, 20)]


async def test_small_buffer_makes_partial_writes_of_which_a_cancelled_one_leaves_its_part(autojump_clock):
    client, server, _ = await _connect(buffer=3)

    with trio.move_on_after(1) as cut_short:
        await client.send_all(b"abcdef")

    assert cut_short.cancelled_caught
    assert await server.receive_some() == b"abc"


async def test_read_in_pieces_loses_nothing(autojump_clock):
    client, server, _ = await _connect(piece=2)

    await client.send_all(b"abcde")

    assert [data for _, data in await _read_all(server, 5)] == [b"ab", b"cd", b"e"]


async def test_cut_loses_what_has_not_arrived_and_keeps_what_has(autojump_clock):
    client, server, link = await _connect(latency=1.0)

    await client.send_all(b"arrived")
    await trio.sleep(1)
    await client.send_all(b"lost")
    await client.send_eof()
    link.cut()
    arrived = await server.receive_some()
    with trio.move_on_after(60) as silence:
        await server.receive_some()

    assert arrived == b"arrived"
    assert silence.cancelled_caught
    assert link.in_flight == 0


async def test_cut_keeps_the_beginning_of_what_was_sent_and_no_piece_from_behind_a_gap(autojump_clock):
    client, server, link = await _connect(jitter=10.0)
    sent = bytes(range(256)) * 230

    await client.send_all(sent)
    await trio.sleep(5)
    link.cut()
    received = b""
    with trio.move_on_after(60):
        while True:
            received += await server.receive_some()

    assert sent.startswith(received)


@pytest.mark.parametrize(
    ("name", "value"),
    [("latency", -1), ("jitter", -0.1), ("bandwidth", 0), ("read_rate", -1), ("piece", 0), ("buffer", 0)],
)
def test_impossible_conditions_are_refused(name, value):
    with pytest.raises(ValueError, match=f"Conditions.{name}: expected"):
        Conditions(**{name: value})


def test_conditions_without_anything_are_a_cable_of_no_length():
    assert (Conditions().latency, Conditions().bandwidth, Conditions().in_segments) == (0.0, math.inf, False)
