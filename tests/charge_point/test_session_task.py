"""The session task: once per time online, dies with the link, and its bugs are nobody's network failure."""

import logging

import pytest
import trio
import trio.testing

from ocpp_trio import CallTimeout, Closed, CloseReason, ConnectionClosed, ConnectionState, Limits, v16
from ocpp_trio.testing import Ignore, Result

REQUEST = v16.DataTransferRequest(vendor_id="org.example")


class Boom(Exception):
    """A bug in a session task."""


async def test_it_runs_once_per_time_online_and_ends_with_the_link(ground, autojump_clock):
    log = []

    async def session_task(station):
        log.append(("starts", trio.current_time(), station.online))
        try:
            await trio.sleep_forever()
        finally:
            log.append(("ends", trio.current_time(), station.online))

    async with ground.open_station(session_task=session_task) as station:
        for _ in range(2):
            await station.wait_online()
            await trio.sleep(1)
            station.drop_link()
            await trio.testing.wait_all_tasks_blocked()
        await station.wait_online()
        await trio.sleep(1)

    assert log == [
        ("starts", 0.25, True),
        ("ends", 1.25, False),
        ("starts", 2.0, True),
        ("ends", 3.0, False),
        ("starts", 3.75, True),
        ("ends", 4.75, False),
    ]


async def test_it_does_not_run_while_the_boot_is_pending(ground, autojump_clock):
    ground.stub.status = "Pending"
    started = trio.Event()

    async def session_task(station):
        started.set()

    async with ground.open_station(session_task=session_task):
        await trio.sleep(1000)

    assert not started.is_set()


async def test_one_that_returns_leaves_the_station_online(ground, autojump_clock):
    async def session_task(station):
        await station.call(v16.HeartbeatRequest())

    async with ground.open_station(session_task=session_task) as station:
        await trio.sleep(100)

        assert station.online
    assert len(ground.stub.received("Heartbeat")) == 1


@pytest.mark.parametrize("error", [Boom("a bug"), ExceptionGroup("bugs", [Boom("a"), Boom("b")])], ids=repr)
@pytest.mark.parametrize("order", range(10))
async def test_what_it_raises_ends_the_station_bare_and_at_once(ground, autojump_clock, error, order):
    async def session_task(station):
        await trio.sleep(5)
        raise error

    async with ground.serving() as port:
        with pytest.raises(type(error)) as left:
            async with ground.station_for(port, session_task=session_task):
                await trio.sleep_forever()

    assert left.value is error
    assert trio.current_time() == 5.25
    assert ground.counters.value("reconnects") == 0


async def times_out(station):
    await station.call(REQUEST)


async def times_out_in_a_group(station):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(station.call, REQUEST)
        nursery.start_soon(trio.sleep_forever)


async def times_out_beside_a_lost_call(station):
    try:
        await station.call(REQUEST)
    except CallTimeout as exc:
        lost = ConnectionClosed(Closed(CloseReason.TRANSPORT_ERROR, 1006, "gone"))
        raise ExceptionGroup("side by side", [exc, ExceptionGroup("inner", [lost])]) from None


@pytest.mark.parametrize("session_task", [times_out, times_out_in_a_group, times_out_beside_a_lost_call])
async def test_a_call_that_times_out_in_it_drops_the_link_and_the_station_comes_back(
    ground, autojump_clock, caplog, session_task
):
    """Boot at 0, online at 0.25, call timeout 30 s, first wait 0.5 s, online 0.25 s after that."""
    ground.stub.on["DataTransfer"] = [Ignore(), Result({"status": "Accepted"})]
    lost = trio.Event()

    async def session_task_once(station):
        if lost.is_set():
            await trio.sleep_forever()
        await session_task(station)

    async with ground.open_station(session_task=session_task_once) as station:
        await station.wait_online()
        await station.wait_offline()
        lost.set()
        at, state, closed = trio.current_time(), station.state, station.statistics().closed
        await station.wait_online()
        assert trio.current_time() == 31

    assert (at, state) == (30.25, ConnectionState.BACKING_OFF)
    assert closed.reason is CloseReason.TRANSPORT_ERROR
    assert closed.detail == "a call of the session task timed out: no reply to DataTransfer within 30 s"
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert closed.detail in record.getMessage()


async def test_a_cut_cable_in_the_middle_of_its_call_does_not_end_the_station(ground, autojump_clock):
    """Calls at 0.25, 5.25 and 10.25; the keepalive would find out at 30 + 20, the call does before that."""
    ground.stub.on["DataTransfer"] = Result({"status": "Accepted"})

    async def session_task(station):
        while True:
            await station.call(REQUEST)
            await trio.sleep(5)

    async with ground.open_station(session_task=session_task) as station:
        await trio.sleep(8)
        ground.network.links[0].cut()
        await station.wait_offline()
        assert trio.current_time() == 40.25
        await station.wait_online()
        assert trio.current_time() == 41
        await trio.sleep(1000)

        assert station.online
        assert station.statistics().connections == 2


