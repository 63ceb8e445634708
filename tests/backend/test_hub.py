"""Events reach those who want them, in order, and nobody waits for a subscriber."""

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio.backend.events import Event, Topic
from ocpp_trio.backend.hub import Hub, Lost, SlowPolicy, SubscriptionDropped
from ocpp_trio.backend.interest import Want
from tests.backend.test_interest import event


@pytest.fixture
def hub():
    return Hub(history=5)


async def receive(subscription, count):
    return [await subscription.receive() for _ in range(count)]


def numbers(items):
    return [item if isinstance(item, Lost) else item.sequence for item in items]


async def test_subscriber_hears_what_it_wants_in_order_and_numbered(hub, autojump_clock):
    with hub.subscribe() as subscription:
        hub.publish(event())
        subscription.subscribe(Topic.STATIONS, "CP-1")
        for identity in ("CP-1", "CP-2", "CP-1"):
            hub.publish(event(identity))
        subscription.unsubscribe(Topic.STATIONS, "CP-1")
        hub.publish(event())
        received = await receive(subscription, 2)
        with trio.move_on_after(1) as more:
            await subscription.receive()

    assert numbers(received) == [2, 4]
    assert [item.event.identity for item in received] == ["CP-1", "CP-1"]
    assert more.cancelled_caught
    assert hub.sequence == 5


def test_hub_tells_whether_anybody_would_hear(hub):
    def heard() -> list[bool]:
        return [hub.anybody_wants(topic, "CP-1") for topic in (Topic.STATIONS, Topic.LOG)]

    with hub.subscribe() as one, hub.subscribe() as other:
        assert heard() == [False, False]
        one.subscribe(Topic.LOG, "CP-2")
        assert heard() == [False, False]
        one.subscribe(Topic.LOG, "CP-1")
        assert heard() == [False, True]
        other.subscribe(Topic.STATIONS)
        assert heard() == [True, True]
        one.unsubscribe(Topic.LOG, "CP-1")
        assert heard() == [True, False]
    assert heard() == [False, False]


@attrs.frozen
class Wanting:
    """A tap behind which somebody wants the log of one station."""

    def passes_on(self, topic: Topic, identity: str) -> bool:
        return (topic, identity) == (Topic.LOG, "CP-1")

    def published(self, event: Event) -> None:
        pass

    def interest_changed(self) -> None:
        pass


def test_who_hears_by_way_of_a_tap_counts_as_well(hub):
    with hub.tapped(Wanting()):
        heard = [hub.anybody_wants(Topic.LOG, identity) for identity in ("CP-1", "CP-2")]

    assert heard == [True, False]
    assert not hub.anybody_wants(Topic.LOG, "CP-1")
    assert hub.wants == ()


