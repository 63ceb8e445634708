"""The charge point's handle: what it takes, what it tells, and what its levers do."""

import itertools
import random

import pytest
import trio
import trio.testing

from ocpp_trio import (
    CloseReason,
    ConnectionClosed,
    ConnectionState,
    ExponentialBackoff,
    FleetBackoff,
    Limits,
    ReconnectPolicy,
    Registration,
    Router,
    open_charge_point,
    v16,
)
from ocpp_trio.observe import Counters
from ocpp_trio.testing import Delayed, Drop, Ignore, Result

S = ConnectionState
REQUEST = v16.DataTransferRequest(vendor_id="org.example")
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
ACCEPTED = Result({"status": "Accepted"})
NO_BOOT = ReconnectPolicy(backoff=ExponentialBackoff(jitter=0), boot_on_reconnect=False)


def boots(ground):
    return [boot.at for boot in ground.stub.received("BootNotification")]


@pytest.mark.parametrize(
    ("url", "identity", "boot", "found"),
    [
        ("http://csms", "CP-1", BOOT, "http://csms"),
        ("ws://csms", "", BOOT, "expected an identity"),
        ("ws://csms", "CP-1", v16.HeartbeatRequest(), "HeartbeatRequest"),
        (
            "ws://csms",
            "CP-1",
            v16.BootNotificationRequest(charge_point_vendor="\ud800", charge_point_model="One"),
            "utf-8|surrogate",
        ),
    ],
)
async def test_what_cannot_work_is_refused_before_anything_is_dialled(url, identity, boot, found):
    async def dial(host, port):
        pytest.fail("nothing is dialled")

    with pytest.raises(ValueError, match=found):
        async with open_charge_point(url, identity, router=Router(v16), boot=boot, dial=dial):
            pytest.fail("there is no station")


async def test_a_module_in_the_place_of_its_router_is_refused_by_name():
    with pytest.raises(ValueError, match=r"expected a Router as router, found <module 'ocpp_trio\.v16'"):
        async with open_charge_point("ws://csms", "CP-1", router=v16, boot=BOOT):  # type: ignore[arg-type]
            pytest.fail("there is no station")


async def test_a_station_needs_no_more_than_url_identity_router_and_boot(ground, autojump_clock):
    async with (
        ground.serving() as port,
        open_charge_point(
            f"ws://csms:{port}", "CP-1", router=Router(v16), boot=BOOT, dial=ground.network.dial
        ) as station,
    ):
        await station.wait_online()

        assert station.identity == "CP-1"
        assert trio.current_time() == 0.25


async def test_the_jitter_comes_from_the_random_numbers_that_were_given(ground, autojump_clock):
    ground.network.refuse = True
    policy = ReconnectPolicy()
    expected = itertools.islice(policy.backoff.delays(random.Random(42)), 5)

    async with ground.open_station(reconnect=policy, rng=random.Random(42)) as station:
        with station.transitions() as changes:
            waits: list[float | None] = []
            while len(waits) < 5:
                transition = await changes.receive()
                waits += [transition.backoff] if transition.state is S.BACKING_OFF else []

    assert waits == list(expected)


@pytest.mark.parametrize(
    ("arrange", "wait", "state"),
    [
        (lambda ground: setattr(ground.network, "silent", True), 1, S.CONNECTING),
        (lambda ground: ground.stub.on.update(BootNotification=Ignore()), 1, S.BOOTING),
        (lambda ground: None, 0.125, S.RESUMING),
        (lambda ground: setattr(ground.network, "refuse", True), 0.125, S.BACKING_OFF),
    ],
)
async def test_a_call_while_not_online_ends_at_once_and_is_not_sent(ground, autojump_clock, arrange, wait, state):
    arrange(ground)

    async with ground.open_station() as station:
        with pytest.raises(ConnectionClosed) as at_first:
            await station.call(REQUEST)
        await trio.sleep(wait)
        reached = station.state
        with pytest.raises(ConnectionClosed) as closed:
            await station.call(REQUEST)
        assert trio.current_time() == wait

    assert reached is state
    assert not station.can_send
    assert at_first.value.was_sent is closed.value.was_sent is False
    assert ground.stub.received("DataTransfer") == []