async def test_a_bug_beside_a_call_that_timed_out_is_still_a_bug(ground, autojump_clock):
    async def session_task(station):
        raise ExceptionGroup("side by side", [CallTimeout("no reply"), Boom("a bug")])

    async with ground.serving() as port:
        with pytest.raises(ExceptionGroup) as failed:
            async with ground.station_for(port, session_task=session_task):
                await trio.sleep_forever()

    assert failed.group_contains(Boom)
    assert trio.current_time() == 0.25


async def test_a_connection_closed_that_is_not_this_links_is_a_bug(ground, autojump_clock):
    async def session_task(station):
        raise ConnectionClosed(Closed(CloseReason.CLEAN, 1000, "another connection's"))

    async with ground.serving() as port:
        with pytest.raises(ConnectionClosed, match="another connection's"):
            async with ground.station_for(port, session_task=session_task):
                await trio.sleep_forever()


async def lose_the_link(opening, *, at):
    async with opening as station:
        await trio.sleep_until(at)
        station.drop_link()
        await trio.sleep_forever()


async def calls_in_a_row(station):
    while True:
        await station.call(REQUEST)


async def calls_side_by_side(station):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(calls_in_a_row, station)
        nursery.start_soon(calls_in_a_row, station)
        nursery.start_soon(trio.sleep_forever)


@pytest.mark.parametrize("session_task", [calls_in_a_row, calls_side_by_side])
@pytest.mark.parametrize("outstanding_calls", [1, 2])
@pytest.mark.parametrize("order", range(5))
async def test_a_loss_in_the_middle_of_its_calls_is_a_loss_and_no_bug(
    ground, autojump_clock, session_task, outstanding_calls, order
):
    """With a nursery of its own its ConnectionClosed arrive in a group, and beside Cancelled."""
    ground.stub.on["DataTransfer"] = Ignore()

    async with ground.open_station(
        session_task=session_task, limits=Limits(outstanding_calls=outstanding_calls)
    ) as station:
        for connection in (1, 2, 3):
            await station.wait_online()
            await trio.sleep(1)
            station.drop_link()
            await trio.testing.wait_all_tasks_blocked()
            assert station.state is ConnectionState.BACKING_OFF
            assert station.statistics().reconnects == connection - 1
        await station.wait_online()


@pytest.mark.parametrize("order", range(5))
async def test_a_bug_beside_a_lost_call_is_still_a_bug(ground, autojump_clock, order):
    ground.stub.on["DataTransfer"] = Ignore()

    async def session_task(station):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(station.call, REQUEST)
            try:
                await trio.sleep_forever()
            finally:
                raise Boom("while cleaning up")

    async with ground.serving() as port:
        with pytest.raises(ExceptionGroup) as failed:
            await lose_the_link(ground.station_for(port, session_task=session_task), at=1.25)

    assert failed.group_contains(Boom)
    assert trio.current_time() == 1.25


async def test_a_bug_while_it_is_cancelled_with_the_link_ends_the_station(ground, autojump_clock):
    async def session_task(station):
        try:
            await trio.sleep_forever()
        finally:
            raise Boom("while cleaning up")

    async with ground.serving() as port:
        with pytest.raises(Boom):
            await lose_the_link(ground.station_for(port, session_task=session_task), at=1)

    assert trio.current_time() == 1


async def test_a_bug_while_the_body_leaves_is_not_lost(ground, autojump_clock):
    async def session_task(station):
        try:
            await trio.sleep_forever()
        finally:
            raise Boom("while cleaning up")

    async with ground.serving() as port:
        with pytest.raises(Boom):
            async with ground.station_for(port, session_task=session_task) as station:
                await station.wait_online()


async def test_a_bug_during_an_outer_cancellation_is_not_lost(ground, autojump_clock):
    async def session_task(station):
        try:
            await trio.sleep_forever()
        finally:
            raise Boom("while cleaning up")

    async with ground.serving() as port:
        with pytest.raises(ExceptionGroup) as failed, trio.move_on_after(5):
            async with ground.station_for(port, session_task=session_task):
                await trio.sleep_forever()

    assert failed.group_contains(Boom, depth=1)


async def test_its_bug_and_the_bodys_own_error_leave_together(ground, autojump_clock):
    async def session_task(station):
        raise Boom("the task's")

    async def live(port):
        async with ground.station_for(port, session_task=session_task):
            try:
                await trio.sleep_forever()
            finally:
                raise LookupError("the body's")

    async with ground.serving() as port:
        with pytest.raises(ExceptionGroup) as failed:
            await live(port)

    assert failed.group_contains(Boom, depth=1)
    assert failed.group_contains(LookupError, depth=1)


async def test_a_keyboard_interrupt_in_it_is_nobodys_to_keep(ground, autojump_clock):
    async def session_task(station):
        raise KeyboardInterrupt

    async with ground.serving() as port:
        with pytest.raises(BaseExceptionGroup) as left:
            async with ground.station_for(port, session_task=session_task):
                await trio.sleep_forever()

    assert left.group_contains(KeyboardInterrupt)
