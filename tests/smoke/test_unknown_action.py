"""An action that the CSMS does not know is rejected, and costs nothing but itself."""

import attrs
import pytest
import trio

from ocpp_trio import CallRejected, ConnectionState, ErrorCode, Request, Response, Router, v16
from ocpp_trio.testing import Error


@attrs.frozen(kw_only=True)
class TotallyMadeUpResponse(Response):
    """Nothing."""


@attrs.frozen(kw_only=True)
class TotallyMadeUpRequest(Request["TotallyMadeUpRequest", TotallyMadeUpResponse]):
    """An action of no specification."""


EXTENDED = attrs.evolve(v16.version, charge_point_requests=(*v16.version.charge_point_requests, TotallyMadeUpRequest))


async def test_unknown_action_yields_not_implemented(ground, clock):
    ground.stub.interval = ground.interval
    ground.stub.on["TotallyMadeUp"] = Error("NotImplemented", "no such action")

    async with ground.open_station(router=Router(EXTENDED)) as station:
        await station.wait_online()
        with pytest.raises(CallRejected) as rejected:
            await station.call(TotallyMadeUpRequest())
        ground.assert_now(0.25)
        after = station.statistics()
        await trio.sleep(ground.interval * 2.5)
        still = station.statistics()

    assert rejected.value.code is ErrorCode.NOT_IMPLEMENTED
    assert rejected.value.origin == "remote"
    (call,) = ground.stub.received("TotallyMadeUp")  # one: it was not sent again
    assert call.elements == [2, "m-2", "TotallyMadeUp", {}]
    (error,) = [frame.elements for frame in ground.stub.sent() if frame.elements[0] == 4]
    assert error == [4, "m-2", "NotImplemented", "no such action", {}]
    assert len(ground.stub.received("Heartbeat")) >= 2
    assert ground.stub.connections == 1

    for snapshot in (after, still):
        assert snapshot.state is ConnectionState.ONLINE
        ground.assert_idle(snapshot)
    assert ground.counters.value("call_error", code="NotImplemented", direction="received") == 1
    assert ground.counters.value("calls_ended", outcome="rejected", origin="remote") == 1
    assert ground.counters.value("timeouts") == 0
