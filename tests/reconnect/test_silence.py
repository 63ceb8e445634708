"""Peers that say nothing: at every stage there is a deadline, and behind it the next attempt."""

import ssl
from datetime import UTC, datetime

import pytest
import trio
import trio.testing

from ocpp_trio import CallTimeout, CloseReason, ConnectionClosed, ConnectionState, Limits, Router, serve_csms, v16
from ocpp_trio.observe import Counters
from ocpp_trio.testing import Ignore, Result

S = ConnectionState
REQUEST = v16.DataTransferRequest(vendor_id="org.example")


async def test_a_dial_that_hangs_is_given_up_and_tried_again(ground, autojump_clock):
    dials = []

    async def hang_once(host, port):
        dials.append(trio.current_time())
        if len(dials) == 1:
            await trio.sleep_forever()
        return await ground.network.dial(host, port)

    async with ground.open_station(dial=hang_once) as station:
        await station.wait_online()

        assert station.statistics().closed.reason is CloseReason.TRANSPORT_ERROR
    assert dials == [0, 10.5]


async def test_a_server_that_accepts_tcp_and_stays_silent_is_given_up_and_tried_again(ground, autojump_clock):
    ground.network.silent = True

    async with ground.open_station() as station:
        await trio.sleep(10.25)
        ground.network.silent = False
        waiting = station.statistics()
        await station.wait_online()

    assert (waiting.state, waiting.current_backoff) == (S.BACKING_OFF, 0.5)
    assert "no answer within 10 s" in waiting.closed.detail
    assert ground.dials == [0, 10.5]


async def test_a_server_that_stays_silent_in_the_tls_handshake_is_given_up_and_tried_again(ground, autojump_clock):
    ground.network.silent = True
    tls = ssl.create_default_context()

    async def dial(host, port):
        stream = trio.SSLStream(await ground.dial(host, port), tls, server_hostname="csms")
        await stream.do_handshake()
        return stream

    async with ground.open_station(dial=dial) as station:
        await trio.sleep(10.25)
        waiting = station.statistics()
        await trio.sleep(34 - 10.25)
        handshaking = station.statistics()

    assert (waiting.state, waiting.current_backoff) == (S.BACKING_OFF, 0.5)
    assert waiting.closed.reason is CloseReason.TRANSPORT_ERROR
    assert "cannot connect within 10 s" in waiting.closed.detail
    assert (handshaking.state, handshaking.connections) == (S.CONNECTING, 4)
    # 10 s for each handshake, then waits of 0.5, 1 and 2 s.
    assert ground.dials == [0, 10.5, 21.5, 33.5]
    for link in ground.network.links:
        assert (await link.server.receive_some())[:2] == b"\x16\x03", "a ClientHello"


async def test_a_server_that_never_answers_the_upgrade_is_given_up_and_tried_again(ground, autojump_clock):
    upgrades = []

    async def ponder_once(upgrade):
        upgrades.append(trio.current_time())
        if len(upgrades) == 1:
            await trio.sleep(3000)
        return True

    ground.stub.on_upgrade = ponder_once

    async with ground.open_station() as station:
        await station.wait_online()

    assert upgrades == [0, 10.5]


async def test_a_server_that_never_answers_the_boot_is_asked_again_on_the_same_link(ground, autojump_clock):
    ground.stub.on["BootNotification"] = [
        Ignore(),
        Result({"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 10}),
    ]

    async with ground.open_station() as station:
        await trio.sleep(30)
        await trio.testing.wait_all_tasks_blocked()
        booting = station.statistics()
        await station.wait_online()

    assert booting.state is S.BOOTING
    assert (booting.pending_calls, booting.deadlines) == (0, 0)
    assert [boot.at for boot in ground.stub.received("BootNotification")] == [0, 30 + 60]
    assert ground.dials == [0]


async def test_a_link_cut_while_booting_is_found_and_replaced(ground, autojump_clock):
    ground.stub.on["BootNotification"] = [
        Ignore(),
        Result({"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 10}),
    ]

    async with ground.open_station() as station:
        await trio.sleep(1)
        ground.network.links[0].cut()
        await station.wait_online()

        assert station.statistics().closed.reason is CloseReason.KEEPALIVE_TIMEOUT
    assert ground.dials == [0, 50.5]


async def test_half_open_link(ground, autojump_clock):
    """The cable is pulled between two pings: found with the next one, calls told, and a new link made."""
    ground.stub.on["DataTransfer"] = Ignore()
    limits = Limits(ping_interval=30, pong_deadline=20, call_timeout=100)
    ended = []

    async def call(station):
        with pytest.raises(ConnectionClosed) as closed:
            await station.call(REQUEST)
        ended.append((trio.current_time(), closed.value.reason, station.online))

    async with ground.open_station(limits=limits) as station:
        await trio.sleep(31)
        ground.network.links[0].cut()
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(call, station)
            still_online = station.online
        await station.wait_online()

    assert still_online
    assert ended == [(80, CloseReason.KEEPALIVE_TIMEOUT, False)] * 3
    assert ground.dials == [0, 80.5]
    assert ground.counters.value("timeouts") == 0


async def test_a_silent_csms_that_still_answers_pings_keeps_its_link(ground, autojump_clock):
    ground.stub.on["DataTransfer"] = Ignore()

    async with ground.open_station() as station:
        await station.wait_online()
        for _ in range(5):
            with pytest.raises(CallTimeout):
                await station.call(REQUEST)

        assert station.online
    assert ground.dials == [0]
    assert ground.counters.value("pongs") == 5


async def test_a_csms_that_pings_gets_its_pongs(ground, autojump_clock):
    counters = Counters()
    router = Router(v16)

    @router.on(v16.BootNotificationRequest)
    async def boot(session, request):
        return v16.BootNotificationResponse(
            status=v16.RegistrationStatus.ACCEPTED, current_time=datetime(2026, 1, 1, tzinfo=UTC), interval=300
        )

    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            lambda task_status: serve_csms(
                [router],
                9000,
                limits=Limits(ping_interval=10),
                instrument=counters,
                listen=ground.network.listen,
                task_status=task_status,
            )
        )
        async with ground.station_for(server.port, limits=Limits(ping_interval=float("inf"))) as station:
            await station.wait_online()
            await trio.sleep(34.75)
        nursery.cancel_scope.cancel()

    assert counters.value("pongs") == 3
    assert ground.counters.value("pongs") == 0


async def test_a_write_that_does_not_finish_ends_the_link(ground, autojump_clock):
    """The far end stopped reading and the buffers are full: no ping is needed to find that."""
    request = v16.DataTransferRequest(vendor_id="org.example", data="x" * 100_000)

    async with ground.open_station(limits=Limits(write_timeout=5)) as station:
        await trio.sleep(1)
        ground.network.links[0].stall(server=True)
        with pytest.raises(ConnectionClosed) as closed:
            await station.call(request)

        assert trio.current_time() == 6
    assert closed.value.reason is CloseReason.TRANSPORT_ERROR
