"""The way from one state to the next, as the instruments and the stream of transitions tell it."""

import trio
import trio.testing

from ocpp_trio import CloseReason, ConnectionState
from ocpp_trio.observe import Timeline
from ocpp_trio.testing import CloseWith, Drop

S = ConnectionState


async def test_start_leads_to_connecting(ground, autojump_clock):
    ground.network.silent = True

    async with ground.open_station() as station:
        before = station.state
        await trio.testing.wait_all_tasks_blocked()
        after = station.statistics()

    assert before is S.DISCONNECTED
    assert (after.state, after.online, after.attempt, after.current_backoff) == (S.CONNECTING, False, 0, None)
    assert ground.dials == [0]


async def test_open_leads_to_connected(ground, until, autojump_clock):
    async with ground.open_station() as station:
        with station.transitions() as changes:
            online = await until(changes, S.ONLINE)
        statistics = station.statistics()

    (attempt,) = ground.milestones.of("CP-1")
    assert (attempt.connect, attempt.open, attempt.boot_accepted, attempt.online) == (0, 0, 0, 0.25)
    assert (online.at, online.attempt) == (0.25, 0)
    assert statistics.online
    assert ground.counters.value("opens") == 1


async def test_close_leads_to_disconnected_and_offline(ground, until, autojump_clock):
    async with ground.open_station() as station:
        await station.wait_online()
        with station.transitions() as changes:
            await trio.sleep(10)
            await ground.stub.do(CloseWith(1000, "bye"))
            await station.wait_offline()
            offline_at, lost = trio.current_time(), station.statistics()
            transition = await until(changes, S.BACKING_OFF)

    assert offline_at == transition.at == 10.25
    assert (lost.state, lost.online, lost.attempt, lost.current_backoff) == (S.BACKING_OFF, False, 1, 0.5)
    assert (transition.closed.reason, transition.closed.code) == (CloseReason.CLEAN, 1000)
    assert lost.closed == transition.closed
    assert station.state is S.DISCONNECTED


async def test_every_step_of_a_loss_and_a_return_is_told_once_and_in_order(ground, until, autojump_clock):
    async with ground.open_station() as station:
        with station.transitions() as changes:
            await until(changes, S.ONLINE)
            station.drop_link()
            told = [await changes.receive() for _ in range(5)]

    assert [(t.previous, t.state, t.at) for t in told] == [
        (S.ONLINE, S.BACKING_OFF, 0.25),
        (S.BACKING_OFF, S.CONNECTING, 0.75),
        (S.CONNECTING, S.BOOTING, 0.75),
        (S.BOOTING, S.RESUMING, 0.75),
        (S.RESUMING, S.ONLINE, 1.0),
    ]
    assert [t.closed and t.closed.reason for t in told] == [CloseReason.FORCED, None, None, None, None]
    assert [t.backoff for t in told] == [0.5, None, None, None, None]
    assert [t.attempt for t in told] == [1, 1, 1, 1, 0]


async def test_offline_comes_before_any_pending_call_learns_of_the_loss(ground, autojump_clock):
    """Both are told synchronously: the order of the instruments' events is the order of the facts."""
    seen = []

    class Watch(Timeline):
        def connection_closed(self, link, closed):
            seen.append(("closed", station.online, station.statistics().pending_calls))

        def call_ended(self, link, report):
            seen.append((report.outcome, station.online, station.statistics().pending_calls))

        def state_changed(self, identity, transition):
            seen.append((transition.state, station.online, station.statistics().pending_calls))

    ground.timeline = Watch()
    ground.stub.on["Heartbeat"] = Drop()
    ground.stub.interval = 10

    async with ground.open_station() as station:
        await station.wait_online()
        seen.clear()
        await station.wait_offline()
        await trio.testing.wait_all_tasks_blocked()

    assert seen[:2] == [(S.BACKING_OFF, False, 1), ("closed", False, 1)]
    assert ("closed", False, 0) in seen[2:]
