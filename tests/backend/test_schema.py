"""Which files are stores, and what a connection to one is like."""

import os
import sqlite3
import subprocess
import sys

import pytest

from ocpp_trio.backend import IdRange, StoreError
from ocpp_trio.backend.schema import VERSION, open_reader, open_writer, remembered, write_ahead


@pytest.fixture
def path(tmp_path):
    return tmp_path / "csms.db"


def open_once(path, ids=None, *, last_id=None, then=""):
    connection = open_writer(path, ids)
    if last_id is not None:
        connection.execute("UPDATE sqlite_sequence SET seq = ?", (last_id,))
    connection.executescript(then)
    connection.close()


def pragma(connection, name):
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_commit_is_on_the_disk_before_anybody_is_told(path):
    connection = open_writer(path, IdRange())

    full = 2
    assert (pragma(connection, "journal_mode"), pragma(connection, "synchronous")) == ("wal", full)
    assert pragma(connection, "busy_timeout") == 5000
    connection.close()


def test_where_nothing_can_be_written_ahead_there_is_no_store(path):
    nowhere = sqlite3.connect(":memory:")

    with pytest.raises(StoreError, match=f"expected .* {path} can be written ahead, found journal mode 'memory'"):
        write_ahead(nowhere, path)
    nowhere.close()


class Contested(sqlite3.Connection):
    """Is called locked a few times, as by a process that is making the same file."""

    times = 3
    code = sqlite3.SQLITE_BUSY

    def execute(self, *args):
        if "journal_mode" in args[0] and self.times:
            self.times -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error
        return super().execute(*args)


def test_who_meets_another_at_a_new_file_tries_again(path):
    connection = sqlite3.connect(path, factory=Contested)

    write_ahead(connection, path)

    assert (connection.times, pragma(connection, "journal_mode")) == (0, "wal")
    connection.close()


def test_what_is_no_meeting_is_raised_at_once(path):
    connection = sqlite3.connect(path, factory=Contested)
    connection.code = sqlite3.SQLITE_IOERR

    with pytest.raises(sqlite3.OperationalError):
        write_ahead(connection, path)
    assert connection.times == 2
    connection.close()


def test_an_empty_file_becomes_a_store_and_is_opened_again(path):
    path.touch()
    open_once(path)
    open_once(path)

    assert path.read_bytes().startswith(b"SQLite format 3")


def test_a_reader_cannot_write(path):
    open_once(path)
    reader = open_reader(path)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM id_tags")
    reader.close()


def test_what_is_a_name_to_sqlite_is_a_file_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_once(type(tmp_path)(":memory:"))

    assert os.listdir(tmp_path) == [":memory:"]


def test_another_database_is_refused_and_left_as_it_was(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE addresses (name TEXT)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match=f"expected a store or no file, found another database at {path}"):
        open_once(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [VERSION + 1, 0])
def test_a_store_of_another_version_is_refused(path, version):
    open_once(path, then=f"PRAGMA user_version = {version}")

    with pytest.raises(StoreError, match=f"expected a store of version 1, found version {version} at {path}"):
        open_once(path)


def test_what_is_no_database_is_refused(path):
    path.write_text("dear diary, " * 1000)

    with pytest.raises(sqlite3.DatabaseError, match="file is not a database"):
        open_once(path)
    assert path.read_text().startswith("dear diary")


def test_a_node_begins_where_its_ids_begin(path):
    ids = IdRange(1, 4)
    open_once(path, ids)

    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT seq FROM sqlite_sequence").fetchone() == (ids.first - 1,)
    connection.close()


@pytest.mark.parametrize("last_id", [0, 17, IdRange(0, 4).last])
def test_a_node_may_become_the_first_of_several(path, last_id):
    open_once(path, last_id=last_id)

    open_once(path, IdRange(0, 4))


@pytest.mark.parametrize(
    ("ids", "last_id"),
    [(IdRange(1, 4), 17), (IdRange(0, 4), IdRange(0, 4).last + 1), (IdRange(2, 4), IdRange(2, 4).first - 2)],
)
def test_a_file_that_has_handed_out_ids_of_another_node_is_refused(path, ids, last_id):
    open_once(path, last_id=last_id)

    words = f"expected {ids}, found transaction {last_id} as the last in {path}: give this node a new file, or the one "
    with pytest.raises(StoreError, match=words):
        open_once(path, ids)
    assert remembered(path) is None


def test_a_file_remembers_the_ids_of_its_node(path):
    assert remembered(path) is None
    assert not path.exists()
    open_once(path)
    assert remembered(path) is None
    open_once(path, IdRange(0, 4))
    assert remembered(path) == IdRange(0, 4)
    open_once(path)
    assert remembered(path) == IdRange(0, 4)


@pytest.mark.parametrize("other", [IdRange(), IdRange(0, 8), IdRange(1, 4)])
def test_a_file_of_another_node_is_refused_though_it_has_handed_out_no_id(path, other):
    open_once(path, IdRange(0, 4))

    words = f"expected a store with {other}, found one with {IdRange(0, 4)} at {path}: give this node its own file"
    with pytest.raises(StoreError, match=words):
        open_once(path, other)
    assert remembered(path) == IdRange(0, 4)


def test_a_store_from_before_ids_were_remembered_remembers_them_from_now_on(path):
    open_once(path, IdRange(1, 4), then="DROP TABLE id_range")
    assert remembered(path) is None

    open_once(path, IdRange(1, 4))

    assert remembered(path) == IdRange(1, 4)


def test_of_another_database_nothing_is_remembered(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE id_range (node, nodes)")
        other.execute("INSERT INTO id_range VALUES (1, 4)")
    other.close()

    assert remembered(path) is None


MEET = """
import multiprocessing, sys, time
from pathlib import Path
from ocpp_trio.backend import IdRange
from ocpp_trio.backend.schema import open_writer

def meet(gate, folder):
    for number in range(25):
        gate.wait()
        meeting = time.monotonic() + 0.005
        while time.monotonic() < meeting:
            pass  # a barrier lets its waiters go one after the other
        open_writer(folder / f"{number}.db", IdRange()).close()

processes = multiprocessing.get_context("fork")
gate = processes.Barrier(4)
children = [processes.Process(target=meet, args=(gate, Path(sys.argv[1])), daemon=True) for _ in range(4)]
for child in children:
    child.start()
for child in children:
    child.join(20)
    if child.exitcode != 0:
        sys.exit("one of them could not open a file")
"""


@pytest.mark.real
def test_processes_may_meet_at_a_file_that_is_not_there_yet(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(  # of many files, since they seldom meet
        [sys.executable, "-c", MEET, str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert len(list(tmp_path.glob("*.db"))) == 25
