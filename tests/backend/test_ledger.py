"""Transactions: ids, repeats, ends, readings, and the bound."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio import v16
from ocpp_trio.backend import Ledger, Stopped, Transaction

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
ACCEPTED = v16.AuthorizationStatus.ACCEPTED
REQUEST = v16.StartTransactionRequest(connector_id=1, id_tag="TAG-1", meter_start=100, timestamp=AT)


def start(ledger: Ledger, identity: str = "CP-1", **changes: Any) -> Transaction:
    return ledger.start(identity, attrs.evolve(REQUEST, **changes), lambda: ACCEPTED)


def stop(
    ledger: Ledger,
    transaction_id: int,
    identity: str = "CP-1",
    *,
    judged: v16.AuthorizationStatus = ACCEPTED,
    **more: Any,
) -> Stopped:
    request = v16.StopTransactionRequest(transaction_id=transaction_id, meter_stop=350, timestamp=LATER)
    return ledger.stop(identity, attrs.evolve(request, **more), lambda id_tag: judged)


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

    ended = stop(ledger, 1).transaction
    other = stop(ledger, 1, reason=v16.Reason.REMOTE)

    assert running.running
    assert other == Stopped(transaction=None, status=None)
    assert ledger.snapshot()[1] is ended
    assert ended is not None
    assert (ended.running, ended.stopped_at, ended.energy, ended.reason) == (False, LATER, 250, v16.Reason.LOCAL)


@pytest.mark.parametrize(("identity", "transaction_id"), [("CP-1", 2), ("CP-1", -1), ("CP-2", 1)])
def test_a_stop_of_what_does_not_run_there_ends_nothing(identity, transaction_id):
    ledger = Ledger()
    start(ledger)

    assert stop(ledger, transaction_id, identity).transaction is None
    assert ledger.snapshot()[1].running


def test_a_repeated_stop_is_the_first_one_and_its_tag_is_not_judged_again():
    ledger = Ledger()
    start(ledger)
    first = stop(ledger, 1, id_tag="TAG-2", judged=v16.AuthorizationStatus.EXPIRED)

    again = stop(ledger, 1, id_tag="tag-2", reason=v16.Reason.LOCAL)

    assert first == again == Stopped(transaction=ledger.snapshot()[1], status=v16.AuthorizationStatus.EXPIRED)


@pytest.mark.parametrize(
    "change", [{"identity": "B"}, {"id_tag": "T"}, {"timestamp": AT}, {"meter_stop": 1}, {"reason": v16.Reason.OTHER}]
)
def test_a_stop_that_differs_is_no_repeat(change):
    ledger = Ledger()
    start(ledger)
    first = stop(ledger, 1)

    assert stop(ledger, 1, **change).transaction is None
    assert ledger.snapshot()[1] is first.transaction


@pytest.mark.parametrize(("id_tag", "status"), [(None, None), ("TAG-1", v16.AuthorizationStatus.BLOCKED)])
def test_the_tag_of_a_stop_is_judged_whatever_it_stops(id_tag, status):
    stopped = stop(Ledger(), 7, id_tag=id_tag, judged=v16.AuthorizationStatus.BLOCKED)

    assert stopped == Stopped(transaction=None, status=status)


def test_a_tag_charges_while_its_transaction_runs():
    ledger = Ledger()
    start(ledger)

    assert (ledger.charges_already("tag-1"), ledger.charges_already("TAG-2")) == (True, False)
    stop(ledger, 1)
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


def test_the_oldest_that_has_ended_is_forgotten_first():
    ledger = Ledger(kept=3)
    for number in range(3):
        start(ledger, meter_start=number)
    stop(ledger, 2)

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
        stop(ledger, number)

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
            stop(ledger, known.transaction_id)
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
            ended = stop(ledger, transaction_id, meter_stop=number).transaction
            known_tag, running = model.get(transaction_id, ("", False))
            assert (ended is not None) == running
            if running:
                model[transaction_id] = (known_tag, False)

        assert {id_: known.running for id_, known in ledger.snapshot().items()} == {
            id_: running for id_, (_, running) in model.items()
        }
        for folded in "abc":
            assert ledger.charges_already(folded.upper()) == ((folded, True) in model.values())
