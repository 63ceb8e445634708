"""A CSMS over memory: the handlers of every message that a charge point may send.

Owns what a message means to the records. Nothing survives the process; a message that makes no sense is
answered like any other, because a station would repeat what it gets no answer to (OCPP 1.6 section 4.10).
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from ocpp_trio import Closed, Instrument, Link, Router, Session, v16
from ocpp_trio.backend.hub import Hub
from ocpp_trio.backend.ledger import Ledger
from ocpp_trio.backend.live import LiveState, utc_now
from ocpp_trio.backend.notices import register_notices
from ocpp_trio.backend.records import Transaction
from ocpp_trio.backend.stations import Stations
from ocpp_trio.backend.tags import IdTags

logger = logging.getLogger(__name__)

VendorHandler = Callable[[Session, v16.DataTransferRequest], Awaitable[v16.DataTransferResponse]]


class MemoryBackend:
    """A ready-made CSMS. Give `router()` to `serve_csms`, and `instrument` too if it shall know who is online.

    `live` is what it knows at this moment, `hub` tells of every change to those who subscribe; run `live.run` beside
    the server if they shall hear of what expires as well.

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
        first_transaction_id: int = 1,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if interval < 0:
            raise ValueError(f"expected an interval of 0 or more seconds, found {interval!r}")
        self._tags = IdTags(tags)
        self._concurrent = concurrent
        self._interval = interval
        self._now = now
        self.hub = Hub()
        self.live = LiveState(self.hub.publish, now=now)
        self._stations = Stations(self.live)
        self.instrument: Instrument = Presence(self._stations, now)
        self._ledger = Ledger(first_id=first_transaction_id)
        self._vendors: dict[str, VendorHandler] = {}

    @property
    def transactions(self) -> Mapping[int, Transaction]:
        """The transactions by id, running and ended: a snapshot."""
        return self._ledger.snapshot()

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
        return v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status=self._tags.status(request.id_tag)))

    async def _boot_notification(
        self, session: Session, request: v16.BootNotificationRequest
    ) -> v16.BootNotificationResponse:
        now = self._now()
        self._stations.booted(session.identity, now, request)
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
        self._stations.metered(session.identity, self._now(), request)
        transaction = self._ledger.metered(session.identity, request)
        if transaction is not None:
            self.live.update_transaction(transaction)
        return v16.MeterValuesResponse()

    async def _start_transaction(
        self, session: Session, request: v16.StartTransactionRequest
    ) -> v16.StartTransactionResponse:
        self._see(session)
        transaction = self._ledger.start(session.identity, request, lambda: self._judge(request.id_tag))
        self.live.update_transaction(transaction)
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
        transaction = self._ledger.stop(session.identity, request)
        if transaction is None:
            logger.info("%r stopped transaction %d, which does not run here", session.identity, request.transaction_id)
        else:
            self.live.update_transaction(transaction)
        if request.id_tag is None:
            return v16.StopTransactionResponse()
        return v16.StopTransactionResponse(id_tag_info=v16.IdTagInfo(status=self._tags.status(request.id_tag)))

    def _judge(self, id_tag: str) -> v16.AuthorizationStatus:
        """The status of a tag that begins a transaction: the only moment for ConcurrentTx."""
        status = self._tags.status(id_tag)
        refuse = status is v16.AuthorizationStatus.ACCEPTED and not self._concurrent
        return v16.AuthorizationStatus.CONCURRENT_TX if refuse and self._ledger.charges_already(id_tag) else status

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
