"""The same script of actions over frames and without them: both ends see the same at the same instants."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import attrs
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio import Closed, CloseReason, ConnectionClosed, Instrument, Limits, Link
from ocpp_trio.link.connection import Connection, open_connection
from ocpp_trio.testing import Conditions, MemoryLink, MemoryNetwork
from tests.link.conftest import Side, open_end

LIMITS: Final = Limits(message_size=8, ping_interval=7, pong_deadline=5)
LINK: Final = Link(identity="CP-1", role="charge_point", number=1)

Seen = list[tuple[float, str, Any]]
Act = Callable[[dict[str, "End"], MemoryLink], None]


@attrs.define
class End:
    """What one end saw, and when."""

    connection: Connection
    nursery: trio.Nursery
    seen: Seen = attrs.Factory(list)

    def note(self, kind: str, what: Any = None) -> None:
        self.seen.append((trio.current_time(), kind, what))

    async def read(self) -> None:
        """What a session does: take what comes, and let go at the end."""
        with suppress(ConnectionClosed):
            await self.connection.forward(lambda text: self.note("text", text))
        closed = self.connection.transport.closed
        assert closed is not None
        self.connection.end(closed)
        self.note("closed", (closed.reason, closed.code, closed.detail))
        self.nursery.cancel_scope.cancel()

    async def say(self, text: str) -> None:
        with suppress(ConnectionClosed):
            receipt = await self.connection.send(text)
            if await receipt.wait_written():
                self.note("written", text)

    async def ping(self) -> None:
        with suppress(ConnectionClosed):
            await self.connection.ping()
            self.note("sign")


def say(name: str, text: str) -> Act:
    return lambda ends, link: ends[name].nursery.start_soon(ends[name].say, text)


def ping(name: str) -> Act:
    return lambda ends, link: ends[name].nursery.start_soon(ends[name].ping)


def close(name: str, code: int) -> Act:
    return lambda ends, link: ends[name].connection.end(Closed(CloseReason.STOPPING, code, "bye"))


def abort(name: str) -> Act:
    return lambda ends, link: ends[name].connection.abort(Closed(CloseReason.FORCED))


def harm(method: str, *args: Any, **options: Any) -> Act:
    return lambda ends, link: getattr(link, method)(*args, **options)


ends = st.sampled_from(["client", "server"])
calm = st.one_of(
    st.builds(say, ends, st.sampled_from(["", "one", "two", "ü", "eight ch"])),
    st.builds(ping, ends),
)
harms = st.one_of(
    st.builds(say, ends, st.just("nine char")),
    st.builds(close, ends, st.sampled_from([1000, 1001, 1008])),
    st.builds(abort, ends),
    st.just(harm("reset")),
    st.just(harm("part")),
    st.just(harm("rejoin")),
    st.just(harm("stall")),
    st.builds(lambda name: harm("stall", **{name: True}), ends),
    st.builds(lambda up: harm("cut", up=up), st.booleans()),
    st.builds(lambda latency: harm("shape", Conditions(latency=latency)), st.sampled_from([0.0, 0.26, 1.57])),
)
scripts = st.lists(st.tuples(st.one_of(calm, harms), st.sampled_from([0.0, 0.13, 1.01, 9.07])), max_size=12)


@given(scripts)
@settings(max_examples=80, deadline=None)
def test_both_ends_see_the_same_with_frames_and_without(script):
    assert play(script, framing=False) == play(script, framing=True)


def play(script: list[tuple[Act, float]], *, framing: bool) -> dict[str, Seen]:
    clock = trio.testing.MockClock(autojump_threshold=0)
    return trio.run(_play, script, framing, clock=clock)


async def _play(script: list[tuple[Act, float]], framing: bool) -> dict[str, Seen]:
    network = MemoryNetwork(framing=framing)
    (listener,) = await network.listen(80)
    streams = {"client": await network.dial("csms", 80), "server": await listener.accept()}
    there: dict[str, End] = {}

    async def be(name: Side, *, task_status: trio.TaskStatus[None]) -> None:
        async with open_end(name, streams[name], LIMITS) as transport:
            connecting = open_connection(transport, limits=LIMITS, instrument=Instrument(), link=LINK)
            async with connecting as connection, trio.open_nursery() as nursery:
                end = there[name] = End(connection, nursery)
                nursery.start_soon(end.read)
                task_status.started()
        end.note("left", (transport.writes_in_flight, connection.writes_waiting.now))

    with trio.fail_after(1000):
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as opening:
                for name in streams:
                    opening.start_soon(nursery.start, be, name)
            for act, pause in script:
                with suppress(RuntimeError):  # an end that has gone does nothing any more
                    act(there, network.links[0])
                await trio.testing.wait_all_tasks_blocked()
                await trio.sleep(pause)
            network.links[0].stall()
            network.links[0].rejoin()
            await trio.sleep(30)
            for end in there.values():
                end.connection.abort(Closed(CloseReason.FORCED, None, "over"))
    return {name: comparable(end.seen) for name, end in there.items()}


def comparable(seen: Seen) -> Seen:
    """Without signs of life where somebody broke the protocol: a ping right before that need not be answered."""
    broken = any(kind == "closed" and what[0] is CloseReason.PROTOCOL_ERROR for _, kind, what in seen)
    return [event for event in seen if not (broken and event[1] == "sign")]
