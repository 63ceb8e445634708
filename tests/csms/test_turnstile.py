"""Too many at once: who is turned away, what they are told, and that it costs nobody else anything."""

import math
from contextlib import suppress
from random import Random

import pytest
import trio
import trio.testing

from ocpp_trio import Acceptance, HandshakeError, Limits
from ocpp_trio.link.tls import secure_client
from tests.certificates import HOST

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


async def test_newcomers_beyond_the_burst_are_answered_503_before_they_have_said_a_word(ground, autojump_clock):
    async with ground.serve(upgrade_burst=2, upgrades_per_second=1, rng=Random(1)) as server:
        async with ground.connect("A"), ground.connect("B"):
            shed = await ground.dial()
            answer = await ground.read(shed)
            ground.assert_now(0)
            statistics = server.statistics()
        await shed.aclose()

    assert answer == BUSY % 2
    assert (statistics.sessions, statistics.shed, statistics.pending_handshakes) == (2, 1, 0)
    assert ground.counters.value("handshake_failures", reason="refused") == 1


async def test_our_client_learns_status_and_wait(ground, autojump_clock):
    async with ground.serve(upgrade_burst=1, upgrades_per_second=0.1, rng=Random(1)), ground.connect("A"):
        with pytest.raises(HandshakeError) as refused:
            async with ground.connect("B"):
                pass
        ground.assert_now(0)

    assert refused.value.status == 503
    assert refused.value.retry_after is not None
    assert 11 <= refused.value.retry_after <= 17


async def test_tokens_grow_back(ground, autojump_clock):
    async with ground.serve(upgrade_burst=1, upgrades_per_second=0.5) as server:
        async with ground.connect("A") as station:
            assert (await station.call("Heartbeat"))[0] == 3
        await trio.sleep(1.75)
        with pytest.raises(HandshakeError):
            async with ground.connect("B"):
                pass
        await trio.sleep(0.25)
        async with ground.connect("C") as station:
            assert (await station.call("Heartbeat"))[0] == 3
        shed = server.statistics().shed

    assert shed == 1


async def test_infinite_rate_lets_everybody_in(ground, autojump_clock):
    async with ground.serve(upgrade_burst=1, upgrades_per_second=math.inf) as server:
        for number in range(20):
            async with ground.connect(f"CP-{number}"):
                pass
        assert server.statistics().shed == 0


async def test_too_many_pending_handshakes_of_an_address_are_answered_503_too_and_cost_no_token(ground, autojump_clock):
    async with ground.serve(pending_handshakes_per_address=2, upgrade_burst=3, upgrades_per_second=0.01) as server:
        waiting = [await ground.dial() for _ in range(2)]
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(5):
            shed = await ground.dial()
            assert (await ground.read(shed)).startswith(b"HTTP/1.1 503 ")
            await shed.aclose()
        ground.assert_now(0)
        await waiting[0].aclose()
        await trio.testing.wait_all_tasks_blocked()
        async with ground.connect() as station:
            answer = await station.call("Heartbeat")
        statistics = server.statistics()

    assert answer[0] == 3
    assert (statistics.shed, statistics.max_pending_handshakes) == (5, 2)


async def test_slow_handshakes_keep_their_neighbours_out_until_their_deadline_and_nobody_else(ground, autojump_clock):
    async def drip(stream):
        with suppress(trio.BrokenResourceError):
            for byte in ground.request():
                await stream.send_all(bytes([byte]))
                await trio.sleep(1)

    async def watch(stream):
        assert await ground.read(stream) == b""
        ended.append(trio.current_time())

    ended: list[float] = []
    async with ground.serve(pending_handshakes_per_address=3) as server, trio.open_nursery() as nursery:
        for _ in range(3):
            stream = await ground.dial()
            nursery.start_soon(drip, stream)
            nursery.start_soon(watch, stream)
        await trio.sleep(9.5)
        with pytest.raises(HandshakeError, match="503"):
            async with ground.connect():
                pass
        async with ground.connect(source="elsewhere") as station:
            elsewhere = await station.call("Heartbeat")
            ground.assert_now(9.5)
        await trio.sleep(0.5)
        await trio.testing.wait_all_tasks_blocked()
        async with ground.connect() as station:
            answer = await station.call("Heartbeat")
            ground.assert_now(10)
        statistics = server.statistics()

    assert answer[0] == elsewhere[0] == 3
    assert ended == [10, 10, 10]
    assert (statistics.pending_handshakes, statistics.shed) == (0, 1)


async def ended_at(ground, stream):
    """When the server let go of a connection, without a word."""
    assert await ground.read(stream) == b""
    return trio.current_time()


