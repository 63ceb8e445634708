"""The durable store as a whole: over restarts, beside another process, and with a file that is broken."""

import os
import sqlite3
import sys
from datetime import datetime, timedelta, timezone

import attrs
import pytest
import trio

from ocpp_trio import v16
from ocpp_trio.backend import (
    CommitStatistics,
    FateUnknown,
    IdRange,
    StoreError,
    TagPolicy,
    open_sqlite_store,
    remembered_ids,
)
from tests.backend.stores import AT, BOOT, LATER, START, STOP, SlowDisk, inline, metered, open_inline
from tests.blow import Blow, sweep

S = v16.AuthorizationStatus
OPEN = TagPolicy()
BEFORE_ALL_TIME = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))


@attrs.frozen
class Set:
    """Calls SQLite inline, with a setting for each connection: so it is SQLite itself that fails."""

    pragma: str

    async def __call__(self, function, limiter):
        found = function()
        if isinstance(found, sqlite3.Connection):
            found.execute(f"PRAGMA {self.pragma}")
        return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "csms.db"


async def test_all_of_it_is_there_after_a_restart(path, autojump_clock):
    async with open_inline(path) as store:
        await store.put_tag("TAG-1", S.ACCEPTED)
        registration = await store.register("CP-1", BOOT, at=AT)
        ended = await store.start_transaction("CP-1", START, OPEN)
        stopped = await store.stop_transaction("CP-1", attrs.evolve(STOP, id_tag="TAG-1"), OPEN)
        await store.start_transaction("CP-1", attrs.evolve(START, timestamp=LATER), OPEN)
        running = await store.meter_transaction("CP-1", metered(2, "400"))

    async with open_inline(path) as store:
        assert await store.tags() == {"TAG-1": S.ACCEPTED}
        assert await store.registrations() == (registration,)
        assert await store.transaction(ended.transaction_id) == stopped.transaction
        assert await store.running_transactions() == (running,)


async def test_repeats_over_a_restart_get_the_same_and_ids_go_on(path, autojump_clock):
    stop = attrs.evolve(STOP, id_tag="TAG-2")
    async with open_inline(path) as store:
        begun = await store.start_transaction("CP-1", START, OPEN)
        stopped = await store.stop_transaction("CP-1", stop, OPEN)

    async with open_inline(path) as store:
        for tag in ("TAG-1", "TAG-2"):
            await store.put_tag(tag, S.BLOCKED)
        again = await store.start_transaction("CP-1", START, OPEN)
        assert (again.transaction_id, again.status) == (begun.transaction_id, begun.status)
        assert await store.stop_transaction("CP-1", stop, OPEN) == stopped
        assert (await store.start_transaction("CP-2", START, OPEN)).transaction_id == 2


async def test_an_id_is_not_handed_out_again_though_its_row_is_gone(path, autojump_clock):
    async with open_inline(path) as store:
        await store.start_transaction("CP-1", START, OPEN)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM transactions")
    connection.close()

    async with open_inline(path) as store:
        assert (await store.start_transaction("CP-1", START, OPEN)).transaction_id == 2


async def test_nodes_with_a_file_each_hand_out_different_ids(tmp_path, autojump_clock):
    found = []
    for node in range(3):
        async with open_sqlite_store(tmp_path / f"{node}.db", ids=IdRange(node, 3), run_blocking=inline) as store:
            found += [(await store.start_transaction(name, START, OPEN)).transaction_id for name in ("CP-1", "CP-2")]

    assert found == [1, 2, 715827883, 715827884, 1431655765, 1431655766]


async def test_a_node_that_opens_its_file_without_a_word_about_ids_goes_on_with_its_own(path, autojump_clock):
    ids = IdRange(1, 1000)
    assert await remembered_ids(path, run_blocking=inline) is None
    async with open_sqlite_store(path, ids=ids, run_blocking=inline) as store:
        first = await store.start_transaction("CP-1", START, OPEN)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE sqlite_sequence SET seq = ?", (ids.last - 1,))
    connection.close()

    assert await remembered_ids(path, run_blocking=inline) == ids
    async with open_inline(path) as store:
        last = await store.start_transaction("CP-2", START, OPEN)
        with pytest.raises(StoreError, match=f"no transaction id is left of {ids}"):
            await store.start_transaction("CP-3", START, OPEN)
    assert (first.transaction_id, last.transaction_id) == (ids.first, ids.last)


