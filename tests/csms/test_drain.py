"""Stopping in an orderly way: what is open is answered, nothing new begins, everybody is told."""

import logging

import pytest
import trio
import trio.testing

from ocpp_trio import Acceptance, CloseReason, ConnectionClosed, HandshakeError, v16


def _errors(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.fixture
def drain_from(ground):
    """Drain in the background and write down when it was over."""
    instants = []

    def drain_from(nursery, server, seconds):
        async def drain():
            await server.drain(seconds)
            instants.append(trio.current_time())

        nursery.start_soon(drain)
        return instants

    return drain_from


async def test_idle_server_drains_at_once_and_serve_csms_returns(ground, autojump_clock):
    async with ground.serve() as server, ground.connect("A") as a, ground.connect("B") as b:
        await a.call("Heartbeat")
        await b.call("Heartbeat")
        await server.drain(10)
        ends = [await station.wait_ended() for station in (a, b)]
        await ground.returned.wait()
        ground.assert_now(0)

    assert [(closed.code, closed.detail) for closed in ends] == [(1001, "going away")] * 2
    assert server.statistics().draining
    assert server.sessions == {}


async def test_server_without_stations_drains_too(ground, autojump_clock):
    async with ground.serve() as server:
        await server.drain(10)
        await ground.returned.wait()
        ground.assert_now(0)

    await ground.network.listen(ground.port, host="127.0.0.1")  # the port is free again


async def test_handler_in_flight_is_answered_first(ground, answer_after, drain_from, autojump_clock):
    answer_after(4)

    async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        drained = drain_from(nursery, server, 10)
        answer = await station.receive()
        ground.assert_now(4)
        closed = await station.wait_ended()
        ground.assert_now(4)

    assert answer == [3, "s-1", {"idTagInfo": {"status": "Accepted"}}]
    assert closed.code == 1001
    assert drained == [4]


async def test_new_calls_of_the_peer_are_refused(ground, answer_after, drain_from, autojump_clock):
    answer_after(4)

    async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        drain_from(nursery, server, 10)
        await trio.sleep(1)
        await station.send(2, "s-2", "Heartbeat", {})
        refusal, answer = await station.receive(), await station.receive()

    assert refusal == [4, "s-2", "GenericError", "shutting down", {}]
    assert answer[:2] == [3, "s-1"]


async def test_new_calls_of_this_end_are_refused(ground, answer_after, drain_from, autojump_clock):
    answer_after(4)

    async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        session = server.sessions["CP-1"]
        drain_from(nursery, server, 10)
        await trio.sleep(1)
        with pytest.raises(ConnectionClosed) as refused:
            await session.call(v16.ClearCacheRequest())
        ground.assert_now(2)

    assert not refused.value.was_sent


async def test_call_in_flight_to_a_station_is_waited_for(ground, drain_from, autojump_clock):
    responses = []

    async def call():
        responses.append(await session.call(v16.ClearCacheRequest()))

    async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.call("Heartbeat")
        session = server.sessions["CP-1"]
        nursery.start_soon(call)
        _, message_id, *_ = await station.receive()
        drained = drain_from(nursery, server, 10)
        await trio.sleep(3)
        await station.send(3, message_id, {"status": "Accepted"})
        await station.wait_ended()
        ground.assert_now(3)

    assert responses == [v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)]
    assert drained == [3]


async def test_deadline_is_kept_to_the_instant_when_a_peer_is_silent(ground, drain_from, autojump_clock):
    """The call is told, the others were closed long before it."""

    async def call():
        with pytest.raises(ConnectionClosed) as ended:
            await session.call(v16.ClearCacheRequest())
        ends.append((ended.value.was_sent, trio.current_time()))

    ends: list[object] = []
    async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.call("Heartbeat")
        session = server.sessions["CP-1"]
        nursery.start_soon(call)
        await trio.sleep(1)
        drained = drain_from(nursery, server, 7.5)
        closed = await station.wait_ended()
        ground.assert_now(1 + 7.5)

    assert closed.code == 1001
    assert ends == [(True, 8.5)]
    assert drained == [8.5]


async def test_handler_that_outlasts_the_deadline_is_cancelled(ground, answer_after, drain_from, autojump_clock):
    journal = answer_after(20)

    async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        drain_from(nursery, server, 5)
        await ground.returned.wait()
        ground.assert_now(6)

    assert journal == [("TAG", "begins", 0), ("TAG", "is gone", 6)]


