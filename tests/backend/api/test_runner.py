"""Clients of the API that mean harm, and what they cannot do. A station beside them notices nothing."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from ocpp_trio import v16
from ocpp_trio.backend import Topic, Want
from ocpp_trio.backend.api import ApiLimits
from ocpp_trio.testing import MemoryStream
from tests.backend.api.test_calls import HARD, RESET, Seat
from tests.operator_ground import TOKEN, Ground, parse_answer

AUTH = f"Host: a\r\nAuthorization: Bearer {TOKEN}\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
UPGRADE = (
    f"GET /api/feed HTTP/1.1\r\n{AUTH}Connection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


@asynccontextmanager
async def calm(ground: Ground) -> AsyncIterator[None]:
    """A station that says something every second of the body, and is answered at the same instant each time."""

    async def chat(station: Any) -> None:
        while True:
            before = trio.current_time()
            await station.call(v16.HeartbeatRequest())
            assert trio.current_time() == before
            await trio.sleep(1)

    async with ground.running(), ground.station() as station, trio.open_nursery() as nursery:
        nursery.start_soon(chat, station)
        yield
        assert ground.counters.value("closes") == 0
        assert ground.counters.value("opens") == 1
        assert (await ground.get("/health")).status == 200
        nursery.cancel_scope.cancel()


async def dial(ground: Ground) -> MemoryStream:
    return await ground.network.dial("csms", ground.api.port)


async def read_to_end(stream: trio.abc.ReceiveStream) -> bytes:
    received = b""
    while data := await stream.receive_some():
        received += data
    return received


async def say(data: bytes, stream: MemoryStream) -> None:
    await stream.send_all(data)


async def say_slowly(data: bytes, stream: MemoryStream) -> None:
    for byte in data:
        await stream.send_all(bytes([byte]))
        await trio.sleep(0.5)


@pytest.mark.parametrize(
    ("attack", "least", "most"),
    [
        pytest.param(partial(say, b""), 10, 10, id="silence"),
        pytest.param(partial(say, b"GET / HTTP/1.1\r\n"), 10, 10, id="half a head"),
        pytest.param(partial(say_slowly, b"GET /health HTTP/1.1\r\nHost: slow\r\n\r\n"), 10, 10, id="slow head"),
        pytest.param(partial(say, b"x" * 20_000), 0, 0, id="endless head"),
        pytest.param(partial(say, b"\x16\x03\x01" + 600 * b"\x00" + b"\r\n\r\n"), 0, 3, id="tls"),
        pytest.param(partial(say, b"\r\n\r\n"), 0, 3, id="no first line"),
        pytest.param(partial(say, b"GET / HTTP/1.1\r\n\r\n"), 0, 3, id="no host"),
        pytest.param(partial(say, f"{UPGRADE}\r\nx".encode()), 0, 3, id="a byte after an upgrade"),
        pytest.param(partial(say, f"{UPGRADE}\r\n".encode() + b"\xff" * 200), 0, 3, id="frames after an upgrade"),
        pytest.param(partial(say, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0, 3, id="http/2"),
        pytest.param(partial(say, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"), 0, 63, id="no body"),
        pytest.param(partial(say, b"POST / HTTP/1.1\r\nHost: a\r\n" + CHUNKED + b"\r\nzz\r\n"), 0, 3, id="bad chunk"),
    ],
)  # fmt: skip
async def test_a_client_that_speaks_no_http_is_dropped_in_time(autojump_clock, attack: Callable[..., Any], least, most):
    ground = Ground()
    async with calm(ground):
        stream = await dial(ground)
        before = trio.current_time()
        with trio.move_on_after(most + 1):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(harmless, attack, stream)
                await harmless(read_to_end, stream)
                nursery.cancel_scope.cancel()

            assert least <= trio.current_time() - before <= most
        await stream.aclose()
        await trio.sleep(5)
        assert ground.api.statistics().connections == 0


async def harmless(attack: Callable[..., Any], stream: MemoryStream) -> None:
    """Whatever a reset does to the attacker is his own affair."""
    with suppress(trio.BrokenResourceError):
        await attack(stream)


async def test_a_client_that_does_not_read_its_answers_is_dropped(autojump_clock):
    """It asks for more than the buffers hold; the write that waits has 10 s."""
    ground = Ground()
    async with calm(ground):
        stream = await dial(ground)
        ground.network.links[-1].stall(client=True)
        await stream.send_all(20 * f"GET /api/openapi.json HTTP/1.1\r\n{AUTH}\r\n".encode())
        await trio.sleep(9.9)
        assert ground.api.statistics().connections == 1
        await trio.sleep(0.2)
        assert ground.api.statistics().connections == 0
        await stream.aclose()


async def test_connections_beyond_the_limit_are_dropped_and_room_is_used_again(autojump_clock):
    ground = Ground(limits=ApiLimits(connections=3))
    async with calm(ground):
        streams = [await dial(ground) for _ in range(5)]
        await trio.testing.wait_all_tasks_blocked()
        assert (ground.api.statistics().connections, ground.api.statistics().dropped) == (3, 2)
        assert [await streams[number].receive_some() for number in (3, 4)] == [b"", b""]

        for stream in streams:
            await stream.aclose()


async def test_one_connection_carries_many_requests_until_it_is_idle(autojump_clock):
    ground = Ground()
    async with calm(ground):
        stream = await dial(ground)
        answers = []
        for _ in range(3):
            await stream.send_all(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            answers.append(parse_answer(await stream.receive_some() + await stream.receive_some()).json)
            await trio.sleep(50)
        asked = trio.current_time() - 50
        assert await read_to_end(stream) == b""

    assert answers == 3 * [{"status": "ok"}]
    assert trio.current_time() == asked + 60


async def test_compression_is_not_agreed_on(autojump_clock):
    ground = Ground()
    async with calm(ground):
        stream = await dial(ground)
        await stream.send_all(f"{UPGRADE}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode())
        head = (await stream.receive_some()).lower()
        await stream.aclose()

    assert head.startswith(b"http/1.1 101 ")
    assert b"extensions" not in head


async def test_an_upgrade_to_http_2_is_a_request_like_any_other(autojump_clock):
    ground = Ground()
    async with calm(ground):
        stream = await dial(ground)
        settings = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        await stream.send_all(b"GET /health HTTP/1.1\r\nHost: a\r\n" + settings + b"\r\n")
        answer = await stream.receive_some()
        await stream.aclose()

    assert answer.startswith(b"HTTP/1.1 200 ")


def frame(text: str) -> bytes:
    """A client's text frame, masked with zeros."""
    size = len(text).to_bytes(2)
    return b"\x81" + (bytes([0x80 | size[1]]) if len(text) < 126 else b"\xfe" + size) + bytes(4) + text.encode()


