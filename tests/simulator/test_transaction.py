"""Tags and groups of a transaction, and its readings."""

from datetime import UTC, datetime

import attrs
import pytest
import trio

from ocpp_trio import v16
from ocpp_trio.simulator import Meter, Transaction
from ocpp_trio.simulator.transaction import take_reading

AT = datetime(2026, 1, 1, tzinfo=UTC)
ENERGY, POWER = v16.Measurand.ENERGY_ACTIVE_IMPORT_REGISTER, v16.Measurand.POWER_ACTIVE_IMPORT


def info(parent: str | None) -> v16.IdTagInfo:
    return v16.IdTagInfo(status=v16.AuthorizationStatus.ACCEPTED, parent_id_tag=parent)


def transaction(parent: str | None = None, *, transaction_id: int | None = None) -> Transaction:
    return Transaction(
        id_tag="Tag-1",
        meter_start=0,
        started_at=AT,
        began=0.0,
        transaction_id=transaction_id,
        id_tag_info=info(parent),
    )


def test_tags_are_compared_without_regard_to_case():
    assert transaction().is_of("TAG-1")
    assert not transaction().is_of("TAG-2")


@pytest.mark.parametrize(
    ("own", "other", "same"),
    [("A", "a", True), ("A", "B", False), (None, None, False), ("", "", False), ("A", None, False), (None, "A", False)],
)
def test_a_group_is_shared_only_if_both_have_one(own, other, same):
    assert transaction(own).shares_parent(info(other)) is same


def test_a_transaction_that_is_not_answered_has_no_group():
    unanswered = Transaction(id_tag="T", meter_start=0, started_at=AT, began=0.0)

    assert not unanswered.shares_parent(info("A"))


def test_a_message_gets_the_id_of_its_transaction():
    request = v16.StopTransactionRequest(transaction_id=0, meter_stop=5, timestamp=AT)

    assert transaction().identified(request) is None
    assert transaction(transaction_id=9).identified(request) == attrs.evolve(request, transaction_id=9)


async def test_a_reading_has_what_was_asked_for(autojump_clock):
    meter = Meter(100)
    meter.feed(3600)
    await trio.sleep(1)

    reading = take_reading(meter, (POWER, ENERGY), context=v16.ReadingContext.TRIGGER, at=AT)

    assert reading is not None
    assert reading.timestamp == AT
    assert [(v.measurand, v.value, v.unit, v.context) for v in reading.sampled_value] == [
        (POWER, "3600", v16.UnitOfMeasure.W, v16.ReadingContext.TRIGGER),
        (ENERGY, "101", v16.UnitOfMeasure.WH, v16.ReadingContext.TRIGGER),
    ]


def test_a_reading_of_nothing_is_none():
    assert take_reading(Meter(), (), context=v16.ReadingContext.TRIGGER, at=AT) is None
