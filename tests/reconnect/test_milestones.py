"""The recorder of instants that tests and demonstrations read."""

import trio
import trio.testing

from ocpp_trio import CloseReason, Router, serve_csms, v16
from ocpp_trio.observe import Attempt, Milestones


async def test_an_attempt_has_the_instant_of_every_milestone(ground, autojump_clock):
    ground.stub.interval = 10

    async with ground.open_station() as station:
        await trio.sleep(25)
        station.drop_link()
        await station.wait_online()

    first, second = ground.milestones.of("CP-1")
    assert first == Attempt(
        identity="CP-1",
        connect=0,
        open=0,
        boot_accepted=0,
        online=0.25,
        first_heartbeat=10,
        lost=25,
        closed=first.closed,
        reconnect=25.5,
    )
    assert first.closed.reason is CloseReason.FORCED
    assert (second.connect, second.online, second.first_heartbeat) == (25.5, 25.75, None)
    assert (second.lost, second.closed.reason, second.reconnect) == (25.75, CloseReason.STOPPING, None)


async def test_attempts_that_fail_are_rows_too(ground, autojump_clock):
    ground.network.refuse = True

    async with ground.open_station():
        await trio.sleep(1)

    rows = [(a.connect, a.open, a.lost, a.reconnect) for a in ground.milestones]
    assert rows == [(0, None, 0, 0.5), (0.5, None, 0.5, 1.5)]


async def test_several_stations_are_told_apart(ground, autojump_clock):
    async with ground.open_station() as one, ground.open_station(identity="CP-2") as two:
        await one.wait_online()
        two.drop_link()

    assert [attempt.identity for attempt in ground.milestones] == ["CP-1", "CP-2"]
    assert len(ground.milestones.of("CP-1")) == len(ground.milestones.of("CP-2")) == 1
    assert ground.milestones.of("CP-3") == ()


async def test_it_reads_as_a_table(ground, autojump_clock):
    ground.stub.interval = 10

    async with ground.open_station() as station:
        await trio.sleep(12)
        station.drop_link()
        await trio.sleep(0.625)

    assert str(ground.milestones).splitlines() == [
        "station     connect        open      booted      online  first beat        lost  reason",
        "CP-1          0.000       0.000       0.000       0.250      10.000      12.000  "
        "forced: the link was dropped on purpose",
        "CP-1         12.500      12.500      12.500           -           -      12.625  stopping (1000)",
    ]


def test_without_a_station_the_table_is_its_head():
    assert str(Milestones()).split() == [
        "station",
        "connect",
        "open",
        "booted",
        "online",
        "first",
        "beat",
        "lost",
        "reason",
    ]


async def test_a_csms_that_shares_the_recorder_adds_nothing(ground, autojump_clock):
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            lambda task_status: serve_csms(
                [Router(v16)],
                9000,
                instrument=ground.milestones,
                listen=ground.network.listen,
                task_status=task_status,
            )
        )
        async with ground.station_for(server.port):
            await trio.sleep(1)
        nursery.cancel_scope.cancel()

    (attempt,) = ground.milestones
    assert (attempt.identity, attempt.open, attempt.boot_accepted) == ("CP-1", 0, None)


async def test_what_it_did_not_see_begin_it_leaves_out(ground, autojump_clock):
    late = Milestones()

    async with ground.open_station() as station:
        await station.wait_online()
        for transition in await two_changes(station):
            late.state_changed("CP-1", transition)

    assert [(attempt.connect, attempt.open) for attempt in late] == [(0.75, None)]


async def two_changes(station):
    with station.transitions() as changes:
        station.drop_link()
        return [await changes.receive() for _ in range(2)]