async def test_a_full_house_makes_room_at_the_cost_of_who_holds_most_of_it_in_silence(ground, autojump_clock):
    """Not of the oldest there is: that is a station with a slow link."""
    async with ground.serve(pending_handshakes=4) as server:
        slow = await ground.dial("village")
        await slow.send_all(ground.request("/ocpp/SLOW")[:50])
        attacker = [await ground.dial("attacker") for _ in range(3)]
        await trio.sleep(1)
        async with ground.connect(source="honest") as station:
            answer = await station.call("Heartbeat")
            ground.assert_now(1)
        ended = await ended_at(ground, attacker[0])
        await slow.send_all(ground.request("/ocpp/SLOW")[50:])
        head = await ground.read_head(slow)
        statistics = server.statistics()

    assert answer[0] == 3
    assert ended == 1
    assert head.startswith(b"HTTP/1.1 101 ")
    assert (statistics.shed, statistics.max_pending_handshakes, statistics.pending_handshakes) == (1, 4, 2)
    line = "csms          no session: refused: no request came before the place was needed for others"
    assert str(ground.timeline).count(line) == 1


async def test_who_has_asked_is_not_dropped_for_others(ground, autojump_clock):
    """Neither while it is judged, nor as a session; who comes to a house full of these is told to come again."""

    async def authenticate(credentials):
        await trio.sleep(5)
        return Acceptance(authenticated=True)

    async with ground.serve(pending_handshakes=2, authenticate=authenticate) as server:
        asking = [await ground.dial("site") for _ in range(2)]
        for number, stream in enumerate(asking):
            await stream.send_all(ground.request(f"/ocpp/CP-{number}"))
        await trio.testing.wait_all_tasks_blocked()
        shed = await ground.dial("honest")
        answer = await ground.read(shed)
        ground.assert_now(0)
        heads = [await ground.read_head(stream) for stream in asking]
        waiting = [await ground.dial("site") for _ in range(3)]
        ended = await ended_at(ground, waiting[0])
        sessions = sorted(server.sessions)

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert [head[:12] for head in heads] == [b"HTTP/1.1 101"] * 2
    assert (ended, sessions) == (5, ["CP-0", "CP-1"])


async def test_a_place_that_costs_another_one_costs_a_token_too(ground, autojump_clock):
    """Else a flood would have everybody dropped who is not quick."""
    async with ground.serve(pending_handshakes=1, upgrade_burst=2, upgrades_per_second=0.01) as server:
        first, second, third = [await ground.dial() for _ in range(3)]
        assert (await ground.read(third)).startswith(b"HTTP/1.1 503 ")
        assert await ended_at(ground, first) == 0
        statistics = server.statistics()
        await second.aclose()

    assert (statistics.pending_handshakes, statistics.shed) == (1, 2)


@pytest.mark.parametrize("tls", [False, True])
async def test_a_host_with_slow_connections_without_end_keeps_nobody_else_out(ground, pki, tls, autojump_clock):
    """30 a second of which each lasts until the handshake deadline: more than all places there are by default."""

    async def knock_slowly():
        while True:
            attackers.append(await ground.dial("attacker"))
            await attackers[-1].send_all(b"\x16\x03\x01" if tls else b"GET ")
            await trio.sleep(1 / 32)

    attackers: list[trio.abc.Stream] = []
    options = {"ssl_context": pki.server()} if tls else {}
    async with ground.serve(**options) as server, trio.open_nursery() as nursery:
        nursery.start_soon(knock_slowly)
        for second in range(1, 31):
            await trio.sleep_until(second)
            stream = await ground.dial(f"site-{second}")
            if tls:
                stream = await secure_client(stream, pki.client(), host=HOST, limits=Limits())
            await stream.send_all(ground.request(f"/ocpp/CP-{second}"))
            assert (await ground.read_head(stream)).startswith(b"HTTP/1.1 101 ")
            ground.assert_now(second)
        statistics = server.statistics()
        nursery.cancel_scope.cancel()

    assert statistics.sessions == 30
    assert statistics.pending_handshakes in (63, 64)  # one may leave at the instant at which the next is refused
    assert len(attackers) > 900


async def test_a_host_that_comes_and_goes_all_the_time_keeps_nobody_else_out(ground, autojump_clock):
    async def come_and_go():
        while True:
            async with await ground.dial("attacker"):
                await trio.sleep(1 / 128)

    limits = {"upgrades_per_second": 16, "upgrade_burst": 32}
    async with ground.serve(**limits) as server, trio.open_nursery() as nursery:
        nursery.start_soon(come_and_go)
        for second in range(1, 6):
            await trio.sleep_until(second)
            async with ground.connect(source="honest") as station:
                assert (await station.call("Heartbeat"))[0] == 3
            ground.assert_now(second)
        statistics = server.statistics()
        nursery.cancel_scope.cancel()

    assert statistics.shed > 400


