"""Harm done to one connection on purpose."""

import pytest
import trio

from ocpp_trio.testing import Conditions, MemoryNetwork


async def _connect():
    network = MemoryNetwork()
    (listener,) = await network.listen(0)
    client = await network.host("CP-1").dial("csms", listener.port)
    return client, await listener.accept(), network.links[-1]


async def _falls_silent(stream):
    with trio.move_on_after(600) as silence:
        await stream.receive_some()
    return silence.cancelled_caught


async def test_link_knows_its_ends(autojump_clock):
    client, server, link = await _connect()

    assert (link.number, link.client_host, link.server_host) == (1, "CP-1", "csms")
    assert (link.client, link.server) == (client, server)


async def test_half_open_link_loses_one_direction_only(autojump_clock):
    client, server, link = await _connect()

    link.cut(down=False)
    await client.send_all(b"lost")
    await server.send_all(b"arrives")

    assert await client.receive_some() == b"arrives"
    assert await _falls_silent(server)


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_link_ends_in_the_middle_of_a_frame(autojump_clock, direction):
    client, server, link = await _connect()
    writer, reader = (client, server) if direction == "up" else (server, client)

    link.end_after(3, **{direction: True})
    await writer.send_all(b"ab")
    await writer.send_all(b"cdef")  # as with TCP the writer is not told at once

    assert [await reader.receive_some(), await reader.receive_some()] == [b"abc", b""]
    assert await writer.receive_some() == b""
    for end in (writer, reader):
        with pytest.raises(trio.BrokenResourceError):
            await end.send_all(b"more")


async def test_link_is_reset_in_the_middle_of_a_frame(autojump_clock):
    client, server, link = await _connect()

    link.end_after(3, up=True, reset=True)
    await client.send_all(b"abcdef")

    for end in (client, server):
        with pytest.raises(trio.BrokenResourceError):
            await end.receive_some()


@pytest.mark.parametrize("size", [0, -1])
async def test_link_cannot_end_before_it_is_asked_to(autojump_clock, size):
    *_, link = await _connect()

    with pytest.raises(ValueError, match=f"expected a positive number, found {size}"):
        link.end_after(size, up=True)


async def test_one_byte_is_changed_on_its_way(autojump_clock):
    client, server, link = await _connect()

    link.flip(4, up=True)
    await client.send_all(b"\0\0\0")
    await client.send_all(b"\0\0\0")
    await client.send_all(b"\0")

    assert await server.receive_some() == b"\0\0\0\0\x55\0\0"


async def test_no_byte_of_the_past_can_be_changed(autojump_clock):
    *_, link = await _connect()

    with pytest.raises(ValueError, match="expected no negative number, found -1"):
        link.flip(-1, up=True)


async def test_conditions_change_for_what_is_written_from_then_on(autojump_clock):
    client, server, link = await _connect()

    await client.send_all(b"at once")
    link.shape(Conditions(latency=5), down=False)
    await client.send_all(b"later")
    await server.send_all(b"down is as it was")

    assert await server.receive_some() == b"at once"
    assert await client.receive_some() == b"down is as it was"
    assert trio.current_time() == 0
    assert await server.receive_some() == b"later"
    assert trio.current_time() == 5


async def test_parted_link_delivers_everything_in_order_when_it_is_rejoined(autojump_clock):
    client, server, link = await _connect()

    await client.send_all(b"1")
    link.part()
    await client.send_all(b"2")
    await client.send_all(b"3")
    await client.aclose()
    assert await server.receive_some() == b"1"
    assert await _falls_silent(server)
    await server.send_all(b"the close is not known here")
    link.rejoin()

    assert [await server.receive_some() for _ in range(2)] == [b"23", b""]
    with pytest.raises(trio.BrokenResourceError):
        await server.send_all(b"now it is")


async def test_bytes_in_flight_are_counted_and_over_is_over(autojump_clock):
    client, server, link = await _connect()

    await client.send_all(b"abc")
    await server.send_all(b"de")
    counted = link.in_flight
    await client.aclose()
    half = link.over
    await server.aclose()

    assert (counted, half, link.over) == (5, False, True)


async def test_link_that_was_reset_is_over(autojump_clock):
    *_, link = await _connect()

    link.reset()

    assert link.over
