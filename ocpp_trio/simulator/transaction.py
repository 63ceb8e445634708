"""A transaction as the station knows it, and the readings that belong to it."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

import attrs
import trio

from ocpp_trio import CallFailed, v16
from ocpp_trio.simulator.meter import Meter

_OfTransaction = TypeVar("_OfTransaction", v16.MeterValuesRequest, v16.StopTransactionRequest)


@attrs.define(eq=False, kw_only=True)
class Transaction:
    """A running or ended transaction. Its id is the CSMS's to give: None until StartTransaction is answered."""

    id_tag: str
    meter_start: int
    started_at: datetime
    began: float
    """The instant on trio's clock from which the sampling intervals count."""
    transaction_id: int | None = None
    id_tag_info: v16.IdTagInfo | None = None
    failure: CallFailed | None = None
    """Why StartTransaction had no response; such a transaction ends at once and is never stopped."""
    answered: trio.Event = attrs.field(factory=trio.Event, init=False)
    lifetime: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """The scope of what runs as long as the transaction does."""

    def is_of(self, id_tag: str) -> bool:
        """Whether it was started with this tag; tags are compared without regard to case."""
        return self.id_tag.casefold() == id_tag.casefold()

    def identified(self, request: _OfTransaction) -> _OfTransaction | None:
        """A message about this transaction with its id; None if it has none, because its start was not answered."""
        if self.transaction_id is None:
            return None
        return attrs.evolve(request, transaction_id=self.transaction_id)

    def shares_parent(self, info: v16.IdTagInfo) -> bool:
        """Whether a tag of this kind belongs to the same group (OCPP 1.6 section 3.5.1)."""
        own = self.id_tag_info.parent_id_tag if self.id_tag_info is not None else None
        return bool(own and info.parent_id_tag) and str(own).casefold() == str(info.parent_id_tag).casefold()


def take_reading(
    meter: Meter, measurands: Iterable[v16.Measurand], *, context: v16.ReadingContext, at: datetime
) -> v16.MeterValue | None:
    """What the meter shows of these measurands now; None if none is asked for."""
    values = tuple(_sampled(meter, measurand, context) for measurand in measurands)
    return v16.MeterValue(timestamp=at, sampled_value=values) if values else None


def _sampled(meter: Meter, measurand: v16.Measurand, context: v16.ReadingContext) -> v16.SampledValue:
    if measurand is v16.Measurand.POWER_ACTIVE_IMPORT:
        value, unit = meter.power, v16.UnitOfMeasure.W
    else:
        value, unit = meter.register, v16.UnitOfMeasure.WH
    return v16.SampledValue(value=str(value), context=context, measurand=measurand, unit=unit)
