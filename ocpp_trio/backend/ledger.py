"""Transactions: their ids, their repeats, their ends. Bounded: the oldest are forgotten first.

A station that got no answer repeats its messages, so every change here may be asked for twice (OCPP 1.6
section 3.7.1) and a message about a transaction that is not here is nothing out of the ordinary.
"""

import heapq
import itertools
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from ocpp_trio import v16
from ocpp_trio.backend.records import Stopped, Transaction
from ocpp_trio.backend.transitions import begun_by, ended_by, metered_by, repeats_stop, runs_at

TRANSACTIONS_KEPT: Final = 10_000
_Key = tuple[str, int, str, datetime, int]


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

    def get(self, transaction_id: int) -> Transaction | None:
        """One transaction as it is at this moment."""
        return self._transactions.get(transaction_id)

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
        transaction = begun_by(identity, request, transaction_id=next(self._ids), status=judge())
        self._transactions[transaction.transaction_id] = transaction
        self._by_key[key] = transaction.transaction_id
        self._running_of.setdefault(request.id_tag.casefold(), set()).add(transaction.transaction_id)
        if len(self._transactions) > self._kept:
            self._forget_one()
        return transaction

    def stop(
        self,
        identity: str,
        request: v16.StopTransactionRequest,
        judge: Callable[[str], v16.AuthorizationStatus],
    ) -> Stopped:
        """End a transaction, unless it is unknown, another station's, or was ended before; a tag is judged once."""
        transaction = self._transactions.get(request.transaction_id)
        if repeats_stop(transaction, identity, request):
            return Stopped(transaction=transaction, status=transaction.stop_status)
        status = None if request.id_tag is None else judge(request.id_tag)
        if not runs_at(transaction, identity):
            return Stopped(transaction=None, status=status)
        self._runs_no_more(transaction)
        heapq.heappush(self._ended, transaction.transaction_id)
        return Stopped(transaction=self._replace(ended_by(transaction, request, status)), status=status)

    def metered(self, identity: str, request: v16.MeterValuesRequest) -> Transaction | None:
        """Take the readings of a running transaction; None for others, which concern nobody here."""
        if request.transaction_id is None:
            return None
        transaction = self._transactions.get(request.transaction_id)
        if not runs_at(transaction, identity):
            return None
        return self._replace(metered_by(transaction, request))

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
