"""What charges: the connector, the meter and the transaction, with the timers that go with them.

Owns the running transaction. Every effect is immediate; what it has to tell goes to `Reports`. Knows
neither the connection nor who asked.
"""

import math
from collections.abc import Callable
from datetime import datetime
from functools import partial

import trio

from ocpp_trio import CallFailed, v16
from ocpp_trio.simulator import configuration as keys
from ocpp_trio.simulator.configuration import Configuration
from ocpp_trio.simulator.connector import CONNECTOR, MAIN, Connector, NotPossible
from ocpp_trio.simulator.meter import Meter
from ocpp_trio.simulator.reports import Report, Reports
from ocpp_trio.simulator.transaction import Transaction, take_reading

_S = v16.ChargePointStatus


class Charging:
    """Connector 1 with its meter. `authorized` is a tag that may charge and waits for its cable."""

    _nursery: trio.Nursery

    def __init__(
        self, configuration: Configuration, reports: Reports, *, meter: Meter, power: int, now: Callable[[], datetime]
    ) -> None:
        self.meter = meter
        self.connector = Connector(self._status_changed)
        self.transaction: Transaction | None = None
        self.authorized: str | None = None
        self._configuration = configuration
        self._reports = reports
        self._power = power
        self._now = now
        self._patience = trio.CancelScope()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The timers, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    @property
    def free(self) -> bool:
        """Whether somebody new may charge here: nobody does, and no tag waits for its cable."""
        free = self.connector.operative and self.connector.status in (_S.AVAILABLE, _S.PREPARING)
        return free and self.authorized is None

    def plug_in(self) -> None:
        """A vehicle is there."""
        self.connector.plugged = True
        if self.connector.status is _S.AVAILABLE:
            self.connector.step(_S.PREPARING)
        elif self.connector.status is _S.SUSPENDED_EV:
            self.connector.step(_S.CHARGING)
            self.meter.feed(self._power)

    def unplug(self) -> None:
        """The vehicle is gone; its transaction ends, or waits for it, as the configuration says."""
        self.connector.plugged = False
        if self.transaction is None:
            if self.connector.status is not _S.UNAVAILABLE:
                self.connector.step(_S.AVAILABLE)
        elif self._configuration.flag(keys.STOP_ON_EV_SIDE_DISCONNECT):
            self.finish(v16.Reason.EV_DISCONNECTED)
        else:
            self.meter.feed(0)
            if self.connector.status is _S.CHARGING:  # a connector that we suspended stays that
                self.connector.step(_S.SUSPENDED_EV)

    def reserve(self, id_tag: str) -> None:
        """Keep the connector for an authorized tag until its cable is plugged in."""
        if not self.free:
            raise NotPossible(f"the connector is not free for {id_tag!r}: {self.connector.status.value}")
        self.connector.step(_S.PREPARING)
        self.authorized = id_tag

    def begin(self, id_tag: str) -> Transaction:
        """Start a transaction here and now, and report it without waiting."""
        if not self.connector.plugged:
            raise NotPossible("no vehicle is plugged in")
        if not self.connector.operative or self.connector.status not in (_S.PREPARING, _S.FINISHING):
            raise NotPossible(f"no transaction can start while {self.connector.status.value}")
        request = v16.StartTransactionRequest(
            connector_id=CONNECTOR, id_tag=id_tag, meter_start=self.meter.register, timestamp=self._now()
        )
        transaction = self.transaction = Transaction(
            id_tag=id_tag, meter_start=request.meter_start, started_at=request.timestamp, began=trio.current_time()
        )
        self._reports.put(Report(lambda: request, partial(self._start_answered, transaction)))
        if self.connector.status is _S.FINISHING:
            self.connector.step(_S.PREPARING)
        self.connector.step(_S.CHARGING)
        self.meter.feed(self._power)
        self._nursery.start_soon(self._sample, transaction)
        return transaction

    def finish(self, reason: v16.Reason, *, id_tag: str | None = None) -> None:
        """End the transaction here and now, and report it without waiting."""
        transaction = self.transaction
        if transaction is None:
            raise NotPossible("no transaction is running")
        request = v16.StopTransactionRequest(
            transaction_id=0, meter_stop=self.meter.register, timestamp=self._now(), reason=reason, id_tag=id_tag
        )
        self._reports.put(Report(partial(transaction.identified, request)))
        self._leave(transaction)

    def give_up(self) -> None:
        """Forget the tag that waits for its cable."""
        self.authorized = None
        if self.connector.status is _S.PREPARING and not self.connector.plugged:
            self.connector.step(_S.AVAILABLE)

    def status_notification(self, connector_id: int) -> v16.StatusNotificationRequest:
        """The present status of connector 1 or of the charge point."""
        return v16.StatusNotificationRequest(
            connector_id=connector_id,
            error_code=v16.ChargePointErrorCode.NO_ERROR,
            status=self.connector.main_status if connector_id == MAIN else self.connector.status,
            timestamp=self._now(),
        )

    def meter_values(self, context: v16.ReadingContext) -> v16.MeterValuesRequest | None:
        """The present reading of the connector's meter; None if the configuration asks for nothing."""
        reading = take_reading(self.meter, self._configuration.sampled(), context=context, at=self._now())
        if reading is None:
            return None
        return v16.MeterValuesRequest(
            connector_id=CONNECTOR,
            transaction_id=self.transaction.transaction_id if self.transaction is not None else None,
            meter_value=(reading,),
        )

    def report_status(self, connector_id: int) -> None:
        """Report the present status."""
        request = self.status_notification(connector_id)
        self._reports.put(Report(lambda: request))

    def _start_answered(self, transaction: Transaction, answer: v16.StartTransactionResponse | CallFailed) -> None:
        transaction.answered.set()
        if isinstance(answer, CallFailed):
            transaction.failure = answer
            if transaction is self.transaction:
                self._leave(transaction)
            return
        transaction.transaction_id = answer.transaction_id
        transaction.id_tag_info = answer.id_tag_info
        if transaction is self.transaction and answer.id_tag_info.status is not v16.AuthorizationStatus.ACCEPTED:
            self._deauthorize()

    def _deauthorize(self) -> None:
        """The CSMS does not want this transaction (OCPP 1.6 section 4.8)."""
        if self._configuration.flag(keys.STOP_ON_INVALID_ID):
            self.finish(v16.Reason.DE_AUTHORIZED)
        else:
            self.meter.feed(0)
            self.connector.step(_S.SUSPENDED_EVSE)

    def _leave(self, transaction: Transaction) -> None:
        transaction.lifetime.cancel()
        self.transaction = None
        self.meter.feed(0)
        self.connector.rest()

    async def _sample(self, transaction: Transaction) -> None:
        """Sampled meter values from the start of the transaction on (OCPP 1.6 section 4.7).

        A change of the interval counts from the last sample; samples whose time has passed are skipped.
        """
        last = transaction.began
        with transaction.lifetime:
            while True:
                interval = self._configuration.number(keys.METER_VALUE_SAMPLE_INTERVAL) or math.inf
                due = last + interval
                with trio.move_on_at(due) as wait:
                    await self._configuration.wait_changed()
                if wait.cancelled_caught:
                    last = due + interval * math.floor((trio.current_time() - due) / interval)
                    self._report_sample(transaction)

    def _report_sample(self, transaction: Transaction) -> None:
        request = self.meter_values(v16.ReadingContext.SAMPLE_PERIODIC)
        if request is not None:
            self._reports.put(Report(partial(transaction.identified, request)))

    def _status_changed(self, connector_id: int, status: v16.ChargePointStatus) -> None:
        self.report_status(connector_id)
        if connector_id == CONNECTOR:
            self._patience.cancel()
            if status is _S.PREPARING:
                self._patience = trio.CancelScope()
                self._nursery.start_soon(self._wait_for_the_rest, self._patience)
            else:
                self.authorized = None

    async def _wait_for_the_rest(self, patience: trio.CancelScope) -> None:
        """End what was prepared if the cable or the tag does not follow in time (OCPP 1.6 section 4.9)."""
        with patience:
            await trio.sleep(self._configuration.number(keys.CONNECTION_TIME_OUT) or math.inf)
            self.connector.step(_S.FINISHING if self.connector.plugged else _S.AVAILABLE)
