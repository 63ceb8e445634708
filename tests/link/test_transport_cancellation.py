"""Every await of the transport and the connection, cancelled at every moment: whole frames, or none any more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from ocpp_trio import (
    CloseReason,
    ConnectionClosed,
    HandshakeError,
    Instrument,
    Limits,
    Link,
    Transport,
    open_server,
)
from ocpp_trio.link.connection import open_connection
from ocpp_trio.testing import MemoryLink, open_transport_pair
from tests.blow import LONG, Blow, let_flow_later, sweep
from tests.link.conftest import Side, memory_link, open_end
from tests.link.raw_peer import TEXT, RawPeer, request


async def read(peer: Transport, seen: list[str]) -> None:
    """Collect what comes until the other end says goodbye, or hangs up in the middle of it all."""
    try:
        while True:
            seen.append(await peer.receive())
    except ConnectionClosed as exc:
        assert exc.reason in (CloseReason.CLEAN, CloseReason.TRANSPORT_ERROR)


@asynccontextmanager
async def pair(side: Side) -> AsyncIterator[tuple[Transport, Transport, MemoryLink]]:
    """Our transport and the peer's, and what is between them."""
    async with open_transport_pair() as (client, server, link):
        yield (client, server, link) if side == "client" else (server, client, link)


def test_receive(side: Side):
    async def scenario(blow: Blow) -> None:
        got: list[str] = []
        async with pair(side) as (ours, peer, _), trio.open_nursery() as nursery:

            async def send() -> None:
                for number in range(4):
                    await peer.send(str(number))

            nursery.start_soon(send)
            with blow.strikes():
                while len(got) < 4:
                    got.append(await ours.receive())
            while len(got) < 4:
                got.append(await ours.receive())

        assert got == ["0", "1", "2", "3"]

    assert sweep(scenario) > 10


def test_forward(side: Side):
    async def scenario(blow: Blow) -> None:
        got: list[str] = []
        async with pair(side) as (ours, peer, _), trio.open_nursery() as nursery:

            async def send() -> None:
                for number in range(4):
                    await peer.send(str(number))

            nursery.start_soon(send)
            with trio.move_on_after(1), blow.strikes():
                await ours.forward(got.append)
            while len(got) < 4:
                got.append(await ours.receive())

        assert got == ["0", "1", "2", "3"]

    assert sweep(scenario) > 5


@pytest.mark.parametrize(("text", "moments"), [("short", 1), (LONG, 2)], ids=["short", "long"])
def test_send(side: Side, text: str, moments: int):
    async def scenario(blow: Blow) -> None:
        async with pair(side) as (ours, peer, _), trio.open_nursery() as nursery:
            seen: list[str] = []
            nursery.start_soon(read, peer, seen)
            with blow.strikes():
                await ours.send(text)
            with trio.CancelScope() as torn:
                try:
                    await ours.send("next")
                except ConnectionClosed:
                    torn.cancel()
            await trio.testing.wait_all_tasks_blocked()
            assert seen in ([], ["next"], [text, "next"])
            assert ("next" in seen) is not torn.cancel_called, "after a cut nothing more is written"
            nursery.cancel_scope.cancel()

    assert sweep(scenario) >= moments


def test_ping(side: Side):
    async def scenario(blow: Blow) -> None:
        async with pair(side) as (ours, peer, _):
            with blow.strikes():
                await ours.ping()
            try:
                await ours.ping()
                await ours.send("next")
            except ConnectionClosed:
                return
            assert await peer.receive() == "next"

    assert sweep(scenario) >= 4


def test_connection_send(side: Side):
    async def scenario(blow: Blow) -> None:
        link = Link(identity="CP-1", role="csms", number=1)
        async with (
            pair(side) as (ours, peer, memory),
            open_connection(ours, limits=Limits(), instrument=Instrument(), link=link) as connection,
            trio.open_nursery() as nursery,
        ):
            memory.stall(client=True, server=True)
            nursery.start_soon(connection.send, "first" + LONG)
            await trio.testing.wait_all_tasks_blocked()
            seen: list[str] = []
            nursery.start_soon(let_flow_later, memory)
            nursery.start_soon(read, peer, seen)
            with blow.strikes():
                receipt = await connection.send("second")
                assert await receipt.wait_written()
            receipt = await connection.send("third")
            assert await receipt.wait_written()
            await trio.testing.wait_all_tasks_blocked()
            assert [text[:6] for text in seen] in (["firstx", "third"], ["firstx", "second", "third"])
            assert connection.writes_waiting.now == 0
            assert ours.max_writes_in_flight == 1
            nursery.cancel_scope.cancel()

    assert sweep(scenario) >= 4


async def read_to_the_end(peer: RawPeer) -> None:
    """What a raw peer sees behind the handshake are whole frames, and then the end of the stream."""
    frames = await peer.frames()
    assert all(frame.opcode == TEXT for frame in frames[:-1])
    await peer.stream.aclose()


@pytest.mark.parametrize("silent", [False, True])
def test_open(side: Side, silent: bool):
    async def scenario(blow: Blow) -> None:
        link = await memory_link()
        ours, theirs = (link.client, link.server) if side == "client" else (link.server, link.client)
        peer = RawPeer(theirs, client=side == "server")

        async def be_peer() -> None:
            if not silent:
                try:
                    await peer.shake_hands()
                except (AssertionError, trio.BrokenResourceError):
                    return  # the other end gave up on the handshake
                await read_to_the_end(peer)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(be_peer)
            with blow.strikes():
                try:
                    async with open_end(side, ours, Limits()) as transport:
                        await transport.send("hello")
                except HandshakeError:
                    assert silent
            with pytest.raises(trio.ClosedResourceError):
                await ours.receive_some()

    assert sweep(scenario) >= 3


@pytest.mark.parametrize("answer", ["accept", "reject"])
def test_answer_to_an_upgrade(answer: str):
    async def scenario(blow: Blow) -> None:
        link = await memory_link()
        peer = RawPeer(link.client, client=True)
        await peer.send(request())
        async with open_server(link.server, limits=Limits()) as upgrade:
            with blow.strikes():
                if answer == "accept":
                    await upgrade.accept("ocpp1.6")
                else:
                    await upgrade.reject(404, body=b"no")
        seen = b""
        while data := await link.client.receive_some():
            seen += data

        status = b"HTTP/1.1 101 " if answer == "accept" else b"HTTP/1.1 404 "
        assert seen == b"" or seen.startswith(status)
        with pytest.raises(trio.ClosedResourceError):
            await link.server.receive_some()

    assert sweep(scenario) >= 1
