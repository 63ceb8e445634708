"""Writers, broken on purpose: what goes out, in which pieces, on which connection, and how much of it may wait."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import trio

from ocpp_trio import ConnectionClosed, Session
from ocpp_trio.link.connection import Connection, Receipt
from ocpp_trio.link.guard import Guard
from ocpp_trio.link.transport import Transport
from tests.simulation.swapping import after, both, swapped

_PIECE = 16


def callers_write_by_themselves() -> AbstractContextManager[None]:
    """Without a writer task whoever is cancelled cuts a frame, and here the next one follows it all the same."""

    async def send(self: Any, text: str, *, note: Callable[[], None] = lambda: None) -> Receipt:
        receipt = Receipt(text)
        await self._transport.send(text)
        note()
        receipt.settle(written=True)
        return receipt

    def forget(original: Any) -> Any:
        async def send_all(self: Any, data: bytes) -> None:
            try:
                await original(self, data)
            finally:
                self.torn = False

        return send_all

    return both(swapped(Connection, "send", lambda original: send), swapped(Guard, "send_all", forget))


def writes_are_not_one_after_the_other() -> AbstractContextManager[None]:
    """A task for every message, and neither the engine nor the guard lets one wait for another."""

    class Open:
        """A lock that is none."""

        async def __aenter__(self) -> None:
            await trio.lowlevel.checkpoint()

        async def __aexit__(self, *exc_info: object) -> None:
            pass

    async def write(self: Any) -> None:
        try:
            with self._writer, self._from_senders:
                async with trio.open_nursery() as nursery:
                    async for receipt in self._from_senders:
                        nursery.start_soon(_write_one, self._transport, receipt)
        finally:
            self._writer_done.set()

    async def send_all(self: Any, data: bytes) -> None:
        turn = self.__dict__.setdefault("turn", trio.Lock())
        self.writes_in_flight += 1
        self.max_writes_in_flight = max(self.max_writes_in_flight, self.writes_in_flight)
        try:
            with trio.move_on_after(self._limits.write_timeout) as deadline:
                for start in range(0, len(data), _PIECE):
                    async with turn:
                        await self._stream.send_all(data[start : start + _PIECE])
        finally:
            self.writes_in_flight -= 1
        if deadline.cancelled_caught:
            raise trio.BrokenResourceError("a write did not finish")

    unlocked = swapped(Transport, "__init__", after(lambda one: setattr(one._websocket, "_stream_lock", Open())))
    inner = both(swapped(Connection, "write", lambda original: write), unlocked)
    return both(inner, swapped(Guard, "send_all", lambda original: send_all))


async def _write_one(transport: Transport, receipt: Receipt) -> None:
    written = False
    try:
        await transport.send(receipt.text)
        written = True
    except ConnectionClosed:
        pass
    finally:
        receipt.settle(written=written)


def outbox_outlives_the_connection() -> AbstractContextManager[None]:
    """What was in the writer's hands at the loss goes out first on the next connection."""
    outbox: dict[tuple[str, str], str] = {}

    async def write(self: Any) -> None:
        key = self._link.identity, self._link.role
        try:
            with self._writer, self._from_senders:
                if key in outbox:
                    await _write_one(self._transport, Receipt(outbox.pop(key)))
                async for receipt in self._from_senders:
                    outbox[key] = receipt.text
                    await _write_one(self._transport, receipt)
                    if await receipt.wait_written():
                        outbox.pop(key, None)
        finally:
            self._writer_done.set()

    return swapped(Connection, "write", lambda original: write)


def writers_queue_has_no_end() -> AbstractContextManager[None]:
    """What is handed over counts as sent, and no statistics show how much of it waits."""

    def widen(connection: Any) -> None:
        connection._to_writer, connection._from_senders = trio.open_memory_channel(math.inf)

    return swapped(Connection, "__init__", after(widen))


def sessions_are_kept_when_they_are_over() -> AbstractContextManager[None]:
    kept: list[Any] = []
    return swapped(Session, "__init__", after(kept.append))