async def test_waiting_subscriber_is_woken(hub, autojump_clock):
    async def publish_later():
        await trio.sleep(3)
        hub.publish(event())

    with hub.subscribe() as subscription:
        subscription.subscribe(Topic.STATIONS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(publish_later)
            received = await subscription.receive()

    assert numbers([received]) == [1]
    assert trio.current_time() == 3


async def test_cancelled_receive_loses_nothing(hub, autojump_clock):
    with hub.subscribe() as subscription:
        subscription.subscribe(Topic.STATIONS)
        with trio.move_on_after(1):
            await subscription.receive()
        hub.publish(event())
        with trio.CancelScope() as scope:
            scope.cancel()
            await subscription.receive()
        received = await subscription.receive()

    assert scope.cancelled_caught
    assert numbers([received]) == [1]


async def test_slow_subscriber_is_told_how_many_it_missed_and_where(hub, autojump_clock):
    with hub.subscribe(capacity=2) as subscription, hub.subscribe() as other:
        for each in (subscription, other):
            each.subscribe(Topic.STATIONS)
        for _ in range(5):
            hub.publish(event())
        waiting = subscription.waiting
        first = await receive(subscription, 2)
        hub.publish(event())
        rest = await receive(subscription, 2)
        for _ in range(3):
            hub.publish(event())
        again = await receive(subscription, 3)
        unhurt = await receive(other, 9)

    assert waiting == 3  # two events and the mark of those that are lost
    assert numbers([*first, *rest]) == [1, 2, Lost(3), 6]
    assert numbers(again) == [7, 8, Lost(1)]
    assert numbers(unhurt) == [*range(1, 10)]


async def test_slow_subscriber_that_would_rather_go_is_dropped_after_what_it_has(hub, autojump_clock):
    with hub.subscribe(capacity=2, policy=SlowPolicy.DROP) as subscription:
        subscription.subscribe(Topic.STATIONS)
        for _ in range(3):
            hub.publish(event())
        wants = hub.wants
        received = await receive(subscription, 2)
        subscription.subscribe(Topic.LOG)
        for _ in range(2):
            with pytest.raises(SubscriptionDropped, match="expected less than 2 events to wait"):
                await subscription.receive()

    assert numbers(received) == [1, 2]
    assert subscription.dropped
    assert (wants, hub.wants) == ((), ())


async def test_subscriber_that_waits_learns_at_once_that_it_was_dropped(hub, autojump_clock):
    """It cannot happen while it waits for more: the queue is empty then. It may happen before it is scheduled."""
    ends = []

    async def subscriber(subscription):
        try:
            while True:
                ends.append((await subscription.receive()).sequence)
        except SubscriptionDropped:
            ends.append("dropped")

    with hub.subscribe(capacity=1, policy=SlowPolicy.DROP) as subscription:
        subscription.subscribe(Topic.STATIONS)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(subscriber, subscription)
            await trio.testing.wait_all_tasks_blocked()
            hub.publish(event())
            hub.publish(event())

    assert ends == [1, "dropped"]


def test_interest_is_cleared_when_the_subscriber_leaves():
    changes: list[object] = []
    feed = Hub(interest_changed=lambda: changes.append(feed.wants))

    def live_and_fail():
        with feed.subscribe() as subscription:
            subscription.subscribe(Topic.STATIONS)
            subscription.subscribe(Topic.CONNECTORS, "CP-1")
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        live_and_fail()

    stations, connector = Want(Topic.STATIONS), Want(Topic.CONNECTORS, "CP-1")
    assert changes == [(stations,), (stations, connector), ()]


def test_who_comes_back_gets_what_it_missed_or_learns_that_it_is_gone(hub):
    wants = [Want(Topic.STATIONS, "CP-1")]
    for number in range(8):
        hub.publish(event("CP-1" if number % 2 else "CP-2"))

    assert [item.sequence for item in hub.since(3, wants) or ()] == [4, 6, 8]
    assert hub.since(8, wants) == []
    assert hub.since(2, wants) is None
    assert hub.since(9, wants) is None


def test_subscription_needs_room(hub):
    with pytest.raises(ValueError, match="expected room for at least 1 event, found 0"), hub.subscribe(capacity=0):
        pass


@pytest.mark.untraced
async def test_thousand_subscribers_hear_each_of_a_hundred_events(autojump_clock):
    hub = Hub()
    received = []

    async def subscriber(*, task_status):
        with hub.subscribe() as subscription:
            subscription.subscribe(Topic.STATIONS)
            task_status.started()
            received.append(numbers(await receive(subscription, 100)))

    async with trio.open_nursery() as nursery:
        for _ in range(1000):
            await nursery.start(subscriber)
        for _ in range(100):
            hub.publish(event())

    assert received == [list(range(1, 101))] * 1000
    assert hub.wants == ()


async def test_receiving_without_waiting_gives_what_waits_and_says_when_nothing_does(hub, autojump_clock):
    with hub.subscribe(capacity=2, policy=SlowPolicy.DROP) as subscription:
        subscription.subscribe(Topic.STATIONS)
        with pytest.raises(trio.WouldBlock):
            subscription.receive_nowait()
        with trio.move_on_after(1) as waiting:
            await subscription.wait_readable()
        hub.publish(event())
        await subscription.wait_readable()
        first = subscription.receive_nowait()
        for _ in range(3):
            hub.publish(event())
        rest = [subscription.receive_nowait() for _ in range(subscription.waiting)]
        await subscription.wait_readable()
        with pytest.raises(SubscriptionDropped):
            subscription.receive_nowait()

    assert waiting.cancelled_caught
    assert numbers([first, *rest]) == [1, 2, 3]