async def test_one_that_does_not_leave_after_an_oversize_message_is_left(autojump_clock):
    """It gets its close frame and goes on as if nothing were; the close timeout is 3 s."""
    ground = Ground(limits=ApiLimits(feed_message_size=200))
    async with calm(ground):
        stream = await dial(ground)
        await stream.send_all(f"{UPGRADE}\r\n".encode())
        await trio.sleep(1)
        await stream.send_all(frame('{"subscribe": {"topics": ["log"]}}'))
        await trio.sleep(1)
        assert list(ground.hub.wants) == [Want(Topic.LOG)]

        await stream.send_all(frame("x" * 60_000))
        await trio.sleep(2.9)
        await stream.send_all(frame('{"subscribe": {"topics": ["stations"]}}'))
        await trio.sleep(0.2)
        assert list(ground.hub.wants) == []
        assert ground.api.statistics().connections == 0
        await stream.aclose()


async def test_a_client_that_only_listens_is_kept_as_long_as_it_answers_pings(autojump_clock):
    ground = Ground()
    async with calm(ground), ground.feed() as client:
        with trio.move_on_after(1000):
            await client.receive()
        assert ground.api.statistics().connections == 1


async def test_a_drain_answers_what_was_asked_and_closes_what_is_idle(autojump_clock):
    seat = Seat(None)
    ground = Ground(sessions={"CP-1": seat})
    async with ground.running():
        idle, silent = await dial(ground), await dial(ground)
        await idle.send_all(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await idle.receive_some() + await idle.receive_some()
        answers = []

        async def ask() -> None:
            answers.append(await ground.request("POST", RESET, HARD))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            assert seat.calls
            assert ground.api.statistics().connections == 3
            nursery.start_soon(ground.api.drain, 100)
            assert await idle.receive_some() == b""
            assert trio.current_time() == 0
            await idle.aclose()
            with pytest.raises(ConnectionRefusedError):
                await dial(ground)

        assert (answers[0].status, answers[0].json["error"]) == (504, "CallTimeout")
        assert trio.current_time() == 60
        assert await silent.receive_some() == b""


async def test_a_drain_drops_what_takes_too_long(autojump_clock):
    ground = Ground(sessions={"CP-1": Seat(None)})
    async with ground.running():
        stream = await dial(ground)
        head = f"POST {RESET} HTTP/1.1\r\n{AUTH}Content-Type: application/json\r\nContent-Length: 15\r\n\r\n"
        await stream.send_all(head.encode() + b'{"type":"Hard"}')
        await trio.sleep(20)
        await ground.api.drain(5)
        assert await read_to_end(stream) == b""

        assert trio.current_time() == 25
        await trio.testing.wait_all_tasks_blocked()
        assert ground.api.statistics().connections == 0


async def test_one_that_does_not_read_cannot_keep_a_cancelled_server(autojump_clock):
    """Its write could take 10 s; the close timeout is 3 s."""
    ground = Ground()
    async with ground.running():
        stream = await dial(ground)
        ground.network.links[-1].stall(client=True)
        await stream.send_all(20 * f"GET /api/openapi.json HTTP/1.1\r\n{AUTH}\r\n".encode())
        await trio.testing.wait_all_tasks_blocked()
        assert ground.api.statistics().connections == 1
    assert trio.current_time() == 3
    assert ground.api.statistics().connections == 0


async def test_ocpp_and_the_api_share_a_port(autojump_clock):
    ground = Ground(shared=True)
    async with calm(ground):
        assert (await ground.get("/api/stations/CP-1")).json["online"] is True
        assert (await ground.get("/ocpp/CP-2")).status == 400  # the CSMS's: that is no upgrade
        async with ground.feed() as client:
            await client.subscribe("stations")
            assert (await client.changes(1))[0][2] == "CP-1"
        await trio.testing.wait_all_tasks_blocked()
        assert ground.api.statistics().connections == 0  # the station's is the CSMS's


async def test_a_csms_that_has_gone_leaves_the_api_on_the_shared_port(autojump_clock):
    ground = Ground(shared=True)
    async with ground.running():
        async with ground.station():
            await ground.csms.drain(1)
        stream = await dial(ground)
        await stream.send_all(b"GET /ocpp/CP-1 HTTP/1.1\r\n\r\n")
        assert await read_to_end(stream) == b""
        assert (await ground.get("/api/stations/CP-1")).json["online"] is False


async def test_the_end_of_the_api_is_not_that_of_ocpp_on_the_shared_port(autojump_clock):
    ground = Ground(shared=True)
    async with ground.running(), ground.station() as station:
        await ground.api.drain(1)
        await trio.sleep(100)
        await station.call(v16.HeartbeatRequest())
        assert ground.counters.value("closes") == 0
