"""Transactions: ids, repeats, ends, readings, and the bound."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio import v16
from ocpp_trio.backend import Ledger, Transaction
from ocpp_trio.backend.ledger import energy_register

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
ACCEPTED = v16.AuthorizationStatus.ACCEPTED
REQUEST = v16.StartTransactionRequest(connector_id=1, id_tag="TAG-1", meter_start=100, timestamp=AT)


def start(ledger: Ledger, identity: str = "CP-1", **changes: Any) -> Transaction:
    return ledger.start(identity, attrs.evolve(REQUEST, **changes), lambda: ACCEPTED)


def stop(transaction_id: int, **more: Any) -> v16.StopTransactionRequest:
    return v16.StopTransactionRequest(transaction_id=transaction_id, meter_stop=350, timestamp=LATER, **more)


def metered(transaction_id: int | None, *values: v16.SampledValue) -> v16.MeterValuesRequest:
    reading = v16.MeterValue(timestamp=LATER, sampled_value=values)
    return v16.MeterValuesRequest(connector_id=1, transaction_id=transaction_id, meter_value=(reading,))


def test_ids_are_positive_and_unique_over_all_stations():
    ledger = Ledger()

    ids = [start(ledger, identity, timestamp=at).transaction_id for identity in ("A", "B") for at in (AT, LATER)]

    assert ids == [1, 2, 3, 4]


def test_ids_continue_where_an_earlier_process_ended():
    assert start(Ledger(first_id=100)).transaction_id == 100


@pytest.mark.parametrize("first_id", [0, -1])
def test_an_id_is_positive(first_id):
    with pytest.raises(ValueError, match="expected a positive transaction id"):
        Ledger(first_id=first_id)


def test_a_repeated_start_gets_the_same_transaction_and_is_not_judged_again():
    ledger = Ledger()
    first = start(ledger)

    again = ledger.start("CP-1", attrs.evolve(REQUEST, id_tag="tag-1"), lambda: v16.AuthorizationStatus.BLOCKED)

    assert again is first


@pytest.mark.parametrize(
    "change", [{"connector_id": 2}, {"id_tag": "TAG-2"}, {"timestamp": LATER}, {"meter_start": 101}, {"identity": "B"}]
)
def test_what_differs_is_another_transaction(change):
    ledger = Ledger()
    start(ledger)

    assert start(ledger, **change).transaction_id == 2


def test_a_stop_ends_the_transaction_once():
    ledger = Ledger()
    running = start(ledger)

    ended = ledger.stop("CP-1", stop(1))
    again = ledger.stop("CP-1", stop(1, reason=v16.Reason.REMOTE))

    assert running.running
    assert again is None
    assert ledger.snapshot()[1] is ended
    assert (ended.running, ended.stopped_at, ended.energy, ended.reason) == (False, LATER, 250, v16.Reason.LOCAL)


@pytest.mark.parametrize(("identity", "transaction_id"), [("CP-1", 2), ("CP-1", -1), ("CP-2", 1)])
def test_a_stop_of_what_does_not_run_there_ends_nothing(identity, transaction_id):
    ledger = Ledger()
    start(ledger)

    assert ledger.stop(identity, stop(transaction_id)) is None
    assert ledger.snapshot()[1].running


def test_a_tag_charges_while_its_transaction_runs():
    ledger = Ledger()
    start(ledger)

    assert (ledger.charges_already("tag-1"), ledger.charges_already("TAG-2")) == (True, False)
    ledger.stop("CP-1", stop(1))
    assert not ledger.charges_already("TAG-1")


def test_readings_move_the_meter_of_their_transaction():
    ledger = Ledger()
    start(ledger)

    ledger.metered("CP-1", metered(1, v16.SampledValue(value="200")))
    ledger.metered("CP-1", metered(1, v16.SampledValue(value="nonsense")))
    ledger.metered("CP-1", metered(None, v16.SampledValue(value="900")))
    ledger.metered("CP-2", metered(1, v16.SampledValue(value="900")))
    ledger.metered("CP-1", metered(8, v16.SampledValue(value="900")))

    transaction = ledger.snapshot()[1]
    assert (transaction.meter, transaction.energy, transaction.readings) == (200, 100, 2)


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [
        ({"value": "12.6"}, 13),
        ({"value": "1.5", "unit": v16.UnitOfMeasure.KWH}, 1500),
        ({"value": "7", "measurand": v16.Measurand.ENERGY_ACTIVE_IMPORT_REGISTER}, 7),
        ({"value": "7", "location": v16.Location.OUTLET}, 7),
        ({"value": "7", "location": v16.Location.INLET}, None),
        ({"value": "7", "phase": v16.Phase.L1}, None),
        ({"value": "7", "measurand": v16.Measurand.VOLTAGE}, None),
        ({"value": "7", "unit": v16.UnitOfMeasure.W}, None),
        ({"value": "77", "format": v16.ValueFormat.SIGNED_DATA}, None),
        ({"value": "nan"}, None),
        ({"value": "1e400"}, None),
        ({"value": "x"}, None),
    ],
)
def test_which_values_are_readings_of_the_register(sampled, expected):
    reading = v16.MeterValue(timestamp=AT, sampled_value=(v16.SampledValue(**sampled),))

    assert energy_register([reading]) == expected


def test_the_last_reading_counts():
    first, second = (v16.SampledValue(value=value) for value in ("1", "2"))

    assert energy_register([v16.MeterValue(timestamp=AT, sampled_value=(first, second))]) == 2


def test_the_oldest_that_has_ended_is_forgotten_first():
    ledger = Ledger(kept=3)
    for number in range(3):
        start(ledger, meter_start=number)
    ledger.stop("CP-1", stop(2))

    start(ledger, meter_start=3)
    assert list(ledger.snapshot()) == [1, 3, 4]
    start(ledger, meter_start=4)
    assert list(ledger.snapshot()) == [3, 4, 5]
    # what is forgotten cannot be repeated any more
    assert start(ledger, meter_start=0).transaction_id == 6


def test_ended_ones_are_forgotten_in_the_order_of_their_starts():
    ledger = Ledger(kept=3)
    for number in range(3):
        start(ledger, meter_start=number)
    for number in (2, 1):
        ledger.stop("CP-1", stop(number))

    start(ledger, meter_start=3)
    assert list(ledger.snapshot()) == [2, 3, 4]


def test_a_running_one_goes_if_all_others_run_and_its_tag_charges_no_more():
    ledger = Ledger(kept=2)
    for number in range(3):
        start(ledger, id_tag=f"TAG-{number}")

    assert list(ledger.snapshot()) == [2, 3]
    assert [ledger.charges_already(f"tag-{number}") for number in range(3)] == [False, True, True]


@pytest.mark.parametrize("running", [True, False])
def test_a_full_ledger_is_not_searched_with_every_start(monkeypatch, running):
    ledger = Ledger(kept=1000)
    for number in range(1000):
        known = start(ledger, timestamp=AT + timedelta(seconds=number))
        if not running:
            ledger.stop("CP-1", stop(known.transaction_id))
    looked_at: list[Transaction] = []

    def counted(transaction: Transaction) -> bool:
        looked_at.append(transaction)
        return transaction.stopped_at is None

    monkeypatch.setattr(Transaction, "running", property(counted))

    start(ledger, timestamp=LATER)
    ledger.charges_already("TAG-2")

    assert len(looked_at) <= 3


STEPS = st.tuples(st.sampled_from(["start", "stop"]), st.sampled_from(["A", "a", "B", "C"]), st.integers(1, 30))


@given(st.integers(1, 4), st.lists(STEPS, max_size=30))
def test_it_agrees_with_one_that_walks_through_everything(kept, steps):
    ledger = Ledger(kept=kept)
    model: dict[int, tuple[str, bool]] = {}
    for number, (step, tag, transaction_id) in enumerate(steps):
        if step == "start":
            known = start(ledger, id_tag=tag, timestamp=AT + timedelta(seconds=number))
            model[known.transaction_id] = (tag.casefold(), True)
            if len(model) > kept:
                model.pop(min(model, key=lambda id_: (model[id_][1], id_)))
        else:
            ended = ledger.stop("CP-1", stop(transaction_id))
            known_tag, running = model.get(transaction_id, ("", False))
            assert (ended is not None) == running
            if running:
                model[transaction_id] = (known_tag, False)

        assert {id_: known.running for id_, known in ledger.snapshot().items()} == {
            id_: running for id_, (_, running) in model.items()
        }
        for folded in "abc":
            assert ledger.charges_already(folded.upper()) == ((folded, True) in model.values())
