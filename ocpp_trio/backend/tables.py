"""The tables of a durable store, read and written by SQL.

Owns how a record becomes a row. Everything here blocks and belongs to one connection; when a transaction of the
database begins and ends is somebody else's decision.
"""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from ocpp_trio import v16
from ocpp_trio.backend.records import Registration, Stopped, StrayStop, Transaction
from ocpp_trio.backend.store import StoreError
from ocpp_trio.backend.tags import TagPolicy
from ocpp_trio.backend.transaction_ids import LARGEST_ID, IdRange
from ocpp_trio.backend.transitions import (
    begun_by,
    ended_by,
    metered_by,
    registered_by,
    repeats_stop,
    runs_at,
    strayed_by,
)

_COLUMNS: Final = tuple(field.name for field in attrs.fields(Transaction))
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM transactions"
_REPEATED: Final = (
    f"{_SELECT} WHERE identity = ? AND started_at = ? AND connector_id = ? AND tag_key = ? AND meter_start = ?"
)
_WRITTEN: Final = ("tag_key", *_COLUMNS[1:])
_INSERT: Final = (
    f"INSERT INTO transactions ({', '.join(_WRITTEN)}) VALUES ({', '.join(f':{name}' for name in _WRITTEN)})"
)
_CHANGING: Final = ("meter", "readings", "stopped_at", "reason", "stop_tag", "stop_status")
_UPDATE: Final = (
    f"UPDATE transactions SET {', '.join(f'{name} = :{name}' for name in _CHANGING)}"
    " WHERE transaction_id = :transaction_id"
)
_REGISTRATION: Final = tuple(field.name for field in attrs.fields(Registration))
_REGISTER: Final = (
    f"INSERT OR REPLACE INTO registrations ({', '.join(_REGISTRATION)})"
    f" VALUES ({', '.join(f':{name}' for name in _REGISTRATION)})"
)
_STRAY: Final = tuple(field.name for field in attrs.fields(StrayStop))
_STRAY_NUMBERS: Final = ("transaction_id", "meter_stop")
_STRAYS: Final = f"SELECT {', '.join(_STRAY)} FROM stray_stops"
_KEEP_STRAY: Final = (
    f"INSERT OR IGNORE INTO stray_stops (tag_key, {', '.join(_STRAY)})"
    f" VALUES (:tag_key, {', '.join(f':{name}' for name in _STRAY)})"
)
_REPEATED_STRAY: Final = f"{_STRAYS} WHERE " + " AND ".join(
    f"{name} = :{name}" for name in ("identity", "stopped_at", "transaction_id", "meter_stop", "tag_key")
)


