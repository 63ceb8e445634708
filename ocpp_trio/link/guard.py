"""The stream under the WebSocket engine.

`Guard` refuses to write behind a frame that was cut short, lets one write wait for the other, and gives each its
deadline. Must not know the engine's insides or who uses it.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import trio
import wsproto
from wsproto.events import TextMessage

from ocpp_trio.errors import Closed, CloseReason
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.referee import Referee
from ocpp_trio.link.texts import TextStream
from ocpp_trio.link.tls_failure import tls_failure

CLOSE_FRAME: Final = 0x88
"""First byte of a close frame: FIN and opcode 8 (RFC 6455 section 5.2)."""
_VERSION: Final = b" HTTP/1.1"
_BROKEN: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


class Guard(trio.abc.Stream):
    """The stream under the engine.

    A write that is cut short leaves half a frame on the wire, and the peer would read the next frame as
    its payload: so nothing is ever written after it. What comes after a violation is not read for the
    engine any more, and nothing new is given to it while several messages wait to be taken. Closing is left to
    the `Transport`, which may still have a close frame to send when the engine has given up, and reads until the
    peer has seen it.
    """

    def __init__(self, stream: trio.abc.Stream, referee: Referee, limits: Limits) -> None:
        self._stream = stream
        self._referee = referee
        self._limits = limits
        self._first_line = b""
        self._turn = trio.StrictFIFOLock()
        self._texts = stream if isinstance(stream, TextStream) else None
        if self._texts is not None:
            self._texts.deliver_texts_to(referee)
        self._cut = False
        self.torn = False
        self.lost = False
        self.failure: Closed | None = None
        self.close_sent = False
        self.writes_in_flight = 0
        self.max_writes_in_flight = 0

    async def send_message(self, text: str) -> None:
        """Write a message, within the write timeout."""
        if self._texts is None:
            await self.send_all(self._referee.send(TextMessage(data=text)))
        elif self.send_at_once(text) is None:
            if not self._referee.open:
                raise wsproto.utilities.LocalProtocolError("the connection is not open")
            await self._write_in_turn(partial(self._texts.send_text, text))

    def send_at_once(self, text: str, note: Callable[[], None] | None = None) -> bool | None:
        """Write a message if nothing has to wait for it, and tell `note` just before; whether it went out.

        None, and `note` was not told, if something has to wait: frames always do.
        """
        texts = self._texts
        if texts is None or self.torn or not self._referee.open or not texts.takes_at_once(text):
            return None
        if note is not None:
            note()
            if not texts.takes_at_once(text) or self.torn:  # by what the note did
                return False
        texts.send_text_nowait(text)
        self.max_writes_in_flight = self.max_writes_in_flight or 1
        return True

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write, within the write timeout: pongs and close frames pass here as well as messages, in turn."""
        await self._write_in_turn(partial(self._stream.send_all, data))
        self.close_sent = self.close_sent or data[0] == CLOSE_FRAME

    async def _write_in_turn(self, write: Callable[[], Awaitable[None]]) -> None:
        try:
            self._turn.acquire_nowait()
        except trio.WouldBlock:
            await self._turn.acquire()
        try:
            await self._write(write)
        except _BROKEN:
            self._note_loss()
            raise
        finally:
            self._turn.release()

    def _note_loss(self) -> None:
        self.lost = True
        self._referee.arrivals.close()

    async def _write(self, write: Callable[[], Awaitable[None]]) -> None:
        if self.torn:
            raise trio.BrokenResourceError("a frame was cut short on this stream")
        await trio.lowlevel.checkpoint_if_cancelled()  # here it is still certain that nothing was written
        self.torn = True
        self.writes_in_flight += 1
        self.max_writes_in_flight = max(self.max_writes_in_flight, self.writes_in_flight)
        try:
            with trio.move_on_after(self._limits.write_timeout) as deadline:
                await write()
        finally:
            self.writes_in_flight -= 1
        if deadline.cancelled_caught:
            detail = f"a write did not finish within {self._limits.write_timeout:g} s"
            self.failure = Closed(CloseReason.TRANSPORT_ERROR, None, detail)
            raise trio.BrokenResourceError(detail)
        self.torn = self._cut

    def cut(self) -> None:
        """Write nothing more, even if the write that is under way should still finish."""
        self._cut = self.torn = True

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self.failure is not None:
            raise trio.BrokenResourceError(self.failure.detail)
        if self._referee.violation is not None:
            await trio.sleep_forever()  # until the transport lets go
        try:
            data = await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError as exc:
            # With TLS 1.3 a client learns only here that the server did not like its certificate.
            if (detail := tls_failure(exc)) is not None:
                self.failure = Closed(CloseReason.TLS_FAILURE, None, f"TLS: {detail}")
            raise
        await self._referee.arrivals.wait_room()
        if self._referee.violation is not None:  # by a message that came past the bytes
            await trio.sleep_forever()
        if not self._first_line.endswith(b"\n"):
            first, newline, _ = (self._first_line + data).partition(b"\n")
            self._first_line = first[-len(_VERSION) - 1 :] + newline  # its end will do: a peer may send 16 KiB of it
        return data

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()

    @property
    def http_1_1(self) -> bool:
        """Whether the first line that came says HTTP/1.1, which wsproto does not look at."""
        return self._first_line.rstrip().endswith(_VERSION)
