"""The state machine alone: every pair of states, the instants, and everybody who waits."""

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, ConnectionState, Instrument, LocalProtocolError, Transition
from ocpp_trio.charge_point.supervisor import SUBSCRIPTION_SIZE, TRANSITIONS, Lifecycle

S = ConnectionState
LOST = Closed(CloseReason.TRANSPORT_ERROR, 1006, "gone")

ALLOWED = {
    (S.DISCONNECTED, S.CONNECTING),
    (S.DISCONNECTED, S.CLOSING),
    (S.CONNECTING, S.BOOTING),
    (S.CONNECTING, S.RESUMING),
    (S.CONNECTING, S.BACKING_OFF),
    (S.CONNECTING, S.CLOSING),
    (S.BOOTING, S.RESUMING),
    (S.BOOTING, S.BACKING_OFF),
    (S.BOOTING, S.CLOSING),
    (S.RESUMING, S.ONLINE),
    (S.RESUMING, S.BACKING_OFF),
    (S.RESUMING, S.CLOSING),
    (S.ONLINE, S.BACKING_OFF),
    (S.ONLINE, S.CLOSING),
    (S.BACKING_OFF, S.CONNECTING),
    (S.BACKING_OFF, S.CLOSING),
    (S.CLOSING, S.DISCONNECTED),
}
PATHS = {
    S.DISCONNECTED: (),
    S.CONNECTING: (S.CONNECTING,),
    S.BOOTING: (S.CONNECTING, S.BOOTING),
    S.RESUMING: (S.CONNECTING, S.BOOTING, S.RESUMING),
    S.ONLINE: (S.CONNECTING, S.BOOTING, S.RESUMING, S.ONLINE),
    S.BACKING_OFF: (S.CONNECTING, S.BACKING_OFF),
    S.CLOSING: (S.CLOSING,),
}
PAIRS = [pytest.param(a, b, id=f"{a.name}-{b.name}") for a in S for b in S]


class Told(Instrument):
    """Keeps what it is told, and the state that the machine showed at that moment."""

    def __init__(self):
        self.transitions: list[tuple[str, Transition]] = []

    def state_changed(self, identity, transition):
        self.transitions.append((identity, transition))


def in_state(state, instrument=None):
    lifecycle = Lifecycle("CP-1", instrument or Instrument())
    for step in PATHS[state]:
        lifecycle.to(step)
    assert lifecycle.state is state
    return lifecycle


def test_the_table_names_every_state_and_these_ways_only():
    assert set(TRANSITIONS) == set(S)
    assert {(a, b) for a, targets in TRANSITIONS.items() for b in targets} == ALLOWED


@pytest.mark.parametrize(("before", "after"), PAIRS)
async def test_every_pair_of_states_is_a_way_or_an_error(before, after):
    told = Told()
    lifecycle = in_state(before, told)
    so_far = len(told.transitions)

    if (before, after) in ALLOWED:
        lifecycle.to(after)

        assert lifecycle.state is after
        assert [(t.previous, t.state) for _, t in told.transitions[so_far:]] == [(before, after)]
    else:
        with pytest.raises(LocalProtocolError, match=f"no way from {before.name} to {after.name}"):
            lifecycle.to(after)

        assert lifecycle.state is before
        assert told.transitions[so_far:] == []


async def test_a_transition_carries_its_instant_reason_attempt_and_wait(autojump_clock):
    told = Told()
    lifecycle = in_state(S.CONNECTING, told)
    lifecycle.attempt = 3
    await trio.sleep(7)

    lifecycle.to(S.BACKING_OFF, LOST, backoff=2.5)

    expected = Transition(previous=S.CONNECTING, state=S.BACKING_OFF, at=7, attempt=3, closed=LOST, backoff=2.5)
    assert told.transitions[-1] == ("CP-1", expected)
    assert (lifecycle.closed, lifecycle.backoff) == (LOST, 2.5)


async def test_the_wait_ends_with_its_state_and_the_reason_stays():
    lifecycle = in_state(S.CONNECTING)
    lifecycle.to(S.BACKING_OFF, LOST, backoff=2.5)

    lifecycle.to(S.CONNECTING)

    assert (lifecycle.closed, lifecycle.backoff) == (LOST, None)


