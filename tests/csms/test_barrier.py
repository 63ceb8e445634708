"""Whatever goes wrong on one connection: another one keeps exchanging calls all the time."""

import logging
from contextlib import suppress

import pytest
import trio
import trio.testing

from ocpp_trio import Acceptance, CallRejected, Closed, CloseReason, Instrument, v16

ACCEPTED = v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status=v16.AuthorizationStatus.ACCEPTED))
AUTHORIZE = '[2,"m-1","Authorize",{"idTag":"TAG"}]'


def _errors(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_bug_in_a_handler_answers_internal_error_and_the_session_lives(ground, autojump_clock, caplog):
    @ground.router.on(v16.AuthorizeRequest)
    async def authorize(session, request):
        raise RuntimeError("SECRET")

    async with ground.serve(), ground.neighbour(), ground.connect() as station:
        failed = await station.call("Authorize", {"idTag": "TAG"})
        answer = await station.call("Heartbeat")

    assert failed == [4, "s-1", "InternalError", "the handler failed", {}]
    assert answer[0] == 3
    assert _errors(caplog) == ["handler of Authorize failed"]
    assert "SECRET" in caplog.text


async def test_group_out_of_a_handler_is_a_bug_like_any_other(ground, autojump_clock, caplog):
    @ground.router.on(v16.AuthorizeRequest)
    async def authorize(session, request):
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(_fail)

    async with ground.serve(), ground.neighbour(), ground.connect() as station:
        failed = await station.call("Authorize", {"idTag": "TAG"})

    assert failed[:3] == [4, "s-1", "InternalError"]
    assert len(_errors(caplog)) == 1


async def _fail():
    await trio.lowlevel.checkpoint()
    raise RuntimeError("a bug")


async def test_bug_in_a_session_task_ends_its_session_with_1011(ground, autojump_clock, caplog):
    async def task(session):
        if session.identity == "CP-1":
            await trio.sleep(1)
            raise RuntimeError("a bug")

    async with ground.serve(session_task=task) as server, ground.neighbour(), ground.connect() as station:
        await station.call("Heartbeat")
        session = server.sessions["CP-1"]
        closed = await station.wait_ended()
        ground.assert_now(1)

    assert (closed.reason, closed.code, closed.detail) == (CloseReason.CLEAN, 1011, "internal error")
    assert session.closed is not None
    assert session.closed.code == 1011
    assert _errors(caplog) == ["session task of 'CP-1' failed"]


async def test_session_task_that_dies_of_its_own_sessions_end_is_no_bug(ground, autojump_clock, caplog):
    """Bare, or in the group of a nursery of its own."""

    async def task(session):
        if session.identity == "bare":
            await session.call(v16.ClearCacheRequest())
        elif session.identity == "group":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(session.call, v16.ClearCacheRequest())
                nursery.start_soon(session.call, v16.ResetRequest(type=v16.ResetType.SOFT))
        elif session.identity == "late":
            with trio.CancelScope(shield=True):
                await session.wait_closed()
                await session.call(v16.ClearCacheRequest())

    async with ground.serve(session_task=task), ground.neighbour():
        async with ground.connect("bare") as bare, ground.connect("group") as group, ground.connect("late"):
            await bare.receive()
            await group.receive()
        await trio.sleep(1)

    assert _errors(caplog) == []


async def test_session_task_that_dies_of_another_sessions_end_is_a_bug(ground, autojump_clock, caplog):
    async def task(session):
        if session.identity == "CP-1":
            await server.sessions["CP-2"].call(v16.ClearCacheRequest())

    async with ground.serve(session_task=task) as server, ground.neighbour(), ground.connect("CP-2") as other:
        await other.call("Heartbeat")
        async with ground.connect() as station:
            await other.receive()
            server.sessions["CP-2"].close(Closed(CloseReason.STOPPING, 1000, "enough"))
            closed = await station.wait_ended()

    assert closed.code == 1011
    assert _errors(caplog) == ["session task of 'CP-1' failed"]


@pytest.mark.parametrize(
    ("failing", "line"),
    [("task", "session task of 'CP-1' failed"), ("handler", "handler of Authorize failed")],
    ids=["task", "handler"],
)
async def test_bug_in_a_cleanup_stays_inside_too(ground, failing, line, autojump_clock, caplog):
    """Beside another child's Cancelled it arrives in a BaseExceptionGroup, which is no Exception."""

    async def clean_up_badly():
        try:
            await trio.sleep_forever()
        finally:
            raise RuntimeError("a bug")

    async def work():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(clean_up_badly)

    async def task(session):
        if session.identity == "CP-1" and failing == "task":
            await work()

    @ground.router.on(v16.AuthorizeRequest)
    async def authorize(session, request):
        if failing == "handler":
            await work()
        await trio.sleep_forever()
        return ACCEPTED

    async with ground.serve(session_task=task), ground.connect() as station:
        await station.send(2, "m-1", "Authorize", {"idTag": "TAG"})
        async with ground.neighbour():
            await trio.sleep(1)
        await trio.testing.wait_all_tasks_blocked()
        ground.stopping.cancel()
        closed = await station.wait_ended()
        await ground.returned.wait()

    assert closed.code == 1001
    assert _errors(caplog) == [line]


@pytest.mark.parametrize("text", ["", "garbage", "{}", "[]", "[2]", '[2,"m-1"]', "[9,1]", "[" * 1000, '[2,"x","y",[]]'])
async def test_bad_frames_end_in_1008_and_touch_nobody_else(ground, text, autojump_clock):
    async with ground.serve(), ground.neighbour(), ground.connect() as station:
        for _ in range(9):
            await station.transport.send(text)
        answers = [await station.receive()] * 9 if text == '[2,"m-1"]' else []
        alive = station.transport.closed is None
        await station.transport.send(text)
        closed = await station.wait_ended()

    assert alive
    assert answers[:1] in ([], [[4, "m-1", "FormationViolation", "expected a CALL of 4 elements, found 2", {}]])
    assert (closed.code, closed.detail) == (1008, "10 bad frames in a row")


@pytest.mark.parametrize("text", ["x" * 100, '[3,"never",{}]', '[4,"never","X","",{}]'])
async def test_flood_keeps_nobody_waiting(ground, text, autojump_clock):
    """As fast as it can be written, from five stations at once, and never cut off."""
    junk = b"".join(ground.frame(text) for _ in range(100))

    async def flood(number):
        stream = await ground.dial()
        await stream.send_all(ground.request(f"/flood-{number}"))
        await ground.read_head(stream)
        for _ in range(10):
            await stream.send_all(junk)
            await trio.lowlevel.checkpoint()
        await stream.send_all(b"\x88\x80\0\0\0\0")
        await ground.read(stream)

    async with ground.serve(bad_frames=1_000_000), ground.neighbour() as answered, trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(flood, number)
        await trio.sleep(1)

    assert len(answered) > 10
    assert ground.counters.value("closes", reason="clean") >= 5
    assert ground.counters.value("bad_frames") + ground.counters.value("dropped_replies") == 5000


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (b"\x81\x05hello", "protocol_error"),
        (b"\x83\x80\0\0\0\0", "protocol_error"),
        (b"\xff" * 5000, "protocol_error"),
        (b"\x82\x80\0\0\0\0", "protocol_error"),
        (b"\x81\x82\0\0\0\0\xc3\x28", "protocol_error"),
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", "transport_error"),
        (b"\x89\x80\0\0\0\0" * 3000, "transport_error"),
        (b"\x00\x80\0\0\0\0", "protocol_error"),
    ],
    ids=["no_mask", "reserved_opcode", "noise", "binary", "bad_utf8", "huge_frame", "ping_flood", "stray_continuation"],
)
async def test_broken_websocket_touches_nobody_else(ground, garbage, reason, autojump_clock):
    async with ground.serve(), ground.neighbour():
        stream = await ground.dial()
        await stream.send_all(ground.request())
        await ground.read_head(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ground.read, stream)
            await stream.send_all(garbage)
            await trio.sleep(1)
            await stream.send_eof()
        await trio.sleep(5)

    assert ground.counters.value("closes", reason=reason) == 1


