"""Transactions: their ids, their repeats, their ends. Bounded: the oldest are forgotten first.

A station that got no answer repeats its messages, so every change here may be asked for twice (OCPP 1.6
section 3.7.1) and a message about a transaction that is not here is nothing out of the ordinary.
"""

import heapq
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

import attrs

from ocpp_trio import v16
from ocpp_trio.backend.records import Transaction

TRANSACTIONS_KEPT: Final = 10_000
_Key = tuple[str, int, str, datetime, int]
_FACTOR: Final = {None: 1, v16.UnitOfMeasure.WH: 1, v16.UnitOfMeasure.KWH: 1000}


class Ledger:
    """Transactions by id. Ids count upwards from `first_id`, over all stations."""

    def __init__(self, *, first_id: int = 1, kept: int = TRANSACTIONS_KEPT) -> None:
        if first_id < 1:
            raise ValueError(f"expected a positive transaction id, found {first_id!r}")
        self._ids = itertools.count(first_id)
        self._kept = kept
        self._transactions: OrderedDict[int, Transaction] = OrderedDict()
        self._by_key: dict[_Key, int] = {}
        self._running_of: dict[str, set[int]] = {}
        self._ended: list[int] = []
        """A heap: the oldest is first, whenever it ended."""

    def snapshot(self) -> Mapping[int, Transaction]:
        """All transactions as they are at this moment, in the order of their ids."""
        return dict(self._transactions)

    def charges_already(self, id_tag: str) -> bool:
        """Whether a transaction of this tag is running somewhere."""
        return id_tag.casefold() in self._running_of

    def start(
        self,
        identity: str,
        request: v16.StartTransactionRequest,
        judge: Callable[[], v16.AuthorizationStatus],
    ) -> Transaction:
        """The transaction of a StartTransaction: the one it repeats, or a new one whose tag is judged now."""
        key = (identity, request.connector_id, request.id_tag.casefold(), request.timestamp, request.meter_start)
        known = self._by_key.get(key)
        if known is not None:
            return self._transactions[known]
        transaction = Transaction(
            transaction_id=next(self._ids),
            identity=identity,
            connector_id=request.connector_id,
            id_tag=request.id_tag,
            status=judge(),
            meter_start=request.meter_start,
            started_at=request.timestamp,
            meter=request.meter_start,
        )
        self._transactions[transaction.transaction_id] = transaction
        self._by_key[key] = transaction.transaction_id
        self._running_of.setdefault(request.id_tag.casefold(), set()).add(transaction.transaction_id)
        if len(self._transactions) > self._kept:
            self._forget_one()
        return transaction

    def stop(self, identity: str, request: v16.StopTransactionRequest) -> Transaction | None:
        """End a transaction; None if it is unknown, another station's, or was ended before."""
        transaction = self._running(identity, request.transaction_id)
        if transaction is None:
            return None
        self._runs_no_more(transaction)
        heapq.heappush(self._ended, transaction.transaction_id)
        return self._replace(
            attrs.evolve(
                transaction,
                meter=request.meter_stop,
                stopped_at=request.timestamp,
                reason=request.reason or v16.Reason.LOCAL,
            )
        )

    def metered(self, identity: str, request: v16.MeterValuesRequest) -> Transaction | None:
        """Take the readings of a running transaction; None for others, which concern nobody here."""
        if request.transaction_id is None:
            return None
        transaction = self._running(identity, request.transaction_id)
        if transaction is None:
            return None
        energy = energy_register(request.meter_value)
        meter = transaction.meter if energy is None else energy
        return self._replace(attrs.evolve(transaction, meter=meter, readings=transaction.readings + 1))

    def _running(self, identity: str, transaction_id: int) -> Transaction | None:
        transaction = self._transactions.get(transaction_id)
        if transaction is None or transaction.identity != identity or not transaction.running:
            return None
        return transaction

    def _replace(self, transaction: Transaction) -> Transaction:
        self._transactions[transaction.transaction_id] = transaction
        return transaction

    def _runs_no_more(self, transaction: Transaction) -> None:
        tag = transaction.id_tag.casefold()
        self._running_of[tag].remove(transaction.transaction_id)
        if not self._running_of[tag]:
            del self._running_of[tag]

    def _forget_one(self) -> None:
        """The oldest that has ended; a running one goes only if all others run too."""
        if self._ended:
            transaction = self._transactions.pop(heapq.heappop(self._ended))
        else:
            _, transaction = self._transactions.popitem(last=False)
            self._runs_no_more(transaction)
        del self._by_key[
            transaction.identity,
            transaction.connector_id,
            transaction.id_tag.casefold(),
            transaction.started_at,
            transaction.meter_start,
        ]


def energy_register(meter_values: Iterable[v16.MeterValue]) -> int | None:
    """The last reading of the import register in Wh; None if there is none that can be read."""
    readings = [
        reading
        for meter_value in meter_values
        for sampled in meter_value.sampled_value
        if (reading := _watt_hours(sampled)) is not None
    ]
    return readings[-1] if readings else None


def _watt_hours(sampled: v16.SampledValue) -> int | None:
    """A reading, where it is one of the whole import register at the outlet (OCPP 1.6 section 7.43)."""
    register = v16.Measurand.ENERGY_ACTIVE_IMPORT_REGISTER
    if (
        (sampled.measurand or register) is not register
        or sampled.phase is not None
        or sampled.location not in (None, v16.Location.OUTLET)
        or sampled.unit not in _FACTOR
        or sampled.format is v16.ValueFormat.SIGNED_DATA
    ):
        return None
    try:
        value = float(sampled.value) * _FACTOR[sampled.unit]
    except ValueError:
        return None
    return round(value) if math.isfinite(value) else None
