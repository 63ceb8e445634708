"""Stores for tests: SQLite called inline, so that the autojump clock sees all of it, and disks that misbehave."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any

import attrs
import trio

from ocpp_trio import v16
from ocpp_trio.backend import IdRange, MemoryStore, SqliteStore, Store, TagPolicy, open_sqlite_store

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
START = v16.StartTransactionRequest(connector_id=1, id_tag="TAG-1", meter_start=100, timestamp=AT)
STOP = v16.StopTransactionRequest(transaction_id=1, meter_stop=350, timestamp=LATER)
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One", firmware_version="7")


async def inline(function: Callable[[], Any], limiter: trio.CapacityLimiter) -> Any:
    """Block the event loop, which nobody notices on a virtual clock."""
    async with limiter:
        return function()


@attrs.define(eq=False)
class SlowDisk:
    """Takes its time on the virtual clock for whatever it is asked, and may be stuck. Cancelled, it does nothing."""

    seconds: float = 1.0
    stuck: bool = False

    async def __call__(self, function: Callable[[], Any], limiter: trio.CapacityLimiter) -> Any:
        async with limiter:
            await trio.sleep(inf if self.stuck else self.seconds)
            return function()


@asynccontextmanager
async def open_memory(path: Path) -> AsyncIterator[Store]:
    yield MemoryStore()


@asynccontextmanager
async def open_inline(path: Path) -> AsyncIterator[SqliteStore]:
    async with open_sqlite_store(path, run_blocking=inline) as store:
        yield store


@asynccontextmanager
async def open_threaded(path: Path) -> AsyncIterator[SqliteStore]:
    async with open_sqlite_store(path) as store:
        yield store


def metered(transaction_id: int | None, value: str) -> v16.MeterValuesRequest:
    reading = v16.MeterValue(timestamp=LATER, sampled_value=(v16.SampledValue(value=value),))
    return v16.MeterValuesRequest(connector_id=1, transaction_id=transaction_id, meter_value=(reading,))


async def open_once(path: Path, ids: IdRange | None) -> int:
    """The next id of a store."""
    async with open_sqlite_store(path, ids=ids) as store:
        request = attrs.evolve(START, meter_start=len(await store.running_transactions()))
        return (await store.start_transaction("CP-1", request, TagPolicy())).transaction_id
