"""What a session says of itself in numbers."""

import pytest
import trio

from ocpp_trio import CallTimeout, Router, v16
from ocpp_trio.link.tally import SessionCounters
from tests.link.conftest import open_lone

REQUEST = v16.DataTransferRequest(vendor_id="Acme")


async def test_statistics_count_what_happened(autojump_clock):
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def fail(session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        raise ValueError("a bug")

    async with open_lone("csms", router, call_timeout=5) as end:
        fresh = end.session.statistics().counters
        with pytest.raises(CallTimeout):
            await end.session.call(REQUEST)
        (call_id,) = [(await end.hear())[1]]
        await end.say(3, call_id, {"status": "Accepted"})
        await end.peer.send("garbage")
        await end.say(2, "p-1", "DataTransfer", {"vendorId": "Acme"})
        await end.hear()
        counters = end.session.statistics().counters

    assert fresh == SessionCounters()
    assert counters == SessionCounters(
        frames_sent=2,
        frames_received=2,
        bad_frames=1,
        calls_ended=1,
        timeouts=1,
        replies_dropped=1,
        handler_failures=1,
    )
    assert trio.current_time() == 5
