"""A second connection of an identity that proves who it is: it wins, and the old one is gone before it begins."""

import pytest
import trio
import trio.testing

from ocpp_trio import CloseReason, ConnectionClosed, HandshakeError, v16

REASON = "superseded by a newer connection"


async def test_newest_connection_with_proof_wins_and_the_old_one_is_told(ground, autojump_clock):
    async with ground.serve() as server, ground.neighbour(), ground.connect() as old:
        await old.call("Heartbeat")
        first = server.sessions["CP-1"]
        async with ground.connect() as new:
            answer = await new.call("Heartbeat")
            second = server.sessions["CP-1"]
            closed = await old.wait_ended()
            ground.assert_now(0)

    assert answer[0] == 3
    assert (closed.code, closed.detail) == (1008, REASON)
    assert first.closed is not None
    assert (first.closed.reason, first.closed.code) == (CloseReason.SUPERSEDED, 1008)
    assert second is not first
    assert ground.counters.value("closes", reason="superseded") == 1
    assert ground.counters.value("security_events", kind="twin_connection") == 1
    assert ground.counters.value("pings") == 0


async def test_other_identities_are_not_touched(ground, autojump_clock):
    async with ground.serve() as server, ground.connect("A") as a, ground.connect("a") as b:
        answers = [await a.call("Heartbeat"), await b.call("Heartbeat")]
        identities = list(server.sessions)

    assert [answer[0] for answer in answers] == [3, 3]
    assert identities == ["A", "a"]


async def test_no_handler_of_the_old_session_runs_beside_one_of_the_new(ground, answer_after, autojump_clock):
    """Handlers that take their time to be cancelled keep the new session waiting, and not the other way round."""
    journal = answer_after(60, cleanup=2)

    async with ground.serve(), ground.connect() as old:
        await old.send(2, "s-1", "Authorize", {"idTag": "old"})
        await trio.sleep(1)
        async with ground.connect() as new:
            ground.assert_now(3)  # the upgrade is answered when the place is free, and not before
            await new.send(2, "s-1", "Authorize", {"idTag": "new"})
            answer = await new.receive()
            ground.assert_now(3 + 25 + 2)  # the handler deadline, and its cleanup

    assert answer[:3] == [4, "s-1", "InternalError"]
    assert journal[:3] == [("old", "begins", 0), ("old", "is gone", 3), ("new", "begins", 3)]


async def test_session_task_of_the_old_session_is_gone_as_well(ground, autojump_clock):
    journal = []

    async def task(session):
        journal.append((session.link.number, "begins", trio.current_time()))
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(2)
            journal.append((session.link.number, "is gone", trio.current_time()))

    async with ground.serve(session_task=task), ground.connect(), ground.connect():
        ground.assert_now(2)
        await trio.sleep(10)

    assert journal[:3] == [(1, "begins", 0), (1, "is gone", 2), (2, "begins", 2)]


async def test_calls_of_the_old_session_end_and_do_not_move_to_the_new(ground, autojump_clock):
    async def call():
        with pytest.raises(ConnectionClosed) as ended:
            await session.call(v16.ClearCacheRequest())
        ends.append((ended.value.reason, ended.value.was_sent, trio.current_time()))

    ends: list[object] = []
    async with ground.serve() as server, ground.connect() as old:
        await old.call("Heartbeat")
        session = server.sessions["CP-1"]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await old.receive()
            await trio.sleep(1)
            async with ground.connect() as new:
                answer = await new.call("Heartbeat")  # the next frame is the answer, not somebody's CALL

    assert ends == [(CloseReason.SUPERSEDED, True, 1)]
    assert answer[0] == 3


@pytest.mark.parametrize("fault", ["cut", "stall"])
async def test_half_open_connection_is_superseded_at_once(ground, fault, autojump_clock):
    """The usual reason for a second connection: the first one is dead and nobody knows."""
    async with ground.serve() as server, ground.connect() as old:
        await old.call("Heartbeat")
        link = ground.network.links[0]
        link.cut() if fault == "cut" else link.stall(client=True)
        async with ground.connect() as new:
            answer = await new.call("Heartbeat")
            ground.assert_now(0)
            numbers = [session.link.number for session in server.sessions.values()]

    assert answer[0] == 3
    assert numbers == [2]


async def test_write_that_hangs_delays_the_new_session_for_a_close_timeout_at_most(ground, autojump_clock):
    async def task(session):
        if session.link.number == 1:
            await session.call(v16.DataTransferRequest(vendor_id="x", data="x" * 200_000))

    async with ground.serve(session_task=task):
        stream = await ground.dial()
        await stream.send_all(ground.request())
        ground.network.links[0].stall(client=True)
        await trio.sleep(1)
        async with ground.connect() as new:
            answer = await new.call("Heartbeat")
            ground.assert_now(1 + 3)

    assert answer[0] == 3


