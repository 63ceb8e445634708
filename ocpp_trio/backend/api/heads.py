"""The head of an HTTP request, read before anybody else gets the stream, and given back with it.

Owns who sees which bytes. Looks at nothing but the path.
"""

from typing import Final

import trio

RECEIVE_SIZE: Final = 65536


class Replayed(trio.abc.HalfCloseableStream):
    """A stream of which some bytes were read already; they come first."""

    def __init__(self, stream: trio.abc.Stream, read: bytes, peer: str) -> None:
        self._stream = stream
        self._read = read
        self.peer = peer

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if not self._read:
            return await self._stream.receive_some(max_bytes)
        await trio.lowlevel.checkpoint()
        data, self._read = self._read[:max_bytes], self._read[max_bytes:] if max_bytes is not None else b""
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def read_head(stream: trio.abc.Stream, size: int) -> bytes | None:
    """What comes until the head of a request is whole, and perhaps more; None if it never is, or is too large.

    Cancelling loses what was read. Raises BrokenResourceError and ClosedResourceError.
    """
    head = bytearray()
    while b"\r\n\r\n" not in head[-RECEIVE_SIZE - 3 :]:
        data = await stream.receive_some(RECEIVE_SIZE)
        head += data
        if not data or (len(head) > size and b"\r\n\r\n" not in head[: size + 4]):
            return None
    return bytes(head)


def path_of(head: bytes) -> str:
    """The path of a request's first line, without the query; "" if it has none."""
    parts = head.partition(b"\r\n")[0].split(b" ")
    return parts[1].partition(b"?")[0].decode("latin-1") if len(parts) == 3 else ""