@pytest.mark.parametrize("manners", ["silent", "dripping", "deaf"])
async def test_one_that_is_turned_away_and_does_not_go_is_cut_off_after_a_second(ground, manners, autojump_clock):
    async def drip():
        with suppress(trio.BrokenResourceError):
            while True:
                await stream.send_all(b"x")
                await trio.sleep(0.125)

    async with (
        ground.serve(upgrade_burst=1, upgrades_per_second=0.01),
        ground.connect("A") as station,
        trio.open_nursery() as nursery,
    ):
        await station.call("Heartbeat")
        tasks = trio.lowlevel.current_statistics().tasks_living
        stream = await ground.dial()
        ground.network.links[-1].stall(client=manners == "deaf")
        if manners == "dripping":
            nursery.start_soon(drip)
        await trio.sleep(0.9375)
        lingering = trio.lowlevel.current_statistics().tasks_living - tasks - (manners == "dripping")
        await trio.sleep(0.0625)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x")
        nursery.cancel_scope.cancel()

    assert lingering == 1


async def test_one_that_is_turned_away_is_read_up_to_16_kib(ground, autojump_clock):
    """A flood of bytes gets no second of our time."""
    async with ground.serve(upgrade_burst=1, upgrades_per_second=0.01), ground.connect("A"):
        stream = await ground.dial()
        for _ in range(4):
            await stream.send_all(bytes(4096))
            await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x")
        ground.assert_now(0)


async def test_of_many_that_do_not_go_the_next_is_dropped_without_a_word(ground, autojump_clock):
    """As many may linger as may shake hands: more would be a flood's way to our memory."""
    async with (
        ground.serve(pending_handshakes=3, upgrade_burst=1, upgrades_per_second=0.01) as server,
        ground.connect("A") as station,
    ):
        await station.call("Heartbeat")
        tasks = trio.lowlevel.current_statistics().tasks_living
        streams = [await ground.dial() for _ in range(50)]
        await trio.testing.wait_all_tasks_blocked()
        lingering = trio.lowlevel.current_statistics().tasks_living - tasks
        answers = [await ground.read(stream) for stream in streams]
        ground.assert_now(0)
        await trio.sleep(1)
        await trio.testing.wait_all_tasks_blocked()
        left = trio.lowlevel.current_statistics().tasks_living - tasks
        statistics = server.statistics()

    assert lingering == 3
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 503"] * 3 + [b""] * 47
    assert left == 0
    assert (statistics.shed, statistics.connections) == (50, 51)


async def test_those_that_are_turned_away_do_not_hold_up_a_drain(ground, autojump_clock):
    async with ground.serve(upgrade_burst=1, upgrades_per_second=0.01) as server:
        await ground.dial()
        await ground.dial()
        await trio.sleep(0.5)
        await server.drain(1)
        await ground.returned.wait()
        ground.assert_now(0.5)


async def test_over_tls_one_too_many_is_dropped_before_its_handshake(ground, pki, autojump_clock):
    """There is nothing to say yet in a way that it would understand, and the handshake is what costs most."""
    async with ground.serve(ssl_context=pki.server(), upgrade_burst=1, upgrades_per_second=0.01) as server:
        first, shed = await ground.dial(), await ground.dial()
        assert await ground.read(shed) == b""
        ground.assert_now(0)
        statistics = server.statistics()
        with pytest.raises(trio.BrokenResourceError):
            await shed.send_all(b"\x16\x03\x01")
        await first.aclose()

    assert (statistics.shed, statistics.pending_handshakes) == (1, 1)


@pytest.mark.real
@pytest.mark.parametrize("request_size", ["a request", "a long request"])
async def test_answer_survives_on_a_real_socket(real_ground, request_size):
    """A server that closes over bytes that nobody read resets the connection, and the next write fails."""
    more = [f"X-{number}: {'y' * 1000}" for number in range(14)] if request_size != "a request" else []
    request = real_ground.request("/B", *more)

    async with real_ground.serve(upgrade_burst=1, upgrades_per_second=0.001) as server, real_ground.connect("A"):
        for _ in range(5):
            async with await real_ground.dial() as stream:
                for piece in (request[:100], request[100:200], request[200:]):
                    await trio.testing.wait_all_tasks_blocked(0.005)
                    await stream.send_all(piece)
                assert (await real_ground.read(stream)).startswith(b"HTTP/1.1 503 ")
        with pytest.raises(HandshakeError) as refused:
            async with real_ground.connect("B"):
                pass
        assert server.statistics().shed == 6

    assert refused.value.status == 503
