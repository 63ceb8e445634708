"""Several changes in one transaction."""

import sqlite3

import pytest

from ocpp_trio.backend import StoreError
from ocpp_trio.backend.transact import transact


@pytest.fixture
def connection():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE numbers (number INTEGER UNIQUE)")
    yield connection
    connection.close()


def put(connection, number):
    def work():
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        return number

    return work


def put_and_fail(connection, number):
    def work():
        put(connection, number)()
        raise LookupError("no")

    return work


def numbers(connection):
    assert not connection.in_transaction
    return [row[0] for row in connection.execute("SELECT number FROM numbers")]


def test_each_change_has_its_value(connection):
    outcomes = transact(connection, [put(connection, number) for number in (1, 2)])

    assert [(outcome.value, outcome.error) for outcome in outcomes] == [(1, None), (2, None)]
    assert numbers(connection) == [1, 2]


def test_a_change_that_fails_is_undone_alone(connection):
    works = [put(connection, 1), put_and_fail(connection, 2), put(connection, 1), put(connection, 3)]

    outcomes = transact(connection, works)

    assert [type(outcome.error) for outcome in outcomes] == [type(None), LookupError, StoreError, type(None)]
    assert str(outcomes[2].error) == "cannot write: UNIQUE constraint failed: numbers.number"
    assert numbers(connection) == [1, 3]


def test_all_is_undone_if_it_cannot_be_committed(connection):
    connection.executescript(
        """
        CREATE TABLE parents (number INTEGER PRIMARY KEY);
        CREATE TABLE children (parent REFERENCES parents (number) DEFERRABLE INITIALLY DEFERRED);
        PRAGMA foreign_keys = ON;
        """
    )
    orphan = lambda: connection.execute("INSERT INTO children VALUES (7)")  # noqa: E731  # it fails at the commit

    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        transact(connection, [put(connection, 1), orphan])

    assert numbers(connection) == []


def test_all_fails_if_a_failure_has_undone_it_all(connection):
    def rolls_back():
        connection.execute("ROLLBACK")  # as a full disk may
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        transact(connection, [put(connection, 1), rolls_back, put(connection, 2)])

    assert numbers(connection) == []


def test_what_an_earlier_one_left_open_is_undone_first(connection):
    connection.execute("BEGIN")
    put(connection, 1)()

    transact(connection, [put(connection, 2)])

    assert numbers(connection) == [2]
