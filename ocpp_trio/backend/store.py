"""What must not be forgotten: transactions, id tags, and which stations were accepted.

Owns the interface of a store, and the one that keeps everything in memory. Who is online now is not its concern.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

import attrs

from ocpp_trio import v16
from ocpp_trio.backend.ledger import TRANSACTIONS_KEPT, Ledger
from ocpp_trio.backend.records import Registration, Stopped, StrayStop, Transaction
from ocpp_trio.backend.tags import IdTags, TagPolicy
from ocpp_trio.backend.transitions import registered_by, strayed_by

STATIONS_KEPT: Final = 100_000
"""In memory; as many stations as the live state shows by default."""


class StoreError(Exception):
    """The store could not do it. Nothing of it was kept, unless it is a FateUnknown."""


class FateUnknown(StoreError):
    """The disk did not answer in time. To ask the same again is safe: a repeat is recognised."""


class Store(Protocol):
    """What the handlers need of a store.

    What changes something returns once the change is kept as well as this store can keep it, and raises StoreError
    if it is not. Cancelling before the change was begun leaves nothing; after that it is waited for, so that
    whoever asked for it knows what became of it.
    """

    async def start_transaction(
        self, identity: str, request: v16.StartTransactionRequest, policy: TagPolicy
    ) -> Transaction:
        """The transaction of a StartTransaction: the one it repeats, or a new one whose tag is judged now."""

    async def stop_transaction(self, identity: str, request: v16.StopTransactionRequest, policy: TagPolicy) -> Stopped:
        """End the transaction that runs at this station; a repeat finds what the first one was answered."""

    async def meter_transaction(self, identity: str, request: v16.MeterValuesRequest) -> Transaction | None:
        """Take the latest energy reading of a transaction that runs at this station; None if there is none."""

    async def register(self, identity: str, boot: v16.BootNotificationRequest, *, at: datetime) -> Registration:
        """A station was accepted."""

    async def put_tag(self, id_tag: str, status: v16.AuthorizationStatus) -> None:
        """A tag may do this from now on."""

    async def remove_tag(self, id_tag: str) -> None:
        """Nothing is known of a tag any more."""

    async def tag_status(self, id_tag: str) -> v16.AuthorizationStatus | None:
        """What is known of a tag; None if nothing is."""

    async def tags(self) -> Mapping[str, v16.AuthorizationStatus]:
        """All known tags."""

    async def transaction(self, transaction_id: int) -> Transaction | None:
        """One transaction, running or ended."""

    async def running_transactions(self) -> tuple[Transaction, ...]:
        """The transactions that nobody has ended yet, by id."""

    async def stray_stops(self) -> tuple[StrayStop, ...]:
        """The stops that ended nothing here, by station."""

    async def registrations(self) -> tuple[Registration, ...]:
        """The stations that were ever accepted, by identity."""


class MemoryStore:
    """A store that ends with the process. Bounded: the transactions that began first and have ended are forgotten
    first, and so are the stations that booted longest ago."""

    def __init__(
        self,
        *,
        tags: Mapping[str, v16.AuthorizationStatus] | None = None,
        first_transaction_id: int = 1,
        kept: int = TRANSACTIONS_KEPT,
        stations_kept: int = STATIONS_KEPT,
    ) -> None:
        self._tags = IdTags(tags)
        self._ledger = Ledger(first_id=first_transaction_id, kept=kept)
        self._kept = kept
        self._strays: OrderedDict[tuple[object, ...], StrayStop] = OrderedDict()
        self._stations_kept = stations_kept
        self._registrations: OrderedDict[str, Registration] = OrderedDict()

    @property
    def transactions(self) -> Mapping[int, Transaction]:
        """The transactions by id, running and ended: a snapshot."""
        return self._ledger.snapshot()

    async def start_transaction(
        self, identity: str, request: v16.StartTransactionRequest, policy: TagPolicy
    ) -> Transaction:
        """The transaction of a StartTransaction: the one it repeats, or a new one whose tag is judged now."""

        def judge() -> v16.AuthorizationStatus:
            charges_already = self._ledger.charges_already(request.id_tag)
            return policy.judge(self._tags.status(request.id_tag), charges_already=charges_already)

        return self._ledger.start(identity, request, judge)

    async def stop_transaction(self, identity: str, request: v16.StopTransactionRequest, policy: TagPolicy) -> Stopped:
        """End the transaction that runs at this station; a repeat finds what the first one was answered."""
        stopped = self._ledger.stop(identity, request, lambda id_tag: policy.status(self._tags.status(id_tag)))
        if stopped.transaction is not None:
            return stopped
        stray = strayed_by(identity, request, stopped.status)
        key = (identity, stray.transaction_id, stray.stopped_at, stray.meter_stop, (stray.id_tag or "").casefold())
        first = self._strays.setdefault(key, stray)
        if len(self._strays) > self._kept:
            self._strays.popitem(last=False)
        return attrs.evolve(stopped, status=first.status)

    async def meter_transaction(self, identity: str, request: v16.MeterValuesRequest) -> Transaction | None:
        """Take the latest energy reading of a transaction that runs at this station; None if there is none."""
        return self._ledger.metered(identity, request)

    async def register(self, identity: str, boot: v16.BootNotificationRequest, *, at: datetime) -> Registration:
        """A station was accepted."""
        registration = registered_by(identity, boot, at=at, before=self._registrations.get(identity))
        self._registrations[identity] = registration
        self._registrations.move_to_end(identity)
        if len(self._registrations) > self._stations_kept:
            self._registrations.popitem(last=False)
        return registration

    async def put_tag(self, id_tag: str, status: v16.AuthorizationStatus) -> None:
        """A tag may do this from now on."""
        self._tags.put(id_tag, status)

    async def remove_tag(self, id_tag: str) -> None:
        """Nothing is known of a tag any more."""
        self._tags.remove(id_tag)

    async def tag_status(self, id_tag: str) -> v16.AuthorizationStatus | None:
        """What is known of a tag; None if nothing is."""
        return self._tags.status(id_tag)

    async def tags(self) -> Mapping[str, v16.AuthorizationStatus]:
        """All known tags."""
        return self._tags.snapshot()

    async def transaction(self, transaction_id: int) -> Transaction | None:
        """One transaction, running or ended."""
        return self._ledger.get(transaction_id)

    async def running_transactions(self) -> tuple[Transaction, ...]:
        """The transactions that nobody has ended yet, by id."""
        return tuple(known for known in self._ledger.snapshot().values() if known.running)

    async def stray_stops(self) -> tuple[StrayStop, ...]:
        """The stops that ended nothing here, by station."""
        return tuple(sorted(self._strays.values(), key=lambda stray: (stray.identity, stray.stopped_at)))

    async def registrations(self) -> tuple[Registration, ...]:
        """The stations that were ever accepted, by identity."""
        return tuple(registration for _, registration in sorted(self._registrations.items()))
