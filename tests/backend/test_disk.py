"""Calls that block, one after the other and not for ever."""

import sqlite3
from functools import partial
from pathlib import Path

import pytest
import trio

from ocpp_trio.backend import FateUnknown, StoreError
from ocpp_trio.backend.disk import CLOSING, PATIENCE, Disk, in_thread
from tests.backend.stores import SlowDisk, inline

PATH = Path("csms.db")


class Connection(sqlite3.Connection):
    """Knows whether it was closed."""

    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


def connect(path: Path) -> Connection:
    return sqlite3.connect(":memory:", factory=Connection)


async def test_calls_go_one_after_the_other(autojump_clock):
    disk = Disk(PATH, SlowDisk(seconds=2))
    ended = []

    async def call(name):
        ended.append((await disk.call(lambda: name, to="read"), trio.current_time()))

    async with trio.open_nursery() as nursery:
        for name in "ab":
            nursery.start_soon(call, name)

    assert sorted(at for _, at in ended) == [2, 4]
    assert {name for name, _ in ended} == {"a", "b"}


async def test_a_failure_of_sqlite_is_told_with_the_file(autojump_clock):
    def fail():
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(StoreError, match=r"^cannot read csms.db: disk I/O error$") as caught:
        await Disk(PATH, inline).call(fail, to="read")

    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


async def test_a_disk_that_does_not_answer_is_given_up_and_the_next_call_waits_for_it(autojump_clock):
    slow = SlowDisk(stuck=True)
    disk = Disk(PATH, slow)

    with pytest.raises(FateUnknown, match=r"^could not write to csms.db within 20 s$"):
        await disk.call(lambda: None, to="write to")

    assert trio.current_time() == PATIENCE


async def test_a_connection_is_closed_behind_the_block(autojump_clock):
    async with Disk(PATH, SlowDisk(seconds=1)).opened(connect) as connection:
        assert trio.current_time() == 1

    assert connection.closed
    assert trio.current_time() == 2


async def test_a_connection_that_was_cancelled_while_it_opened_is_closed(autojump_clock):
    made: list[Connection] = []

    def remember(path: Path) -> Connection:
        made.append(connect(path))
        return made[0]

    with trio.move_on_after(1) as scope:
        async with Disk(PATH, SlowDisk(seconds=3)).opened(remember):
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert [connection.closed for connection in made] == [True]


async def test_a_disk_that_is_stuck_keeps_nobody_from_leaving(autojump_clock):
    slow = SlowDisk(seconds=0)
    async with Disk(PATH, slow).opened(connect) as connection:
        slow.stuck = True

    assert not connection.closed
    connection.close()
    assert trio.current_time() == CLOSING


@pytest.mark.real
async def test_a_thread_that_is_given_up_keeps_its_token():
    limiter = trio.CapacityLimiter(1)
    trio_token = trio.lowlevel.current_trio_token()
    began, may_end, ended = trio.Event(), trio.Event(), trio.Event()

    def block():
        trio.from_thread.run_sync(began.set, trio_token=trio_token)
        trio.from_thread.run(may_end.wait, trio_token=trio_token)
        trio.from_thread.run_sync(ended.set, trio_token=trio_token)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(in_thread, block, limiter))
        await began.wait()
        nursery.cancel_scope.cancel()

    assert limiter.borrowed_tokens == 1
    may_end.set()
    await ended.wait()
    async with limiter:
        pass
