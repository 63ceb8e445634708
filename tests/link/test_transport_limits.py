"""What a peer may not do to an open WebSocket, and how that ends: one close frame that names the rule."""

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, ConnectionClosed, Limits, Transport
from tests.link.conftest import Wire, open_end
from tests.link.raw_peer import BINARY, CONTINUATION, PING, PONG, TEXT, RawPeer

OVERSIZE = Closed(CloseReason.PROTOCOL_ERROR, 1009, "expected at most 100 bytes in a message")


async def closed_of(transport: Transport) -> Closed:
    with pytest.raises(ConnectionClosed) as caught:
        await transport.receive()
    return caught.value.closed


async def assert_one_close_frame(wire: Wire, code: int) -> None:
    frames = await wire.peer.frames()
    assert [frame.code for frame in frames] == [code]
    await wire.assert_closed()


def broken(peer: RawPeer) -> dict[str, bytes]:
    """Bytes that break WebSocket itself (RFC 6455 sections 5.1 to 5.5), all answered with 1002."""
    return {
        "wrong masking": peer.frame(TEXT, b"x", masked=not peer.client),
        "unknown opcode": peer.frame(3, b"x"),
        "unknown control opcode": peer.frame(11, b"x"),
        "reserved bit": bytes([0xC1]) + peer.text("x")[1:],
        "continuation of nothing": peer.frame(CONTINUATION, b"x"),
        "message within a message": peer.text("x", fin=False) + peer.text("y"),
        "fragmented ping": peer.frame(PING, b"x", fin=False),
        "long ping": peer.frame(PING, bytes(126)),
        "close of one byte": peer.frame(8, b"\x03"),
        "close with a reserved code": peer.close(1006),
        "close with an unknown code": peer.close(2999),
        "close with code zero": peer.close(0),
        "needlessly long length": bytes([0x81, peer.client << 7 | 126, 0, 1]) + bytes(5),
        "length of 64 bits": bytes([0x81, peer.client << 7 | 127]) + b"\xff" * 12,
    }


@pytest.mark.parametrize("defect", list(broken(RawPeer(None, client=True))))
async def test_breaking_websocket_is_answered_with_1002(wire: Wire, defect: str, autojump_clock):
    async with wire.open() as transport:
        await wire.peer.send(broken(wire.peer)[defect])

        closed = await closed_of(transport)

    assert (closed.reason, closed.code) == (CloseReason.PROTOCOL_ERROR, 1002)
    assert transport.closed == closed
    assert trio.current_time() == 3, "TCP stays with the peer until it closes, or for the close timeout"
    await assert_one_close_frame(wire, 1002)


@pytest.mark.parametrize(
    "payload", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"caf\xc3"], ids=["byte", "pair", "surrogate", "cut"]
)
async def test_bad_utf8_is_answered_with_1007(wire: Wire, payload: bytes, autojump_clock):
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.frame(TEXT, payload))

        closed = await closed_of(transport)

    assert (closed.reason, closed.code) == (CloseReason.PROTOCOL_ERROR, 1007)
    assert trio.current_time() == 3
    await assert_one_close_frame(wire, 1007)


async def test_bad_utf8_in_a_close_reason_is_answered_with_1007(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.close(1000, b"\xff"))

        assert (await closed_of(transport)).code == 1007

    await assert_one_close_frame(wire, 1007)


async def test_bad_utf8_is_found_before_the_message_ends(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.frame(TEXT, b"\xff", fin=False))

        assert (await closed_of(transport)).code == 1007


async def test_a_binary_message_is_answered_with_1003(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.frame(BINARY, b"[2]"))

        assert await closed_of(transport) == Closed(
            CloseReason.PROTOCOL_ERROR, 1003, "expected text, found a binary message"
        )

    await assert_one_close_frame(wire, 1003)


