"""A server that speaks TLS: who fails at it costs his own connection only, and is told why."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, HandshakeError, Instrument, Limits, Router, open_client, serve_csms, v16
from ocpp_trio.link.tls import secure_client
from tests.certificates import HOST
from tests.csms.conftest import Station


class Failures(Instrument):
    """Why connections became no sessions, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.peers: list[str] = []
        self.at: list[float] = []

    def handshake_failed(self, link, closed, *, status):
        assert (closed.reason, status) == (CloseReason.TLS_FAILURE, None)
        self.seen.append(closed.detail)
        self.peers.append(link.peer)
        self.at.append(trio.current_time())


@asynccontextmanager
async def connect(ground: Any, context: ssl.SSLContext, identity: str = "CP-1") -> AsyncIterator[Station]:
    stream = await secure_client(await ground.dial(), context, host=HOST, limits=Limits())
    async with open_client(
        stream, host=HOST, resource=f"/{identity}", subprotocols=["ocpp1.6"], limits=Limits()
    ) as transport:
        yield Station(transport)


@pytest.fixture
def failures() -> Failures:
    return Failures()


async def test_a_station_lives_over_tls_and_both_ends_say_goodbye(ground, pki, autojump_clock):
    async with ground.serve(ssl_context=pki.server()) as server:
        async with connect(ground, pki.client()) as station:
            await station.boot()
            session = server.sessions["CP-1"]
        closed = await session.wait_closed()
        async with connect(ground, pki.client()) as station:
            await station.boot()
            await server.drain(5)
            told = await station.wait_ended()

    assert closed == Closed(CloseReason.CLEAN, 1001, "going away")
    assert told == Closed(CloseReason.CLEAN, 1001, "going away")
    assert trio.current_time() == 0


@pytest.mark.parametrize(
    ("words", "ends", "detail"),
    [
        (b"", 10, "not done at the deadline"),
        (b"\x16\x03\x01\x02", 10, "not done at the deadline"),
        (b"\xff" * 300, 0, "expected TLS, found something else"),
        (b"GET / HTTP/1.1\r\n\r\n", 3, "expected TLS, found a plain HTTP request"),
    ],
    ids=["silent", "half a hello", "garbage", "http"],
)
async def test_what_is_no_tls_ends_alone(ground, pki, failures, words, ends, detail, autojump_clock):
    async with (
        ground.serve(ssl_context=pki.server(), instrument=failures) as server,
        connect(ground, pki.client(), "neighbour") as neighbour,
    ):
        stream = await ground.dial()
        await stream.send_all(words)
        await trio.testing.wait_all_tasks_blocked()
        pending = server.statistics().pending_handshakes
        await neighbour.call("Heartbeat")
        ground.assert_now(0)
        await trio.sleep(20)
        left = server.statistics().pending_handshakes
        await neighbour.call("Heartbeat")

    assert (pending, left) == (1 if ends else 0, 0)
    assert failures.seen == [f"TLS handshake: {detail}"]
    assert failures.peers == ["memory:2"]
    assert failures.at == [ends]


async def test_a_client_that_vanishes_in_the_handshake_ends_alone(ground, pki, failures, autojump_clock):
    async with ground.serve(ssl_context=pki.server(), instrument=failures) as server:
        await (await ground.dial()).aclose()
        await trio.testing.wait_all_tasks_blocked()

        assert server.statistics().pending_handshakes == 0

    assert failures.seen == ["TLS handshake: the peer closed the connection"]


async def test_tls_and_upgrade_share_one_deadline(ground, pki, autojump_clock):
    async with ground.serve(ssl_context=pki.server(), handshake_deadline=10) as server:
        stream = await ground.dial()
        await trio.sleep(7)
        secured = await secure_client(stream, pki.client(), host=HOST, limits=Limits())
        assert await secured.receive_some() == b""

        ground.assert_now(10)
        await trio.testing.wait_all_tasks_blocked()
        assert server.statistics().pending_handshakes == 0


async def test_a_handshake_counts_as_pending_from_its_first_byte(ground, pki, autojump_clock):
    async with ground.serve(ssl_context=pki.server(), pending_handshakes_per_address=2) as server:
        for _ in range(2):
            await ground.dial()
        await trio.testing.wait_all_tasks_blocked()
        third = await ground.dial()

        assert await third.receive_some() == b"", "dropped before it could cost anything"
        ground.assert_now(0)
        assert server.statistics().pending_handshakes == 2


async def test_drain_drops_a_handshake(ground, pki, autojump_clock):
    async with ground.serve(ssl_context=pki.server()) as server:
        stream = await ground.dial()
        await trio.testing.wait_all_tasks_blocked()
        await server.drain(5)

        assert await stream.receive_some() == b""
        await ground.returned.wait()

    assert trio.current_time() == 0


async def test_a_server_that_is_cancelled_drops_a_handshake(ground, pki, autojump_clock):
    async with ground.serve(ssl_context=pki.server()):
        stream = await ground.dial()
        await trio.testing.wait_all_tasks_blocked()
        ground.stopping.cancel()
        await ground.returned.wait()

        assert await stream.receive_some() == b""

    assert trio.current_time() == 0


async def test_a_station_without_a_certificate_is_told_so(ground, pki, failures, autojump_clock):
    server = pki.server(client_ca=pki.ca_file)
    async with ground.serve(ssl_context=server, instrument=failures):
        with pytest.raises(HandshakeError) as failed:
            async with connect(ground, pki.client()):
                pytest.fail("it is let in")

    assert failed.value.closed == Closed(CloseReason.TLS_FAILURE, None, "TLS: the peer refused: certificate required")
    assert failures.seen == ["TLS handshake: expected a client certificate, found none"]


async def test_a_record_that_was_tampered_with_ends_the_session_and_no_other(ground, pki, autojump_clock):
    async with (
        ground.serve(ssl_context=pki.server()) as server,
        connect(ground, pki.client(), "neighbour") as neighbour,
        connect(ground, pki.client()) as station,
    ):
        await station.boot()
        session = server.sessions["CP-1"]
        await ground.network.links[1].client.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))
        closed = await session.wait_closed()
        await neighbour.boot()

    assert closed == Closed(CloseReason.TLS_FAILURE, None, "TLS: decryption failed or bad record mac")
    assert trio.current_time() == 0


async def test_tls_on_a_plain_port_is_told_at_both_ends(ground, pki, autojump_clock):
    async with ground.serve():
        with pytest.raises(HandshakeError) as failed:
            async with connect(ground, pki.client()):
                pytest.fail("there is no TLS")
        await trio.testing.wait_all_tasks_blocked()

    assert failed.value.closed.detail == "TLS handshake: expected TLS, found something else"
    told = "expected plain HTTP, found TLS: one end has a ws:// URL or port and the other one wss://"
    assert told in str(ground.timeline)


async def test_the_context_has_to_be_a_servers(pki):
    with pytest.raises(ValueError, match="expected a server's ssl_context, found a client's"):
        await serve_csms([Router(v16)], 0, ssl_context=pki.client())
