"""A thousand calls at once: one write in flight, nothing piles up that is not counted, order is kept."""

import itertools
import tracemalloc

import pytest
import trio

from ocpp_trio import ConnectionState, v16
from ocpp_trio.testing import Result

CALLS = 1000
FILLS_ANY_BUFFER = 16 * 1024
"""Bytes of padding: a thousand of these are more than the buffers of a loopback socket hold."""
MEMORY_BOUND = 64 * 1024 * 1024
"""Bytes for a thousand waiting tasks, their frames and the record of them at the CSMS."""


@pytest.mark.untraced
@pytest.mark.parametrize("slow_reader", [False, True], ids=["", "slow_reader"])
@pytest.mark.parametrize("outstanding", [1, CALLS])
async def test_back_pressure_thousand_small_frames_serialized_writes(ground, clock, outstanding, slow_reader):
    ground.stub.on["DataTransfer"] = Result({"status": "Accepted"})
    padding = "x" * (FILLS_ANY_BUFFER if slow_reader else 0)
    tags = itertools.count()

    async def transfer():
        request = v16.DataTransferRequest(vendor_id="org.example", message_id=str(next(tags)), data=padding)
        await station.call(request)

    async with ground.open_station(outstanding_calls=outstanding) as station:
        await station.wait_online()
        if slow_reader and ground.virtual:  # where there is most to keep; it makes everything several times as slow
            tracemalloc.start()
        if slow_reader:
            ground.stub.hold()
        async with trio.open_nursery() as nursery:
            for _ in range(CALLS):
                nursery.start_soon(transfer)
            if slow_reader:
                await trio.sleep(1 if ground.virtual else 0.1)
                held = station.statistics()
                ground.stub.release()
        _, peak_memory = tracemalloc.get_traced_memory()  # 0 if it was not started
        tracemalloc.stop()
        end = station.statistics()

    frames = ground.stub.received("DataTransfer")
    assert [int(frame.elements[3]["messageId"]) for frame in frames] == list(range(CALLS))

    assert end.state is ConnectionState.ONLINE
    ground.assert_idle(end)
    assert end.session.calls_waiting == 0
    if outstanding == 1:
        assert (end.session.max_calls_waiting, end.session.max_writes_waiting) == (CALLS - 1, 0)
    else:
        assert end.session.max_calls_waiting == 0
        assert end.session.max_writes_waiting == CALLS - 1
    assert ground.counters.value("timeouts") == 0
    assert peak_memory < MEMORY_BOUND
    if slow_reader and ground.virtual:  # on a real socket there is no instant at which all stand still
        # With one outstanding call the one frame fits into a buffer; with a thousand the writer comes to wait.
        assert (held.session.calls_waiting, held.session.writes_in_flight) == ((999, 0) if outstanding == 1 else (0, 1))
        # Who was not handed over yet has no deadline running.
        assert held.session.writes_waiting == held.pending_calls - held.deadlines
