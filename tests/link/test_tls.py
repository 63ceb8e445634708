"""The TLS handshake of both ends, in memory: what comes of it, when, and what each end says about it."""

import ssl
from functools import partial
from typing import Any

import attrs
import pytest
import trio
import trustme

from ocpp_trio import CloseReason, HandshakeError, Limits, client_context, server_context
from ocpp_trio.link.certificate import PeerCertificate
from ocpp_trio.link.sockets import peer_address
from ocpp_trio.link.tls import secure_client, secure_server
from ocpp_trio.testing import MemoryLink
from tests.certificates import HOST, LONG_AGO
from tests.link.conftest import memory_link
from tests.link.raw_peer import request

LIMITS = Limits(handshake_deadline=10, close_timeout=3)


@attrs.define
class Both:
    """What the two ends of a handshake got: a stream, or the sentence of the failure."""

    link: MemoryLink
    server: trio.abc.Stream | str = "nothing"
    client: trio.abc.Stream | str = "nothing"
    server_ended: float = -1.0

    async def serve(self, context: ssl.SSLContext) -> None:
        self.server = await outcome(
            secure_server(self.link.server, context, limits=LIMITS, deadline=trio.current_time() + 10)
        )
        self.server_ended = trio.current_time()

    async def dial(self, context: ssl.SSLContext, host: str) -> None:
        """TLS 1.3 tells a client about its certificate only when it reads."""
        self.client = await outcome(secure_client(self.link.client, context, host=host, limits=LIMITS))
        if isinstance(self.client, trio.SSLStream):
            try:
                with trio.move_on_after(1):
                    await self.client.receive_some(1)
            except trio.BrokenResourceError as exc:
                self.client = f"later: {exc.__cause__}"
        if not isinstance(self.client, trio.abc.Stream):
            await self.link.client.aclose()


async def outcome(handshake: Any) -> trio.abc.Stream | str:
    try:
        return await handshake  # type: ignore[no-any-return]
    except HandshakeError as failure:
        assert failure.closed.reason is CloseReason.TLS_FAILURE
        assert failure.closed.code is None
        return failure.closed.detail


async def shake(server: ssl.SSLContext, client: ssl.SSLContext, host: str = HOST) -> Both:
    both = Both(await memory_link())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(both.serve, server)
        nursery.start_soon(both.dial, client, host)
    return both


async def say(pki, *pieces: bytes, end: bool = False) -> Both:
    """Our server, and a client that says this."""
    both = Both(await memory_link())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(both.serve, pki.server())
        for piece in pieces:
            await both.link.client.send_all(piece)
        if end:
            await both.link.client.aclose()
    return both


def hello(pki, version: ssl.TLSVersion | None = None) -> bytes:
    """A ClientHello as bytes."""
    context = pki.client()
    if version is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = version
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


async def test_both_ends_get_a_stream_that_carries_bytes(pki, autojump_clock):
    link = await memory_link()
    both = Both(link)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(both.serve, pki.server())
        client = await secure_client(link.client, pki.client(), host=HOST, limits=LIMITS)

    assert isinstance(both.server, trio.SSLStream)
    await both.server.send_all(b"down")
    assert await client.receive_some() == b"down"
    await client.send_all(b"up")
    assert await both.server.receive_some() == b"up"
    assert both.server.version() == "TLSv1.3"
    assert both.server.compression() is None
    assert peer_address(both.server) == "memory:1"
    assert trio.current_time() == 0


async def test_an_end_without_close_notify_is_an_end(pki, autojump_clock):
    both = await shake(pki.server(), pki.client())
    assert isinstance(both.server, trio.SSLStream)

    await both.link.client.aclose()

    assert await both.server.receive_some() == b""


@pytest.mark.parametrize(
    "suite",
    [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
    ],
)
async def test_a_server_with_two_certificates_speaks_the_four_suites_of_security_profile_2(pki, suite, autojump_clock):
    rsa = pki.issue("rsa", HOST, key_type=trustme.KeyType.RSA)
    ecdsa = pki.issue("server", HOST)
    client = pki.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(suite)

    both = await shake(server_context(ecdsa, ecdsa, also=[(rsa, rsa)]), client)

    assert isinstance(both.server, trio.SSLStream)
    assert both.server.cipher()[0] == suite


