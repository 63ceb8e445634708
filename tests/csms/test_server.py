"""Sessions by identity, calls in both directions, and what can be seen from outside."""

import logging
from contextlib import suppress
from functools import partial

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import (
    CallTimeout,
    CloseReason,
    ConnectionClosed,
    Router,
    open_charge_point,
    serve_csms,
    v16,
)

RESET = v16.ResetRequest(type=v16.ResetType.SOFT)


@pytest.mark.parametrize(
    ("segment", "identity"), [("CP-1", "CP-1"), ("a%2Fb", "a/b"), ("A+B", "A+B"), ("Z%C3%BCrich-1?x=/y", "Zürich-1")]
)
async def test_identity_of_the_raw_path_is_the_sessions(ground, segment, identity, autojump_clock):
    async with ground.serve() as server, ground.connect(segment) as station:
        await station.call("Heartbeat")
        sessions = dict(server.sessions)

    assert [(name, session.identity) for name, session in sessions.items()] == [(identity, identity)]


async def test_station_of_this_library_comes_through_with_any_identity(ground, autojump_clock):
    boot = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
    identity = "RDAM|1 2/3 %41+ü"

    async with (
        ground.serve() as server,
        open_charge_point(
            f"ws://127.0.0.1:{ground.port}/ocpp", identity, router=Router(v16), boot=boot, dial=ground.network.dial
        ) as station,
    ):
        await station.wait_online()
        identities = list(server.sessions)

    assert identities == [identity]


async def test_handler_finds_its_session_among_the_servers(ground, autojump_clock):
    """Also that of a CALL which is there before the session is, because the one before it is still ending."""
    found = []

    async def linger(session):
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)

    @ground.router.on(v16.AuthorizeRequest)
    async def authorize(session, request):
        found.append(server.sessions.get(session.identity) is session)
        return v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status=v16.AuthorizationStatus.ACCEPTED))

    async with ground.serve(session_task=linger) as server:
        for _ in range(30):
            async with ground.connect() as station:
                await station.call("Authorize", {"idTag": "TAG"})

    assert found == [True] * 30


async def test_csms_calls_a_station(ground, autojump_clock):
    async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.boot()
        nursery.start_soon(_answer, station, {"status": "Accepted"})
        response = await server.sessions["CP-1"].call(RESET)

    assert response == v16.ResetResponse(status=v16.ResetStatus.ACCEPTED)


async def _answer(station, payload):
    kind, message_id, action, request = await station.receive()
    assert (kind, message_id, action, request) == (2, "c-1", "Reset", {"type": "Soft"})
    await station.send(3, message_id, payload)


async def test_call_that_a_station_ignores_times_out_and_the_session_lives(ground, autojump_clock):
    async with ground.serve() as server, ground.connect() as station:
        await station.call("Heartbeat")
        with pytest.raises(CallTimeout):
            await server.sessions["CP-1"].call(RESET)
        ground.assert_now(30)
        await station.receive()
        answer = await station.call("Heartbeat")

    assert answer[0] == 3


async def test_many_stations_are_called_at_the_same_time(ground, autojump_clock):
    """One that does not answer keeps nobody waiting."""
    ended = {}

    async def call(session):
        with suppress(CallTimeout):
            await session.call(RESET)
        ended[session.identity] = trio.current_time()

    async def answer_late(station, delay):
        _, message_id, *_ = await station.receive()
        await trio.sleep(delay)
        await station.send(3, message_id, {"status": "Accepted"})

    async with (
        ground.serve() as server,
        ground.connect("A") as a,
        ground.connect("B") as b,
        ground.connect("C"),
        trio.open_nursery() as nursery,
    ):
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(answer_late, a, 1)
        nursery.start_soon(answer_late, b, 2)
        for session in server.sessions.values():
            nursery.start_soon(call, session)

    assert ended == {"A": 1, "B": 2, "C": 30}


async def test_session_task_runs_once_for_each_session_and_is_cancelled_with_it(ground, autojump_clock):
    journal = []

    async def task(session):
        journal.append((session.identity, "begins", trio.current_time()))
        try:
            await trio.sleep_forever()
        finally:
            journal.append((session.identity, "ends", trio.current_time()))

    async with ground.serve(session_task=task):
        async with ground.connect("A"):
            await trio.sleep(1)
            async with ground.connect("B"):
                await trio.sleep(1)
        await trio.sleep(1)

    assert journal == [("A", "begins", 0), ("B", "begins", 1), ("B", "ends", 2), ("A", "ends", 2)]


async def test_session_task_may_end_before_its_session(ground, autojump_clock):
    async def task(session):
        await session.call(RESET)

    async with ground.serve(session_task=task), ground.connect() as station:
        await _answer(station, {"status": "Accepted"})
        await trio.sleep(60)
        answer = await station.call("Heartbeat")

    assert answer[0] == 3


