"""What every store does, whatever it keeps its records in."""

from datetime import timedelta, timezone

import attrs
import pytest
import trio

from ocpp_trio import v16
from ocpp_trio.backend import MemoryStore, Registration, Stopped, StrayStop, TagPolicy, Transaction
from tests.backend.stores import AT, BOOT, LATER, START, STOP, metered, open_inline, open_memory, open_threaded

S = v16.AuthorizationStatus
OPEN = TagPolicy()
CLOSED = TagPolicy(unknown=S.INVALID, concurrent=False)


@pytest.fixture(params=[open_memory, open_inline, pytest.param(open_threaded, marks=pytest.mark.real)])
async def store(request, tmp_path):
    async with request.param(tmp_path / "csms.db") as store:
        yield store


async def test_a_start_begins_a_transaction(store):
    begun = await store.start_transaction("CP-1", START, OPEN)

    assert begun == Transaction(
        transaction_id=1,
        identity="CP-1",
        connector_id=1,
        id_tag="TAG-1",
        status=S.ACCEPTED,
        meter_start=100,
        started_at=AT,
        meter=100,
    )
    assert await store.transaction(1) == begun
    assert await store.running_transactions() == (begun,)


async def test_ids_count_over_all_stations(store):
    begun = [await store.start_transaction(identity, START, OPEN) for identity in ("CP-1", "CP-2", "cp-2")]

    assert [transaction.transaction_id for transaction in begun] == [1, 2, 3]


async def test_a_repeated_start_gets_the_same_though_its_tag_is_blocked_by_now(store):
    first = await store.start_transaction("CP-1", START, CLOSED)
    await store.put_tag("TAG-1", S.BLOCKED)

    elsewhere = AT.astimezone(timezone(timedelta(hours=2)))
    again = await store.start_transaction("CP-1", attrs.evolve(START, id_tag="tag-1", timestamp=elsewhere), OPEN)

    assert again == first
    assert first.status is S.INVALID
    assert len(await store.running_transactions()) == 1


@pytest.mark.parametrize(
    "change", [{"connector_id": 2}, {"id_tag": "TAG-2"}, {"timestamp": LATER}, {"meter_start": 101}]
)
async def test_a_start_that_differs_is_another_transaction(store, change):
    await store.start_transaction("CP-1", START, OPEN)

    other = await store.start_transaction("CP-1", attrs.evolve(START, **change), OPEN)

    assert other.transaction_id == 2


async def test_a_tag_that_charges_already_may_be_refused(store):
    await store.put_tag("Tag-1", S.ACCEPTED)
    statuses = [(await store.start_transaction(identity, START, CLOSED)).status for identity in ("CP-1", "CP-2")]
    for transaction_id, identity in ((1, "CP-1"), (2, "CP-2")):
        await store.stop_transaction(identity, attrs.evolve(STOP, transaction_id=transaction_id), CLOSED)
    statuses.append((await store.start_transaction("CP-3", START, CLOSED)).status)

    assert statuses == [S.ACCEPTED, S.CONCURRENT_TX, S.ACCEPTED]


async def test_a_stop_ends_the_transaction_and_its_tag_is_answered(store):
    begun = await store.start_transaction("CP-1", START, OPEN)

    stopped = await store.stop_transaction("CP-1", attrs.evolve(STOP, id_tag="Tag-2", reason=v16.Reason.REMOTE), CLOSED)

    ended = attrs.evolve(
        begun, meter=350, stopped_at=LATER, reason=v16.Reason.REMOTE, stop_tag="Tag-2", stop_status=S.INVALID
    )
    assert stopped == Stopped(transaction=ended, status=S.INVALID)
    assert await store.transaction(1) == ended
    assert await store.running_transactions() == ()


async def test_a_repeated_stop_gets_the_same_though_its_tag_is_known_by_now(store):
    await store.start_transaction("CP-1", START, OPEN)
    first = await store.stop_transaction("CP-1", attrs.evolve(STOP, id_tag="TAG-2"), CLOSED)
    await store.put_tag("TAG-2", S.ACCEPTED)

    again = await store.stop_transaction("CP-1", attrs.evolve(STOP, id_tag="tag-2"), CLOSED)
    other = await store.stop_transaction("CP-1", attrs.evolve(STOP, id_tag="tag-2", meter_stop=1), CLOSED)

    assert first == again == Stopped(transaction=await store.transaction(1), status=S.INVALID)
    assert other == Stopped(transaction=None, status=S.ACCEPTED)


@pytest.mark.parametrize(
    ("identity", "transaction_id"), [("CP-1", 2), ("CP-1", -1), ("CP-1", 10**30), ("CP-1", -(10**30)), ("CP-2", 1)]
)
async def test_a_message_about_what_does_not_run_there_changes_nothing(store, identity, transaction_id):
    begun = await store.start_transaction("CP-1", START, OPEN)

    stopped = await store.stop_transaction(identity, attrs.evolve(STOP, transaction_id=transaction_id), OPEN)

    assert stopped == Stopped(transaction=None, status=None)
    assert await store.meter_transaction(identity, metered(transaction_id, "900")) is None
    assert await store.running_transactions() == (begun,)