async def test_a_host_is_known_by_its_common_name_where_it_has_no_other(pki, autojump_clock):
    certificate = pki.issue("common", common_name=HOST)

    assert isinstance((await shake(pki.server(certificate), pki.client())).client, trio.SSLStream)
    assert "Hostname mismatch" in str((await shake(pki.server(certificate), pki.client(), "other")).client)


async def test_an_address_is_checked_as_an_address(pki, autojump_clock):
    assert isinstance((await shake(pki.server(), pki.client(), "127.0.0.1")).client, trio.SSLStream)
    assert "IP address mismatch" in str((await shake(pki.server(), pki.client(), "127.0.0.2")).client)


async def test_the_servers_certificate_has_to_be_good(pki, autojump_clock):
    server = "TLS handshake: the peer refused: "
    client = "TLS handshake: the peer's certificate is not valid: "
    expired = pki.issue("expired", HOST, not_before=LONG_AGO, not_after=LONG_AGO.replace(year=2021))

    both = await shake(pki.server(), pki.client(ca=pki.stranger_file))
    assert (both.client, both.server) == (client + "unable to get local issuer certificate", server + "unknown ca")

    both = await shake(pki.server(expired), pki.client())
    assert (both.client, both.server) == (client + "certificate has expired", server + "certificate expired")

    both = await shake(pki.server(), pki.client(), "elsewhere")
    wrong_name = "Hostname mismatch, certificate is not valid for 'elsewhere'"
    assert (both.client, both.server) == (client + wrong_name, server + "bad certificate")
    assert trio.current_time() == 0, "nobody waits for anything"


async def test_a_client_certificate_is_asked_for_where_there_is_a_ca_for_it(pki, autojump_clock):
    server = pki.server(client_ca=pki.ca_file)

    both = await shake(server, pki.client())
    assert both.server == "TLS handshake: expected a client certificate, found none"
    assert "certificate required" in str(both.client)

    both = await shake(server, pki.client(pki.station("SN-1", ca=pki.stranger)))
    assert "the peer's certificate is not valid" in str(both.server)
    assert "unknown ca" in str(both.client)

    both = await shake(server, pki.client(pki.station("SN-1")))
    assert isinstance(both.server, trio.SSLStream)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_old_client_is_refused(pki, version, autojump_clock):
    both = await say(pki, hello(pki, version), end=False)

    assert both.server == "TLS handshake: expected TLS 1.2 or newer, found an older version"
    alert = await both.link.client.receive_some()
    assert alert[:1] + alert[5:] == b"\x15\x02\x46", "a fatal alert, protocol_version"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_old_server_is_refused(pki, autojump_clock):
    server = pki.server()
    server.set_ciphers("ALL:@SECLEVEL=0")
    server.minimum_version = ssl.TLSVersion.TLSv1
    server.maximum_version = ssl.TLSVersion.TLSv1_1

    both = await shake(server, pki.client())

    assert both.client == "TLS handshake: expected TLS 1.2 or newer, found an older version" or both.client == (
        "TLS handshake: the peer refused: protocol version"
    )


async def test_a_suite_is_needed_that_both_have(pki, autojump_clock):
    client = pki.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")

    both = await shake(pki.server(), client)

    assert both.server == "TLS handshake: expected a cipher suite in common, found none"
    assert both.client == "TLS handshake: the peer refused: handshake failure"


@pytest.mark.parametrize("part", [b"", b"\x16", 40], ids=["silent", "a byte", "half a hello"])
async def test_silence_ends_at_the_deadline(pki, part, autojump_clock):
    both = await say(pki, hello(pki)[:part] if isinstance(part, int) else part)

    assert both.server == "TLS handshake: not done at the deadline"
    assert both.server_ended == 10
    with pytest.raises(trio.ClosedResourceError):
        await both.link.server.receive_some()


