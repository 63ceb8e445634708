"""The handlers over a store: first it is kept, then it is shown, then it is answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import attrs
import pytest
import trio

from ocpp_trio import (
    CallRejected,
    ChargePoint,
    ConnectionClosed,
    Limits,
    Router,
    open_charge_point,
    serve_csms,
    v16,
)
from ocpp_trio.backend import Backend, MemoryStore, Numbered, Station, StoreError, TagPolicy, Topic, open_sqlite_store
from ocpp_trio.testing import MemoryNetwork
from tests.backend.stores import AT, BOOT, START, STOP, SlowDisk, inline, metered

S = v16.AuthorizationStatus
STRICT = TagPolicy(unknown=S.INVALID)


def now():
    return AT + timedelta(seconds=trio.current_time())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "csms.db"


@asynccontextmanager
async def open_station(backend: Backend, *, limits: Limits | None = None) -> AsyncIterator[ChargePoint]:
    network = MemoryNetwork()
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(
                serve_csms,
                [backend.router()],
                9000,
                listen=network.listen,
                instrument=backend.instrument,
                limits=limits,
            )
        )
        async with open_charge_point(
            "ws://memory:9000/ocpp",
            "CP-1",
            router=Router(v16),
            boot=BOOT,
            dial=network.dial,
            limits=limits,
        ) as station:
            await station.wait_online()
            yield station
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_backend(path, *, policy: TagPolicy | None = None, run_blocking=inline) -> AsyncIterator[Backend]:
    """A process of a CSMS, as far as its backend is concerned."""
    async with open_sqlite_store(path, run_blocking=run_blocking) as store:
        backend = Backend(store, policy=policy, now=now)
        await backend.restore()
        yield backend


class Broken(MemoryStore):
    """Keeps nothing, once it is broken."""

    broken = False

    def _check(self):
        if self.broken:
            raise StoreError("cannot write: database or disk is full")

    async def start_transaction(self, *args):
        self._check()
        return await super().start_transaction(*args)

    async def stop_transaction(self, *args):
        self._check()
        return await super().stop_transaction(*args)

    async def meter_transaction(self, *args):
        self._check()
        return await super().meter_transaction(*args)

    async def register(self, *args, at):
        self._check()
        return await super().register(*args, at=at)

    async def tag_status(self, *args):
        self._check()
        return await super().tag_status(*args)


@pytest.mark.parametrize(
    "request_",
    [
        v16.AuthorizeRequest(id_tag="TAG-1"),
        BOOT,
        attrs.evolve(START, connector_id=2),
        STOP,
        metered(1, "200"),
    ],
    ids=lambda request: request.action,
)
async def test_what_the_store_cannot_keep_is_not_confirmed_and_not_shown(autojump_clock, caplog, request_):
    store = Broken()
    backend = Backend(store, now=now)
    async with open_station(backend) as station:
        await station.call(START)
        store.broken = True
        shown = (backend.live.transactions(), backend.live.meter_values(), backend.live.stations())
        with pytest.raises(CallRejected, match="the handler failed") as caught:
            await station.call(request_)

        assert caught.value.code == "InternalError"
        assert (backend.live.transactions(), backend.live.meter_values(), backend.live.stations()) == shown
        store.broken = False
        await station.call(request_)
    assert "cannot write: database or disk is full" in caplog.text


async def test_the_answer_and_the_event_wait_for_the_disk(path, autojump_clock):
    disk = SlowDisk(seconds=0)
    async with open_backend(path, run_blocking=disk) as backend, open_station(backend) as station:
        disk.seconds = 3
        began = trio.current_time()
        with backend.hub.subscribe() as subscription:
            subscription.subscribe(Topic.TRANSACTIONS)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(station.call, START)
                told = await subscription.receive()
                told_at = trio.current_time()
        transaction = await backend.store.transaction(1)

    assert isinstance(told, Numbered)
    assert told.event.value == transaction
    assert told_at == began + 3


async def test_a_station_that_goes_while_the_disk_works_is_offline_and_its_transaction_is_shown(path, autojump_clock):
    disk = SlowDisk(seconds=0)
    async with open_backend(path, run_blocking=disk) as backend:
        async with open_station(backend) as station, trio.open_nursery() as nursery:
            disk.seconds = 3

            async def boot_and_start() -> None:
                with pytest.raises(ConnectionClosed):
                    await station.call(START)

            nursery.start_soon(boot_and_start)
            await trio.sleep(1)
            station.reboot()
            await trio.sleep(1)
        await trio.sleep(5)
        kept = await backend.store.running_transactions()
        known = backend.live.station("CP-1")

    assert backend.live.transactions() == kept
    assert [transaction.transaction_id for transaction in kept] == [1]
    assert known is not None
    assert not known.online


async def test_a_message_that_is_repeated_over_a_new_connection_has_the_same_answer(path, autojump_clock):
    stop = attrs.evolve(STOP, id_tag="TAG-1")
    async with open_backend(path, policy=STRICT) as backend, open_station(backend) as station:
        await backend.store.put_tag("TAG-1", S.ACCEPTED)
        answers = []
        for tag_is_now in (S.BLOCKED, S.EXPIRED):
            answers.append((await station.call(START), await station.call(stop)))
            await backend.store.put_tag("TAG-1", tag_is_now)
            station.drop_link()
            await station.wait_online()

    assert answers[0] == answers[1]
    assert answers[0][1] == v16.StopTransactionResponse(id_tag_info=v16.IdTagInfo(status=S.ACCEPTED))


async def test_a_message_that_is_repeated_to_a_restarted_csms_has_the_same_answer(path, autojump_clock):
    stop = attrs.evolve(STOP, id_tag="TAG-1")
    answers = []
    for _ in range(3):
        async with open_backend(path, policy=STRICT) as backend, open_station(backend) as station:
            answers.append((await station.call(START), await station.call(stop)))
            await backend.store.put_tag("TAG-1", S.ACCEPTED)
            shown = backend.live.transactions()

    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == v16.StartTransactionResponse(transaction_id=1, id_tag_info=v16.IdTagInfo(status=S.INVALID))
    assert [(transaction.transaction_id, transaction.running) for transaction in shown] == [(1, False)]


async def test_a_restarted_csms_knows_its_stations_and_what_they_charge(path, autojump_clock):
    async with open_backend(path) as backend, open_station(backend) as station:
        await station.call(START)
        await station.call(metered(1, "200"))
        await trio.sleep(100)

    async with open_backend(path) as backend:
        assert backend.live.stations() == {
            "CP-1": Station(identity="CP-1", last_seen=AT, vendor="Acme", model="One", firmware="7", boots=1)
        }
        assert [(found.transaction_id, found.energy) for found in backend.live.transactions()] == [(1, 100)]
        async with open_station(backend):
            known = backend.live.station("CP-1")

    assert known is not None
    assert (known.online, known.boots) == (True, 2)


class Tardy(MemoryStore):
    """Tells of a reading a second after it was kept, as a scheduler may."""

    async def meter_transaction(self, identity, request):
        kept = await super().meter_transaction(identity, request)
        await trio.sleep(1)
        return kept


async def test_what_is_told_late_does_not_undo_what_came_after_it(autojump_clock):
    backend = Backend(Tardy(), now=now)
    limits = Limits(handlers=2, outstanding_calls=2)
    async with open_station(backend, limits=limits) as station:
        await station.call(START)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(station.call, metered(1, "200"))
            await trio.sleep(0.5)
            await station.call(STOP)

    assert backend.live.transactions() == (await backend.store.transaction(1),)
    (transaction,) = backend.live.transactions()
    assert (transaction.running, transaction.meter, transaction.readings) == (False, 350, 1)


async def test_readings_outside_a_transaction_are_shown_and_kept_nowhere(path, autojump_clock):
    async with open_backend(path) as backend, open_station(backend) as station:
        await station.call(metered(None, "200"))
        await station.call(metered(7, "300"))

    (reading,) = backend.live.meter_values()
    assert (reading.transaction_id, backend.live.transactions()) == (7, ())


async def test_a_tag_is_authorized_by_what_the_store_knows_of_it(path, autojump_clock):
    async with open_backend(path, policy=STRICT) as backend, open_station(backend) as station:
        await backend.store.put_tag("TAG-1", S.EXPIRED)
        answers = [await station.call(v16.AuthorizeRequest(id_tag=id_tag)) for id_tag in ("tag-1", "TAG-2")]

    assert [answer.id_tag_info.status for answer in answers] == [S.EXPIRED, S.INVALID]


async def test_stations_that_charge_at_once_lose_nothing(path, autojump_clock):
    network = MemoryNetwork()
    answers = {}

    async def charge(identity: str) -> None:
        async with open_charge_point(
            "ws://memory:9000/ocpp", identity, router=Router(v16), boot=BOOT, dial=network.dial
        ) as station:
            await station.wait_online()
            started = await station.call(START)
            for reading in range(3):
                await station.call(metered(started.transaction_id, str(200 + reading)))
            answers[identity] = started.transaction_id

    async with (
        open_backend(path, run_blocking=SlowDisk(seconds=0.01)) as backend,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(
            partial(serve_csms, [backend.router()], 9000, listen=network.listen, instrument=backend.instrument)
        )
        async with trio.open_nursery() as stations:
            for number in range(30):
                stations.start_soon(charge, f"CP-{number}")
        shown = backend.live.transactions()
        kept = await backend.store.running_transactions()
        nursery.cancel_scope.cancel()

    assert sorted(answers.values()) == list(range(1, 31))
    assert {transaction.identity: transaction.transaction_id for transaction in kept} == answers
    assert {(transaction.meter, transaction.readings) for transaction in kept} == {(202, 3)}
    assert sorted(shown, key=lambda transaction: transaction.transaction_id) == list(kept)
