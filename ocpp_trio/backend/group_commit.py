"""One task through which all changes of a file go, as many in one commit as are waiting.

Owns when a commit happens and who is told of it. What a change does is the caller's business, how it gets to the
disk that of the callable which is handed in.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import attrs
import trio

from ocpp_trio.backend.disk import PATIENCE
from ocpp_trio.backend.store import FateUnknown, StoreError
from ocpp_trio.backend.transact import Outcome, Work

T = TypeVar("T")

Commit = Callable[[Sequence[Work]], Awaitable[Sequence[Outcome]]]
"""Does all of it in one transaction, within `PATIENCE`."""


@attrs.frozen(kw_only=True)
class CommitStatistics:
    """A snapshot of the writing side of a store; counts since it was opened."""

    commits: int
    changes: int
    """Changes in those commits."""
    largest: int
    """Changes in the largest of them."""
    waiting: int
    """Callers whose change has not been begun, at this moment."""


@attrs.define(eq=False)
class _Change:
    """Something to do inside the transaction."""

    work: Work
    settled: trio.Event = attrs.field(factory=trio.Event)
    outcome: Outcome | None = None

    def settle(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.settled.set()


class GroupCommit:
    """Takes changes and commits them; `open_group_commit` makes it."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        # Nothing is buffered: who waits here has changed nothing yet and may be cancelled, and the writer takes all
        # who wait at once. Each is a handler of another station, so they are no more than the sessions.
        self._to_writer, self._changes = trio.open_memory_channel[_Change](0)
        self._commits = 0
        self._done = 0
        self._largest = 0

    def statistics(self) -> CommitStatistics:
        """A frozen snapshot for introspection and tests."""
        return CommitStatistics(
            commits=self._commits,
            changes=self._done,
            largest=self._largest,
            waiting=self._changes.statistics().tasks_waiting_send,
        )

    async def change(self, work: Callable[[], T]) -> T:
        """Do this in the next commit; its result once that is on the disk. The work blocks, and is quick.

        Cancelled before the commit has begun, nothing is done. After that the commit is waited for, up to
        `PATIENCE`. Raises StoreError if it is not kept, FateUnknown if the disk did not answer, and whatever
        the work raises, which undoes what it did and nothing else.
        """
        change = _Change(work)
        try:
            await self._to_writer.send(change)
        except (trio.ClosedResourceError, trio.BrokenResourceError) as exc:
            raise StoreError("the store is closed") from exc
        with trio.move_on_after(PATIENCE + 1, shield=True):  # the writer, who knows more, gives up first
            await change.settled.wait()
        outcome = change.outcome or Outcome(error=FateUnknown("the writer is stuck"))
        if outcome.error is not None:
            raise outcome.error
        value: T = outcome.value
        return value

    def close(self) -> None:
        """Take no more changes; those that were handed over are committed, and `run` ends."""
        self._to_writer.close()

    async def run(self) -> None:
        """Commit until closed. Cancelling does nothing: who changes something shall know what became of it."""
        with trio.CancelScope(shield=True), self._changes:  # bounded by `close`, and by the patience of each commit
            async for first in self._changes:
                await self._settle((first, *self._all_waiting()))

    def _all_waiting(self) -> Iterator[_Change]:
        while True:
            try:
                yield self._changes.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                return

    async def _settle(self, changes: Sequence[_Change]) -> None:
        try:
            outcomes = await self._commit([change.work for change in changes])
        except Exception as exc:  # every caller is told; the next commit may well succeed
            for change in changes:
                change.settle(Outcome(error=_as_told(exc)))
            return
        self._commits += 1
        self._done += len(changes)
        self._largest = max(self._largest, len(changes))
        for change, outcome in zip(changes, outcomes, strict=True):
            change.settle(outcome)


def _as_told(exc: Exception) -> StoreError:
    """The same for each caller, but not the same object: each of them raises it."""
    error = (FateUnknown if isinstance(exc, FateUnknown) else StoreError)(str(exc))
    error.__cause__ = exc
    return error


@asynccontextmanager
async def open_group_commit(commit: Commit) -> AsyncIterator[GroupCommit]:
    """A writer for the time of the block, whose own exception leaves as it was raised.

    Leaving commits what was handed over; cancelling does so too.
    """
    writer = GroupCommit(commit)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        try:
            yield writer
        except Exception as exc:
            failure = exc
        finally:
            writer.close()
    if failure is not None:
        raise failure