async def test_what_is_no_store_remembers_nothing_and_says_why(path, autojump_clock):
    path.write_text("dear diary, " * 1000)

    with pytest.raises(StoreError, match=f"cannot read {path}: file is not a database"):
        await remembered_ids(path, run_blocking=inline)


async def test_nodes_that_share_a_file_take_turns(path, autojump_clock):
    async with open_inline(path) as first, open_inline(path) as second:
        found = [
            (await store.start_transaction(identity, START, OPEN)).transaction_id
            for identity, store in [("CP-1", first), ("CP-2", second), ("CP-1", second), ("CP-3", first)]
        ]
        seen = await second.running_transactions()

    assert found == [1, 2, 1, 3]
    assert [transaction.identity for transaction in seen] == ["CP-1", "CP-2", "CP-3"]


async def test_ids_that_are_used_up_are_told_and_nothing_is_begun(path, autojump_clock):
    async with open_inline(path) as store:
        await store.put_tag("TAG-1", S.ACCEPTED)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE sqlite_sequence SET seq = ?", (IdRange().last - 1,))
    connection.close()

    for _ in range(2):
        async with open_inline(path) as store:
            last = await store.start_transaction("CP-1", START, OPEN)
            with pytest.raises(StoreError, match="no transaction id is left of ids 1 to 2147483647 of node 0 of 1"):
                await store.start_transaction("CP-2", START, OPEN)
            assert await store.running_transactions() == (last,)
            assert last.transaction_id == 2**31 - 1


@pytest.mark.parametrize(
    "change",
    [{"meter_start": 2**63}, {"connector_id": 10**30}, {"timestamp": BEFORE_ALL_TIME}],
    ids=lambda c: next(iter(c)),
)
async def test_a_number_that_no_file_can_hold_is_refused_beside_others(path, autojump_clock, change):
    async with open_inline(path) as store:
        with pytest.raises(OverflowError):
            await store.start_transaction("CP-1", attrs.evolve(START, **change), OPEN)
        assert (await store.start_transaction("CP-1", START, OPEN)).transaction_id == 1


async def test_handlers_of_many_stations_share_commits(path, autojump_clock):
    disk = SlowDisk(seconds=1)
    async with open_sqlite_store(path, run_blocking=disk) as store:
        opened = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(store.start_transaction, f"CP-{number}", START, OPEN)
        assert trio.current_time() == opened + 1
        statistics = store.statistics()

    assert statistics == CommitStatistics(commits=1, changes=50, largest=50, waiting=0)


async def test_a_look_does_not_wait_for_a_commit(path, autojump_clock):
    disk = SlowDisk(seconds=1)
    async with open_sqlite_store(path, run_blocking=disk) as store, trio.open_nursery() as nursery:
        nursery.start_soon(store.start_transaction, "CP-1", START, OPEN)
        await trio.sleep(0.5)
        began = trio.current_time()
        assert await store.tag_status("TAG-1") is None
        assert trio.current_time() == began + 1


async def test_readings_of_no_transaction_cost_no_commit(path, autojump_clock):
    async with open_inline(path) as store:
        await store.meter_transaction("CP-1", metered(None, "1"))

        assert store.statistics().commits == 0


async def test_a_disk_that_is_stuck_is_told_and_a_repeat_finds_what_became_of_it(path, autojump_clock):
    disk = SlowDisk(seconds=0)
    async with open_sqlite_store(path, run_blocking=disk) as store:
        disk.stuck = True
        with pytest.raises(FateUnknown, match=f"could not write to {path} within 20 s"):
            await store.start_transaction("CP-1", START, OPEN)
        with pytest.raises(StoreError, match="could not read"):
            await store.tags()
        disk.stuck = False
        assert (await store.start_transaction("CP-1", START, OPEN)).transaction_id == 1


