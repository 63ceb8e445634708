"""A CSMS that is killed again and again, and stations that repeat what they got no answer to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio

from ocpp_trio import ConnectionClosed, Router, open_charge_point, v16
from ocpp_trio.backend import Transaction, open_sqlite_store
from tests.processes import COMMAND_LINE, run_python

pytestmark = [pytest.mark.real, pytest.mark.untraced]

LIVES: Final = 15
STATIONS: Final = 4
EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
BOOT: Final = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")


@asynccontextmanager
async def open_csms(store: Path) -> AsyncIterator[tuple[trio.Process, int]]:
    """A CSMS as a process of its own, and its port."""
    command = (*COMMAND_LINE, "csms", "--port", "0", "--store", store)
    async with run_python(*command) as running, trio.open_nursery() as nursery:
        port = int(await running.wait_for_match(r" port (\d+); Ctrl-C"))
        nursery.start_soon(running.finish)
        yield running.process, port
        nursery.cancel_scope.cancel()


@attrs.define(eq=False)
class Station:
    """Charges without end. Remembers what it was answered, and sends again what it was not."""

    identity: str
    starts: list[v16.StartTransactionResponse] = attrs.field(factory=list)
    stops: list[v16.StopTransactionResponse] = attrs.field(factory=list)
    boots: int = 0

    def start(self, number: int) -> v16.StartTransactionRequest:
        at = EPOCH + timedelta(minutes=number)
        return v16.StartTransactionRequest(connector_id=1, id_tag="TAG-1", meter_start=number, timestamp=at)

    def stop(self, number: int) -> v16.StopTransactionRequest:
        return v16.StopTransactionRequest(
            transaction_id=self.starts[number].transaction_id,
            id_tag="TAG-1",
            meter_stop=number + 100,
            timestamp=EPOCH + timedelta(minutes=number, seconds=30),
        )

    async def live(self, port: int, life: "Life") -> None:
        """Until the CSMS is gone."""
        async with open_charge_point(
            f"ws://127.0.0.1:{port}/ocpp", self.identity, router=Router(v16), boot=BOOT
        ) as link:
            await link.wait_online()
            self.boots += 1
            if self.stops:
                number = len(self.stops) - 1
                assert await link.call(self.start(number)) == self.starts[number]
                assert await link.call(self.stop(number)) == self.stops[number]
            try:
                while True:
                    if len(self.starts) == len(self.stops):
                        self.starts.append(await link.call(self.start(len(self.starts))))
                        life.confirmed()
                    self.stops.append(await link.call(self.stop(len(self.stops))))
            except ConnectionClosed:
                life.over.set()


@attrs.define(eq=False)
class Life:
    """One process of the CSMS, killed at once when so many starts are confirmed."""

    process: trio.Process
    starts: int
    over: trio.Event = attrs.field(factory=trio.Event)

    def confirmed(self) -> None:
        self.starts -= 1
        if self.starts == 0:
            self.process.kill()
            self.over.set()


async def kept_in(store: Path) -> tuple[list[Transaction], dict[str, int]]:
    """All transactions of the file, and how often each station has booted."""
    async with open_sqlite_store(store) as kept:
        found: list[Transaction] = []
        while (transaction := await kept.transaction(len(found) + 1)) is not None:
            found.append(transaction)
        return found, {registration.identity: registration.boots for registration in await kept.registrations()}


@pytest.mark.limit(120)  # sixteen processes are started one after the other
async def test_nothing_that_was_confirmed_is_lost_when_the_csms_is_killed(tmp_path):
    """Flow: stations charge -> SIGKILL right after the n-th confirmed StartTransaction, others still on their way ->
    restart on the same file -> stations repeat -> the same answers, one id for each transaction, none used twice."""
    store = tmp_path / "csms.db"
    stations = [Station(f"CP-{number}") for number in range(STATIONS)]

    for life in range(1, LIVES + 1):
        async with open_csms(store) as (process, port), trio.open_nursery() as nursery:
            here = Life(process, starts=life)
            for station in stations:
                nursery.start_soon(station.live, port, here)
            await here.over.wait()
            nursery.cancel_scope.cancel()
        assert process.returncode == -9

    found, boots = await kept_in(store)
    by_key = {(transaction.identity, transaction.meter_start): transaction for transaction in found}
    assert len(by_key) == len(found)
    assert sum(len(station.starts) for station in stations) >= sum(range(1, LIVES + 1))
    for station in stations:
        for number, start in enumerate(station.starts):
            transaction = by_key[station.identity, number]
            assert (transaction.transaction_id, transaction.status) == (start.transaction_id, start.id_tag_info.status)
        for number, _ in enumerate(station.stops):
            assert by_key[station.identity, number].meter == number + 100
        assert boots[station.identity] >= station.boots
    # At most one message of each station was on its way when the file was last written.
    assert len(found) - sum(len(station.starts) for station in stations) <= STATIONS