async def test_of_newcomers_that_wait_only_the_newest_goes_on_waiting(ground, answer_after, autojump_clock):
    answer_after(60, cleanup=5)

    async with ground.serve() as server, ground.connect() as old, await ground.dial() as first:
        await old.send(2, "s-1", "Authorize", {"idTag": "old"})
        await trio.sleep(1)
        await first.send_all(ground.request("/ocpp/CP-1", "Authorization: proof"))
        await trio.sleep(1)
        async with ground.connect() as second:
            ground.assert_now(1 + 5)
            answer = await second.call("Heartbeat")
            refusal = await ground.read(first)
            numbers = [session.link.number for session in server.sessions.values()]

    assert refusal.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 5\r\n" in refusal.lower()
    assert answer[0] == 3
    assert numbers == [3]
    assert ground.counters.value("handshake_failures", reason="refused") == 1
    assert ground.counters.value("security_events") == 2  # one for each newcomer


async def test_slow_cleanup_of_the_old_session_is_not_waited_for_without_end(ground, answer_after, autojump_clock):
    answer_after(60, cleanup=20)

    async with ground.serve() as server, ground.connect() as old:
        await old.send(2, "s-1", "Authorize", {"idTag": "old"})
        await trio.sleep(1)
        with pytest.raises(HandshakeError) as refused:
            await ground.connect().__aenter__()
        ground.assert_now(1 + 6)
        await trio.sleep_until(21)
        async with ground.connect() as new:
            answer = await new.call("Heartbeat")
            numbers = [session.link.number for session in server.sessions.values()]

    assert (refused.value.status, refused.value.retry_after) == (503, 5)
    assert (answer[0], numbers) == (3, [3])
    assert ground.counters.value("security_events") == 1


@pytest.mark.parametrize("attempt", range(10))
async def test_of_several_at_the_same_instant_one_remains(ground, attempt, autojump_clock):
    """Whatever order trio runs them in, and each of the others is told."""
    ends = []

    async def live():
        try:
            async with ground.connect() as station:
                ends.append((await station.wait_ended()).code)
        except HandshakeError as refused:
            ends.append(refused.status)

    async with trio.open_nursery() as nursery, ground.serve() as server:
        for _ in range(8):
            nursery.start_soon(live)
        await trio.sleep(10)
        before = list(ends)
        sessions = len(server.sessions)

    assert len(before) == 7
    assert set(before) <= {503, 1008}
    assert sessions == 1
    assert ends == [*before, 1001]
    # The first found nobody; each of the others found one, and if it was told so more than once, that is a fault.
    assert ground.counters.value("security_events") <= 2 * 7


@pytest.mark.parametrize("attempt", range(10))
async def test_session_that_is_superseded_while_it_opens_ends_at_once(ground, attempt, autojump_clock):
    """The second request is there at the same instant as the first, so either may find the other half open."""
    async with ground.serve() as server:
        streams = [await ground.dial() for _ in range(2)]
        async with trio.open_nursery() as nursery:
            for stream in streams:
                nursery.start_soon(stream.send_all, ground.request("/ocpp/CP-1", "Authorization: proof"))
        await trio.testing.wait_all_tasks_blocked()
        received = [await stream.receive_some() for stream in streams]
        sessions = len(server.sessions)
        ground.assert_now(0)

    assert all(data.startswith(b"HTTP/1.1 101 ") for data in received)
    assert sorted(REASON.encode() in data for data in received) == [False, True]
    assert sessions == 1


async def test_registration_is_kept_over_the_change(ground, autojump_clock):
    ground.status = v16.RegistrationStatus.PENDING

    async with ground.serve(), ground.connect() as old:
        await old.boot()
        async with ground.connect() as new:
            answer = await new.call("Heartbeat")

    assert answer[:3] == [4, "s-1", "SecurityError"]


async def test_refused_newcomer_does_not_touch_the_session(ground, autojump_clock):
    """Only who is admitted may take a place: not a bad password, not a wrong version."""
    statuses = []
    async with ground.serve(), ground.connect() as old:
        for path, protocols, password in [
            ("/ocpp/CP-1", "ocpp2.0.1", "proof"),
            ("/ocpp/CP-1/", "ocpp1.6", "proof"),
            ("/ocpp/CP-1", "ocpp1.6", "guess"),
        ]:
            stream = await ground.dial()
            await stream.send_all(ground.request(path, f"Authorization: {password}", protocols=protocols))
            statuses.append((await ground.read_head(stream)).split()[1])
            await stream.aclose()
        answer = await old.call("Heartbeat")

    assert statuses == [b"101", b"404", b"401"]
    assert answer[0] == 3
    assert ground.counters.value("security_events", kind="authentication_failure") == 1
    assert ground.counters.value("security_events") == 1