async def test_garbage_ends_at_once(pki, autojump_clock):
    both = await say(pki, bytes(range(1, 255)) * 4)

    assert both.server == "TLS handshake: expected TLS, found something else"
    assert both.server_ended == 0
    assert await both.link.client.receive_some() == b"", "there is no TLS to say it in"


async def test_a_plain_request_gets_a_plain_answer(pki, autojump_clock):
    both = await say(pki, request())

    assert both.server == "TLS handshake: expected TLS, found a plain HTTP request"
    assert both.server_ended == 3, "the peer has the close timeout to read it"
    head, _, body = (await both.link.client.receive_some()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Length: %d" % len(body) in head
    assert body == b"this port expects TLS (wss://)\n"


@pytest.mark.parametrize("part", [0, 40, 10_000])
async def test_a_client_that_closes_is_noticed_at_once(pki, part, autojump_clock):
    both = await say(pki, hello(pki)[:part], end=True)

    reset = both.server == "TLS handshake: the connection was lost: connection reset by peer"
    assert reset or both.server == "TLS handshake: the peer closed the connection"
    assert both.server_ended == 0


async def test_a_reset_is_noticed_at_once(pki, autojump_clock):
    both = Both(await memory_link())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(both.serve, pki.server())
        await trio.testing.wait_all_tasks_blocked()
        both.link.reset()

    assert both.server == "TLS handshake: the connection was lost: connection reset by peer"


@pytest.mark.parametrize("after", [0, 1])
async def test_a_cancelled_handshake_closes_its_stream(pki, after, autojump_clock):
    link = await memory_link()
    with trio.move_on_after(after) as scope:
        await secure_client(link.client, pki.client(), host=HOST, limits=LIMITS)

    assert scope.cancelled_caught
    assert trio.current_time() == after
    with pytest.raises(trio.ClosedResourceError):
        await link.client.receive_some()


async def test_a_failure_that_cannot_be_told_is_not_told_for_ever(pki, autojump_clock):
    """The peer neither reads the alert nor closes."""
    link = await memory_link()
    link.stall(client=True)
    both = Both(link)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(both.serve, pki.server())
        await link.client.send_all(request())

    assert both.server_ended == 3


async def test_a_certificate_is_a_value(pki, autojump_clock):
    both = await shake(pki.server(client_ca=pki.ca_file), pki.client(pki.station("SN-1", organization="Operator")))

    assert isinstance(both.server, trio.abc.Stream)
    shown = PeerCertificate.of(both.server)
    assert shown is not None
    assert (shown.common_name, shown.organization) == ("SN-1", "Operator")
    assert shown.not_before < shown.not_after
    assert shown.not_after.tzinfo is not None
    assert len(shown.fingerprint) == 64
    assert int(shown.serial_number, 16)
    assert shown.der[:1] == b"\x30"
    assert "der" not in repr(shown)
    assert isinstance(both.client, trio.abc.Stream)
    of_server = PeerCertificate.of(both.client)
    assert of_server is not None
    assert ("DNS", HOST) in of_server.alternative_names


async def test_nobody_is_proved_by_what_was_not_shown_or_not_checked(pki, autojump_clock):
    unchecked = pki.client()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE

    both = await shake(pki.server(), unchecked)

    assert isinstance(both.server, trio.abc.Stream)
    assert isinstance(both.client, trio.abc.Stream)
    assert PeerCertificate.of(both.server) is None
    assert PeerCertificate.of(both.client) is None
    assert PeerCertificate.of(both.link.client) is None


def test_a_key_needs_its_certificate(pki):
    with pytest.raises(ValueError, match="expected a certificate with the key, found none"):
        client_context(key=pki.station("SN-1"))


def test_the_cas_of_the_system_are_trusted_unless_others_are_named(pki):
    context = client_context()

    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert [ca["subject"] for ca in pki.client().get_ca_certs()] == [ca["issuer"] for ca in pki.client().get_ca_certs()]
    assert len(pki.client().get_ca_certs()) == 1


@pytest.mark.parametrize(
    "make", [partial(server_context, "missing.pem", "missing.pem"), partial(client_context, ca="missing.pem")]
)
def test_a_file_that_is_not_there_is_said_at_once(make):
    with pytest.raises(FileNotFoundError):
        make()
