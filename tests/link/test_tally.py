"""What a session says of itself in numbers."""

import pytest
import trio
import trio.testing

from ocpp_trio import Call, CallReport, CallTimeout, Instrument, Instruments, Limits, Link, Match, Router, Settings, v16
from ocpp_trio.link.session import open_session
from ocpp_trio.link.tally import SessionCounters, Tally
from ocpp_trio.testing import open_transport_pair
from ocpp_trio.wire.correlation import PendingCall
from tests.link.conftest import Recorder, open_lone

REQUEST = v16.DataTransferRequest(vendor_id="Acme")
LINK = Link(identity="CP-1", role="csms", number=7)
FRAME = Call("m-1", "DataTransfer", b"{}")


class OnlyEnds(Instrument):
    """Hears of calls, and of nothing else."""

    def call_ended(self, link: Link, report: CallReport) -> None:
        pass


def failing_router() -> Router:
    router = Router(v16)

    @router.on(v16.DataTransferRequest)
    async def fail(session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        raise ValueError("a bug")

    return router


async def test_statistics_count_what_happened(autojump_clock):
    async with open_lone("csms", failing_router(), call_timeout=5) as end:
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


def tell_everything(tally: Tally) -> SessionCounters:
    tally.frame_received(FRAME, action="DataTransfer", text="[]")
    tally.frame_refused("no frame", text="?")
    tally.reply_dropped(Match.LATE, message_id="m-1", action=None, frame=None)
    tally.call_ended(PendingCall("m-1", REQUEST), "timeout", "local", since=1)
    tally.handler_failed("DataTransfer", message_id="m-1", error=None)
    return tally.snapshot(frames_sent=5)


EVERYTHING = SessionCounters(
    frames_sent=5,
    frames_received=1,
    bad_frames=1,
    calls_ended=1,
    timeouts=1,
    replies_dropped=1,
    handler_failures=1,
)


def test_where_nobody_listens_everything_is_counted_and_nothing_put_together():
    """Outside of trio: not even the time is asked for."""
    tally = Tally(Instrument(), LINK)

    assert tally.note_of(FRAME, action="DataTransfer", text="[]") is None
    assert tell_everything(tally) == EVERYTHING


async def test_who_listens_to_one_event_is_told_of_that_one(autojump_clock):
    reports: list[CallReport] = []

    class Ends(Instrument):
        def call_ended(self, link: Link, report: CallReport) -> None:
            assert link is LINK
            reports.append(report)

    tally = Tally(Ends(), LINK)
    await trio.sleep(4)

    assert tally.note_of(FRAME, action="DataTransfer", text="[]") is None
    assert tell_everything(tally) == EVERYTHING
    assert reports == [
        CallReport(message_id="m-1", action="DataTransfer", outcome="timeout", origin="local", seconds=3.0)
    ]


@pytest.mark.parametrize("framing", [True, False])
@pytest.mark.parametrize("instrument", [Instrument(), OnlyEnds(), Recorder(), Instruments([OnlyEnds(), Recorder()])])
async def test_who_listens_makes_no_difference_to_the_counts(instrument: Instrument, framing: bool, autojump_clock):
    limits = Limits(call_timeout=5)
    settings = Settings(limits=limits, instrument=instrument, new_message_id=(f"m-{n}" for n in range(9)).__next__)
    link = Link(identity="CP-1", role="charge_point", number=1)
    async with (
        open_transport_pair(framing=framing, limits=limits) as (client, server, _),
        open_session(client, failing_router(), link=link, settings=settings) as session,
    ):
        with trio.move_on_after(1):
            await session.call(REQUEST)  # m-0, cancelled
        await server.send('[4,"m-0","GenericError"]')  # late
        await server.send('[3,"m-0",{}]')  # a duplicate
        with pytest.raises(CallTimeout):
            await session.call(REQUEST)  # m-1
        await server.send('[3,"m-1"]')  # malformed
        await server.send("garbage")
        await server.send('[2,"p-1","DataTransfer",{"vendorId":"Acme"}]')  # its handler fails
        await server.send('[2,"p-2","NoSuchAction",{}]')  # refused
        await trio.testing.wait_all_tasks_blocked()
        counters = session.statistics().counters

    assert counters == SessionCounters(
        frames_sent=4,
        frames_received=4,
        bad_frames=2,
        calls_ended=2,
        timeouts=1,
        replies_dropped=3,
        handler_failures=1,
    )
