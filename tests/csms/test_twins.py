"""A second connection of an identity without proof, and two stations that share one identity."""

import random

import pytest
import trio

from ocpp_trio import (
    Acceptance,
    CloseReason,
    ConnectionClosed,
    ExponentialBackoff,
    HandshakeError,
    Limits,
    ReconnectPolicy,
    Router,
    open_charge_point,
    v16,
)
from ocpp_trio.csms.registry import ANSWER_WITHIN, GONE_WITHIN
from ocpp_trio.observe import Milestones

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
NONE = ()


async def _refusal(ground, **options):
    with pytest.raises(HandshakeError) as refused:
        await ground.connect(**options).__aenter__()
    return refused.value


@pytest.mark.parametrize("headers", [NONE, ((b"Authorization", b"proof"),)], ids=["no proof", "proof"])
async def test_thief_without_proof_is_refused_while_the_station_is_alive(ground, headers, autojump_clock):
    async with ground.serve() as server, ground.neighbour(), ground.connect(headers=headers) as old:
        await old.call("Heartbeat")
        session = server.sessions["CP-1"]
        refused = await _refusal(ground, headers=NONE)
        ground.assert_now(0)
        answer = await old.call("Heartbeat")
        after = server.sessions["CP-1"]

    assert (refused.status, refused.retry_after) == (403, None)
    assert answer[0] == 3
    assert after is session
    assert ground.counters.value("security_events", kind="twin_connection") == 1
    assert ground.counters.value("security_events") == 1
    assert (ground.counters.value("pings"), ground.counters.value("pongs")) == (1, 1)
    assert ground.counters.value("closes", reason="superseded") == 0


async def test_server_without_an_authenticator_believes_nobody(ground, autojump_clock):
    async with ground.serve(authenticate=None), ground.connect() as old:
        refused = await _refusal(ground)
        answer = await old.call("Heartbeat")

    assert refused.status == 403
    assert answer[0] == 3


async def test_thief_who_comes_again_and_again_is_refused_each_time(ground, autojump_clock):
    async with ground.serve() as server, ground.connect() as old:
        await old.call("Heartbeat")
        statuses = [(await _refusal(ground, headers=NONE)).status for _ in range(50)]
        answer = await old.call("Heartbeat")
        numbers = [session.link.number for session in server.sessions.values()]

    assert statuses == [403] * 50
    assert (answer[0], numbers) == (3, [1])
    assert ground.counters.value("security_events", kind="twin_connection") == 50


@pytest.mark.parametrize("fault", ["cut", "stall"])
async def test_half_open_connection_gives_way_after_three_seconds(ground, fault, autojump_clock):
    """The usual reason for a second connection: the first one is dead and nobody knows."""
    async with ground.serve() as server, ground.connect(headers=NONE) as old:
        await old.call("Heartbeat")
        await trio.sleep(10)
        link = ground.network.links[0]
        link.cut() if fault == "cut" else link.stall(client=True)
        async with ground.connect(headers=NONE) as new:
            ground.assert_now(10 + 3)
            answer = await new.call("Heartbeat")
            numbers = [session.link.number for session in server.sessions.values()]
            ground.assert_now(10 + 3)

    assert answer[0] == 3
    assert numbers == [2]
    assert ground.counters.value("closes", reason="superseded") == 1
    assert ground.counters.value("security_events", kind="twin_connection") == 1


async def test_connection_that_was_reset_gives_way_at_once(ground, autojump_clock):
    async with ground.serve() as server, ground.connect(headers=NONE) as old:
        await old.call("Heartbeat")
        ground.network.links[0].reset()
        async with ground.connect(headers=NONE) as new:
            answer = await new.call("Heartbeat")
            ground.assert_now(0)
            sessions = len(server.sessions)

    assert (answer[0], sessions) == (3, 1)
    assert ground.counters.value("security_events") == 0


async def test_sign_of_life_need_not_be_the_pong(ground, autojump_clock):
    """A station whose engine answers no ping, or late, but which talks."""
    async with ground.serve(), await ground.dial() as old, trio.open_nursery() as nursery:

        async def talk():
            await trio.sleep(2)
            await old.send_all(ground.frame('[2,"s-1","Heartbeat",{}]'))

        await old.send_all(ground.request())
        await ground.read_head(old)
        nursery.start_soon(talk)
        refused = await _refusal(ground, headers=NONE)
        ground.assert_now(2)

    assert refused.status == 403


async def test_session_that_says_goodbye_while_it_is_asked_gives_way(ground, autojump_clock):
    """A close frame is no sign of life."""
    async with ground.serve() as server, await ground.dial() as old, trio.open_nursery() as nursery:

        async def leave():
            await trio.sleep(2)
            await old.send_all(b"\x88\x82" + bytes(4) + (1000).to_bytes(2, "big"))

        await old.send_all(ground.request())
        await ground.read_head(old)
        nursery.start_soon(leave)
        async with ground.connect(headers=NONE) as new:
            ground.assert_now(2)
            await new.call("Heartbeat")
            sessions = len(server.sessions)

    assert sessions == 1
    assert ground.counters.value("security_events") == 0