@pytest.mark.parametrize("transaction_id", [-1, 7, 10**30])
async def test_a_stop_that_ended_nothing_is_kept_all_the_same_and_its_repeat_is_recognised(store, transaction_id):
    stop = attrs.evolve(STOP, transaction_id=transaction_id, id_tag="Tag-1", reason=v16.Reason.POWER_LOSS)
    first = await store.stop_transaction("CP-1", stop, CLOSED)
    await store.put_tag("TAG-1", S.BLOCKED)

    again = await store.stop_transaction("CP-1", attrs.evolve(stop, id_tag="TAG-1"), CLOSED)
    other = await store.stop_transaction("CP-1", attrs.evolve(stop, meter_stop=-(2**70), id_tag=None), CLOSED)

    stray = StrayStop(
        identity="CP-1",
        transaction_id=transaction_id,
        meter_stop=350,
        stopped_at=LATER,
        id_tag="Tag-1",
        reason=v16.Reason.POWER_LOSS,
        status=S.INVALID,
    )
    assert first == again == Stopped(transaction=None, status=S.INVALID)
    assert other == Stopped(transaction=None, status=None)
    assert set(await store.stray_stops()) == {
        stray,
        attrs.evolve(stray, meter_stop=-(2**70), id_tag=None, status=None),
    }


async def test_memory_forgets_the_stray_stop_that_came_first():
    store = MemoryStore(kept=2)

    for number in range(3):
        await store.stop_transaction("CP-1", attrs.evolve(STOP, transaction_id=number), OPEN)

    assert [stray.transaction_id for stray in await store.stray_stops()] == [1, 2]


async def test_readings_move_the_meter_of_a_running_transaction(store):
    begun = await store.start_transaction("CP-1", START, OPEN)

    first = await store.meter_transaction("CP-1", metered(1, "200"))
    second = await store.meter_transaction("CP-1", metered(1, "nonsense"))
    nowhere = await store.meter_transaction("CP-1", metered(None, "900"))

    assert (first, nowhere) == (attrs.evolve(begun, meter=200, readings=1), None)
    assert second == await store.transaction(1) == attrs.evolve(begun, meter=200, readings=2)
    await store.stop_transaction("CP-1", STOP, OPEN)
    assert await store.meter_transaction("CP-1", metered(1, "400")) is None


async def test_tags_are_known_without_regard_to_case_until_they_are_removed(store):
    await store.put_tag("b", S.EXPIRED)
    await store.put_tag("Tag", S.ACCEPTED)
    await store.put_tag("TAG", S.BLOCKED)

    assert [await store.tag_status(id_tag) for id_tag in ("tag", "B", "c")] == [S.BLOCKED, S.EXPIRED, None]
    assert list((await store.tags()).items()) == [("TAG", S.BLOCKED), ("b", S.EXPIRED)]
    await store.remove_tag("tag")
    await store.remove_tag("tag")
    assert await store.tags() == {"b": S.EXPIRED}


async def test_boots_are_counted_and_what_a_station_is_comes_from_the_last(store):
    await store.register("CP-2", BOOT, at=AT)
    first = await store.register("CP-1", BOOT, at=AT)
    changed = attrs.evolve(BOOT, firmware_version=None, charge_point_serial_number="S")

    second = await store.register("CP-1", changed, at=LATER)

    assert first == Registration(identity="CP-1", vendor="Acme", model="One", firmware="7", boots=1, last_boot=AT)
    assert second == attrs.evolve(first, serial_number="S", firmware=None, boots=2, last_boot=LATER)
    assert await store.registrations() == (second, attrs.evolve(first, identity="CP-2"))


async def test_changes_of_many_at_once_are_all_kept(store):
    async def charge(identity: str) -> None:
        begun = await store.start_transaction(identity, START, OPEN)
        for reading in range(3):
            await store.meter_transaction(identity, metered(begun.transaction_id, str(reading)))
        if identity != "CP-0":
            await store.stop_transaction(identity, attrs.evolve(STOP, transaction_id=begun.transaction_id), OPEN)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(charge, f"CP-{number}")

    found = [await store.transaction(transaction_id) for transaction_id in range(1, 21)]
    assert {transaction.identity for transaction in found} == {f"CP-{number}" for number in range(20)}
    assert [transaction.readings for transaction in found] == [3] * 20
    assert [transaction.identity for transaction in await store.running_transactions()] == ["CP-0"]


async def test_of_two_starts_of_one_tag_at_once_only_one_is_accepted(store):
    await store.put_tag("TAG-1", S.ACCEPTED)
    statuses = []

    async def start(identity: str) -> None:
        statuses.append((await store.start_transaction(identity, START, CLOSED)).status)

    async with trio.open_nursery() as nursery:
        for identity in ("CP-1", "CP-2", "CP-3"):
            nursery.start_soon(start, identity)

    assert sorted(statuses) == [S.ACCEPTED, S.CONCURRENT_TX, S.CONCURRENT_TX]


async def test_memory_forgets_the_station_that_booted_longest_ago():
    store = MemoryStore(stations_kept=2)

    for identity in ("CP-1", "CP-2", "CP-1", "CP-3"):
        await store.register(identity, BOOT, at=AT)

    assert [registration.identity for registration in await store.registrations()] == ["CP-1", "CP-3"]
