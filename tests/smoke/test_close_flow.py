"""The connection ends with calls outstanding: each is told, nothing is left behind, nothing fires later."""

import pytest
import trio

from ocpp_trio import CloseReason, ConnectionClosed, ConnectionState, v16
from ocpp_trio.testing import CloseWith, Drop, Ignore, Result

REQUEST = v16.DataTransferRequest(vendor_id="org.example")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [(CloseWith(1000), CloseReason.CLEAN), (Drop(), CloseReason.TRANSPORT_ERROR)],
    ids=["close_frame", "tcp_dropped"],
)
async def test_close_flow_server_close_resolves_pendings(ground, clock, behaviour, reason):
    ground.stub.on["DataTransfer"] = Ignore()
    ended: list[tuple[CloseReason, bool, bool, float]] = []

    async def call():
        with pytest.raises(ConnectionClosed) as closed:
            await station.call(REQUEST)
        ended.append((closed.value.reason, closed.value.was_sent, station.online, trio.current_time()))

    async with ground.open_station(outstanding_calls=3) as station:
        await station.wait_online()
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(call)
            await ground.stub.wait_received(3, "DataTransfer")
            before = station.statistics()
            await ground.stub.do(behaviour)
        after = station.statistics()
        with pytest.raises(ConnectionClosed) as refused:
            await station.call(REQUEST)

        await station.wait_online()
        ground.assert_now(0.25 + 0.5 + 0.25)  # online, backoff, resume delay
        ground.stub.on["DataTransfer"] = Result({"status": "Accepted"})
        await station.call(REQUEST)
        if ground.virtual:
            await trio.sleep(100)  # past every deadline of the first connection
        end = station.statistics()

    assert sorted((reason, was_sent) for reason, was_sent, *_ in ended) == sorted(
        [(reason, False)] * 2 + [(reason, True)] * 3
    )
    assert not any(online for _, _, online, _ in ended)  # offline came first
    if ground.virtual:
        assert {at for *_, at in ended} == {0.25}
    assert len(ground.stub.received("DataTransfer")) == 3 + 1  # nothing was sent again by itself
    assert refused.value.was_sent is False

    assert (before.pending_calls, before.deadlines) == (3, 3)
    assert after.state is ConnectionState.BACKING_OFF
    ground.assert_idle(after)
    assert end.state is ConnectionState.ONLINE
    ground.assert_idle(end)
    assert ground.counters.value("timeouts") == 0
    assert ground.counters.value("calls_ended", outcome="closed", origin="local") == 3
    assert ground.counters.value("closes", reason=reason) == 1