async def test_wait_online_and_wait_offline_return_at_the_instant_of_the_change(autojump_clock):
    lifecycle = in_state(S.RESUMING)
    woken = []

    async def wait(name, condition):
        await condition()
        woken.append((name, trio.current_time()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, "offline at once", lifecycle.wait_offline)
        nursery.start_soon(wait, "online", lifecycle.wait_online)
        await trio.sleep(1)
        lifecycle.to(S.ONLINE)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(wait, "online at once", lifecycle.wait_online)
        nursery.start_soon(wait, "offline", lifecycle.wait_offline)
        await trio.sleep(1)
        lifecycle.to(S.BACKING_OFF, LOST)

    assert woken == [("offline at once", 0), ("online", 1), ("online at once", 1), ("offline", 2)]


async def test_a_wait_for_online_that_is_cancelled_changes_nothing(autojump_clock):
    lifecycle = in_state(S.RESUMING)

    with trio.move_on_after(1):
        await lifecycle.wait_online()
    lifecycle.to(S.ONLINE)

    await lifecycle.wait_online()
    assert trio.current_time() == 1


async def test_a_subscriber_gets_every_transition_from_now_on(autojump_clock):
    lifecycle = in_state(S.CONNECTING)

    with lifecycle.subscribe() as first, lifecycle.subscribe() as second:
        lifecycle.to(S.BOOTING)
        lifecycle.to(S.RESUMING)

        for changes in (first, second):
            assert [changes.receive_nowait().state for _ in range(2)] == [S.BOOTING, S.RESUMING]


async def test_a_slow_subscriber_loses_the_oldest_and_keeps_nobody_waiting():
    lifecycle = in_state(S.BACKING_OFF)

    with lifecycle.subscribe() as changes:
        for attempt in range(SUBSCRIPTION_SIZE):
            lifecycle.attempt = attempt
            lifecycle.to(S.CONNECTING)
            lifecycle.to(S.BACKING_OFF, LOST)
        kept = [changes.receive_nowait() for _ in range(SUBSCRIPTION_SIZE)]

        with pytest.raises(trio.WouldBlock):
            changes.receive_nowait()
        assert kept[0].attempt == SUBSCRIPTION_SIZE // 2
        assert kept[-1].attempt == SUBSCRIPTION_SIZE - 1


@pytest.mark.parametrize("unread", [0, SUBSCRIPTION_SIZE], ids=["empty", "full"])
async def test_a_subscriber_who_closes_early_harms_nobody(unread):
    lifecycle = in_state(S.BACKING_OFF)

    with lifecycle.subscribe() as closing, lifecycle.subscribe() as staying:
        for _ in range(unread // 2):
            lifecycle.to(S.CONNECTING)
            lifecycle.to(S.BACKING_OFF, LOST)
        clone = closing.clone() if unread else None
        closing.close()
        lifecycle.to(S.CONNECTING)

        assert staying.statistics().current_buffer_used == min(unread + 1, SUBSCRIPTION_SIZE)
        if clone is not None:
            clone.close()
    assert lifecycle.state is S.CONNECTING


async def test_the_stream_ends_with_the_subscription():
    lifecycle = in_state(S.CONNECTING)

    with lifecycle.subscribe() as changes:
        pass
    lifecycle.to(S.BOOTING)

    with pytest.raises(trio.ClosedResourceError):
        changes.receive_nowait()


async def test_reconnects_and_time_online_are_counted(autojump_clock):
    lifecycle = in_state(S.RESUMING)

    async def be_online(seconds):
        lifecycle.to(S.ONLINE)
        await trio.sleep(seconds)

    async def come_back(*waits):
        for wait in waits:
            lifecycle.to(S.BACKING_OFF, LOST)
            await trio.sleep(wait)
            lifecycle.to(S.CONNECTING)
        lifecycle.to(S.RESUMING)

    await be_online(10)
    first = (lifecycle.reconnects, lifecycle.reconnect_seconds, lifecycle.seconds_online())
    await come_back(1, 2)
    offline = (lifecycle.reconnects, lifecycle.reconnect_seconds, lifecycle.seconds_online())
    await be_online(100)
    second = (lifecycle.reconnects, lifecycle.reconnect_seconds, lifecycle.seconds_online())
    await come_back(5)
    await be_online(0)
    third = (lifecycle.reconnects, lifecycle.reconnect_seconds, lifecycle.seconds_online())

    assert first == (0, None, 10)
    assert offline == (2, None, 10)
    assert second == (2, 3, 110)
    assert third == (3, 5, 110)


async def test_the_first_time_online_is_no_reconnect_however_long_it_took(autojump_clock):
    lifecycle = in_state(S.CONNECTING)
    lifecycle.to(S.BACKING_OFF, LOST)
    await trio.sleep(9)
    lifecycle.to(S.CONNECTING)
    lifecycle.to(S.RESUMING)

    lifecycle.to(S.ONLINE)

    assert lifecycle.reconnects == 1
    assert lifecycle.reconnect_seconds is None
