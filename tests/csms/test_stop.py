"""Cancelling `serve_csms`: everybody is told within the close timeout, and nothing stays behind."""

import pytest
import trio
import trio.testing

from ocpp_trio import ConnectionClosed, v16


async def test_every_station_sees_1001(ground, autojump_clock):
    endings = []

    async def live(number, *, task_status):
        async with ground.connect(f"CP-{number}") as station:
            await station.call("Heartbeat")
            task_status.started()
            endings.append((await station.wait_ended()).code)

    async with ground.serve() as server, trio.open_nursery() as nursery:
        for number in range(20):
            await nursery.start(live, number)
        await trio.sleep(1)
        ground.stopping.cancel()
        await ground.returned.wait()
        ground.assert_now(1)

    assert endings == [1001] * 20
    assert server.sessions == {}
    assert server.statistics().pending_handshakes == 0


async def test_silent_station_sees_it_too_and_takes_no_longer_than_the_close_timeout(ground, autojump_clock):
    """It reads, and never answers the close frame."""
    async with ground.serve():
        stream = await ground.dial()
        await stream.send_all(ground.request())
        await ground.read_head(stream)
        await trio.sleep(1)
        ground.stopping.cancel()
        frame = await stream.receive_some()
        ground.assert_now(1)
        await ground.returned.wait()
        ground.assert_now(1 + 3)

    assert frame == b"\x88\x0c\x03\xe9going away"


@pytest.mark.parametrize(("writing", "seconds"), [(False, 3), (True, 3)], ids=["idle", "write_in_hand"])
async def test_station_that_does_not_read_is_left_behind(ground, writing, seconds, autojump_clock):
    async def task(session):
        if writing and session.identity == "CP-1":
            await session.call(v16.DataTransferRequest(vendor_id="x", data="x" * 200_000))
        await trio.sleep_forever()

    async with ground.serve(session_task=task), ground.neighbour():
        stream = await ground.dial()
        await stream.send_all(ground.request())
        ground.network.links[-1].stall(client=True)
        await trio.sleep(1)
    ground.assert_now(1 + seconds)


async def test_calls_in_flight_are_told(ground, autojump_clock):
    async def call(session):
        with pytest.raises(ConnectionClosed) as ended:
            await session.call(v16.ClearCacheRequest())
        ends.append((ended.value.was_sent, ended.value.closed.code))

    ends: list[tuple[bool, int | None]] = []
    async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
        await station.call("Heartbeat")
        nursery.start_soon(call, server.sessions["CP-1"])
        nursery.start_soon(call, server.sessions["CP-1"])
        await station.receive()
        ground.stopping.cancel()

    assert sorted(ends) == [(False, 1001), (True, 1001)]


async def test_handlers_are_cancelled(ground, answer_after, autojump_clock):
    journal = answer_after(60)

    async with ground.serve(), ground.connect() as station:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        ground.stopping.cancel()
        closed = await station.wait_ended()

    assert journal == [("TAG", "begins", 0), ("TAG", "is gone", 1)]
    assert closed.code == 1001


@pytest.mark.parametrize("sent", [b"", b"GET /", None], ids=["nothing", "half_a_request", "in_the_hook"])
async def test_handshakes_are_dropped(ground, sent, autojump_clock):
    async def authenticate(credentials):
        await trio.sleep_forever()

    async with ground.serve(authenticate=authenticate):
        stream = await ground.dial()
        await stream.send_all(ground.request() if sent is None else sent)
        await trio.sleep(1)
        ground.stopping.cancel()
        received = await ground.read(stream)
        await ground.returned.wait()
        ground.assert_now(1)

    assert received == b""


async def test_newcomer_that_waits_for_its_place_sees_its_stream_end(ground, answer_after, autojump_clock):
    answer_after(60, cleanup=5)

    async with ground.serve(), ground.connect() as old, await ground.dial() as new:
        await old.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        await trio.sleep(1)
        await new.send_all(ground.request("/ocpp/CP-1", "Authorization: proof"))
        await trio.sleep(1)
        ground.stopping.cancel()
        answer = await ground.read(new)
        ground.assert_now(2)

    assert answer == b""


async def test_port_is_free_afterwards(ground, autojump_clock):
    async with ground.serve():
        pass

    await ground.network.listen(ground.port, host="127.0.0.1")
