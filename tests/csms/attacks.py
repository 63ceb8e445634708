"""What a hostile peer may do to a CSMS, each as a task on a stream of its own; all of them end."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import trio

from tests.csms.conftest import Ground

TEXT, CONTINUATION, CLOSE, PING, PONG = 1, 0, 8, 9, 10
SECONDS: Final = 15
"""How long the patient ones go on."""

Attack = Callable[[Ground, trio.abc.HalfCloseableStream], Awaitable[None]]


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A frame as a client sends it, with a mask of zeros."""
    length = len(payload)
    if length < 126:
        size = bytes([0x80 | length])
    else:
        size = b"\xfe" + length.to_bytes(2, "big") if length < 65536 else b"\xff" + length.to_bytes(8, "big")
    return bytes([fin << 7 | opcode]) + size + bytes(4) + payload


async def _drip(stream: trio.abc.SendStream, pieces: list[bytes]) -> None:
    for piece in pieces[: SECONDS * 2]:
        await stream.send_all(piece)
        await trio.sleep(0.5)


async def _upgrade(ground: Ground, stream: trio.abc.Stream) -> None:
    await stream.send_all(ground.request(f"/attacker-{id(stream)}"))
    assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")


async def request_byte_by_byte(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await _drip(stream, [bytes([byte]) for byte in ground.request()])


async def a_header_now_and_then(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await _drip(stream, [ground.request()[:-2], *(b"X-%d: y\r\n" % number for number in range(100))])


async def headers_without_end(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await stream.send_all(ground.request()[:-2])
    for number in range(3000):
        await stream.send_all(b"X-%d: y\r\n" % number)


async def one_header_without_end(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await stream.send_all(ground.request()[:-2] + b"X: ")
    for _ in range(64):
        await stream.send_all(b"y" * 4096)


async def nothing_at_all(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await trio.sleep(SECONDS)


async def noise(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await stream.send_all(bytes(range(256)) * 512)


async def half_a_client_hello(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await stream.send_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100))
    await trio.sleep(SECONDS)


async def upgrade_and_silence(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await _upgrade(ground, stream)
    await trio.sleep(SECONDS)


def flood(piece: bytes, size: int = 16 * 1024) -> Attack:
    """One frame again and again as fast as it goes, with eyes and ears closed."""

    async def attack(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
        await _upgrade(ground, stream)
        await stream.send_all(piece * (size // len(piece)))
        await trio.sleep(SECONDS)

    return attack


async def message_without_end(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await _upgrade(ground, stream)
    await stream.send_all(frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) * 5000)
    await trio.sleep(SECONDS)


async def frame_byte_by_byte(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await _upgrade(ground, stream)
    await _drip(stream, [bytes([byte]) for byte in frame(TEXT, b"x" * 1000)])


async def frame_that_is_too_large(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await _upgrade(ground, stream)
    await stream.send_all(frame(TEXT, b"x" * 600_000))
    await trio.sleep(SECONDS)


async def close_and_go_on(ground: Ground, stream: trio.abc.HalfCloseableStream) -> None:
    await _upgrade(ground, stream)
    await stream.send_all(frame(CLOSE, b"\x03\xe8") + frame(PING) * 5000)
    await trio.sleep(SECONDS)


CALL: Final = '[2,"%s","Heartbeat",{}]'
ATTACKS: Final[dict[str, Attack]] = {
    attack.__name__: attack
    for attack in (
        request_byte_by_byte,
        a_header_now_and_then,
        headers_without_end,
        one_header_without_end,
        nothing_at_all,
        noise,
        half_a_client_hello,
        upgrade_and_silence,
        message_without_end,
        frame_byte_by_byte,
        frame_that_is_too_large,
        close_and_go_on,
    )
} | {
    "tiny_frames": flood(frame(TEXT, b"x")),
    "empty_frames": flood(frame(TEXT)),
    "pings": flood(frame(PING)),
    "long_pings": flood(frame(PING, bytes(125))),
    "pongs": flood(frame(PONG)),
    "the_same_call": flood(frame(TEXT, (CALL % "m").encode())),
    "answers_to_nothing": flood(frame(TEXT, b'[3,"never",{}]')),
    "unknown_actions": flood(frame(TEXT, b'[2,"m","Nonsense",{}]')),
}


async def carry_out(attack: Attack, ground: Ground) -> None:
    """Attack, and hang up in the end. Nothing is read after the upgrade."""
    async with await ground.dial() as stream:
        with suppress(trio.BrokenResourceError):
            await attack(ground, stream)