@pytest.mark.parametrize(
    "moment",
    ["before_the_request", "in_mid_request", "while_admitted", "after_the_request", "in_mid_frame", "in_a_handler"],
)
@pytest.mark.parametrize("pause", [0.0, 0.5], ids=["at_once", "later"])
async def test_reset_at_any_moment_touches_nobody_else(ground, moment, pause, autojump_clock, caplog):
    async def authenticate(credentials):
        if credentials.identity == "CP-1" and moment == "while_admitted":
            await trio.sleep(1)
        return Acceptance(authenticated=False)

    @ground.router.on(v16.AuthorizeRequest)
    async def authorize(session, request):
        await trio.sleep(1)
        return ACCEPTED

    request = ground.request()
    sent = {
        "before_the_request": b"",
        "in_mid_request": request[:40],
        "while_admitted": request,
        "after_the_request": request,
        "in_mid_frame": request + ground.frame(AUTHORIZE)[:9],
        "in_a_handler": request + ground.frame(AUTHORIZE),
    }[moment]

    async with ground.serve(authenticate=authenticate) as server, ground.neighbour():
        stream = await ground.dial()
        link = ground.network.links[-1]
        await stream.send_all(sent[: len(request)])
        await trio.sleep(pause)
        await stream.send_all(sent[len(request) :])
        await trio.sleep(pause)
        link.reset()
        await trio.sleep(20)
        sessions, statistics = list(server.sessions), server.statistics()

    assert sessions == ["neighbour"]
    assert statistics.pending_handshakes == 0
    assert _errors(caplog) == []


