"""Leaving `open_charge_point`: from every state, at every moment, promptly, and with the body's own end."""

from functools import partial

import pytest
import trio
import trio.testing

from ocpp_trio import CloseReason, ConnectionClosed, ConnectionState, Limits, v16
from ocpp_trio.testing import Delayed, Ignore

S = ConnectionState
ORDERS = 30
"""Runs of a race: trio shuffles what is runnable at one instant, so each order comes up."""


def in_many_orders(test, *args):
    for _ in range(ORDERS):
        trio.run(test, *args, clock=trio.testing.MockClock(autojump_threshold=0))


async def hanging_dial(host, port):
    await trio.sleep_forever()


def connecting(ground):
    ground.network.silent = True


def booting(ground):
    ground.stub.on["BootNotification"] = Ignore()


def backing_off(ground):
    ground.network.refuse = True


async def go_deaf(ground, upgrade):
    ground.network.links[0].stall(server=True)
    return True


def nothing(ground):
    pass


@pytest.mark.parametrize(
    ("arrange", "options", "leave_at", "state"),
    [
        (nothing, {}, 0, S.DISCONNECTED),
        (nothing, {"dial": hanging_dial}, 1, S.CONNECTING),
        (connecting, {}, 1, S.CONNECTING),
        (booting, {}, 1, S.BOOTING),
        (nothing, {}, 0.125, S.RESUMING),
        (nothing, {}, 1, S.ONLINE),
        (backing_off, {}, 0.125, S.BACKING_OFF),
    ],
)
async def test_leaving_from_any_state_ends_at_that_instant(ground, autojump_clock, arrange, options, leave_at, state):
    arrange(ground)

    async with ground.open_station(**options) as station:
        if leave_at:
            await trio.sleep(leave_at)
        reached = station.state
    left_at = trio.current_time()

    await trio.sleep(1000)
    assert reached is state
    assert left_at == leave_at
    assert (station.state, station.online) == (S.DISCONNECTED, False)
    assert len(ground.network.links) <= 1


@pytest.mark.parametrize("leave_at", [0, 0.25, 0.5, 1.5])
def test_leaving_at_the_instant_of_a_step_is_clean_in_every_order(new_ground, leave_at):
    """Refused at 0, 0.5 and 1.5: the supervisor is about to connect while the body leaves."""

    async def leave():
        ground = new_ground()
        ground.network.refuse = True
        async with ground.open_station() as station:
            await trio.sleep(leave_at)
        assert trio.current_time() == leave_at
        assert station.state is S.DISCONNECTED

    in_many_orders(leave)


@pytest.mark.parametrize("leave_at", [0, 0.25, 5.25])
def test_leaving_at_the_instant_of_coming_online_or_of_a_loss_is_clean_in_every_order(new_ground, leave_at):
    async def leave():
        ground = new_ground()
        ground.stub.close_after = 5.25
        async with ground.open_station() as station:
            await trio.sleep(leave_at)
        assert trio.current_time() == leave_at
        assert station.state is S.DISCONNECTED

    in_many_orders(leave)


def test_leaving_while_a_failed_handshake_is_still_being_closed_is_clean(new_ground):
    """The server agrees on no subprotocol, and does not answer our close frame: that takes the close timeout."""

    async def leave():
        ground = new_ground()
        ground.stub.subprotocol = "ocpp9.9"
        ground.stub.on_upgrade = partial(go_deaf, ground)
        async with ground.serving() as port:
            async with ground.station_for(port, limits=Limits(close_timeout=3)) as station:
                await trio.sleep(1)
            assert station.state is S.DISCONNECTED
            assert trio.current_time() == 3

    in_many_orders(leave)


async def test_leaving_says_goodbye_to_the_csms(ground, autojump_clock):
    async with ground.open_station() as station:
        await station.wait_online()

    closed = station.statistics().session.closed
    assert (closed.reason, closed.code) == (CloseReason.STOPPING, 1000)
    assert ground.counters.value("closes", reason="stopping") == 1
    assert ground.counters.value("reconnects") == 0