async def test_sessions_are_a_snapshot_of_those_that_live(ground, autojump_clock):
    async with ground.serve() as server:
        async with ground.connect("A") as a:
            await a.call("Heartbeat")
            before = server.sessions
            session = before["A"]
        closed = await session.wait_closed()
        after = server.sessions

    assert list(before) == ["A"]
    assert (closed.reason, closed.code) == (CloseReason.CLEAN, 1001)
    assert after == {}


async def test_call_on_a_session_that_has_ended_says_so(ground, autojump_clock):
    async with ground.serve() as server:
        async with ground.connect() as station:
            await station.call("Heartbeat")
            session = server.sessions["CP-1"]
        await session.wait_closed()
        with pytest.raises(ConnectionClosed) as refused:
            await session.call(RESET)

    assert not refused.value.was_sent


async def test_statistics_follow_the_connections(ground, autojump_clock):
    async with ground.serve() as server:
        fresh = server.statistics()
        silent = await ground.dial()
        async with ground.connect("A"), ground.connect("B"):
            await trio.testing.wait_all_tasks_blocked()
            busy = server.statistics()
        await silent.aclose()
        await trio.sleep(10)
        quiet = server.statistics()

    def shown(statistics):
        return attrs.astuple(statistics)

    assert list(attrs.asdict(fresh)) == [
        "sessions",
        "pending_handshakes",
        "max_pending_handshakes",
        "connections",
        "shed",
        "draining",
    ]
    assert shown(fresh) == (0, 0, 0, 0, 0, False)
    assert shown(busy) == (2, 1, 2, 3, 0, False)
    assert shown(quiet) == (0, 0, 2, 3, 0, False)


async def test_links_are_numbered_and_know_their_peer(ground, autojump_clock):
    links = []

    async def task(session):
        links.append(session.link)

    async with ground.serve(session_task=task), ground.connect("A"), ground.connect("B"):
        await trio.testing.wait_all_tasks_blocked()

    assert [(link.identity, link.role, link.number, link.peer) for link in links] == [
        ("A", "csms", 1, "memory:1"),
        ("B", "csms", 2, "memory:2"),
    ]


async def test_silent_peer_is_pinged_and_cut_in_the_end(ground, autojump_clock):
    async with ground.serve() as server, ground.connect() as station:
        await station.call("Heartbeat")
        session = server.sessions["CP-1"]
        ground.network.links[0].cut()
        closed = await session.wait_closed()
        ground.assert_now(30 + 20)

    assert closed.reason is CloseReason.KEEPALIVE_TIMEOUT


@pytest.mark.parametrize("routers", [[], [Router(v16), Router(v16)]], ids=["none", "two_of_one_version"])
async def test_one_router_for_each_version_is_needed_and_the_port_stays_free_without(ground, routers, autojump_clock):
    with pytest.raises(ValueError, match=f"expected one router per OCPP version, found {len(routers)}"):
        await serve_csms(routers, 9000, listen=ground.network.listen)

    await ground.network.listen(9000)


async def test_taken_port_is_an_os_error(ground, autojump_clock):
    await ground.network.listen(9000)

    async with trio.open_nursery() as nursery:
        with pytest.raises(OSError, match="port 9000 is taken"):
            await nursery.start(partial(serve_csms, [ground.router], 9000, listen=ground.network.listen))


async def test_server_knows_its_listeners_and_its_port_even_when_they_are_closed(ground, autojump_clock):
    async with ground.serve() as server:
        listeners = server.listeners

    assert [listener.port for listener in listeners] == [server.port]


async def test_listener_of_the_callers_own_needs_no_port(ground, autojump_clock):
    class Portless(trio.abc.Listener[trio.abc.Stream]):
        async def accept(self):
            return await listener.accept()

        async def aclose(self):
            await listener.aclose()

    async def listen(port, *, host):
        return [Portless()]

    (listener,) = await ground.network.listen(0)
    ground.port = listener.port
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_csms, [ground.router], 9000, listen=listen))
        async with ground.connect() as station:
            answer = await station.call("Heartbeat")
        nursery.cancel_scope.cancel()

    assert server.port == 0
    assert answer[0] == 3


async def test_defaults_are_enough_for_a_server(ground, autojump_clock, caplog):
    """No instrument, no limits, no source of ids."""
    caplog.set_level(logging.WARNING)

    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_csms, [ground.router], 9000, listen=ground.network.listen))
        ground.port = server.port
        async with ground.connect() as station, trio.open_nursery() as calling:
            await station.boot()
            calling.start_soon(server.sessions["CP-1"].call, RESET)
            _, message_id, *_ = await station.receive()
            await station.send(3, message_id, {"status": "Accepted"})
        nursery.cancel_scope.cancel()

    assert len(message_id) <= 36
    assert caplog.records == []
