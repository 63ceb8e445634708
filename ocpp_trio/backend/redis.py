"""A bus over a Redis or Valkey server: one stream with a bounded length, written and read by every node.

Owns the connections to the server, and coming back to it. `coredis` is used through this file alone. A client is
thrown away after any failure: its pool does not get over connections that die while a command is on its way.
"""

import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random, SystemRandom
from typing import Final

import attrs
import coredis
import msgspec
import trio
from coredis.exceptions import RedisError
from coredis.response.types import StreamEntry
from coredis.retry import NoRetryPolicy
from coredis.tokens import PureToken

from ocpp_trio import Backoff, FullJitterBackoff
from ocpp_trio.backend.bus import BusStatus, Deliver
from ocpp_trio.backend.node_numbers import CLAIM, Claimed, NodeNumber, NumberConflict
from ocpp_trio.backend.outbox import Outbox

logger = logging.getLogger(__name__)

BATCH: Final = 64
"""Letters in one entry of the stream: they share the cost of a command, which is that of dozens of letters."""
LENGTH: Final = 8192
"""Entries kept, or a few more (MAXLEN ~): what a reader may be behind before it has to ask for the state anew."""
READ_AT_ONCE: Final = 64
BLOCK: Final = 1.0
"""Seconds that the server may hold a read back when there is nothing; each return is a sign of life."""
PATIENCE: Final = 5.0
"""Seconds within which the server must do anything else, or is taken for dead."""
CLOCK_LASTS: Final = 2.0
"""Seconds after which the server's clock is read again: clocks drift, and are put right. Less than a node's patience,
so that nobody is taken for gone by a clock."""
# By a script, because the library takes the microseconds of TIME for thousandths of them.
_CLOCK: Final = "return redis.call('TIME')"
_NOT_YET: Final = "not connected yet"
_FIELD: Final = b"l"
_START: Final = b"0-0"
_encoder: Final = msgspec.msgpack.Encoder()
_sheets: Final = msgspec.msgpack.Decoder(tuple[bytes, ...])

Work = Callable[["coredis.Redis[bytes]"], Awaitable[None]]


@attrs.frozen(kw_only=True)
class RedisSettings:
    """`prefix` begins the name of every key. A node comes back after a failure as `backoff` says."""

    prefix: str = "ocpp-trio"
    length: int = LENGTH
    patience: float = PATIENCE
    backoff: Backoff = attrs.Factory(lambda: FullJitterBackoff(initial=0.2, maximum=5.0, floor=0.05))


