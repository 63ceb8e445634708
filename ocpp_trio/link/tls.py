"""TLS as OCPP wants it: contexts for both ends, and a handshake with a deadline that fails in words.

Owns what is negotiated below the WebSocket. Must not know who is let in: a certificate that a CA vouches for is
a value here, and somebody else's decision.
"""

import os
import ssl
from collections.abc import Sequence
from typing import Final

import trio

from ocpp_trio.errors import Closed, CloseReason, HandshakeError
from ocpp_trio.link.limits import Limits
from ocpp_trio.link.tls_failure import FOUND_HTTP, tls_failure

StrPath = str | os.PathLike[str]

# The four that a CSMS has to offer, the static RSA pair of which Python leaves out by default, and the pair that gives
# forward secrecy to whoever has only an RSA certificate. The suites of TLS 1.3 are not chosen here.
_CIPHERS: Final = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
    )
)
# A port that speaks TLS is mostly tried in plain text by somebody at a terminal or by a station with the wrong URL.
_PLAIN_ANSWER: Final = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 31\r\n\r\n"
    b"this port expects TLS (wss://)\n"
)


def server_context(
    certificate: StrPath,
    key: StrPath,
    *,
    also: Sequence[tuple[StrPath, StrPath]] = (),
    client_ca: StrPath | None = None,
) -> ssl.SSLContext:
    """TLS 1.2 or newer for a CSMS: PEM files with the certificate chain and its private key.

    All four cipher suites of security profile 2 need an ECDSA and an RSA certificate: give the second one as a
    pair in `also`. With `client_ca`, a PEM file, every client has to show a certificate that one of these CAs
    signed (profile 3); set `verify_mode = ssl.CERT_OPTIONAL` on the result to serve stations with and without
    one on the same port, and let the authenticator tell them apart.

    Raises OSError or ssl.SSLError for files that cannot be read or do not fit each other.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context)
    for chain, private in ((certificate, key), *also):
        context.load_cert_chain(chain, private)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        # A resumed session would show no certificate, and one that has expired since would pass.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
    return context


def client_context(
    *, ca: StrPath | None = None, certificate: StrPath | None = None, key: StrPath | None = None
) -> ssl.SSLContext:
    """TLS 1.2 or newer for a charge point, which checks the CSMS's certificate and its name.

    `ca` is a PEM file with the CAs to trust, and then no others; without it those of the system are trusted.
    `certificate` and `key` are what the charge point shows for itself (security profile 3); `key` may be in
    the same file. Raises OSError or ssl.SSLError for files that cannot be read or do not fit each other, and
    ValueError for a key without a certificate.
    """
    if key is not None and certificate is None:
        raise ValueError("expected a certificate with the key, found none")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the certificate and the host name
    _restrict(context)
    # Security profile 2 puts the CSMS's name into the common name; subjectAltName counts where there is one.
    context.hostname_checks_common_name = True
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(ca)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def _restrict(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(_CIPHERS)


class _Context:
    """Stands in for a context towards `trio.SSLStream`, which does not send the alert of a handshake that failed."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.outgoing = ssl.MemoryBIO()

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, server_side: bool, server_hostname: str | None
    ) -> ssl.SSLObject:
        self.outgoing = outgoing
        return self._context.wrap_bio(incoming, outgoing, server_side, server_hostname)


async def secure_server(
    stream: trio.abc.Stream, context: ssl.SSLContext, *, limits: Limits, deadline: float
) -> trio.abc.Stream:
    """Be the server of a TLS handshake, until `deadline` on trio's clock; the stream that is secured then.

    On every failure, also when cancelled, `stream` is closed. Raises HandshakeError with a sentence about the cause.
    """
    return await _secure(stream, context, None, limits, deadline)


async def secure_client(
    stream: trio.abc.Stream, context: ssl.SSLContext, *, host: str, limits: Limits
) -> trio.abc.Stream:
    """Be the client of a TLS handshake, with a server that has to prove to be `host`; the stream that is secured then.

    It has `limits.handshake_deadline` seconds. On every failure, also when cancelled, `stream` is closed. Raises
    HandshakeError with a sentence about the cause.
    """
    return await _secure(stream, context, host, limits, trio.current_time() + limits.handshake_deadline)


async def _secure(
    stream: trio.abc.Stream, context: ssl.SSLContext, host: str | None, limits: Limits, deadline: float
) -> trio.abc.Stream:
    wrapped = _Context(context)
    secured = trio.SSLStream(
        stream,
        wrapped,  # type: ignore[arg-type]  # wrap_bio is all that is asked of it
        server_side=host is None,
        server_hostname=host,
        https_compatible=True,  # WebSocket has close frames; nobody waits for a close_notify after them
    )
    try:
        failure = await _shake_hands(secured, deadline)
        if failure is not None:
            with trio.move_on_at(min(deadline, trio.current_time() + limits.close_timeout)):
                await _say_why(stream, failure, wrapped.outgoing.read())
            raise failure
    except BaseException:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)
        raise
    return secured


async def _shake_hands(secured: trio.SSLStream[trio.abc.Stream], deadline: float) -> HandshakeError | None:
    try:
        with trio.fail_at(deadline):
            await secured.do_handshake()
    except trio.TooSlowError:
        return _failure("not done at the deadline", None)
    except trio.BrokenResourceError as exc:
        return _failure(tls_failure(exc) or f"the connection was lost: {exc.__cause__ or exc}", exc)
    return None


def _failure(detail: str, cause: Exception | None) -> HandshakeError:
    failure = HandshakeError(Closed(CloseReason.TLS_FAILURE, None, f"TLS handshake: {detail}"))
    failure.__cause__ = cause
    return failure


async def _say_why(stream: trio.abc.Stream, failure: HandshakeError, alert: bytes) -> None:
    """Send the alert, and read until the peer has it: closing TCP over unread data resets it."""
    if FOUND_HTTP in failure.closed.detail:
        alert = _PLAIN_ANSWER
    if not alert:
        return
    try:
        await stream.send_all(alert)
        if isinstance(stream, trio.abc.HalfCloseableStream):
            await stream.send_eof()
        while await stream.receive_some(65536):
            pass
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # it did not want to know
