"""TLS on real sockets: what only a kernel does."""

import logging
import socket

import pytest
import trio

from ocpp_trio import CloseReason, HandshakeError, Instrument, Limits, open_client
from ocpp_trio.link.sockets import peer_address
from ocpp_trio.link.tls import secure_client
from tests.csms.conftest import Station

pytestmark = pytest.mark.real
HOST = "127.0.0.1"


class Failures(Instrument):
    """Details and peers of what became no session; `wait` for so many."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.changed = trio.Event()

    def handshake_failed(self, link, closed, *, status):
        assert closed.reason is CloseReason.TLS_FAILURE
        self.seen.append((closed.detail, link.peer))
        self.changed.set()
        self.changed = trio.Event()

    async def wait(self, number: int) -> None:
        while len(self.seen) < number:
            await self.changed.wait()


async def call_over_tls(ground, context) -> trio.SSLStream[trio.SocketStream]:
    stream = await secure_client(await ground.dial(), context, host=HOST, limits=Limits())
    async with open_client(stream, host=HOST, resource="/CP-1", subprotocols=["ocpp1.6"], limits=Limits()) as transport:
        assert (await Station(transport).call("Heartbeat"))[:2] == [3, "s-1"]
        assert isinstance(stream, trio.SSLStream)
        assert isinstance(stream.transport_stream, trio.SocketStream)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert stream.transport_stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        assert peer_address(stream) == f"{HOST}:{ground.port}"
    return stream


async def test_a_call_over_tls_and_a_closed_socket(real_ground, pki):
    async with real_ground.serve(ssl_context=pki.server()):
        stream = await call_over_tls(real_ground, pki.client())

    assert stream.transport_stream.socket.fileno() == -1


@pytest.mark.parametrize("words", [b"\xff" * 300, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b""])
async def test_who_speaks_no_tls_touches_nobody_else(real_ground, pki, words, caplog):
    failures = Failures()
    async with real_ground.serve(ssl_context=pki.server(), instrument=failures, handshake_deadline=0.5):
        stream = await real_ground.dial()
        if words:
            await stream.send_all(words)
        async with stream:
            answer = b""
            try:
                while data := await stream.receive_some():
                    answer += data
            except trio.BrokenResourceError:
                pass
        await failures.wait(1)
        await call_over_tls(real_ground, pki.client())

    assert failures.seen[0][1].startswith(f"{HOST}:")
    assert answer.startswith(b"HTTP/1.1 400 ") is words.startswith(b"GET")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_reset_in_the_handshake_touches_nobody_else(real_ground, pki):
    failures = Failures()
    async with real_ground.serve(ssl_context=pki.server(), instrument=failures):
        for _ in range(20):
            stream = await real_ground.dial()
            await stream.send_all(b"\x16\x03\x01\x02\x00")
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            stream.socket.close()
        await failures.wait(20)
        await call_over_tls(real_ground, pki.client())

    assert all(detail.startswith("TLS handshake: ") for detail, _ in failures.seen)


async def test_what_is_wrong_with_a_certificate_is_told_at_both_ends(real_ground, pki):
    failures = Failures()
    async with real_ground.serve(ssl_context=pki.server(client_ca=pki.ca_file), instrument=failures):
        with pytest.raises(HandshakeError, match="the peer's certificate is not valid: "):
            await call_over_tls(real_ground, pki.client(ca=pki.stranger_file))
        await failures.wait(1)
        with pytest.raises(HandshakeError, match="the peer refused: certificate required"):
            await call_over_tls(real_ground, pki.client())
        await failures.wait(2)
        with pytest.raises(HandshakeError, match="the peer refused: unknown ca"):
            await call_over_tls(real_ground, pki.client(pki.station("SN-1", ca=pki.stranger)))
        await failures.wait(3)

    details = [detail for detail, _ in failures.seen]
    assert details[0] == "TLS handshake: the peer refused: unknown ca"
    assert details[1] == "TLS handshake: expected a client certificate, found none"
    assert "certificate is not valid" in details[2]
