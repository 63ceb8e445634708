"""One WebSocket connection at work: the writer task, the keepalive, the orderly end.

Owns who may write when: every message whose write may have to wait goes through one channel of size 0 to one
writer task. Text in, text out; must not know OCPP.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, NoReturn

import attrs
import trio

from ocpp_trio.errors import Closed, CloseReason, ConnectionClosed
from ocpp_trio.link.instrument import Instrument, Link
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.nursery import open_background
from ocpp_trio.link.transport import GOING_AWAY, Transport


@attrs.define(eq=False)
class Receipt:
    """A message in the hands of the writer."""

    text: str
    _written: bool | None = None
    # Most receipts are not waited for, and an event for each would be a hundredth of what a call costs.
    _settled: trio.Event | None = None

    def settle(self, *, written: bool) -> None:
        """The writer is done with the message."""
        self._written = written
        if self._settled is not None:
            self._settled.set()

    async def wait_written(self) -> bool:
        """Wait until the writer is done, and say whether the whole message went out; for one task."""
        if self._written is None:
            self._settled = trio.Event()
            await self._settled.wait()
        else:
            await trio.lowlevel.checkpoint()
        return bool(self._written)


_WRITTEN: Final = Receipt("", written=True)
_LOST: Final = Receipt("", written=False)
"""Of all messages that never came into the hands of the writer; nothing about either will change."""


@attrs.define
class Depth:
    """How many wait at a place now, and the most that ever did."""

    now: int = 0
    peak: int = 0

    def up(self) -> None:
        """One more."""
        self.now += 1
        if self.now > self.peak:
            self.peak = self.now

    def down(self) -> None:
        """One less."""
        self.now -= 1

    __enter__ = up

    def __exit__(self, *exc_info: object) -> None:
        self.now -= 1


class Connection:
    """Text over one live WebSocket. Made by `open_connection`."""

    def __init__(self, transport: Transport, limits: Limits, instrument: Instrument, link: Link) -> None:
        self._transport = transport
        self._limits = limits
        self._instrument = instrument
        self._link = link
        # Size 0: a cancelled sender either never handed over, and nothing is written, or already did, and
        # the writer finishes the frame. Senders wait in order; those who wait when the writer ends are
        # told by the closing of the channel.
        self._to_writer, self._from_senders = trio.open_memory_channel[Receipt](0)
        self._taking = True
        self._with_writer = 0  # messages that wait for it, or are in its hands
        self._writer = trio.CancelScope(shield=True)
        self._writer_done = trio.Event()
        self._ping_wanted = trio.Event()
        self.writes_waiting = Depth()
        self.messages_sent = 0
        """Handed to the writer, or written without it."""

    @property
    def transport(self) -> Transport:
        """The WebSocket underneath."""
        return self._transport

    async def send(self, text: str, *, note: Callable[[], None] | None = None) -> Receipt:
        """Hand a message to the writer, and tell `note` that it is out of the caller's hands.

        A message that is written without waiting, as one without frames is where there is room, costs the writer
        no step: it goes out here and now, unless others are before it. Nothing can cut it short.

        Cancelling before the hand-over sends nothing; after it the frame goes out whole. Raises
        ConnectionClosed, and then nothing was sent.
        """
        if self._taking and not self._with_writer:
            # Its note comes first: the peer's half of the same log may say at once that the message came.
            written = self._transport.send_at_once(text, note)
            if written is not None:
                self.messages_sent += 1
                return _WRITTEN if written else _LOST
        receipt = Receipt(text)
        await self._give_to_writer(receipt)
        self.messages_sent += 1
        if note is not None:
            note()
        return receipt

    async def _give_to_writer(self, receipt: Receipt) -> None:
        given = False
        self._with_writer += 1
        try:
            try:
                self._to_writer.send_nowait(receipt)
            except trio.WouldBlock:
                with self.writes_waiting:
                    await self._to_writer.send(receipt)
            given = True
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise self._closed_error() from None
        finally:
            self._with_writer -= not given

    def _closed_error(self) -> ConnectionClosed:
        return ConnectionClosed(self._transport.closed or GOING_AWAY, was_sent=False)

    async def forward(self, taker: Callable[[str], None]) -> NoReturn:
        """Call `taker` with every message as it comes. Raises ConnectionClosed, or what `taker` raises."""
        await self._transport.forward(taker)

    def end(self, closed: Closed) -> None:
        """Take no more messages; leaving the context finishes the one in hand and says goodbye."""
        self._transport.end(closed)
        self._take_no_more()

    def abort(self, closed: Closed) -> None:
        """Cut the connection without a word; everybody who waits on it gets ConnectionClosed."""
        self._transport.abort(closed)
        self._take_no_more()
        self._writer.cancel()

    def _take_no_more(self) -> None:
        self._taking = False
        self._to_writer.close()

    async def write(self) -> None:
        """The writer task: the only caller of the transport's `send`, one write at a time.

        Shielded, so that cancellation around it never cuts a frame; it ends by the closing of its channel.
        Each write has its deadline in the transport.
        """
        try:
            with self._writer, self._from_senders:
                async for receipt in self._from_senders:
                    written = False
                    try:
                        await self._transport.send(receipt.text)
                        written = True
                    finally:
                        self._with_writer -= 1
                        receipt.settle(written=written)
        except ConnectionClosed:
            pass  # the reader finds out by itself, and tells the session why
        finally:
            self._writer_done.set()

    async def ping(self) -> None:
        """Have a ping sent, and wait for whatever comes next from the peer. Raises ConnectionClosed.

        The ping is the keepalive's, so that there is one at a time and none is cut short by who asked for it. One
        that is out already counts as well, and is followed by another once it is answered.
        """
        self._ping_wanted.set()
        await self._transport.wait_sign()

    async def keep_alive(self) -> None:
        """Ping at an interval and on demand; a pong that does not come means a half-open link, which is cut."""
        while True:
            with trio.move_on_after(self._limits.ping_interval):
                await self._ping_wanted.wait()
            self._ping_wanted = trio.Event()
            sent_at = trio.current_time()
            self._instrument.ping_sent(self._link)
            with trio.move_on_after(self._limits.pong_deadline) as deadline:
                try:
                    await self._transport.ping()
                except ConnectionClosed:
                    return
            if deadline.cancelled_caught:
                detail = f"no pong within {self._limits.pong_deadline:g} s"
                self.abort(Closed(CloseReason.KEEPALIVE_TIMEOUT, None, detail))
                return
            self._instrument.pong_received(self._link, seconds=trio.current_time() - sent_at)

    async def finish(self) -> None:
        """Let the writer finish the frame in hand, for as long as a close may take."""
        self._take_no_more()
        with trio.move_on_after(self._limits.close_timeout, shield=True):
            await self._writer_done.wait()
        self._writer.cancel()


@asynccontextmanager
async def open_connection(
    transport: Transport, *, limits: Limits, instrument: Instrument, link: Link
) -> AsyncIterator[Connection]:
    """Run a connection's tasks around the body. The close handshake is the transport's, after this."""
    connection = Connection(transport, limits, instrument, link)
    async with open_background() as nursery:
        nursery.start_soon(connection.write)
        nursery.start_soon(connection.keep_alive)
        try:
            yield connection
        finally:
            await connection.finish()  # noqa: ASYNC102  # shields and bounds itself
