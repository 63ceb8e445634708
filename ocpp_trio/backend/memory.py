"""The ready-made CSMS over memory: nothing survives the process."""

from collections.abc import Callable, Mapping
from datetime import datetime

from ocpp_trio import v16
from ocpp_trio.backend.handlers import Backend
from ocpp_trio.backend.live import Freshness, utc_now
from ocpp_trio.backend.records import Transaction
from ocpp_trio.backend.store import MemoryStore
from ocpp_trio.backend.tags import TagPolicy


class MemoryBackend(Backend):
    """A Backend with a store in memory, and no file.

    `tags` maps id tags to what they may do; without it every tag is accepted, and a tag that it does not
    name is Invalid. Unless `concurrent` is allowed, a tag that charges already starts no second
    transaction. `interval` is the heartbeat interval that stations are told. Transaction ids count from
    `first_transaction_id`: give one beyond those of an earlier process if its stations are still out there.
    """

    def __init__(
        self,
        *,
        tags: Mapping[str, v16.AuthorizationStatus] | None = None,
        concurrent: bool = True,
        interval: int = 300,
        freshness: Freshness | None = None,
        first_transaction_id: int = 1,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        unknown = v16.AuthorizationStatus.ACCEPTED if tags is None else v16.AuthorizationStatus.INVALID
        self._memory = MemoryStore(tags=tags, first_transaction_id=first_transaction_id)
        super().__init__(
            self._memory,
            policy=TagPolicy(unknown=unknown, concurrent=concurrent),
            interval=interval,
            freshness=freshness,
            now=now,
        )

    @property
    def transactions(self) -> Mapping[int, Transaction]:
        """The transactions by id, running and ended: a snapshot."""
        return self._memory.transactions
