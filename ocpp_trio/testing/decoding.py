"""WebSocket frames read off the wire, written independently of the engine that wrote them.

Owns the bytes of one direction until they are a frame (RFC 6455 section 5.2). Knows no OCPP.
"""

from typing import Final

import attrs

OPCODES: Final = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


@attrs.frozen
class WireFrame:
    """A frame as it was on the wire; `kind` is an opcode's name, or "http" for the head before the upgrade."""

    kind: str
    payload: bytes
    final: bool = True
    masked: bool = False

    @property
    def text(self) -> str:
        """The payload to read; of a close frame its code and sentence."""
        if self.kind == "close" and len(self.payload) >= 2:
            return f"{int.from_bytes(self.payload[:2])} {self.payload[2:].decode(errors='replace')}".rstrip()
        return self.payload.decode(errors="replace")


class WireDecoder:
    """Bytes in, frames out. `rest` is what is no whole frame yet: something torn, if nothing more comes."""

    def __init__(self) -> None:
        self._upgraded = False
        self._data = bytearray()

    @property
    def rest(self) -> bytes:
        return bytes(self._data)

    def feed(self, data: bytes) -> list[WireFrame]:
        """The frames that these bytes complete. Raises ValueError for what no frame can begin with."""
        self._data += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def _next(self) -> WireFrame | None:
        return self._next_frame() if self._upgraded else self._next_head()

    def _next_head(self) -> WireFrame | None:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self._data[:end])
        first_line = head.partition(b"\r\n")[0]
        # Whatever follows a refusal is its body, and never a frame.
        self._upgraded = first_line.startswith((b"GET ", b"HTTP/1.1 101"))
        del self._data[: end + 4 if self._upgraded else len(self._data)]
        return WireFrame("http", first_line)

    def _next_frame(self) -> WireFrame | None:
        if len(self._data) < 2:
            return None
        first, second = self._data[:2]
        if first & 0x70 or first & 0x0F not in OPCODES:
            raise ValueError(f"expected a frame, found {bytes(self._data[:16])!r}")
        start, size = self._size(second & 0x7F)
        mask_size = 4 if second & 0x80 else 0
        end = start + mask_size + size
        if len(self._data) < max(end, start):
            return None
        mask, payload = self._data[start : start + mask_size], bytes(self._data[start + mask_size : end])
        del self._data[:end]
        if mask:
            payload = _unmasked(payload, bytes(mask))
        return WireFrame(OPCODES[first & 0x0F], payload, bool(first & 0x80), bool(mask))

    def _size(self, short: int) -> tuple[int, int]:
        """Where the length ends, and what it says."""
        width = {126: 2, 127: 8}.get(short, 0)
        if len(self._data) < 2 + width:
            return 2 + width, 1 << 62  # not there yet, and nor is the frame
        return 2 + width, int.from_bytes(self._data[2 : 2 + width]) if width else short


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)


def frame_of(text: str) -> bytes:
    """The frame in which a message would have gone from a server: what a tap is told of one that goes without."""
    payload = text.encode()
    match len(payload):
        case size if size < 126:
            head = bytes([0x81, size])
        case size if size < 1 << 16:
            head = bytes([0x81, 126]) + size.to_bytes(2)
        case size:
            head = bytes([0x81, 127]) + size.to_bytes(8)
    return head + payload
