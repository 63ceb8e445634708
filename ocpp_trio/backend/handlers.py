"""A ready-made CSMS: the handlers of every message that a charge point may send.

Owns what a message means to the store and to the live state. A message that makes no sense is answered like any
other, because a station would repeat what it gets no answer to (OCPP 1.6 section 4.10).
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from ocpp_trio import Closed, Instrument, Instruments, Link, Router, Session, v16
from ocpp_trio.backend.events import Topic
from ocpp_trio.backend.frame_log import FrameLog
from ocpp_trio.backend.hub import Hub
from ocpp_trio.backend.live import Freshness, LiveState, utc_now
from ocpp_trio.backend.notices import register_notices
from ocpp_trio.backend.records import Transaction
from ocpp_trio.backend.stations import Stations
from ocpp_trio.backend.store import Store
from ocpp_trio.backend.tags import TagPolicy
from ocpp_trio.backend.transitions import is_older

logger = logging.getLogger(__name__)

VendorHandler = Callable[[Session, v16.DataTransferRequest], Awaitable[v16.DataTransferResponse]]


class Backend:
    """A ready-made CSMS over a store. Give `router()` to `serve_csms`, and `instrument` too if it shall know who is
    online and show the frames to those who subscribe to the log.

    `live` is what it knows at this moment, `hub` tells of every change to those who subscribe; run `live.run` beside
    the server if they shall hear of what expires as well. `await restore()` before serving puts into `live` what the
    store remembers of an earlier process.

    Every message goes to the store first, then to the live state, and is answered last: what a station has an
    answer to is kept. If the store cannot keep it the answer is InternalError, and nothing has changed.

    `policy` decides about tags beyond what the store knows of them. `interval` is the heartbeat interval that
    stations are told. `freshness` says how long the live state counts what it was told.
    """

    def __init__(
        self,
        store: Store,
        *,
        policy: TagPolicy | None = None,
        interval: int = 300,
        freshness: Freshness | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if interval < 0:
            raise ValueError(f"expected an interval of 0 or more seconds, found {interval!r}")
        self.store = store
        self._policy = policy or TagPolicy()
        self._interval = interval
        self._now = now
        self.hub = Hub()
        self.live = LiveState(self.hub.publish, freshness=freshness, now=now)
        self._stations = Stations(self.live)
        self.instrument: Instrument = Instruments(
            [
                Presence(self._stations, now),
                FrameLog(self.live, wanted=lambda identity: self.hub.anybody_wants(Topic.LOG, identity)),
            ]
        )
        self._vendors: dict[str, VendorHandler] = {}

    async def restore(self) -> None:
        """Show what the store remembers: its stations as offline, and the transactions that run.

        Cancelling leaves part of it. Raises StoreError if the store cannot be read.
        """
        for registration in await self.store.registrations():
            self._stations.remembered(registration)
        for transaction in await self.store.running_transactions():
            self.live.update_transaction(transaction)

    def router(self) -> Router:
        """A new router with all the handlers."""
        router = Router(v16)
        self.register(router)
        return router

    def register(self, router: Router) -> None:
        """Put the handlers on a router of one's own. Raises ValueError where one is taken already."""
        router.on(v16.AuthorizeRequest)(self._authorize)
        router.on(v16.BootNotificationRequest)(self._boot_notification)
        router.on(v16.DataTransferRequest)(self._data_transfer)
        router.on(v16.HeartbeatRequest)(self._heartbeat)
        router.on(v16.MeterValuesRequest)(self._meter_values)
        router.on(v16.StartTransactionRequest)(self._start_transaction)
        router.on(v16.StatusNotificationRequest)(self._status_notification)
        router.on(v16.StopTransactionRequest)(self._stop_transaction)
        register_notices(router)

    def on_vendor(self, vendor_id: str) -> Callable[[VendorHandler], VendorHandler]:
        """Register the handler of a vendor's DataTransfer. Raises ValueError if there is one already."""

        def register(handler: VendorHandler) -> VendorHandler:
            if vendor_id.casefold() in self._vendors:
                raise ValueError(f"vendor {vendor_id!r} is registered already")
            self._vendors[vendor_id.casefold()] = handler
            return handler

        return register

    async def _authorize(self, session: Session, request: v16.AuthorizeRequest) -> v16.AuthorizeResponse:
        self._see(session)
        status = self._policy.status(await self.store.tag_status(request.id_tag))
        return v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status=status))

    async def _boot_notification(
        self, session: Session, request: v16.BootNotificationRequest
    ) -> v16.BootNotificationResponse:
        now = self._see(session)
        self._stations.booted(await self.store.register(session.identity, request, at=now))
        return v16.BootNotificationResponse(
            status=v16.RegistrationStatus.ACCEPTED, current_time=now, interval=self._interval
        )

    async def _data_transfer(self, session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        self._see(session)
        handler = self._vendors.get(request.vendor_id.casefold())
        if handler is None:
            return v16.DataTransferResponse(status=v16.DataTransferStatus.UNKNOWN_VENDOR_ID)
        return await handler(session, request)

    async def _heartbeat(self, session: Session, request: v16.HeartbeatRequest) -> v16.HeartbeatResponse:
        return v16.HeartbeatResponse(current_time=self._see(session))

    async def _meter_values(self, session: Session, request: v16.MeterValuesRequest) -> v16.MeterValuesResponse:
        self._see(session)
        transaction = await self.store.meter_transaction(session.identity, request)
        self._stations.metered(session.identity, request)
        if transaction is not None:
            self._show(transaction)
        return v16.MeterValuesResponse()

    async def _start_transaction(
        self, session: Session, request: v16.StartTransactionRequest
    ) -> v16.StartTransactionResponse:
        self._see(session)
        transaction = await self.store.start_transaction(session.identity, request, self._policy)
        self._show(transaction)
        return v16.StartTransactionResponse(
            transaction_id=transaction.transaction_id, id_tag_info=v16.IdTagInfo(status=transaction.status)
        )

    async def _status_notification(
        self, session: Session, request: v16.StatusNotificationRequest
    ) -> v16.StatusNotificationResponse:
        self._stations.reported(session.identity, self._now(), request)
        return v16.StatusNotificationResponse()

    async def _stop_transaction(
        self, session: Session, request: v16.StopTransactionRequest
    ) -> v16.StopTransactionResponse:
        self._see(session)
        stopped = await self.store.stop_transaction(session.identity, request, self._policy)
        if stopped.transaction is None:
            logger.info("%r stopped transaction %d, which does not run here", session.identity, request.transaction_id)
        else:
            self._show(stopped.transaction)
        info = None if stopped.status is None else v16.IdTagInfo(status=stopped.status)
        return v16.StopTransactionResponse(id_tag_info=info)

    def _show(self, transaction: Transaction) -> None:
        """Two messages about it may share a commit, and then whose handler goes on first is chance."""
        shown = self.live.transaction(transaction.identity, transaction.transaction_id)
        if shown is None or not is_older(transaction, shown):
            self.live.update_transaction(transaction)

    def _see(self, session: Session) -> datetime:
        now = self._now()
        self._stations.seen(session.identity, now)
        return now


class Presence(Instrument):
    """Sees who is online: a station that has a session is."""

    def __init__(self, stations: Stations, now: Callable[[], datetime]) -> None:
        self._stations = stations
        self._now = now

    def connection_opened(self, link: Link) -> None:
        self._stations.connected(link.identity, self._now())

    def connection_closed(self, link: Link, closed: Closed) -> None:
        self._stations.disconnected(link.identity, self._now())