async def test_a_call_after_a_refusal_carries_the_http_status(ground, autojump_clock):
    async def refuse(upgrade):
        await upgrade.reject(404)
        return False

    ground.stub.on_upgrade = refuse

    async with ground.open_station() as station:
        await trio.sleep(0.125)
        with pytest.raises(ConnectionClosed) as closed:
            await station.call(REQUEST)
        statistics = station.statistics()

    assert (closed.value.reason, closed.value.closed.status) == (CloseReason.REFUSED, 404)
    assert statistics.closed == closed.value.closed
    assert statistics.session is None
    assert (statistics.pending_calls, statistics.deadlines) == (0, 0)


async def test_statistics_tell_the_whole_story(ground, autojump_clock):
    ground.stub.interval = 77
    ground.stub.on["DataTransfer"] = Ignore()

    async with ground.open_station() as station:
        await station.wait_online()
        await trio.sleep(10)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(station.call, REQUEST)
            await ground.stub.wait_received(1, "DataTransfer")
            online = station.statistics()
            nursery.cancel_scope.cancel()
        await ground.stub.do(Drop())
        await trio.testing.wait_all_tasks_blocked()
        lost = station.statistics()
        await station.wait_online()
        await trio.sleep(5)
        back = station.statistics()

    assert (online.state, online.online, online.attempt, online.current_backoff) == (S.ONLINE, True, 0, None)
    assert (online.closed, online.connections, online.reconnects, online.reconnect_seconds) == (None, 1, 0, None)
    assert (online.seconds_online, online.heartbeat_interval) == (10, 77)
    assert (online.pending_calls, online.deadlines) == (1, 1)
    assert (lost.state, lost.online, lost.attempt, lost.current_backoff) == (S.BACKING_OFF, False, 1, 0.5)
    assert (lost.closed.reason, lost.connections, lost.reconnects) == (CloseReason.TRANSPORT_ERROR, 1, 0)
    assert (lost.seconds_online, lost.pending_calls, lost.deadlines) == (10, 0, 0)
    assert (back.connections, back.reconnects, back.reconnect_seconds, back.seconds_online) == (2, 1, 0.75, 15)
    assert back.closed == lost.closed


async def test_drop_link_cuts_without_a_word_and_reconnects(ground, autojump_clock):
    async with ground.open_station() as station:
        await station.wait_online()
        station.drop_link()
        dropped = (station.state, station.statistics().closed.reason, station.statistics().current_backoff)
        station.drop_link()
        await station.wait_online()

        assert trio.current_time() == 0.25 + 0.5 + 0.25
    assert dropped == (S.BACKING_OFF, CloseReason.FORCED, 0.5)
    assert ground.counters.value("closes", reason="forced") == 1
    assert ground.stub.connections == 2


@pytest.mark.parametrize("at", [0.25, 1.0])
@pytest.mark.parametrize("order", range(20))
async def test_a_link_dropped_at_the_instant_of_coming_online_is_a_loss(ground, autojump_clock, at, order):
    async with ground.open_station(reconnect=NO_BOOT) as station:
        await trio.sleep(0.25)
        station.drop_link()
        await trio.sleep(at - 0.25)
        station.drop_link()
        await trio.testing.wait_all_tasks_blocked()

        assert station.state is S.BACKING_OFF
        assert station.statistics().session.closed.reason is CloseReason.FORCED


async def test_drop_link_without_a_link_does_nothing(ground, autojump_clock):
    ground.network.silent = True

    async with ground.open_station() as station:
        station.drop_link()
        await trio.sleep(1)
        station.drop_link()

        assert station.state is S.CONNECTING


async def test_reboot_says_goodbye_connects_at_once_and_boots(ground, autojump_clock):
    async with ground.open_station(reconnect=NO_BOOT) as station:
        await station.wait_online()
        await trio.sleep(1)
        with station.transitions() as changes:
            station.reboot()
            lost = await changes.receive()
        rebooting = station.registration
        await station.wait_online()

        assert trio.current_time() == 1.5
        assert station.registration is Registration.ACCEPTED
    assert (lost.closed.reason, lost.closed.code, lost.backoff) == (CloseReason.STOPPING, 1001, 0)
    assert rebooting is Registration.UNKNOWN
    assert boots(ground) == [0, 1.25]


async def test_only_the_first_wait_after_a_reboot_is_skipped(ground, autojump_clock):
    async with ground.open_station() as station:
        await station.wait_online()
        ground.network.refuse = True
        station.reboot()
        await trio.sleep(0.25)

        assert (station.attempt, station.current_backoff) == (2, 0.5)


