"""The other end of a WebSocket as bytes: says what a test scripts and tells what it saw.

Frames are put together and taken apart here by hand (RFC 6455 section 5.2), so that nothing of the engine
under test judges itself.
"""

import base64
import hashlib
import struct
from typing import Any, Final

import attrs
import trio

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="
MASK: Final = b"\x11\x22\x33\x44"
GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
UPGRADE: Final = {
    b"Host": b"csms",
    b"Connection": b"Upgrade",
    b"Upgrade": b"websocket",
    b"Sec-WebSocket-Version": b"13",
    b"Sec-WebSocket-Key": KEY,
    b"Sec-WebSocket-Protocol": b"ocpp1.6",
}


@attrs.frozen
class SeenFrame:
    opcode: int
    payload: bytes = b""
    fin: bool = True

    @property
    def code(self) -> int:
        """The code of a close frame."""
        assert self.opcode == CLOSE
        return int.from_bytes(self.payload[:2], "big")


def head(first_line: bytes, *headers: tuple[bytes, bytes]) -> bytes:
    return b"\r\n".join([first_line, *(b"%b: %b" % header for header in headers), b"", b""])


def request(*more: tuple[bytes, bytes], first_line: bytes = b"GET /CP-1 HTTP/1.1", **changed: bytes | None) -> bytes:
    """An upgrade request; `Host=None` leaves a header out, `Sec_WebSocket_Version=b"8"` changes one."""
    headers: dict[bytes, bytes | None] = {**UPGRADE}
    headers |= {name.replace("_", "-").encode(): value for name, value in changed.items()}
    return head(first_line, *((name, value) for name, value in headers.items() if value is not None), *more)


def header(name: bytes, text: bytes) -> bytes:
    """The value of a header in a head."""
    for line in text.split(b"\r\n")[1:]:
        found, _, value = line.partition(b": ")
        if found.lower() == name.lower():
            return value
    raise AssertionError(f"expected {name!r} in {text!r}")


def xor(data: bytes) -> bytes:
    repeated = (MASK * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(data), "big")


class RawPeer:
    """One end of a stream. `client` says which end it plays."""

    def __init__(self, stream: Any, *, client: bool) -> None:
        self.stream = stream
        self.client = client
        self.unread = b""
        self.shaken = trio.Event()

    async def send(self, *pieces: bytes) -> None:
        await self.stream.send_all(b"".join(pieces))

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool | None = None) -> bytes:
        masked = self.client if masked is None else masked
        start = bytes([fin << 7 | opcode])
        length, flag = len(payload), masked << 7
        if length < 126:
            start += bytes([flag | length])
        elif length < 65536:
            start += bytes([flag | 126]) + struct.pack("!H", length)
        else:
            start += bytes([flag | 127]) + struct.pack("!Q", length)
        return start + (MASK + xor(payload) if masked else payload)

    def text(self, text: str, *, fin: bool = True) -> bytes:
        return self.frame(TEXT, text.encode(), fin=fin)

    def close(self, code: int, reason: bytes = b"") -> bytes:
        return self.frame(CLOSE, struct.pack("!H", code) + reason)

    async def read_head(self) -> bytes:
        """Up to the empty line; fails if the stream ends before."""
        while b"\r\n\r\n" not in self.unread:
            data = await self.stream.receive_some(65536)
            assert data, f"expected a whole head, found {self.unread!r}"
            self.unread += data
        found, _, self.unread = self.unread.partition(b"\r\n\r\n")
        return found + b"\r\n"

    def accept(self, request_head: bytes, subprotocol: bytes | None = b"ocpp1.6") -> bytes:
        digest = hashlib.sha1(header(b"Sec-WebSocket-Key", request_head) + GUID).digest()
        agreed = [] if subprotocol is None else [(b"Sec-WebSocket-Protocol", subprotocol)]
        return head(
            b"HTTP/1.1 101 Switching Protocols",
            (b"Upgrade", b"websocket"),
            (b"Connection", b"Upgrade"),
            (b"Sec-WebSocket-Accept", base64.b64encode(digest)),
            *agreed,
        )

    async def shake_hands(self) -> None:
        if self.client:
            await self.send(request())
            await self.read_head()
        else:
            await self.send(self.accept(await self.read_head()))
        self.shaken.set()

    async def next_frame(self) -> SeenFrame | None:
        """The next whole frame; None if the stream ended, and then `unread` holds what was cut short."""
        while (frame := self._take_frame()) is None:
            try:
                data = await self.stream.receive_some(65536)
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            self.unread += data
        return frame

    async def frames(self) -> list[SeenFrame]:
        """All frames until the stream ends, and nothing behind the last one."""
        frames = []
        while (frame := await self.next_frame()) is not None:
            frames.append(frame)
        assert not self.unread, f"expected whole frames only, found {self.unread[:40]!r} at the end"
        return frames

    async def answer_close(self) -> None:
        """Read until a close frame comes, and answer it."""
        while (frame := await self.next_frame()) is not None:
            if frame.opcode == CLOSE:
                await self.send(self.frame(CLOSE, frame.payload))
                return

    def _take_frame(self) -> SeenFrame | None:
        data = self.unread
        if len(data) < 2:
            return None
        masked, length, start = data[1] >> 7, data[1] & 127, 2
        assert bool(masked) is not self.client, "a client masks its frames, a server does not"
        if length > 125:
            wide = 2 if length == 126 else 8
            length, start = int.from_bytes(data[2 : 2 + wide], "big"), 2 + wide
        mask, start = data[start : start + 4 * masked], start + 4 * masked
        if len(data) < start + length or len(data) < start:
            return None
        payload, self.unread = data[start : start + length], data[start + length :]
        unmasked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if masked else payload
        return SeenFrame(data[0] & 15, unmasked, bool(data[0] >> 7))