async def test_deadline_of_the_newcomer_stands_still_while_the_session_is_asked(ground, autojump_clock):
    async with ground.serve(handshake_deadline=2.0), ground.connect(headers=NONE) as old:
        await old.call("Heartbeat")
        ground.network.links[0].cut()
        async with ground.connect(headers=NONE) as new:
            answer = await new.call("Heartbeat")
            ground.assert_now(3)

    assert answer[0] == 3


async def test_no_handler_of_a_silent_session_runs_beside_one_of_the_new(ground, answer_after, autojump_clock):
    journal = answer_after(60, cleanup=2)

    async with ground.serve(), ground.connect(headers=NONE) as old:
        await old.send(2, "s-1", "Authorize", {"idTag": "old"})
        await trio.sleep(1)
        ground.network.links[0].cut()
        async with ground.connect(headers=NONE) as new:
            await new.send(2, "s-1", "Authorize", {"idTag": "new"})
            await trio.sleep(1)

    assert journal[:3] == [("old", "begins", 0), ("old", "is gone", 1 + 3 + 2), ("new", "begins", 6)]


async def test_ping_of_the_keepalive_that_is_out_is_not_cut_by_a_newcomer(ground, autojump_clock):
    """The newcomer is refused by the pong of a ping that it did not ask for; one more follows."""
    async with ground.serve() as server, ground.connect(headers=NONE) as old:
        await old.call("Heartbeat")
        link = ground.network.links[0]
        link.stall(client=True)
        await trio.sleep(31)  # the keepalive pinged at 30

        async with trio.open_nursery() as nursery:

            async def recover():
                await trio.sleep(1)
                link.stall()

            nursery.start_soon(recover)
            refused = await _refusal(ground, headers=NONE)
        ground.assert_now(32)
        answer = await old.call("Heartbeat")
        sessions = len(server.sessions)

    assert refused.status == 403
    assert (answer[0], sessions) == (3, 1)
    assert (ground.counters.value("pings"), ground.counters.value("pongs")) == (2, 2)


async def test_pair_that_flaps_is_calmed(ground, autojump_clock):
    """Two stations with one identity and both with proof: three swaps, and then one of them stays."""
    milestones = Milestones()

    async def believe(credentials):
        return Acceptance(authenticated=True)

    async def live(seed):
        async with open_charge_point(
            f"ws://127.0.0.1:{ground.port}/ocpp",
            "CP-1",
            router=Router(v16),
            boot=BOOT,
            reconnect=ReconnectPolicy(backoff=ExponentialBackoff(initial=0.5, jitter=0.2)),
            instrument=milestones,
            dial=ground.network.dial,
            rng=random.Random(seed),
        ):
            await trio.sleep_forever()

    async with ground.serve(authenticate=believe) as server, trio.open_nursery() as nursery:
        nursery.start_soon(live, 1)
        await trio.sleep(10)
        nursery.start_soon(live, 2)
        await trio.sleep(20)
        swaps = ground.counters.value("closes", reason="superseded")
        session = server.sessions["CP-1"]
        await trio.sleep_until(600)
        later = server.sessions["CP-1"]
        refused = ground.counters.value("security_events", kind="flapping_identity")
        nursery.cancel_scope.cancel()

    assert swaps == 3
    assert later is session
    assert ground.counters.value("closes", reason="superseded") == 3
    assert ground.counters.value("security_events", kind="twin_connection") == 3
    assert 9 <= refused <= 11  # once a minute, as the Retry-After says
    lost = [attempt.closed.reason for attempt in milestones if attempt.closed is not None]
    assert lost.count(CloseReason.SUPERSEDED) == 3
    assert set(lost) == {CloseReason.SUPERSEDED, CloseReason.REFUSED}


async def test_calls_of_a_session_that_is_asked_go_on(ground, autojump_clock):
    async with ground.serve() as server, ground.connect(headers=NONE) as old, trio.open_nursery() as nursery:
        await old.call("Heartbeat")
        session = server.sessions["CP-1"]
        outcomes = []

        async def call():
            try:
                outcomes.append(await session.call(v16.ClearCacheRequest()))
            except ConnectionClosed as closed:
                outcomes.append(closed)

        nursery.start_soon(call)
        await old.receive()
        await _refusal(ground, headers=NONE)
        await old.send(3, "c-1", {"status": "Accepted"})

    assert outcomes == [v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)]


def test_limits_of_a_client_leave_room_for_the_wait():
    """Who takes a place from a silent session has it before a client of ours gives up."""
    assert Limits().handshake_deadline > ANSWER_WITHIN + GONE_WITHIN
