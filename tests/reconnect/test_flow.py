"""The whole way round: online, lost, waiting, connected, booted, online again."""

import itertools

import pytest
import trio
import trio.testing

from ocpp_trio import CloseReason, ConnectionClosed, ConnectionState, Registration, v16
from ocpp_trio.testing import CloseWith, Drop, Result

S = ConnectionState
REQUEST = v16.DataTransferRequest(vendor_id="org.example")
ACCEPTED = Result({"status": "Accepted"})


def boots(ground):
    return [(boot.at, boot.connection) for boot in ground.stub.received("BootNotification")]


def beats(ground):
    return [beat.at for beat in ground.stub.received("Heartbeat")]


async def test_basic_flow(ground, until, autojump_clock):
    ground.stub.on["DataTransfer"] = ACCEPTED
    log: list[object] = []

    async def try_to_send(station):
        try:
            await station.call(REQUEST)
        except ConnectionClosed as closed:
            log.append((trio.current_time(), station.can_send, closed.reason))
        else:
            log.append((trio.current_time(), station.can_send, "sent"))

    async with ground.open_station() as station:
        with station.transitions() as changes:
            await try_to_send(station)
            await until(changes, S.ONLINE)
            await try_to_send(station)
            await trio.sleep(9.75)
            await ground.stub.do(CloseWith(1000))
            await until(changes, S.BACKING_OFF)
            await try_to_send(station)
            await until(changes, S.CONNECTING)
            await try_to_send(station)
            await until(changes, S.RESUMING)
            await try_to_send(station)
            await until(changes, S.ONLINE)
            await try_to_send(station)

    assert log == [
        (0, False, CloseReason.TRANSPORT_ERROR),
        (0.25, True, "sent"),
        (10, False, CloseReason.CLEAN),
        (10.5, False, CloseReason.CLEAN),
        (10.5, False, CloseReason.CLEAN),
        (10.75, True, "sent"),
    ]
    assert boots(ground) == [(0, 1), (10.5, 2)]
    assert [frame.at for frame in ground.stub.received("DataTransfer")] == [0.25, 10.75]
    assert ground.dials == [0, 10.5]


@pytest.mark.parametrize("behaviour", [CloseWith(1000), Drop()], ids=repr)
async def test_reconnect_basic(ground, autojump_clock, behaviour):
    ground.stub.interval = 10

    async with ground.open_station() as station:
        await trio.sleep(25)
        await ground.stub.do(behaviour)
        await station.wait_offline()
        lost_at, backoff, beats_before = trio.current_time(), station.current_backoff, len(beats(ground))
        await station.wait_online()
        elapsed = ground.dials[-1] - lost_at
        await trio.sleep(25)

    assert (lost_at, beats_before) == (25, 2)
    assert elapsed >= backoff == 0.5
    assert boots(ground) == [(0, 1), (25.5, 2)]
    assert beats(ground) == [10, 20, 35.5, 45.5]
    assert ground.counters.value("heartbeats") == 4


async def test_many_losses_in_a_row_each_end_online_again(ground, autojump_clock):
    ground.stub.close_after = 100
    ground.stub.interval = 30

    async with ground.open_station() as station:
        await trio.sleep(100.5 * 20 + 1)

        statistics = station.statistics()

    assert statistics.online
    assert (statistics.connections, statistics.reconnects, statistics.attempt) == (21, 20, 0)
    assert statistics.reconnect_seconds == 0.75
    assert statistics.seconds_online == pytest.approx(20 * 99.75 + 0.75)
    assert len(beats(ground)) == 20 * 3
    assert (statistics.pending_calls, statistics.deadlines) == (0, 0)


async def test_refused_with_404_and_then_accepted(ground, autojump_clock):
    """An identity that its CSMS does not know yet keeps trying (OCPP-J 1.6 section 3.2)."""
    upgrades = []

    async def know_it_later(upgrade):
        upgrades.append(trio.current_time())
        if len(upgrades) > 4:
            return True
        await upgrade.reject(404)
        return False

    ground.stub.on_upgrade = know_it_later

    async with ground.open_station() as station:
        await station.wait_online()

        assert station.attempt == 0
        assert station.statistics().closed.status == 404
    assert upgrades == [0, 0.5, 1.5, 3.5, 7.5]
    assert ground.counters.value("handshake_failures", reason="refused") == 4
    assert ground.counters.value("opens") == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_for_its_credentials_it_keeps_trying_at_leisure(ground, autojump_clock, status):
    upgrades = []

    async def refuse(upgrade):
        upgrades.append(trio.current_time())
        await upgrade.reject(status)
        return False

    ground.stub.on_upgrade = refuse

    async with ground.open_station():
        await trio.sleep(200)

    assert upgrades == [0, 60, 120, 180]


async def test_an_overloaded_csms_sets_the_pace(ground, autojump_clock):
    upgrades = []

    async def shed(upgrade):
        upgrades.append(trio.current_time())
        if len(upgrades) > 2:
            return True
        await upgrade.reject(503, headers=[(b"Retry-After", b"17")])
        return False

    ground.stub.on_upgrade = shed

    async with ground.open_station() as station:
        await station.wait_online()

    assert upgrades == [0, 17, 34]


async def test_no_common_subprotocol_is_tried_again(ground, autojump_clock):
    ground.stub.subprotocol = "ocpp9.9"

    async with ground.open_station() as station:
        await trio.sleep(1)
        refused = station.statistics().closed
        ground.stub.subprotocol = "ocpp1.6"
        await station.wait_online()

    assert refused.reason is CloseReason.PROTOCOL_ERROR
    assert ground.dials == [0, 0.5, 1.5]


async def test_boot_pending(ground, autojump_clock):
    ground.stub.status = "Pending"
    ground.stub.interval = 30

    async with ground.open_station() as station:
        await trio.sleep(70)
        pending = (station.state, station.registration, station.can_send)
        ground.stub.status = "Accepted"
        await station.wait_online()
        await trio.sleep(30)

    assert pending == (S.BOOTING, Registration.PENDING, False)
    assert boots(ground) == [(0, 1), (30, 1), (60, 1), (90, 1)]
    assert beats(ground) == [120]
    (attempt,) = ground.milestones.of("CP-1")
    assert (attempt.boot_accepted, attempt.online) == (90, 90.25)


async def test_boot_rejected(ground, autojump_clock):
    """Rejected, cut off, still waiting, and accepted in the end: one boot per interval, over all connections."""
    ground.stub.status = "Rejected"
    ground.stub.interval = 30
    ground.stub.close_after = 10

    async with ground.open_station() as station:
        await trio.sleep(65)
        rejected = station.registration
        ground.stub.status, ground.stub.close_after = "Accepted", None
        await station.wait_online()

    assert rejected is Registration.REJECTED
    times = [at for at, _ in boots(ground)]
    assert all(later - earlier >= 30 for earlier, later in itertools.pairwise(times))
    assert ground.stub.connections > len(times)


async def test_a_rejecting_csms_that_hangs_up_is_not_stormed(ground, autojump_clock):
    ground.stub.status = "Rejected"
    ground.stub.interval = 300
    ground.stub.close_after = 0.1

    async with ground.open_station():
        await trio.sleep(600)

    assert len(boots(ground)) <= 3
    assert len(ground.dials) <= 600 / 30 + 8
