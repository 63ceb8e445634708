"""The file of a durable store: how it is opened, what is in it, and which files are refused.

Owns the tables, their version, and the settings of a connection. Everything here blocks.
"""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ocpp_trio.backend.store import StoreError
from ocpp_trio.backend.transaction_ids import IdRange

APPLICATION: Final = int.from_bytes(b"OCPP")
"""`PRAGMA application_id`: how a store is told from any other SQLite file."""
VERSION: Final = 1
"""`PRAGMA user_version`."""
LOCK_SECONDS: Final = 5.0
"""How long another process may hold the file before a write fails."""

# AUTOINCREMENT: an id is never handed out twice, not even that of a row that was deleted. Moments are ISO 8601 in UTC,
# so that the same moment is the same text. The key of a repeat is what OCPP 1.6 section 3.7.1 lets a station send
# again: all that a StartTransaction says, with the tag compared without regard to case. The numbers of a stop that fits
# no transaction are text: a station may say any, and SQLite knows 64 bits.
_TABLES: Final = """
CREATE TABLE transactions (
    transaction_id INTEGER PRIMARY KEY AUTOINCREMENT,
    identity TEXT NOT NULL,
    connector_id INTEGER NOT NULL,
    id_tag TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    status TEXT NOT NULL,
    meter_start INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    meter INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    stopped_at TEXT,
    reason TEXT,
    stop_tag TEXT,
    stop_status TEXT,
    UNIQUE (identity, started_at, connector_id, tag_key, meter_start)
);
CREATE INDEX running ON transactions (tag_key) WHERE stopped_at IS NULL;
CREATE TABLE stray_stops (
    identity TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    meter_stop TEXT NOT NULL,
    stopped_at TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    id_tag TEXT,
    reason TEXT NOT NULL,
    status TEXT,
    PRIMARY KEY (identity, stopped_at, transaction_id, meter_stop, tag_key)
);
CREATE TABLE id_tags (
    tag_key TEXT PRIMARY KEY,
    id_tag TEXT NOT NULL,
    status TEXT NOT NULL
);
CREATE TABLE registrations (
    identity TEXT PRIMARY KEY,
    vendor TEXT NOT NULL,
    model TEXT NOT NULL,
    serial_number TEXT,
    firmware TEXT,
    boots INTEGER NOT NULL,
    last_boot TEXT NOT NULL
);
"""

# Made where it is missing, in a file of the same version: whoever knows nothing of it needs nothing of it.
_ID_RANGE: Final = "CREATE TABLE IF NOT EXISTS id_range (node INTEGER NOT NULL, nodes INTEGER NOT NULL)"


def open_writer(path: Path, ids: IdRange | None) -> sqlite3.Connection:
    """The connection that writes; makes the tables in a new file. Raises StoreError for what is no store of ours.

    None stands for the transaction ids that the file remembers.
    """
    connection = _connect(path)
    try:
        _take(connection, path, ids)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that reads beside the one that writes, and does not wait for it."""
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def ids_of(connection: sqlite3.Connection) -> IdRange:
    """The transaction ids that this file may hand out: those of a node, once it was opened as one's, or all."""
    return _kept_range(connection) or IdRange()


def remembered(path: Path) -> IdRange | None:
    """The transaction ids of the node that a file was opened by; None for a file of no node, and for no file."""
    if not path.exists():
        return None
    connection = open_reader(path)
    try:
        connection.execute("BEGIN")
        # What is another's is complained about when it is opened.
        ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION
        return _kept_range(connection) if ours else None
    finally:
        connection.close()


def _kept_range(connection: sqlite3.Connection) -> IdRange | None:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'id_range'").fetchone() is None:
        return None
    row = connection.execute("SELECT node, nodes FROM id_range").fetchone()
    return None if row is None else IdRange(*row)


def _connect(path: Path) -> sqlite3.Connection:
    # Used by one thread at a time, though not always by the same. Transactions are begun where they are needed.
    # Absolute, because some relative names mean no file to SQLite.
    return sqlite3.connect(path.absolute(), timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False)


def _take(connection: sqlite3.Connection, path: Path, ids: IdRange | None) -> None:
    connection.execute("BEGIN")  # one look at all of it, or another process may make the tables in between
    _refuse_foreign(connection, path)
    connection.execute("COMMIT")
    write_ahead(connection, path)
    connection.execute("BEGIN IMMEDIATE")  # of two processes only one makes the tables
    if _refuse_foreign(connection, path):
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute(_ID_RANGE)
    _claim_ids(connection, path, ids)
    connection.execute("COMMIT")


def write_ahead(connection: sqlite3.Connection, path: Path) -> None:
    """Set the connection so that a commit is on the disk before it counts. Raises StoreError where that cannot be."""
    mode = _when_not_locked(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
    if mode != "wal":
        raise StoreError(f"expected a file system where {path} can be written ahead, found journal mode {mode!r}")
    connection.execute("PRAGMA synchronous = FULL")


def _when_not_locked(execute: Callable[[], Any]) -> Any:  # noqa: ANN401  # what it returns
    """Where two processes meet at a new file, SQLite calls it locked at once instead of waiting for the other."""
    give_up = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return execute()
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        time.sleep(0.01)


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is new. Raises StoreError if it is somebody else's, before anything in it is changed."""
    # The tables first: what is read begins the transaction, and a pragma alone does not.
    tables, application, version = (
        connection.execute(query).fetchone()[0]
        for query in ("SELECT count(*) FROM sqlite_master", "PRAGMA application_id", "PRAGMA user_version")
    )
    if (application, version, tables) == (0, 0, 0):
        return True
    if application != APPLICATION:
        raise StoreError(f"expected a store or no file, found another database at {path}")
    if version != VERSION:
        raise StoreError(f"expected a store of version {VERSION}, found version {version} at {path}")
    return False


def _claim_ids(connection: sqlite3.Connection, path: Path, ids: IdRange | None) -> None:
    """Begin at the first id of the range, or go on behind the last one that this file has handed out."""
    kept = _kept_range(connection)
    ids = ids or kept or IdRange()
    if kept not in (None, ids):
        raise StoreError(f"expected a store with {ids}, found one with {kept} at {path}: give this node its own file")
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'transactions'").fetchone()
    if row is None:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('transactions', ?)", (ids.first - 1,))
    elif not ids.first - 1 <= row[0] <= ids.last:
        raise StoreError(
            f"expected {ids}, found transaction {row[0]} as the last in {path}: "
            "give this node a new file, or the one that it had; only node 0 can go on with the file of a node alone"
        )
    if kept is None and ids.nodes > 1:
        connection.execute("INSERT INTO id_range (node, nodes) VALUES (?, ?)", (ids.node, ids.nodes))
