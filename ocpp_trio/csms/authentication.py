"""What an authenticator is asked and what it may answer.

Pure values. The ready-made authenticators have files of their own; whoever writes another needs only these.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import attrs

from ocpp_trio.errors import SecurityEventKind
from ocpp_trio.link.certificate import PeerCertificate
from ocpp_trio.link.transport import Headers
from ocpp_trio.wire.leniency import Leniency


@attrs.frozen(kw_only=True)
class Credentials:
    """A peer that wants to be a charge point, and what it shows for it.

    `password` is the raw bytes of HTTP Basic authentication, whose user name was the identity; None if the peer
    sent none. `certificate` is one that a CA of the server's `ssl_context` vouches for; that it is this
    identity's is for the authenticator to find out. `tls` says whether the connection is encrypted.

    `defect` is what is wrong with the Authorization header: it is broken, or speaks for somebody else. Such a peer
    is refused with 401 whatever the authenticator says, who is asked all the same to be able to count.
    """

    identity: str
    path: str
    subprotocols: tuple[str, ...]
    headers: Headers = attrs.field(repr=False)
    peer: str
    password: bytes | None = attrs.field(default=None, repr=False)
    certificate: PeerCertificate | None = None
    tls: bool = False
    defect: str | None = None


@attrs.frozen
class Acceptance:
    """The peer may have a session.

    `authenticated` says whether it proved to be who it says: only then does it take the place of a session that
    its identity has already. `profile` is the security profile, 1 to 3, by which it did; None if the authenticator
    does not say. `leniency` is for this station alone and takes the place of the server's, None leaves that as it is.
    """

    authenticated: bool = attrs.field(kw_only=True)
    profile: int | None = attrs.field(default=None, kw_only=True)
    leniency: Leniency | None = attrs.field(default=None, kw_only=True)


def _as_tuple(headers: Headers) -> Headers:
    return tuple(headers)


@attrs.frozen
class Refusal:
    """An HTTP answer instead of the upgrade: 401, 403, 404, 503 …

    `detail` becomes the body, for people to read; `headers` are pairs of bytes. A 401 that names no scheme of
    its own asks for HTTP Basic. `offence` is the security event that it is; a 401 or a 403 of an authenticator
    that names none is an authentication failure. `nothing_shown` says that the authenticator had nothing to judge:
    under `any_of` the reasons of others count for more. Raises ValueError for what HTTP cannot carry.
    """

    status: int = attrs.field()
    detail: str = ""
    headers: Headers = attrs.field(default=(), converter=_as_tuple, kw_only=True)
    offence: SecurityEventKind | None = attrs.field(default=None, kw_only=True)
    nothing_shown: bool = attrs.field(default=False, kw_only=True)

    @status.validator
    def _check_status(self, attribute: object, status: int) -> None:
        if not 300 <= status <= 599:
            raise ValueError(f"Refusal.status: expected an HTTP status of 300 to 599, found {status!r}")

    @headers.validator
    def _check_headers(self, attribute: object, headers: Headers) -> None:
        for header in headers:
            if type(header) is not tuple or [type(part) for part in header] != [bytes, bytes]:
                raise ValueError(f"Refusal.headers: expected pairs of bytes, found {header!r}")


FAILED: Final = (401, 403, 404)
"""Statuses that mean: this peer did not prove to be somebody we know. Others are about us, or about later."""

Authenticator = Callable[[Credentials], Awaitable[Acceptance | Refusal]]
