"""The same on real sockets: nothing here asserts how long anything takes."""

import logging
import random
import socket
import struct

import pytest
import trio

from ocpp_trio import ConnectionClosed, HandshakeError, Refusal, Router, open_charge_point, serve_csms, v16

pytestmark = pytest.mark.real

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")


def _reset(stream):
    """Close TCP with a reset instead of an end."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


async def test_port_0_lets_the_system_choose(real_ground):
    async with real_ground.serve() as server, real_ground.connect("Z%C3%BCrich-1") as station:
        answer = await station.boot()
        identities = list(server.sessions)
        peer = server.sessions["Zürich-1"].link.peer

    assert server.port == real_ground.port != 0
    assert answer[0] == 3
    assert identities == ["Zürich-1"]
    assert peer.startswith("127.0.0.1:")


async def test_taken_port_is_an_os_error(real_ground):
    async with real_ground.serve() as server:
        with pytest.raises(OSError, match="in use"):
            await serve_csms([Router(v16)], server.port, host="127.0.0.1")


async def test_port_is_free_after_a_mistake_in_the_arguments(real_ground):
    async with real_ground.serve() as server:
        port = server.port

    with pytest.raises(ValueError, match="expected one router per OCPP version"):
        await serve_csms([], port, host="127.0.0.1")

    with trio.move_on_after(0.1) as serving:
        await serve_csms([Router(v16)], port, host="127.0.0.1")
    assert serving.cancelled_caught


async def test_fifty_stations_at_once(real_ground):
    async def live(number):
        url = f"ws://127.0.0.1:{real_ground.port}/ocpp"
        router = Router(v16)

        @router.on(v16.ClearCacheRequest)
        async def clear_cache(session, request):
            return v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)

        async with open_charge_point(url, f"CP-{number}", router=router, boot=BOOT) as station:
            await station.wait_online()
            for _ in range(3):
                await station.call(v16.HeartbeatRequest())
            done.append(number)
            await everybody.wait()

    async def call(session):
        responses.append(await session.call(v16.ClearCacheRequest()))
        if len(responses) == 50:
            everybody.set()

    done: list[int] = []
    responses: list[v16.ClearCacheResponse] = []
    everybody = trio.Event()
    async with real_ground.serve(session_task=call) as server, trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(live, number)
        await everybody.wait()
        sessions = len(server.sessions)

    assert sessions == 50
    assert sorted(done) == list(range(50))
    assert {response.status for response in responses} == {v16.ClearCacheStatus.ACCEPTED}


@pytest.mark.parametrize(
    "moment", ["before_the_request", "in_mid_request", "after_the_request", "in_mid_frame", "in_a_call"]
)
async def test_reset_touches_nobody_else(real_ground, moment, caplog):
    request, frame = real_ground.request(), real_ground.frame('[2,"m-1","Heartbeat",{}]')

    async def harm():
        stream = await real_ground.dial()
        if moment == "in_mid_request":
            await stream.send_all(request[:40])
        elif moment != "before_the_request":
            await stream.send_all(request)
        if moment in ("in_mid_frame", "in_a_call"):
            await real_ground.read_head(stream)
            await stream.send_all(frame[:9] if moment == "in_mid_frame" else frame)
        await trio.sleep(rng.choice([0, 0.001, 0.01]))
        _reset(stream)

    rng = random.Random(1)
    async with real_ground.serve() as server, real_ground.neighbour():
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(harm)
        async with real_ground.connect("CP-2") as station:
            await station.call("Heartbeat")

    assert server.statistics().connections >= 30
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_refusal_reaches_the_client(real_ground):
    async def authenticate(credentials):
        return Refusal(503, "later", headers=[(b"Retry-After", b"7")])

    async with real_ground.serve(authenticate=authenticate):
        with pytest.raises(HandshakeError) as refused:
            async with real_ground.connect():
                pass

    assert (refused.value.status, refused.value.retry_after) == (503, 7.0)


async def test_newest_connection_with_proof_wins(real_ground):
    async with real_ground.serve() as server, real_ground.connect() as old:
        await old.call("Heartbeat")
        async with real_ground.connect() as new:
            answer = await new.call("Heartbeat")
            closed = await old.wait_ended()
            numbers = [session.link.number for session in server.sessions.values()]

    assert (closed.code, answer[0], numbers) == (1008, 3, [2])


async def test_drain_answers_what_is_open_and_closes_with_1001(real_ground):
    release = trio.Event()

    @real_ground.router.on(v16.AuthorizeRequest)
    async def authorize(session, request):
        await release.wait()
        return v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status=v16.AuthorizationStatus.ACCEPTED))

    async with real_ground.serve() as server, real_ground.connect() as station, trio.open_nursery() as nursery:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(0.05)
        nursery.start_soon(server.drain, 20)
        await trio.sleep(0.05)
        release.set()
        answer = await station.receive()
        closed = await station.wait_ended()
        await real_ground.returned.wait()

    assert answer[:2] == [3, "s-1"]
    assert closed.code == 1001


async def test_cancelled_server_says_1001_to_everybody(real_ground):
    async def live(number, *, task_status):
        async with real_ground.connect(f"CP-{number}") as station:
            await station.call("Heartbeat")
            task_status.started()
            codes.append((await station.wait_ended()).code)

    codes: list[int | None] = []
    async with real_ground.serve(), trio.open_nursery() as nursery:
        for number in range(10):
            await nursery.start(live, number)
        real_ground.stopping.cancel()

    assert codes == [1001] * 10


async def test_call_in_flight_when_the_peer_resets_ends(real_ground):
    async with real_ground.serve() as server:
        stream = await real_ground.dial()
        await stream.send_all(real_ground.request())
        await real_ground.read_head(stream)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_expect_closed, server.sessions["CP-1"])
            await stream.receive_some()
            _reset(stream)


async def _expect_closed(session):
    with pytest.raises(ConnectionClosed) as ended:
        await session.call(v16.ClearCacheRequest())
    assert ended.value.was_sent
