"""Several changes in one transaction of the database, each of which may fail alone. Blocks; knows no trio."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs

from ocpp_trio.backend.store import StoreError

Work: TypeAlias = Callable[[], Any]


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of a change: a value, or an error."""

    value: Any = None
    error: Exception | None = None


def transact(connection: sqlite3.Connection, works: Sequence[Work]) -> list[Outcome]:
    """Do it all and commit. A work that fails is undone alone; raises what SQLite raises if all of it is undone."""
    if connection.in_transaction:  # an earlier one could not even be undone
        connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    try:
        outcomes = [_attempt(connection, work) for work in works]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return outcomes


def _attempt(connection: sqlite3.Connection, work: Work) -> Outcome:
    connection.execute("SAVEPOINT change")
    try:
        outcome = Outcome(value=work())
    except Exception as exc:
        if not connection.in_transaction:  # a full disk may undo everything at once
            raise
        connection.execute("ROLLBACK TO change")
        outcome = Outcome(error=_as_told(exc))
    connection.execute("RELEASE change")
    return outcome


def _as_told(exc: Exception) -> Exception:
    if not isinstance(exc, sqlite3.Error):
        return exc
    error = StoreError(f"cannot write: {exc}")
    error.__cause__ = exc
    return error