async def test_a_file_that_another_process_holds_is_told(path, autojump_clock):
    async with open_sqlite_store(path, run_blocking=Set("busy_timeout = 0")) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=f"cannot write to {path}: database is locked"):
            await store.start_transaction("CP-1", START, OPEN)
        assert await store.running_transactions() == ()
        other.close()
        assert (await store.start_transaction("CP-1", START, OPEN)).transaction_id == 1


async def test_a_disk_that_is_full_is_told_and_nothing_is_kept_by_halves(path, autojump_clock):
    begun = []

    async def begin_many(store):
        for number in range(1000):
            begun.append(await store.start_transaction(f"CP-{number}", START, OPEN))  # noqa: PERF401  # until it fails

    async with open_sqlite_store(path, run_blocking=Set("max_page_count = 20")) as store:
        with pytest.raises(StoreError, match=f"cannot write to {path}: database or disk is full"):
            await begin_many(store)
        assert list(await store.running_transactions()) == begun

    async with open_inline(path) as store:
        assert list(await store.running_transactions()) == begun
        assert (await store.start_transaction("CP-new", START, OPEN)).transaction_id == len(begun) + 1


@pytest.mark.parametrize(("intact", "message"), [(0.1, "cannot open {}"), (0.7, "cannot read {}")])
async def test_a_file_that_is_damaged_is_told(path, autojump_clock, intact, message):
    async with open_inline(path) as store:
        for number in range(200):
            await store.start_transaction(f"CP-{number}", START, OPEN)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(int(size * intact))
        file.write(b"\xff" * (size - file.tell()))

    with pytest.raises(StoreError, match=f"{message.format(path)}: database disk image is malformed"):
        async with open_inline(path) as store:
            await store.running_transactions()


async def test_what_cannot_be_opened_is_told_with_its_name(tmp_path, autojump_clock):
    (tmp_path / "diary").write_text("dear diary, " * 1000)

    for name, why in [("diary", "file is not a database"), ("no/where", "unable to open database file")]:
        with pytest.raises(StoreError, match=f"cannot open {tmp_path / name}: {why}"):
            async with open_inline(tmp_path / name):
                raise AssertionError("it was opened")


async def test_a_store_that_is_closed_says_so(path, autojump_clock):
    async with open_inline(path) as store:
        pass

    with pytest.raises(StoreError, match="the store is closed"):
        await store.start_transaction("CP-1", START, OPEN)
    with pytest.raises(StoreError, match="cannot read .*: Cannot operate on a closed database"):
        await store.tags()


def test_cancelled_at_any_step_the_file_and_the_caller_agree(tmp_path):
    """With a disk that takes a second: what was answered is there after a restart, and nothing else."""
    files = iter(range(1000))

    async def scenario(blow: Blow) -> None:
        path = tmp_path / f"{next(files)}.db"
        answered = []
        with blow.strikes():
            async with open_sqlite_store(path, run_blocking=SlowDisk(seconds=1)) as store:
                answered.append(await store.start_transaction("CP-1", START, OPEN))
                await store.running_transactions()
                answered.append(await store.start_transaction("CP-2", START, OPEN))
        async with open_inline(path) as store:
            assert list(await store.running_transactions()) == answered

    assert sweep(scenario) > 10


WRITER = """
import sys, trio, attrs
from functools import partial
from ocpp_trio.backend import TagPolicy, open_sqlite_store
from tests.backend.stores import START

async def main():
    async with open_sqlite_store(sys.argv[1]) as store:
        for number in range(60):
            begun = await store.start_transaction(f"{sys.argv[2]}-{number}", START, TagPolicy())
            print(begun.transaction_id, flush=True)

trio.run(main)
"""


@pytest.mark.real
async def test_two_processes_share_a_file_that_neither_found(path):
    async def write(name: str) -> None:
        command = [sys.executable, "-c", WRITER, str(path), name]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = await trio.run_process(command, capture_stdout=True, env=environment)
        ids.extend(map(int, done.stdout.split()))

    ids: list[int] = []
    async with trio.open_nursery() as nursery:
        for name in "AB":
            nursery.start_soon(write, name)

    assert sorted(ids) == list(range(1, 121))
