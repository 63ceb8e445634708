"""Somebody cancels a charge point's own tasks: it reconnects, or its context ends and says so."""

import pytest
import trio
import trio.testing

from ocpp_trio import CloseReason, ConnectionClosed, v16
from ocpp_trio.testing import Ignore
from tests.meddling import cancel_around

RECONNECTS = [
    "ChargePoint._beat",
    "ChargePoint._be_online",
    "Session._read",
    "Dispatcher.serve",
    "Connection.keep_alive",
    "Connection.write",
    "Transport.run",
]


@pytest.mark.parametrize("task", RECONNECTS)
async def test_station_reconnects_and_beats_on(ground, task, autojump_clock):
    """Its call ends, nothing of it is left, and half a second later it is there again."""
    ground.stub.interval = 10
    ground.stub.on["DataTransfer"] = Ignore()
    endings: list[float] = []

    async def call():
        with pytest.raises(ConnectionClosed):
            await station.call(v16.DataTransferRequest(vendor_id="org.example"))
        endings.append(trio.current_time())

    async with ground.serving() as port, ground.station_for(port) as station, trio.open_nursery() as nursery:
        await station.wait_online()
        nursery.start_soon(call)
        await trio.sleep(1)
        session = station.statistics().session
        cancel_around(task, below="ChargePoint.supervise")
        await station.wait_offline()
        await trio.testing.wait_all_tasks_blocked()
        lost = station.statistics()
        await station.wait_online()
        back = trio.current_time()
        await trio.sleep(20)

    assert session.pending_calls == 1
    assert endings == [1.25]
    assert lost.closed.reason is CloseReason.STOPPING
    assert (lost.session.pending_calls, lost.session.deadlines) == (0, 0)
    assert back == 1.25 + 0.5 + 0.25
    assert [beat.at for beat in ground.stub.received("Heartbeat")] == [1.75 + 10, 1.75 + 20]


async def test_charge_point_without_its_supervisor_ends_with_an_error(ground, autojump_clock):
    """Otherwise its body would end as if somebody had wanted it to."""
    async with ground.serving() as port:
        with pytest.raises(RuntimeError, match="expected the body to end charge point 'CP-1', found its tasks cancel"):
            await _live_without_supervisor(ground, port)

    assert trio.current_time() == 0.25


async def _live_without_supervisor(ground, port):
    async with ground.station_for(port) as station:
        await station.wait_online()
        cancel_around("ChargePoint.supervise")
        await trio.sleep_forever()


async def test_cancelling_around_it_is_no_error(ground, autojump_clock):
    async with ground.serving() as port:
        with trio.CancelScope() as scope:
            async with ground.station_for(port) as station:
                await station.wait_online()
                scope.cancel()
                cancel_around("ChargePoint.supervise")
                await trio.sleep_forever()

    assert scope.cancelled_caught
