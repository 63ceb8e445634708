"""When a commit happens, who is told of it, and what cancelling leaves."""

from collections.abc import Sequence
from functools import partial

import pytest
import trio
import trio.testing

from ocpp_trio.backend import CommitStatistics, FateUnknown, StoreError
from ocpp_trio.backend.disk import PATIENCE
from ocpp_trio.backend.group_commit import GroupCommit, open_group_commit
from ocpp_trio.backend.transact import Outcome, Work
from tests.blow import Blow, sweep


class Journal:
    """Does what it is given, takes a second for a commit, and remembers each of them."""

    def __init__(self, *, seconds: float = 1.0):
        self.seconds = seconds
        self.commits: list[list[object]] = []
        self.failures: list[Exception] = []

    async def commit(self, works: Sequence[Work]) -> Sequence[Outcome]:
        await trio.sleep(self.seconds)
        if self.failures:
            raise self.failures.pop(0)
        outcomes = [self._attempt(work) for work in works]
        self.commits.append([outcome.value for outcome in outcomes])
        return outcomes

    def _attempt(self, work: Work) -> Outcome:
        try:
            return Outcome(value=work())
        except LookupError as exc:
            return Outcome(error=exc)


class Callers:
    """Change something, and remember when they were told."""

    def __init__(self, writer: GroupCommit, told: dict[object, float] | None = None) -> None:
        self.writer = writer
        self.told = {} if told is None else told

    async def change(self, value):
        await self.writer.change(lambda: value)
        self.told[value] = trio.current_time()


async def test_all_who_wait_share_a_commit_and_are_told_after_it(autojump_clock):
    journal = Journal()
    async with open_group_commit(journal.commit) as writer, trio.open_nursery() as nursery:
        callers = Callers(writer)
        nursery.start_soon(callers.change, "first")
        await trio.testing.wait_all_tasks_blocked()
        for number in range(100):
            nursery.start_soon(callers.change, number)
        await trio.testing.wait_all_tasks_blocked()
        during = writer.statistics()

    assert [len(commit) for commit in journal.commits] == [1, 100]
    assert callers.told.pop("first") == 1
    assert callers.told == dict.fromkeys(range(100), 2)
    assert during == CommitStatistics(commits=0, changes=0, largest=0, waiting=100)
    assert writer.statistics() == CommitStatistics(commits=2, changes=101, largest=100, waiting=0)


async def test_changes_are_committed_in_the_order_in_which_they_came(autojump_clock):
    journal = Journal()
    async with open_group_commit(journal.commit) as writer, trio.open_nursery() as nursery:
        callers = Callers(writer)
        for number in range(10):
            nursery.start_soon(callers.change, number)
            await trio.testing.wait_all_tasks_blocked()

    assert journal.commits == [[0], list(range(1, 10))]


async def test_a_change_that_fails_concerns_its_caller_alone(autojump_clock):
    def fail():
        raise LookupError("no such thing")

    journal = Journal()
    async with open_group_commit(journal.commit) as writer, trio.open_nursery() as nursery:
        callers = Callers(writer)
        nursery.start_soon(callers.change, 1)
        with pytest.raises(LookupError, match="no such thing"):
            await writer.change(fail)
        await callers.change(2)

    assert set(callers.told) == {1, 2}


@pytest.mark.parametrize("kind", [StoreError, FateUnknown, RuntimeError])
async def test_a_commit_that_fails_is_told_to_all_and_the_next_may_succeed(autojump_clock, kind):
    journal = Journal()
    journal.failures.append(kind("disk full"))
    caught = []

    async with open_group_commit(journal.commit) as writer:

        async def change():
            with pytest.raises(StoreError, match="^disk full$") as told:
                await writer.change(lambda: None)
            caught.append(told.value)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(change)
            nursery.start_soon(change)
        assert await writer.change(lambda: 7) == 7

    first, second = caught
    assert first is not second
    assert {type(error) for error in caught} == {FateUnknown if kind is FateUnknown else StoreError}
    assert journal.commits == [[7]]


async def test_who_is_cancelled_before_the_commit_begins_has_changed_nothing(autojump_clock):
    journal = Journal()
    async with open_group_commit(journal.commit) as writer, trio.open_nursery() as nursery:
        callers = Callers(writer)
        nursery.start_soon(callers.change, "first")
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0.5) as scope:
            await writer.change(lambda: "never")
        assert trio.current_time() == 0.5

    assert scope.cancelled_caught
    assert journal.commits == [["first"]]


async def test_who_is_cancelled_during_the_commit_is_told_all_the_same(autojump_clock):
    journal = Journal()
    async with open_group_commit(journal.commit) as writer:
        with trio.move_on_after(0.5) as scope:
            result = await writer.change(lambda: 7)
            assert trio.current_time() == 1
            await trio.lowlevel.checkpoint()

    assert (scope.cancelled_caught, result) == (True, 7)
    assert journal.commits == [[7]]


async def test_a_commit_that_does_not_keep_its_time_is_waited_for_a_second_more(autojump_clock):
    async with open_group_commit(Journal(seconds=PATIENCE + 5).commit) as writer:
        with trio.move_on_after(0.5), pytest.raises(FateUnknown, match="the writer is stuck"):
            await writer.change(lambda: None)
        assert trio.current_time() == PATIENCE + 1


async def test_leaving_commits_what_was_handed_over_and_refuses_the_rest(autojump_clock):
    journal = Journal()
    refused = []

    async def refusal(writer):
        with pytest.raises(StoreError, match="the store is closed"):
            await writer.change(lambda: "late")
        refused.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        async with open_group_commit(journal.commit) as writer:
            callers = Callers(writer)
            nursery.start_soon(callers.change, "handed over")
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(refusal, writer)  # noqa: ASYNC111  # that it outlives the writer is the point
            await trio.testing.wait_all_tasks_blocked()
        assert trio.current_time() == 1
        await refusal(writer)

    assert (journal.commits, refused) == ([["handed over"]], [0, 1])


async def test_an_exception_of_the_block_leaves_bare(autojump_clock):
    with pytest.raises(LookupError, match="mine"):
        async with open_group_commit(Journal().commit):
            raise LookupError("mine")


def test_cancelled_at_any_step_the_journal_and_the_caller_agree():
    """A caller that got an answer has changed something, and one that was cancelled has not."""

    async def scenario(blow: Blow) -> None:
        journal = Journal()
        told = []
        async with open_group_commit(journal.commit) as writer, trio.open_nursery() as nursery:
            nursery.start_soon(Callers(writer).change, "other")
            with blow.strikes():
                for number in range(3):
                    told.append(await writer.change(partial(int, number)))  # noqa: PERF401  # some, if it is cancelled
        committed = [value for commit in journal.commits for value in commit]
        assert [value for value in committed if value != "other"] == told
        assert "other" in committed

    assert sweep(scenario) > 5


def test_cancelled_at_any_step_with_its_store_nothing_that_was_told_is_lost():
    async def scenario(blow: Blow) -> None:
        journal = Journal()
        told: dict[object, float] = {}
        with blow.strikes():
            async with open_group_commit(journal.commit) as writer, trio.open_nursery() as nursery:
                callers = Callers(writer, told)
                for number in range(3):
                    nursery.start_soon(callers.change, number)
        committed = {value for commit in journal.commits for value in commit}
        assert told.keys() == committed

    assert sweep(scenario) > 5
