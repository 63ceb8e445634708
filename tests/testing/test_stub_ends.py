"""How a stub ends connections, refuses them, and comes to a standstill."""

import pytest
import trio

from ocpp_trio import CloseReason, ConnectionClosed, HandshakeError
from ocpp_trio.testing import CloseWith, Delayed, Drop, Ignore, Result

BEAT = '[2,"m-1","Heartbeat",{}]'


async def _ending(station):
    """How a connection ends for the station."""
    with pytest.raises(ConnectionClosed) as ended:
        await station.receive()
    return ended.value.closed


async def test_closes_at_the_first_message(ground, clock):
    ground.stub.on["Heartbeat"] = CloseWith(1012, "restarting")

    async with ground.connect() as station:
        await station.send(BEAT)
        closed = await _ending(station)

    assert (closed.reason, closed.code, closed.detail) == (CloseReason.CLEAN, 1012, "restarting")
    assert ground.stub.sent() == []


async def test_drops_at_the_first_message(ground, clock):
    ground.stub.on["Heartbeat"] = Drop()

    async with ground.connect() as station:
        await station.send(BEAT)
        closed = await _ending(station)

    assert closed.reason is CloseReason.TRANSPORT_ERROR


@pytest.mark.parametrize(
    ("behaviour", "code"), [(CloseWith(1001), 1001), (Drop(), 1006)], ids=["close_frame", "tcp_dropped"]
)
async def test_closes_right_after_the_handshake(ground, clock, behaviour, code):
    ground.stub.on_connect = behaviour

    async with ground.connect() as station:
        closed = await _ending(station)
        ground.assert_now(0)

    assert closed.code == code


async def test_closes_some_time_after_the_handshake(ground, clock):
    ground.stub.on_connect = Delayed(8 if ground.virtual else 0.05, CloseWith(1001))

    async with ground.connect() as station:
        await _ending(station)
        ground.assert_now(8)


async def test_connections_live_for_as_long_as_they_are_given(ground, clock):
    ground.stub.close_after = 60 if ground.virtual else 0.05

    async with ground.connect() as station:
        closed = await _ending(station)
        ground.assert_now(60)

    assert (closed.reason, closed.code) == (CloseReason.CLEAN, 1000)


async def test_may_answer_late_to_a_station_that_has_gone(ground, clock):
    """Nobody is told, and nothing is recorded as sent."""
    ground.stub.on["Heartbeat"] = Delayed(0.01, Result())

    async with ground.serve() as port:
        async with ground.dial(port) as station:
            await station.send(BEAT)
            await ground.stub.wait_received(1)
        await trio.sleep(0.05)

    assert ground.stub.sent() == []


@pytest.mark.parametrize("ground", ["memory"], indirect=True)  # where a link can be reset at the very moment
async def test_answer_to_a_station_that_is_gone_by_then_is_dropped(ground, clock):
    ground.stub.on["Heartbeat"] = Result(lambda call: ground.network.links[0].reset() or {})

    async with ground.connect() as station:
        await station.send(BEAT)
        await _ending(station)
        await trio.sleep(1)

    assert [frame.text for frame in ground.stub.frames] == [BEAT]


async def test_serving_goes_on_after_connections_end(ground, clock):
    ground.stub.on_connect = Drop()

    async with ground.serve() as port:
        async with ground.dial(port) as first:
            await _ending(first)
        ground.stub.on_connect = Ignore()
        async with ground.dial(port) as second:
            await second.send(BEAT)
            await second.receive()

    assert [frame.connection for frame in ground.stub.frames] == [2, 2]


async def test_cancelled_stub_closes_every_connection(ground, clock):
    endings = []

    async def stay(port, *, task_status):
        async with ground.dial(port) as station:
            await station.send(BEAT)
            await station.receive()
            task_status.started()
            endings.append((await _ending(station)).code)

    async with trio.open_nursery() as nursery, ground.serve() as port:
        for _ in range(3):
            await nursery.start(stay, port)  # noqa: ASYNC111  # the stub is to go first

    assert endings == [1001, 1001, 1001]


async def test_upgrade_can_be_refused_with_any_status(ground, clock):
    async def refuse(upgrade):
        seen.append((upgrade.path, upgrade.subprotocols))
        await upgrade.reject(503, headers=[(b"Retry-After", b"7")], body=b"later")
        return False

    seen: list[object] = []
    ground.stub.on_upgrade = refuse

    async with ground.serve() as port:
        with pytest.raises(HandshakeError) as refused:
            async with ground.dial(port):
                pass

    assert (refused.value.status, refused.value.retry_after) == (503, 7.0)
    assert seen == [("/CP-1", ("ocpp1.6",))]
    assert ground.stub.connections == 0


async def test_upgrade_can_be_seen_and_let_pass(ground, clock):
    async def look(upgrade):
        seen.append(upgrade.path)
        return True

    seen: list[object] = []
    ground.stub.on_upgrade = look

    async with ground.connect() as station:
        await station.send(BEAT)
        await station.receive()

    assert seen == ["/CP-1"]


async def test_client_that_breaks_off_the_handshake_harms_nobody(ground, clock):
    async with ground.serve() as port:
        stream = await (ground.network.dial if ground.virtual else trio.open_tcp_stream)("127.0.0.1", port)
        await stream.send_all(b"GET / HTT")
        await stream.aclose()
        async with ground.dial(port) as station:
            await station.send(BEAT)
            await station.receive()

    assert ground.stub.connections == 1


async def test_other_subprotocol_than_the_stubs_is_not_agreed_on(ground, clock):
    ground.stub.subprotocol = "ocpp2.0.1"

    async with ground.serve() as port:
        with pytest.raises(HandshakeError, match="agreed on no subprotocol"):
            async with ground.dial(port):
                pass
        async with ground.dial(port, subprotocols=("ocpp1.6", "ocpp2.0.1")) as station:
            agreed = station.subprotocol

    assert agreed == "ocpp2.0.1"


async def test_held_stub_reads_nothing_until_it_is_released(ground, clock):
    async with ground.connect() as station:
        await station.send(BEAT)
        await station.receive()
        ground.stub.hold()
        await station.send(BEAT)
        await trio.sleep(30 if ground.virtual else 0.05)
        ground.stub.hold()  # once more changes nothing
        held = len(ground.stub.received())
        ground.stub.release()
        await station.receive()
        ground.assert_now(30)

    assert held == 1
    if ground.virtual:
        assert [frame.at for frame in ground.stub.received()] == [0, 30]


async def test_held_stub_blocks_a_station_that_writes_a_lot(ground, clock):
    sent = 0

    async with ground.connect() as station:
        ground.stub.hold()
        with trio.move_on_after(10 if ground.virtual else 0.2):
            while sent < 10_000:
                await station.send("x" * 100_000)
                sent += 1

    assert sent < 10_000
    if ground.virtual:
        assert sent < 5
