"""The durable store: an SQLite file that is written ahead and synced before anybody is told.

    async with open_sqlite_store("csms.db") as store:
        backend = Backend(store)
        await backend.restore()

Owns the file's lifetime. Several processes may share the file; several nodes with a file each name their part of
the transaction ids.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TypeVar

from ocpp_trio import v16
from ocpp_trio.backend.disk import Disk, RunBlocking, in_thread
from ocpp_trio.backend.group_commit import CommitStatistics, GroupCommit, open_group_commit
from ocpp_trio.backend.records import Registration, Stopped, StrayStop, Transaction
from ocpp_trio.backend.schema import ids_of, open_reader, open_writer, remembered
from ocpp_trio.backend.tables import Tables
from ocpp_trio.backend.tags import TagPolicy
from ocpp_trio.backend.transact import transact
from ocpp_trio.backend.transaction_ids import IdRange

T = TypeVar("T")


class SqliteStore:
    """A Store in a file; `open_sqlite_store` makes it. Nothing that it has confirmed is ever forgotten."""

    def __init__(self, commits: GroupCommit, written: Tables, read: Tables, reading: Disk) -> None:
        self._commits = commits
        self._written = written
        # A connection of its own: to read waits for no commit, and sees every change that was answered.
        self._tables = read
        self._reading = reading

    def statistics(self) -> CommitStatistics:
        """A frozen snapshot for introspection and tests."""
        return self._commits.statistics()

    async def start_transaction(
        self, identity: str, request: v16.StartTransactionRequest, policy: TagPolicy
    ) -> Transaction:
        """The transaction of a StartTransaction: the one it repeats, or a new one whose tag is judged now."""
        return await self._commits.change(partial(self._written.start, identity, request, policy))

    async def stop_transaction(self, identity: str, request: v16.StopTransactionRequest, policy: TagPolicy) -> Stopped:
        """End the transaction that runs at this station; a repeat finds what the first one was answered."""
        return await self._commits.change(partial(self._written.stop, identity, request, policy))

    async def meter_transaction(self, identity: str, request: v16.MeterValuesRequest) -> Transaction | None:
        """Take the latest energy reading of a transaction that runs at this station; None if there is none."""
        if request.transaction_id is None:
            return None
        return await self._commits.change(partial(self._written.meter, identity, request))

    async def register(self, identity: str, boot: v16.BootNotificationRequest, *, at: datetime) -> Registration:
        """A station was accepted."""
        return await self._commits.change(partial(self._written.register, identity, boot, at))

    async def put_tag(self, id_tag: str, status: v16.AuthorizationStatus) -> None:
        """A tag may do this from now on."""
        await self._commits.change(partial(self._written.put_tag, id_tag, status))

    async def remove_tag(self, id_tag: str) -> None:
        """Nothing is known of a tag any more."""
        await self._commits.change(partial(self._written.remove_tag, id_tag))

    async def tag_status(self, id_tag: str) -> v16.AuthorizationStatus | None:
        """What is known of a tag; None if nothing is."""
        return await self._look(partial(self._tables.tag_status, id_tag))

    async def tags(self) -> Mapping[str, v16.AuthorizationStatus]:
        """All known tags."""
        return await self._look(self._tables.tags)

    async def transaction(self, transaction_id: int) -> Transaction | None:
        """One transaction, running or ended."""
        return await self._look(partial(self._tables.transaction, transaction_id))

    async def running_transactions(self) -> tuple[Transaction, ...]:
        """The transactions that nobody has ended yet, by id."""
        return await self._look(self._tables.running)

    async def stray_stops(self) -> tuple[StrayStop, ...]:
        """The stops that ended nothing here, by station."""
        return await self._look(self._tables.stray_stops)

    async def registrations(self) -> tuple[Registration, ...]:
        """The stations that were ever accepted, by identity."""
        return await self._look(self._tables.registrations)

    async def _look(self, look: Callable[[], T]) -> T:
        return await self._reading.call(look, to="read")


@asynccontextmanager
async def open_sqlite_store(
    path: str | PathLike[str], *, ids: IdRange | None = None, run_blocking: RunBlocking = in_thread
) -> AsyncIterator[SqliteStore]:
    """Open the store in a file; a new one is made if there is none.

    `ids` is the part of the transaction ids that this file may hand out, for nodes that have a file each. The file
    remembers it; without it a file hands out the part that it remembers, or all if it never was a node's.
    `run_blocking` is how SQLite is called: in a worker thread, unless a test brings its own.

    Leaving commits what was handed over and closes the file. Cancelling does so too. Raises StoreError if the file
    is no store of this version, cannot be opened, or is one for another part of the transaction ids.
    """
    writing, reading = Disk(Path(path), run_blocking), Disk(Path(path), run_blocking)

    async with (
        writing.opened(partial(open_writer, ids=ids)) as writer,
        reading.opened(open_reader) as reader,
        open_group_commit(lambda works: writing.call(partial(transact, writer, works), to="write to")) as commits,
    ):
        kept = await reading.call(partial(ids_of, reader), to="read")
        yield SqliteStore(commits, Tables(writer, kept), Tables(reader, kept), reading)


async def remembered_ids(path: str | PathLike[str], *, run_blocking: RunBlocking = in_thread) -> IdRange | None:
    """The part of the transaction ids that a store's file may hand out; None if it was never a node's, or is not there.

    For a node that starts while it cannot ask for its number. Cancelling leaves everything as it is. Raises StoreError
    if the file cannot be read.
    """
    return await Disk(Path(path), run_blocking).call(partial(remembered, Path(path)), to="read")