async def test_a_reboot_without_a_link_boots_on_the_next_one(ground, autojump_clock):
    async with ground.open_station(reconnect=NO_BOOT) as station:
        await station.wait_online()
        station.drop_link()
        station.reboot()
        await station.wait_online()

    assert boots(ground) == [0, 0.75]


async def test_a_reboot_before_the_first_connection_changes_nothing(ground, autojump_clock):
    async with ground.open_station() as station:
        station.reboot()
        await station.wait_online()

        assert trio.current_time() == 0.25


async def test_without_boot_on_reconnect_registration_survives_the_socket(ground, autojump_clock):
    ground.stub.interval = 10

    async with ground.open_station(reconnect=NO_BOOT) as station:
        await station.wait_online()
        with station.transitions() as changes:
            station.drop_link()
            states = [(await changes.receive()).state for _ in range(4)]
        await trio.sleep(10)

    assert states == [S.BACKING_OFF, S.CONNECTING, S.RESUMING, S.ONLINE]
    assert boots(ground) == [0]
    assert [beat.at for beat in ground.stub.received("Heartbeat")] == [0.75 + 10]


async def test_without_boot_on_reconnect_a_station_that_was_never_accepted_boots(ground, autojump_clock):
    ground.stub.on["BootNotification"] = [
        Delayed(100, ACCEPTED),
        Result({"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 10}),
    ]

    async with ground.open_station(reconnect=NO_BOOT) as station:
        await trio.sleep(1)
        station.drop_link()
        await station.wait_online()

    assert boots(ground) == [0, 1.5]


async def test_attempts_start_again_only_after_a_session_that_lasted(ground, autojump_clock):
    policy = ReconnectPolicy(backoff=ExponentialBackoff(initial=1, jitter=0), reset_after=60)
    waits = []

    async with ground.open_station(reconnect=policy) as station:
        for seconds_online in (59, 59, 61, 5):
            await station.wait_online()
            await trio.sleep(seconds_online)
            station.drop_link()
            waits.append((station.attempt, station.current_backoff))
            await trio.testing.wait_all_tasks_blocked()

    assert waits == [(1, 1), (2, 2), (1, 1), (2, 2)]


async def test_the_fleet_policy_waits_for_its_window_once_and_then_with_full_jitter(ground, autojump_clock):
    policy = ReconnectPolicy(backoff=FleetBackoff(window=60, floor=1), reset_after=60)

    async with ground.open_station(reconnect=policy, rng=random.Random(3)) as station:
        waits = []
        for _ in range(3):
            await station.wait_online()
            station.drop_link()
            waits.append(station.current_backoff)
            await trio.testing.wait_all_tasks_blocked()

    same = random.Random(3)
    assert waits == [same.uniform(0, 60), same.uniform(1, 60), same.uniform(1, 120)]


@pytest.mark.parametrize(
    ("status", "retry_after", "wait"),
    [(401, None, 60), (403, None, 60), (404, None, 0.5), (503, None, 0.5), (503, b"17", 17), (403, b"90", 90)],
)
async def test_a_refusal_sets_the_least_wait(ground, autojump_clock, status, retry_after, wait):
    async def refuse(upgrade):
        await upgrade.reject(status, headers=[(b"Retry-After", retry_after)] if retry_after else ())
        return False

    ground.stub.on_upgrade = refuse

    async with ground.open_station() as station:
        await trio.sleep(0.125)

        assert (station.state, station.current_backoff) == (S.BACKING_OFF, wait)
        assert (station.statistics().closed.reason, station.statistics().closed.status) == (CloseReason.REFUSED, status)


async def test_a_half_open_link_is_found_by_the_keepalive_and_replaced(ground, autojump_clock):
    async with ground.open_station(limits=Limits(ping_interval=30, pong_deadline=20)) as station:
        await trio.sleep(40)
        ground.network.links[0].cut()
        await station.wait_offline()
        found_at, closed = trio.current_time(), station.statistics().closed
        await station.wait_online()

    assert found_at == 60 + 20
    assert closed.reason is CloseReason.KEEPALIVE_TIMEOUT
    assert ground.counters.value("pongs") == 1


async def test_pings_are_told_and_can_be_switched_off(ground, autojump_clock):
    quiet = Counters()

    async with ground.serving() as port:
        async with ground.station_for(port, limits=Limits(ping_interval=10)):
            await trio.sleep(35)
        async with ground.station_for(port, limits=Limits(ping_interval=float("inf")), instrument=quiet):
            await trio.sleep(1000)

    assert ground.counters.value("pongs") == 3
    assert quiet.value("pongs") == 0
