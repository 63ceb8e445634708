"""What a message makes of a transaction or a registration: pure functions from one frozen value to the next.

Owns the rules that every store follows, whatever it keeps its transactions in.
"""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Final, TypeGuard

import attrs

from ocpp_trio import v16
from ocpp_trio.backend.records import Registration, StrayStop, Transaction

_FACTOR: Final = {None: 1, v16.UnitOfMeasure.WH: 1, v16.UnitOfMeasure.KWH: 1000}


def begun_by(
    identity: str, request: v16.StartTransactionRequest, *, transaction_id: int, status: v16.AuthorizationStatus
) -> Transaction:
    """The transaction that this message begins; `status` is what its tag is answered."""
    return Transaction(
        transaction_id=transaction_id,
        identity=identity,
        connector_id=request.connector_id,
        id_tag=request.id_tag,
        status=status,
        meter_start=request.meter_start,
        started_at=request.timestamp,
        meter=request.meter_start,
    )


def runs_at(transaction: Transaction | None, identity: str) -> TypeGuard[Transaction]:
    """Whether this is a transaction that runs at this station."""
    return transaction is not None and transaction.running and transaction.identity == identity


def repeats_stop(
    transaction: Transaction | None, identity: str, request: v16.StopTransactionRequest
) -> TypeGuard[Transaction]:
    """Whether this is the message that ended the transaction, once more."""
    return (
        transaction is not None
        and not transaction.running
        and transaction.identity == identity
        and transaction.stopped_at == request.timestamp
        and transaction.meter == request.meter_stop
        and transaction.reason is (request.reason or v16.Reason.LOCAL)
        and (transaction.stop_tag or "").casefold() == (request.id_tag or "").casefold()
    )


def ended_by(
    transaction: Transaction, request: v16.StopTransactionRequest, status: v16.AuthorizationStatus | None
) -> Transaction:
    """The transaction as this message leaves it; `status` is what its tag is answered."""
    return attrs.evolve(
        transaction,
        meter=request.meter_stop,
        stopped_at=request.timestamp,
        reason=request.reason or v16.Reason.LOCAL,
        stop_tag=request.id_tag,
        stop_status=status,
    )


def strayed_by(identity: str, request: v16.StopTransactionRequest, status: v16.AuthorizationStatus | None) -> StrayStop:
    """The record of a stop that ended nothing; `status` is what its tag is answered."""
    return StrayStop(
        identity=identity,
        transaction_id=request.transaction_id,
        meter_stop=request.meter_stop,
        stopped_at=request.timestamp,
        id_tag=request.id_tag,
        reason=request.reason or v16.Reason.LOCAL,
        status=status,
    )


def metered_by(transaction: Transaction, request: v16.MeterValuesRequest) -> Transaction:
    """The transaction with the latest of these readings."""
    energy = energy_register(request.meter_value)
    meter = transaction.meter if energy is None else energy
    return attrs.evolve(transaction, meter=meter, readings=transaction.readings + 1)


def is_older(transaction: Transaction, other: Transaction) -> bool:
    """Whether the same transaction was like this before it was like the other."""
    return (not transaction.running, transaction.readings) < (not other.running, other.readings)


def registered_by(
    identity: str, boot: v16.BootNotificationRequest, *, at: datetime, before: Registration | None
) -> Registration:
    """The registration after this BootNotification was accepted."""
    return Registration(
        identity=identity,
        vendor=boot.charge_point_vendor,
        model=boot.charge_point_model,
        serial_number=boot.charge_point_serial_number,
        firmware=boot.firmware_version,
        boots=1 + (0 if before is None else before.boots),
        last_boot=at,
    )


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
