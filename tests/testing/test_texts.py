"""A network without framing: messages whole, everything else as ever, and the same faults."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import (
    Closed,
    CloseReason,
    ConnectionClosed,
    Limits,
    Router,
    TextStream,
    Transport,
    open_charge_point,
    open_client,
    open_server,
    v16,
)
from ocpp_trio.testing import Conditions, CsmsStub, FrameLog, MemoryLink, MemoryNetwork, open_transport_pair
from tests.blow import LONG, Blow, let_flow_later, sweep

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")


@asynccontextmanager
async def unframed(limits: Limits | None = None) -> AsyncIterator[tuple[Transport, Transport, MemoryLink]]:
    async with open_transport_pair(framing=False, limits=limits) as ends:
        yield ends


async def test_messages_go_whole_and_in_order_in_both_directions(autojump_clock):
    async with unframed() as (client, server, _):
        for text in ("1", "", "ü" * 70_000):
            await client.send(text)
            assert await server.receive() == text
            await server.send(text)
            assert await client.receive() == text


async def test_messages_arrive_after_the_latency_and_never_overtake(autojump_clock):
    async with unframed() as (client, server, link):
        link.shape(Conditions(latency=0.5))
        start = trio.current_time()
        await client.send("1")
        link.shape(Conditions())
        await client.send("2")

        assert [await server.receive(), trio.current_time() - start] == ["1", 0.5]
        assert [await server.receive(), trio.current_time() - start] == ["2", 0.5]


async def test_bandwidth_counts_characters(autojump_clock):
    async with unframed() as (client, server, link):
        link.shape(Conditions(bandwidth=10))
        start = trio.current_time()
        await client.send("x" * 30)

        assert await server.receive() == "x" * 30
        assert trio.current_time() == start + 3


async def test_what_the_buffer_does_not_hold_waits_for_the_reader(autojump_clock):
    async with unframed() as (client, server, link):
        link.stall(server=True)
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(let_flow_later, link)
            await client.send(LONG)
            waited = trio.current_time() - start
            assert client.max_writes_in_flight == 1
        assert await server.receive() == LONG
    assert waited > 0


async def test_a_message_that_is_never_read_ends_the_connection_at_the_write_timeout(autojump_clock):
    async with unframed(Limits(write_timeout=7)) as (client, _, link):
        link.stall(server=True)
        start = trio.current_time()
        with pytest.raises(ConnectionClosed, match="a write did not finish within 7 s"):
            await client.send(LONG)

        assert trio.current_time() == start + 7


async def test_who_does_not_take_keeps_the_next_messages_in_the_buffer(autojump_clock):
    async with unframed(Limits(message_size=100_000)) as (client, server, link):
        for number in range(5):
            await client.send(f"{number}" + "x" * 10_000)
        await trio.testing.wait_all_tasks_blocked()
        assert link.in_flight == 3 * 10_001, "two are at the other end, and three on their way"

        assert [(await server.receive())[0] for _ in range(5)] == ["0", "1", "2", "3", "4"]


async def test_a_partition_holds_messages_and_its_end_delivers_them(autojump_clock):
    async with unframed() as (client, server, link):
        link.part()
        await client.send("held")
        with trio.move_on_after(5) as nothing:
            await server.receive()
        link.rejoin()

        assert nothing.cancelled_caught
        assert await server.receive() == "held"


async def test_a_cut_link_swallows_messages(autojump_clock):
    async with unframed() as (client, server, link):
        link.cut(down=False)
        await client.send("lost")
        with trio.move_on_after(5) as nothing:
            await server.receive()
        await server.send("still heard")

        assert nothing.cancelled_caught
        assert await client.receive() == "still heard"


async def test_a_reset_loses_what_was_on_its_way(autojump_clock):
    async with unframed() as (client, server, link):
        link.stall(server=True)
        await client.send("lost")
        link.reset()

        for use in (server.receive, partial(client.send, "next"), client.receive):
            with pytest.raises(ConnectionClosed):
                await use()


@pytest.mark.parametrize("size", [6, 9])
async def test_a_link_that_ends_after_so_much_delivers_whole_messages_only(size, autojump_clock):
    heard: list[str] = []
    async with unframed() as (client, server, link):
        link.end_after(size, up=True)
        for text in ("first", "x", "more"):
            with suppress(ConnectionClosed):
                await client.send(text)

        with pytest.raises(ConnectionClosed):
            await client.receive()
        with pytest.raises(ConnectionClosed):
            await server.forward(heard.append)

    assert heard == ["first", "x"]


async def test_a_flipped_byte_changes_one_character(autojump_clock):
    async with unframed() as (client, server, link):
        link.flip(1, up=True)
        await client.send("AAAA")

        assert await server.receive() == "A\x14AA"


async def test_a_message_over_the_limit_ends_in_1009(autojump_clock):
    async with unframed(Limits(message_size=100)) as (client, server, _):
        await client.send("x" * 101)
        with pytest.raises(ConnectionClosed) as caught:
            await server.receive()

    assert (caught.value.reason, caught.value.closed.code) == (CloseReason.PROTOCOL_ERROR, 1009)


async def test_no_message_follows_an_abort(autojump_clock):
    heard: list[str] = []
    async with unframed() as (client, server, _), trio.open_nursery() as nursery:
        nursery.start_soon(server.forward, heard.append)
        await trio.testing.wait_all_tasks_blocked()
        client.abort(Closed(CloseReason.FORCED))
        with pytest.raises(ConnectionClosed):
            await client.send("late")
        nursery.cancel_scope.cancel()

    assert heard == []


async def test_nothing_is_answered_after_a_violation(autojump_clock):
    async with unframed(Limits(message_size=100)) as (client, server, _):
        await client.send("x" * 101)
        with trio.move_on_after(5) as silence:
            await client.ping()
        await client.send("behind")

        with pytest.raises(ConnectionClosed) as caught:
            await server.receive()

    assert silence.cancelled_caught
    assert caught.value.closed.code == 1009


async def test_pings_and_the_close_are_frames_still(autojump_clock):
    network = MemoryNetwork(framing=False)
    log, stub = FrameLog(network), CsmsStub(interval=60)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(stub.serve, 9000, listen=network.listen))
        limits = Limits(ping_interval=20)
        async with open_charge_point(
            "ws://csms:9000/", "CP-1", router=Router(v16), boot=BOOT, dial=network.dial, limits=limits
        ) as station:
            await station.wait_online()
            await trio.sleep(30)
        nursery.cancel_scope.cancel()

    kinds = [(frame.direction, frame.wire.kind) for frame in log.frames]
    assert kinds == [
        ("up", "http"),
        ("down", "http"),
        ("up", "text"),
        ("down", "text"),
        ("up", "ping"),
        ("down", "pong"),
        ("up", "close"),
        ("down", "close"),
    ]
    assert [frame.action for frame in log.calls()] == ["BootNotification"]
    assert log.torn() == []


@pytest.mark.parametrize("attempt", range(20))  # whoever runs first
async def test_what_is_said_right_after_the_upgrade_is_not_lost(attempt, autojump_clock):
    network = MemoryNetwork(framing=False)
    (listener,) = await network.listen(9000)
    heard: list[str] = []

    async def be_server() -> None:
        async with open_server(await listener.accept(), limits=Limits()) as upgrade:
            transport = await upgrade.accept("ocpp1.6")
            await transport.send("at once")
            heard.append(await transport.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(be_server)
        stream = await network.dial("csms", 9000)
        async with open_client(
            stream, host="csms", resource="/", subprotocols=["ocpp1.6"], limits=Limits()
        ) as transport:
            await transport.send("as well")
            heard.append(await transport.receive())
            await trio.testing.wait_all_tasks_blocked()

    assert sorted(heard) == ["as well", "at once"]


async def test_an_end_that_reads_frames_by_itself_is_told_what_is_wrong(autojump_clock):
    network = MemoryNetwork(framing=False)
    (listener,) = await network.listen(9000)

    async def be_client() -> None:
        stream = await network.dial("csms", 9000)
        async with open_client(stream, host="csms", resource="/", subprotocols=["ocpp1.6"], limits=Limits()):
            raise AssertionError("the upgrade is not answered")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(be_client)
        accepted = await listener.accept()
        assert (await accepted.receive_some()).startswith(b"GET / HTTP/1.1")
        peer = network.links[0].client
        assert isinstance(peer, TextStream)
        peer.send_text_nowait("a message")
        with pytest.raises(RuntimeError, match="this network has `framing=False`"):
            await accepted.receive_some()
        nursery.cancel_scope.cancel()


@attrs.define
class Sink:
    """Takes messages, by themselves only if it is `ready`."""

    ready: bool = False
    texts: list[str] = attrs.Factory(list)

    def take_at_once(self, text: str) -> bool:
        if self.ready:
            self.texts.append(text)
        return self.ready

    def put_text(self, text: str) -> None:
        self.texts.append(text)

    async def wait_room(self) -> None:
        await trio.lowlevel.checkpoint()


async def test_a_message_is_lost_if_who_is_told_of_it_resets_the_link():
    network, sink = MemoryNetwork(framing=False), Sink(ready=True)
    (listener,) = await network.listen(80)
    client, server = await network.dial("csms", 80), await listener.accept()
    assert isinstance(client, TextStream)
    assert isinstance(server, TextStream)
    server.deliver_texts_to(sink)
    client.send_text_nowait("first")
    network.taps.append(lambda *_: network.links[0].reset())

    client.send_text_nowait("never")

    assert sink.texts == ["first"]
    assert network.links[0].in_flight == 0


async def test_a_message_waits_behind_bytes_that_were_read_and_not_understood_yet(autojump_clock):
    """An upgrade's answer may be in the hands of the reader: only the sink knows, and says that it is not ready."""
    network, sink = MemoryNetwork(framing=False), Sink()
    await network.listen(9000)
    client, server = await network.dial("csms", 9000), network.links[0].server
    assert isinstance(client, TextStream)
    assert isinstance(server, TextStream)
    client.deliver_texts_to(sink)

    server.send_text_nowait("early")
    assert sink.texts == []
    with trio.move_on_after(1):
        await client.receive_some()
    assert sink.texts == ["early"]
    sink.ready = True
    server.send_text_nowait("late")
    assert sink.texts == ["early", "late"]


@pytest.mark.parametrize("text", ["short", LONG], ids=["short", "long"])
def test_cancelling_who_sends_and_who_reads(text):
    async def scenario(blow: Blow) -> None:
        async with unframed() as (client, server, link), trio.open_nursery() as nursery:
            link.stall(server=True)
            nursery.start_soon(let_flow_later, link)
            got: list[str] = []

            async def read() -> None:
                while True:
                    got.append(await server.receive())

            nursery.start_soon(read)
            with blow.strikes():
                await client.send(text)
                await client.send("second")
            await trio.sleep(60)
            assert got in ([], [text], [text, "second"])
            nursery.cancel_scope.cancel()

    assert sweep(scenario) >= (2 if text is LONG else 0)