class Tables:
    """What the file holds, as records."""

    def __init__(self, connection: sqlite3.Connection, ids: IdRange) -> None:
        self._connection = connection
        self._ids = ids

    def start(self, identity: str, request: v16.StartTransactionRequest, policy: TagPolicy) -> Transaction:
        """The transaction of a StartTransaction: the one it repeats, or a new one whose tag is judged now."""
        tag_key = request.id_tag.casefold()
        key = (identity, _text(request.timestamp), request.connector_id, tag_key, request.meter_start)
        row = self._connection.execute(_REPEATED, key).fetchone()
        if row is not None:
            return _transaction(row)
        status = policy.judge(self.tag_status(request.id_tag), charges_already=self._charges_already(tag_key))
        transaction = begun_by(identity, request, transaction_id=0, status=status)
        cursor = self._connection.execute(_INSERT, {**_row(transaction), "tag_key": tag_key})
        assert cursor.lastrowid is not None  # an INSERT has made one
        if cursor.lastrowid > self._ids.last:
            raise StoreError(f"no transaction id is left of {self._ids}")
        return attrs.evolve(transaction, transaction_id=cursor.lastrowid)

    def stop(self, identity: str, request: v16.StopTransactionRequest, policy: TagPolicy) -> Stopped:
        """End the transaction that runs at this station; a repeat finds what the first one was answered."""
        transaction = self.transaction(request.transaction_id)
        if repeats_stop(transaction, identity, request):
            return Stopped(transaction=transaction, status=transaction.stop_status)
        status = None if request.id_tag is None else policy.status(self.tag_status(request.id_tag))
        if not runs_at(transaction, identity):
            return Stopped(transaction=None, status=self._keep_stray(strayed_by(identity, request, status)).status)
        return Stopped(transaction=self._replace(ended_by(transaction, request, status)), status=status)

    def meter(self, identity: str, request: v16.MeterValuesRequest) -> Transaction | None:
        """Take the latest energy reading of a transaction that runs at this station; None if there is none."""
        transaction = None if request.transaction_id is None else self.transaction(request.transaction_id)
        return self._replace(metered_by(transaction, request)) if runs_at(transaction, identity) else None

    def register(self, identity: str, boot: v16.BootNotificationRequest, at: datetime) -> Registration:
        """A station was accepted."""
        query = f"SELECT {', '.join(_REGISTRATION)} FROM registrations WHERE identity = ?"
        row = self._connection.execute(query, (identity,)).fetchone()
        registration = registered_by(identity, boot, at=at, before=None if row is None else _registration(row))
        values = {**attrs.asdict(registration), "last_boot": _text(registration.last_boot)}
        self._connection.execute(_REGISTER, values)
        return registration

    def registrations(self) -> tuple[Registration, ...]:
        """The stations that were ever accepted, by identity."""
        query = f"SELECT {', '.join(_REGISTRATION)} FROM registrations ORDER BY identity"
        return tuple(map(_registration, self._connection.execute(query)))

    def put_tag(self, id_tag: str, status: v16.AuthorizationStatus) -> None:
        """A tag may do this from now on."""
        query = "INSERT OR REPLACE INTO id_tags (tag_key, id_tag, status) VALUES (?, ?, ?)"
        self._connection.execute(query, (id_tag.casefold(), id_tag, status.value))

    def remove_tag(self, id_tag: str) -> None:
        """Nothing is known of a tag any more."""
        self._connection.execute("DELETE FROM id_tags WHERE tag_key = ?", (id_tag.casefold(),))

    def tag_status(self, id_tag: str) -> v16.AuthorizationStatus | None:
        """What is known of a tag; None if nothing is."""
        query = "SELECT status FROM id_tags WHERE tag_key = ?"
        row = self._connection.execute(query, (id_tag.casefold(),)).fetchone()
        return None if row is None else v16.AuthorizationStatus(row[0])

    def tags(self) -> Mapping[str, v16.AuthorizationStatus]:
        """All known tags."""
        rows = self._connection.execute("SELECT id_tag, status FROM id_tags ORDER BY id_tag")
        return {id_tag: v16.AuthorizationStatus(status) for id_tag, status in rows}

    def transaction(self, transaction_id: int) -> Transaction | None:
        """One transaction, running or ended."""
        if not 0 < transaction_id <= LARGEST_ID:  # a station may say any number; SQLite knows 64 bits
            return None
        row = self._connection.execute(f"{_SELECT} WHERE transaction_id = ?", (transaction_id,)).fetchone()
        return None if row is None else _transaction(row)

    def running(self) -> tuple[Transaction, ...]:
        """The transactions that nobody has ended yet, by id."""
        rows = self._connection.execute(f"{_SELECT} WHERE stopped_at IS NULL ORDER BY transaction_id")
        return tuple(map(_transaction, rows))

    def stray_stops(self) -> tuple[StrayStop, ...]:
        """The stops that ended nothing here, by station."""
        return tuple(map(_stray, self._connection.execute(f"{_STRAYS} ORDER BY identity, stopped_at")))

    def _keep_stray(self, stray: StrayStop) -> StrayStop:
        """The stop that this one repeats, or else this one."""
        key = {"tag_key": (stray.id_tag or "").casefold()}
        values = attrs.asdict(stray) | key | {name: str(getattr(stray, name)) for name in _STRAY_NUMBERS}
        values["stopped_at"] = _text(stray.stopped_at)
        self._connection.execute(_KEEP_STRAY, values)
        return _stray(self._connection.execute(_REPEATED_STRAY, values).fetchone())

    def _charges_already(self, tag_key: str) -> bool:
        query = "SELECT 1 FROM transactions WHERE tag_key = ? AND stopped_at IS NULL"
        return self._connection.execute(query, (tag_key,)).fetchone() is not None

    def _replace(self, transaction: Transaction) -> Transaction:
        self._connection.execute(_UPDATE, _row(transaction))
        return transaction


def _row(transaction: Transaction) -> dict[str, Any]:
    return {
        **attrs.asdict(transaction),
        "started_at": _text(transaction.started_at),
        "stopped_at": None if transaction.stopped_at is None else _text(transaction.stopped_at),
    }


def _transaction(row: tuple[Any, ...]) -> Transaction:
    values = dict(zip(_COLUMNS, row, strict=True))
    return Transaction(
        **{
            **values,
            "status": v16.AuthorizationStatus(values["status"]),
            "started_at": datetime.fromisoformat(values["started_at"]),
            "stopped_at": values["stopped_at"] and datetime.fromisoformat(values["stopped_at"]),
            "reason": values["reason"] and v16.Reason(values["reason"]),
            "stop_status": values["stop_status"] and v16.AuthorizationStatus(values["stop_status"]),
        }
    )


def _registration(row: tuple[Any, ...]) -> Registration:
    values = dict(zip(_REGISTRATION, row, strict=True))
    return Registration(**{**values, "last_boot": datetime.fromisoformat(values["last_boot"])})


def _stray(row: tuple[Any, ...]) -> StrayStop:
    values = dict(zip(_STRAY, row, strict=True))
    return StrayStop(
        **{
            **values,
            **{name: int(values[name]) for name in _STRAY_NUMBERS},
            "stopped_at": datetime.fromisoformat(values["stopped_at"]),
            "reason": v16.Reason(values["reason"]),
            "status": values["status"] and v16.AuthorizationStatus(values["status"]),
        }
    )


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
