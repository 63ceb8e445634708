"""A CSMS that never answers: the call ends here, and only the call."""

import logging

import pytest
import trio
import trio.testing

from ocpp_trio import CallTimeout, ConnectionState, v16
from ocpp_trio.testing import Result

ACCEPTED = Result({"status": "Accepted"})


async def test_timeout_no_server_reply_local_timeout_error(ground, clock, caplog):
    caplog.set_level(logging.DEBUG, logger="ocpp_trio")
    timeout = 30.0 if ground.virtual else 0.2
    ground.stub.ignored_ids.add("m-2")  # m-1 is the boot

    async with ground.open_station(call_timeout=timeout) as station:
        await station.wait_online()
        with pytest.raises(CallTimeout) as timed_out:
            await station.call(v16.DataTransferRequest(vendor_id="org.example", data="lost"))
        ground.assert_now(0.25 + 30)
        after = station.statistics()
        await ground.stub.send('[3,"m-2",{"status":"Accepted"}]')
        ground.stub.on["DataTransfer"] = ACCEPTED
        reply = await station.call(v16.DataTransferRequest(vendor_id="org.example", data="later"))
        end = station.statistics()

    assert isinstance(timed_out.value, TimeoutError)
    assert timed_out.value.origin == "local"
    assert reply.status is v16.DataTransferStatus.ACCEPTED
    assert [frame.elements[1] for frame in ground.stub.received("DataTransfer")] == ["m-2", "m-3"]
    assert all(frame.elements[0] == 2 for frame in ground.stub.received())  # the timeout never was a frame
    assert ground.stub.connections == 1

    for snapshot in (after, end):
        assert snapshot.state is ConnectionState.ONLINE
        ground.assert_idle(snapshot)
    assert ground.counters.value("timeouts") == 1
    assert ground.counters.value("calls_ended", outcome="timeout", origin="local") == 1
    assert ground.counters.value("call_error") == 0
    assert ground.counters.value("dropped_replies", match="late") == 1
    outcomes = [(record.messageId, record.outcome, record.origin) for record in caplog.records if _tells(record)]
    assert ("m-2", "timeout", "local") in outcomes
    assert ("m-2", "late", "remote") in outcomes
    assert ("m-3", "response", "remote") in outcomes


def _tells(record):
    return getattr(record, "messageId", None) is not None


async def test_station_goes_on_while_a_reply_is_missing(ground, clock):
    """The ignored call holds the slot, so a second caller waits its turn and is then served."""
    ground.stub.ignored_ids.add("m-2")
    ground.stub.on["DataTransfer"] = ACCEPTED

    async with ground.open_station(call_timeout=2.0 if ground.virtual else 0.2) as station:
        await station.wait_online()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect_timeout, station)
            await trio.testing.wait_all_tasks_blocked()
            await station.call(v16.DataTransferRequest(vendor_id="org.example"))
            ground.assert_now(0.25 + 2.0)

    assert [frame.elements[1] for frame in ground.stub.received("DataTransfer")] == ["m-2", "m-3"]


async def _expect_timeout(station):
    with pytest.raises(CallTimeout):
        await station.call(v16.DataTransferRequest(vendor_id="org.example"))