class RedisBus:
    """A bus over the server at a URL: `redis://host:6379/0`, `rediss://…` with TLS, or `unix:///path`."""

    def __init__(self, url: str, *, settings: RedisSettings | None = None, rng: Random | None = None) -> None:
        self._url = url
        self._settings = settings or RedisSettings()
        self._rng = rng or SystemRandom()
        self._stream = f"{self._settings.prefix}:letters"
        self._broken: dict[str, str] = {"reader": _NOT_YET, "writer": _NOT_YET}
        self._since = -math.inf
        self._told_down = False
        self._position: bytes | None = None
        self._positioned = trio.Event()
        self._server_ahead = 0.0
        self._clock_read_at = -math.inf
        self._number = NodeNumber()

    @property
    def status(self) -> BusStatus:
        """Whether letters get through at this moment."""
        detail = next(iter(self._broken.values()), "")
        return BusStatus(healthy=not self._broken, since=self._since, detail=detail)

    async def claim_number(self, name: str, *, known: int | None = None) -> int:
        """The number of the node of this name, from 0: a new one for a new name, and the same ever after.

        For what must be divided between nodes, such as transaction ids. `known` is what this node's store remembers.
        It is told to a server that has forgotten it, now and whenever `run` connects to one.

        Raises NumberConflict if the server knows better. Raises ConnectionError if it cannot be asked; what is known
        is told later then. Cancelling may leave a number that nobody has.
        """
        self._number.hold(name, known)
        try:
            with trio.fail_after(self._settings.patience):
                async with self._connect() as client:
                    claimed = await self._claim(client, name)
        except* _FAILURES as failures:
            raise ConnectionError(f"no node number from the server: {_in_words(failures)}") from None
        return self._number.settle(claimed)

    async def _claim(self, client: "coredis.Redis[bytes]", name: str) -> Claimed:
        known = "" if self._number.number is None else str(self._number.number)
        told = await client.eval(CLAIM, [f"{self._settings.prefix}:node-numbers"], [name, known])
        assert isinstance(told, bytes), told
        number, _, holder = told.partition(b" ")
        return Claimed(int(number), holder.decode())

    async def _confirm_number(self, client: "coredis.Redis[bytes]") -> None:
        """Tell a server that may have forgotten it, or was not there at the start; nothing if there is none."""
        if self._number.number is not None and self._number.name is not None:
            with trio.fail_after(self._settings.patience):
                claimed = await self._claim(client, self._number.name)
            self._number.settle(claimed)

    async def run(
        self, outbox: Outbox, deliver: Deliver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Carry letters until cancelled, and come back to the server whenever it is lost."""

        async def read(client: "coredis.Redis[bytes]") -> None:
            await self._read(client, deliver)

        async def write(client: "coredis.Redis[bytes]") -> None:
            await self._write(client, outbox)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep, "reader", read)
            nursery.start_soon(self._keep, "writer", write)
            task_status.started()

    async def _keep(self, part: str, work: Work) -> None:
        """Do the work of a part over one client after another, with a wait before each but the first."""
        delays = self._settings.backoff.delays(self._rng)
        while True:
            try:
                async with self._connect() as client:
                    await self._confirm_number(client)
                    await work(client)
            except* NumberConflict as conflicts:
                self._note_conflict(part, _in_words(conflicts))
            except* _FAILURES as failures:
                if part not in self._broken:
                    delays = self._settings.backoff.delays(self._rng)
                self._note_broken(part, _in_words(failures))
            await trio.sleep(next(delays))

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator["coredis.Redis[bytes]"]:
        # Without a stream timeout, which would end reads that wait; without retries of its own, which would hide
        # that a letter may have been written twice, and for how long nothing got through.
        client: coredis.Redis[bytes] = coredis.Redis.from_url(
            self._url,
            verify_version=False,
            retry_policy=NoRetryPolicy(),
            connect_timeout=self._settings.patience,
        )
        async with client:
            yield client

    async def _write(self, client: "coredis.Redis[bytes]", outbox: Outbox) -> None:
        with trio.fail_after(self._settings.patience):
            await client.ping()
        self._note_works("writer")
        # Answers to the first letter must not come before there is a place to read from.
        await self._positioned.wait()
        while True:
            sheets = await outbox.take(BATCH)
            with trio.fail_after(self._settings.patience):
                await client.xadd(
                    self._stream,
                    {_FIELD: _encoder.encode(sheets)},
                    trim_strategy=PureToken.MAXLEN,
                    trim_operator=PureToken.APPROXIMATELY,
                    threshold=self._settings.length,
                )
            outbox.done()

    async def _read(self, client: "coredis.Redis[bytes]", deliver: Deliver) -> None:
        with trio.fail_after(self._settings.patience):
            await self._find_place(client)
        self._note_works("reader")
        self._positioned.set()
        while True:
            assert self._position is not None
            if trio.current_time() >= self._clock_read_at + CLOCK_LASTS:
                with trio.fail_after(self._settings.patience):
                    await self._read_clock(client)
            with trio.fail_after(BLOCK + self._settings.patience):
                found = await client.xread({self._stream: self._position}, count=READ_AT_ONCE, block=int(BLOCK * 1000))
            for entries in (found or {}).values():
                for entry in entries:
                    self._hand_over(entry, deliver)
                    await trio.lowlevel.checkpoint()

    def _hand_over(self, entry: StreamEntry, deliver: Deliver) -> None:
        self._position = _bytes(entry.identifier)
        written_at = _order(self._position)[0] / 1000 - self._server_ahead
        age = max(0.0, trio.current_time() - written_at)
        try:
            sheets = _sheets.decode(_bytes(entry.field_values[_FIELD]))
        except (msgspec.MsgspecError, KeyError) as exc:
            logger.warning("an entry of the stream that is no node's: %a", str(exc))
            return
        for sheet in sheets:
            deliver(sheet, age)

    async def _find_place(self, client: "coredis.Redis[bytes]") -> None:
        """Where to read on; at the end for the first time, and where the stream is not what it was.

        What a server has lost that took over from another is missed, and asked for anew. What came before that was
        read: once more it would be the letters of lives that nobody here remembers.
        """
        await self._read_clock(client)
        newest = await client.xrevrange(self._stream, count=1)
        last = _bytes(newest[0].identifier) if newest else _START
        if self._position is None or _order(last) < _order(self._position):
            self._position = last

    async def _read_clock(self, client: "coredis.Redis[bytes]") -> None:
        # The instant before, so that no letter seems younger than it is and is acted on too late.
        asked_at = trio.current_time()
        told = await client.eval(_CLOCK, [], [])
        assert isinstance(told, list), told
        seconds, microseconds = (int(_bytes(part)) for part in told)
        self._server_ahead = seconds + microseconds / 1e6 - asked_at
        self._clock_read_at = trio.current_time()

    def _note_works(self, part: str) -> None:
        if self._broken.pop(part, None) is not None and not self._broken:
            self._since = trio.current_time()
            if self._told_down:
                logger.warning("the bus works again")
            self._told_down = False

    def _note_conflict(self, part: str, detail: str) -> None:
        if detail not in self._broken.values():
            logger.error("this node is kept off the bus: %a", detail)
            self._told_down = True
        self._break(part, detail)

    def _note_broken(self, part: str, detail: str) -> None:
        if all(told == _NOT_YET for told in self._broken.values()):
            logger.warning("the bus is down: %a", detail)
            self._told_down = True
        self._break(part, detail)

    def _break(self, part: str, detail: str) -> None:
        if not self._broken:
            self._since = trio.current_time()
        self._broken[part] = detail


# Also what its library lets pass of the one below it when a connection dies: its own errors, and those of the system.
_FAILURES: Final = (RedisError, OSError, trio.TooSlowError)


def _in_words(failures: BaseExceptionGroup[Exception]) -> str:
    leaf: BaseException = failures
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    said = "no answer in time" if isinstance(leaf, trio.TooSlowError) else str(leaf)
    return f"{type(leaf).__name__}: {said}" if said else type(leaf).__name__


def _bytes(value: str | bytes) -> bytes:
    """The library types it for clients that decode as well."""
    return value if isinstance(value, bytes) else value.encode()


def _order(identifier: bytes) -> tuple[int, int]:
    milliseconds, _, number = identifier.partition(b"-")
    return int(milliseconds), int(number)