@pytest.mark.parametrize("fault", ["cut", "stall"])
async def test_dead_peer_holds_the_end_up_for_a_close_timeout_at_most(ground, fault, autojump_clock):
    async with ground.serve() as server:
        stream = await ground.dial()
        await stream.send_all(ground.request())
        await ground.read_head(stream)
        link = ground.network.links[0]
        link.cut() if fault == "cut" else link.stall(client=True)
        await server.drain(10)
        ground.assert_now(0)
        await ground.returned.wait()
        ground.assert_now(3)


async def test_no_connection_is_accepted_from_the_first_moment(ground, answer_after, drain_from, autojump_clock):
    answer_after(4)

    async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        drain_from(nursery, server, 10)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(ConnectionRefusedError):
            await ground.dial()


@pytest.mark.parametrize(
    ("pause", "end"),
    [(2, (1001, 2)), (6, (CloseReason.TRANSPORT_ERROR, 4))],
    ids=["while_draining", "until_after_it"],
)
async def test_handshake_that_is_under_way_gets_no_session(
    ground, answer_after, drain_from, pause, end, autojump_clock
):
    """One that takes longer than the drain is cut off at its end."""

    async def authenticate(credentials):
        if credentials.identity == "CP-2":
            await trio.sleep(pause)
        return Acceptance(authenticated=False)

    async def come_late():
        try:
            async with ground.connect("CP-2") as late:
                ends.append(((await late.wait_ended()).code, trio.current_time()))
        except HandshakeError as failure:
            ends.append((failure.closed.reason, trio.current_time()))

    ends: list[object] = []
    answer_after(4)
    async with (
        ground.serve(authenticate=authenticate) as server,
        ground.connect() as station,
        trio.open_nursery() as nursery,
    ):
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        nursery.start_soon(come_late)
        await trio.sleep(1)
        drain_from(nursery, server, 10)
        await ground.returned.wait()
        ground.assert_now(4)

    assert ends == [end]
    assert ground.counters.value("opens") == 1


@pytest.mark.parametrize("steps", range(12))
async def test_session_that_is_opening_when_the_drain_begins_is_closed_too(ground, steps, autojump_clock):
    """However far it has come: some scheduler steps after its request."""
    async with ground.serve() as server:
        stream = await ground.dial()
        await stream.send_all(ground.request())
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        with trio.fail_after(20):
            await server.drain(1)
            await ground.returned.wait()


async def test_half_a_request_does_not_hold_up_the_end(ground, autojump_clock):
    async with ground.serve() as server:
        stream = await ground.dial()
        await stream.send_all(b"GET ")
        await trio.sleep(2)
        await server.drain(1)
        ground.assert_now(2)
        await ground.returned.wait()
        ground.assert_now(2)


async def test_session_task_that_calls_during_the_drain_does_not_cut_it_short(
    ground, answer_after, drain_from, autojump_clock, caplog
):
    """Its call is refused, which is no bug of its author."""
    answer_after(4)

    async def task(session):
        while True:
            await trio.sleep(1.5)
            await session.call(v16.ClearCacheRequest())

    async with ground.serve(session_task=task) as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        drain_from(nursery, server, 10)
        answer = await station.receive()
        closed = await station.wait_ended()
        ground.assert_now(4)

    assert answer[0] == 3
    assert closed.code == 1001
    assert _errors(caplog) == []


async def test_newcomer_that_waits_for_its_place_gets_none(ground, answer_after, autojump_clock):
    answer_after(60, cleanup=5)

    async with ground.serve() as server, ground.connect() as old, await ground.dial() as new:
        await old.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        await new.send_all(ground.request("/ocpp/CP-1", "Authorization: proof"))
        await trio.sleep(1)
        await server.drain(10)
        answer = await ground.read(new)
        ground.assert_now(2)
        await ground.returned.wait()
        ground.assert_now(1 + 5)

    assert answer == b""


async def test_second_drain_may_be_in_more_of_a_hurry(ground, answer_after, drain_from, autojump_clock):
    answer_after(20)

    async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        drained = drain_from(nursery, server, 100)
        await trio.sleep(1)
        await server.drain(1)
        await ground.returned.wait()
        ground.assert_now(3)
        await trio.lowlevel.checkpoint()

    assert drained == [3]


async def test_cancelled_drain_closes_at_once(ground, answer_after, autojump_clock):
    answer_after(20)

    async with ground.serve() as server, ground.connect() as station:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        with trio.move_on_after(2):
            await server.drain(100)
        closed = await station.wait_ended()
        ground.assert_now(1 + 2)
        await ground.returned.wait()

    assert closed.code == 1001