@pytest.mark.parametrize("stall", [False, True], ids=["reading", "not_reading"])
async def test_reset_while_the_csms_calls_touches_nobody_else(ground, stall, autojump_clock):
    async def task(session):
        if session.identity == "CP-1":
            await session.call(v16.DataTransferRequest(vendor_id="x", data="x" * 200_000))

    async with ground.serve(session_task=task) as server, ground.neighbour():
        stream = await ground.dial()
        link = ground.network.links[-1]
        await stream.send_all(ground.request())
        await ground.read_head(stream)
        link.stall(client=stall)
        await trio.sleep(1)
        link.reset()
        await trio.sleep(1)
        sessions = list(server.sessions)

    assert sessions == ["neighbour"]


async def test_reset_while_closing_touches_nobody_else(ground, autojump_clock):
    async def task(session):
        if session.identity == "CP-1":
            raise CallRejected("InternalError")

    async with ground.serve(session_task=task), ground.neighbour():
        stream = await ground.dial()
        await stream.send_all(ground.request())
        await ground.read_head(stream)
        await stream.receive_some()  # the close frame
        ground.network.links[-1].reset()
        await trio.sleep(5)


@pytest.mark.parametrize("event", ["handshake_failed", "connection_opened", "connection_closed", "frame_received"])
async def test_instrument_that_raises_ends_only_the_connection_it_was_told_about(ground, event, autojump_clock, caplog):
    class Broken(Instrument):
        def __getattribute__(self, name):
            return fail if name == event else super().__getattribute__(name)

    def fail(link, *args, **kwargs):
        if link.identity == "CP-1":
            raise RuntimeError("a bug")

    async def authenticate(credentials):
        await trio.lowlevel.checkpoint()
        if credentials.identity == "CP-1" and event == "handshake_failed":
            raise RuntimeError("refuse")
        return Acceptance(authenticated=False)

    async with ground.serve(instrument=Broken(), authenticate=authenticate) as server, ground.neighbour():
        stream = await ground.dial()
        await stream.send_all(ground.request())
        await trio.sleep(1)
        with suppress(trio.BrokenResourceError):
            await stream.send_all(ground.frame('[2,"m-1","Heartbeat",{}]'))
        await trio.sleep(1)
        await stream.aclose()
        await trio.sleep(5)
        sessions = list(server.sessions)

    assert sessions == ["neighbour"]
    assert "connection 2 failed" in _errors(caplog)


async def test_stations_that_do_not_read_keep_nobody_waiting(ground, autojump_clock):
    async with ground.serve() as server, ground.neighbour():
        streams = []
        for number in range(5):
            streams.append(await ground.dial())
            await streams[-1].send_all(ground.request(f"/deaf-{number}"))
            ground.network.links[-1].stall(client=True)
        await trio.sleep(1)
        async with trio.open_nursery() as nursery:
            for identity, session in server.sessions.items():
                if identity != "neighbour":
                    nursery.start_soon(_shout, session)
        await trio.sleep(30)
        sessions = list(server.sessions)

    assert sessions == ["neighbour"]
    assert ground.counters.value("closes", reason="transport_error") == 5


async def _shout(session):
    with pytest.raises(Exception, match="write did not finish"):
        await session.call(v16.DataTransferRequest(vendor_id="x", data="x" * 200_000))