@pytest.mark.parametrize("character", ["a", "ä", "€", "😀"])
async def test_the_size_limit_counts_bytes_to_the_byte(wire: Wire, character: str, autojump_clock):
    size = len(character.encode())
    fits = character * (100 // size) + "a" * (100 % size)
    async with wire.open(message_size=100) as transport:
        await wire.peer.send(wire.peer.text(fits), wire.peer.text(fits))
        assert await transport.receive() == fits
        assert await transport.receive() == fits, "the count begins anew with each message"

        await wire.peer.send(wire.peer.text(fits + "a"))

        assert await closed_of(transport) == OVERSIZE

    await assert_one_close_frame(wire, 1009)


async def test_the_size_limit_counts_all_fragments(wire: Wire, autojump_clock):
    async with wire.open(message_size=100) as transport:
        await wire.peer.send(wire.peer.text("a" * 60, fin=False), wire.peer.frame(CONTINUATION, b"a" * 40))
        assert await transport.receive() == "a" * 100

        await wire.peer.send(wire.peer.text("a" * 60, fin=False), wire.peer.frame(CONTINUATION, b"a" * 41, fin=False))

        assert await closed_of(transport) == OVERSIZE


async def test_an_announced_oversize_frame_ends_at_the_limit_and_not_at_its_end(wire: Wire, autojump_clock):
    async with wire.open(message_size=100) as transport:
        await wire.peer.send(wire.peer.text("a" * 60_000)[:200])

        assert await closed_of(transport) == OVERSIZE


async def test_the_default_size_limit_is_256_kib(wire: Wire, autojump_clock):
    async with wire.open() as transport:
        wire.soon(wire.peer.send, wire.peer.text("a" * 262_144), wire.peer.text("b" * 262_145))

        assert len(await transport.receive()) == 262_144
        assert (await closed_of(transport)).code == 1009


@pytest.mark.parametrize("behind", ["ping", "oversize", "text", "binary", "many"])
async def test_what_follows_an_oversize_message_changes_nothing(wire: Wire, behind: str, autojump_clock):
    oversize = wire.peer.text("a" * 101)
    more = {
        "ping": wire.peer.frame(PING, b"p"),
        "oversize": oversize,
        "text": wire.peer.text("hello"),
        "binary": wire.peer.frame(BINARY, b"x"),
        "many": oversize + wire.peer.frame(PING, b"p") + wire.peer.text("hello") + oversize,
    }[behind]
    async with wire.open(message_size=100) as transport:
        await wire.peer.send(oversize, more)
        assert await closed_of(transport) == OVERSIZE
        await wire.peer.send(more)
        await trio.sleep(1)

        assert await closed_of(transport) == transport.closed == OVERSIZE

    assert trio.current_time() == 1 + 3
    await assert_one_close_frame(wire, 1009)


async def test_leaving_after_a_violation_ends_when_the_peer_lets_go(wire: Wire, autojump_clock):
    async def hang_up() -> None:
        frame = await wire.peer.next_frame()
        assert frame is not None
        assert frame.code == 1009
        await wire.peer.send(b"whatever is still in flight")
        await trio.sleep(1)
        await wire.peer.stream.aclose()

    async with wire.open(message_size=100) as transport:
        wire.soon(hang_up)
        await wire.peer.send(wire.peer.text("a" * 101))
        await closed_of(transport)

    assert trio.current_time() == 1
    await wire.assert_closed()


class NoHalfClose(trio.abc.Stream):
    """A stream that cannot end one direction alone, as over TLS."""

    def __init__(self, inner: trio.abc.Stream) -> None:
        self.inner = inner

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self.inner.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self.inner.aclose()


async def test_a_violation_over_a_stream_without_half_close(wire: Wire, autojump_clock):
    wire.soon(wire.peer.shake_hands)
    async with open_end(wire.side, NoHalfClose(wire.stream), Limits(message_size=100)) as transport:
        await wire.peer.shaken.wait()
        await wire.peer.send(wire.peer.text("a" * 101))
        assert await closed_of(transport) == OVERSIZE

    assert trio.current_time() == 3
    await assert_one_close_frame(wire, 1009)


async def test_a_close_of_the_peer_after_its_violation_ends_it(wire: Wire, autojump_clock):
    async with wire.open(message_size=100) as transport:
        await wire.peer.send(wire.peer.text("a" * 101), wire.peer.close(1000))

        assert await closed_of(transport) == OVERSIZE

    await assert_one_close_frame(wire, 1009)


async def test_a_violation_with_a_torn_stream_gets_no_close_frame(wire: Wire, autojump_clock):
    async with wire.open(message_size=100) as transport:
        wire.stall_peer()
        with trio.move_on_after(1):
            await transport.send("x" * 100_000)
        await wire.peer.send(wire.peer.text("a" * 101))
        assert await closed_of(transport) == OVERSIZE

    wire.let_peer_read()
    assert trio.current_time() == 1
    assert await wire.peer.next_frame() is None
    assert len(wire.peer.unread) == 65536


async def test_empty_fragments_are_counted(wire: Wire, autojump_clock):
    empty = wire.peer.frame(CONTINUATION, b"", fin=False)
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.text("", fin=False), empty * 1022, wire.peer.frame(CONTINUATION, b"end"))
        assert await transport.receive() == "end"

        await wire.peer.send(wire.peer.text("", fin=False), empty * 1023)
        await trio.testing.wait_all_tasks_blocked()
        assert transport.closed is None
        await wire.peer.send(empty)

        assert await closed_of(transport) == Closed(
            CloseReason.PROTOCOL_ERROR, 1008, "expected at most 1024 frames in a message"
        )

    await assert_one_close_frame(wire, 1008)


async def test_a_frame_that_drips_in_is_one_frame(wire: Wire, autojump_clock):
    async with wire.open(frames_per_message=1) as transport:
        for byte in wire.peer.text("slowly"):
            await wire.peer.send(bytes([byte]))
            await trio.testing.wait_all_tasks_blocked()

        assert await transport.receive() == "slowly"


async def test_pings_are_answered_one_by_one_with_their_payload(wire: Wire, autojump_clock):
    async with wire.open():
        await wire.peer.send(*(wire.peer.frame(PING, bytes([n])) for n in range(100)))

        for n in range(100):
            frame = await wire.peer.next_frame()
            assert frame is not None
            assert (frame.opcode, frame.payload) == (PONG, bytes([n]))


class Watched(NoHalfClose):
    """A stream that writes down how much it is asked for at once."""

    def __init__(self, inner: trio.abc.Stream) -> None:
        super().__init__(inner)
        self.asked: list[int | None] = []

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        self.asked.append(max_bytes)
        return await super().receive_some(max_bytes)


async def test_frames_are_taken_4_kib_at_a_time(wire: Wire, autojump_clock):
    """A thousand empty frames fit into that: some milliseconds without a checkpoint."""
    wire.soon(wire.peer.shake_hands)
    stream = Watched(wire.stream)
    async with open_end(wire.side, stream, Limits()) as transport:
        await wire.peer.shaken.wait()
        await wire.peer.send(*[wire.peer.frame(PONG)] * 5000, wire.peer.text("hello"))
        assert await transport.receive() == "hello"
        assert set(stream.asked) == {4096}