async def test_leaving_over_a_dead_link_takes_one_close_timeout(ground, autojump_clock):
    async with ground.serving() as port:
        async with ground.station_for(port, limits=Limits(close_timeout=3)) as station:
            await trio.sleep(1)
            assert station.online
            ground.network.links[0].cut()

        assert trio.current_time() == 1 + 3


async def test_a_pending_call_learns_that_the_station_stops(ground, autojump_clock):
    ground.stub.on["DataTransfer"] = Ignore()
    ends = []

    async def call(station):
        with pytest.raises(ConnectionClosed) as closed:
            await station.call(v16.DataTransferRequest(vendor_id="org.example"))
        ends.append((closed.value.reason, closed.value.was_sent))

    async with trio.open_nursery() as callers, ground.open_station() as station:
        await station.wait_online()
        callers.start_soon(call, station)  # noqa: ASYNC111  # it outlives the station on purpose
        await ground.stub.wait_received(1, "DataTransfer")

    assert ends == [(CloseReason.STOPPING, True)]


async def test_after_leaving_calls_end_at_once_and_say_that_the_station_stopped(ground, autojump_clock):
    async with ground.open_station() as station:
        await station.wait_online()

    with pytest.raises(ConnectionClosed) as closed:
        await station.call(v16.HeartbeatRequest())

    assert closed.value.reason is CloseReason.STOPPING
    assert station.statistics().closed.reason is CloseReason.STOPPING


class Boom(Exception):
    """The body's own."""


@pytest.mark.parametrize(
    "error",
    [Boom("mine"), KeyboardInterrupt(), SystemExit(3), ExceptionGroup("mine", [Boom("a"), Boom("b")])],
    ids=repr,
)
@pytest.mark.parametrize("online", [False, True])
async def test_the_bodys_exception_leaves_as_it_was_raised(ground, autojump_clock, error, online):
    async def live(port):
        async with ground.station_for(port) as station:
            if online:
                await station.wait_online()
            raise error

    async with ground.serving() as port:
        with pytest.raises(type(error)) as left:
            await live(port)

    assert left.value is error
    assert ground.counters.value("opens") == ground.counters.value("closes") == online


@pytest.mark.parametrize("online", [False, True])
async def test_the_bodys_exception_is_bare_also_when_it_comes_out_of_a_cancellation(ground, autojump_clock, online):
    ground.network.refuse = not online

    async def live(port):
        with trio.move_on_after(5):
            async with ground.station_for(port):
                try:
                    await trio.sleep_forever()
                finally:
                    raise Boom("while cleaning up")

    async with ground.serving() as port:
        with pytest.raises(Boom):
            await live(port)

    assert trio.current_time() == 5


@pytest.mark.parametrize("order", range(20))
async def test_cancellation_passes_through(ground, autojump_clock, order):
    with trio.move_on_after(5) as scope:
        async with ground.open_station():
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert trio.current_time() == 5
    assert ground.counters.value("closes", reason="stopping") == 1
    assert ground.counters.value("reconnects") == 0


@pytest.mark.parametrize("after", [0, 0.25, 0.5, 0.75])
def test_cancellation_at_the_instant_of_a_step_passes_through_in_every_order(new_ground, after):
    async def leave():
        ground = new_ground()
        ground.network.refuse = True
        with trio.move_on_after(after) as scope:
            async with ground.open_station():
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert trio.current_time() == after

    in_many_orders(leave)


async def test_a_late_answer_to_the_boot_does_not_revive_a_station_that_left(ground, autojump_clock):
    ground.stub.on["BootNotification"] = Delayed(5, Ignore())

    async with ground.open_station() as station:
        await trio.sleep(4)
    await trio.sleep(10)

    assert station.state is S.DISCONNECTED
    assert len(ground.network.links) == 1
