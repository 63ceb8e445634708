"""Who is let in: from an accepted stream to an upgrade request that may become a session.

Owns what happens before a peer is known, and every refusal. Must not know what a session does.
"""

import logging
from collections.abc import Container
from contextlib import suppress
from typing import Final, NoReturn

import attrs
import trio

from ocpp_trio.csms.authentication import FAILED, Acceptance, Authenticator, Refusal
from ocpp_trio.csms.evidence import credentials_of
from ocpp_trio.csms.handshake import choose_subprotocol
from ocpp_trio.errors import Closed, CloseReason, ConnectionClosed, HandshakeError, SecurityEventKind
from ocpp_trio.link.basic import CHALLENGE
from ocpp_trio.link.handshake import Upgrade
from ocpp_trio.link.instrument import Link
from ocpp_trio.link.limits import IDENTITY_LIMIT
from ocpp_trio.link.transport import Transport

logger = logging.getLogger(__name__)

_NO_VERSION: Final = Closed(CloseReason.PROTOCOL_ERROR, 1002, "no common subprotocol")
_TOO_SLOW: Final = Closed(CloseReason.TRANSPORT_ERROR, None, "the handshake took too long")
_DENIED: Final = (401, 403)
_ANYBODY: Final = Acceptance(authenticated=False)


@attrs.frozen
class Admission:
    """The rules of one server's door; every way that does not lead through it is a HandshakeError."""

    versions: Container[str]
    authenticate: Authenticator | None = attrs.field(kw_only=True)

    async def judge(self, upgrade: Upgrade, link: Link, deadline: float) -> Acceptance:
        """Find out whether a peer may have a session, or answer its request with the refusal."""
        try:
            with trio.fail_at(deadline):
                verdict = await self._verdict(upgrade, link)
        except trio.TooSlowError:
            raise HandshakeError(_TOO_SLOW) from None
        if isinstance(verdict, Refusal):
            await self.refuse(upgrade, verdict, deadline)
        if choose_subprotocol(upgrade.subprotocols, self.versions) is None:
            await self.accept(upgrade, deadline)  # which says so and raises: it must not cost a session its place
        return verdict

    async def refuse(self, upgrade: Upgrade, refusal: Refusal, deadline: float) -> NoReturn:
        """Answer with a refusal, and raise it as a HandshakeError also where nobody waits for the answer."""
        headers = tuple(refusal.headers)
        if refusal.status == 401 and not any(name.lower() == b"www-authenticate" for name, _ in headers):
            headers += (CHALLENGE,)
        with suppress(ConnectionClosed), trio.move_on_at(deadline):
            await upgrade.reject(refusal.status, headers=headers, body=refusal.detail.encode())
        closed = Closed(CloseReason.REFUSED, None, refusal.detail, offence=refusal.offence)
        raise HandshakeError(closed, status=refusal.status)

    async def accept(self, upgrade: Upgrade, deadline: float) -> Transport:
        """Answer 101.

        No version in common is answered 101 without the header, and closed then (OCPP-J 1.6 section 3.2).
        """
        try:
            with trio.fail_at(deadline):
                transport = await upgrade.accept(choose_subprotocol(upgrade.subprotocols, self.versions))
        except trio.TooSlowError:
            raise HandshakeError(_TOO_SLOW) from None
        if transport.subprotocol is None:
            transport.end(_NO_VERSION)
            raise HandshakeError(_NO_VERSION, status=101)
        return transport

    async def _verdict(self, upgrade: Upgrade, link: Link) -> Acceptance | Refusal:
        """Syntax first, then the caller's hook."""
        if upgrade.defect is not None:
            return Refusal(400, upgrade.defect, offence=SecurityEventKind.HANDSHAKE_GARBAGE)
        if not link.identity:
            return Refusal(
                404,
                f"expected a charge point identity of at most {IDENTITY_LIMIT} characters as last segment of the path",
            )
        if self.authenticate is None:
            return _ANYBODY
        credentials = credentials_of(upgrade, link)
        try:
            verdict = await self.authenticate(credentials)
            if not isinstance(verdict, Acceptance | Refusal):
                raise TypeError(f"expected an Acceptance or a Refusal from the authenticator, found {verdict!r}")
        except Exception:
            logger.exception("the authenticator failed for %r", link.identity)
            return Refusal(500, "internal error")
        if credentials.defect is not None and (isinstance(verdict, Acceptance) or verdict.status in FAILED):
            verdict = Refusal(401, credentials.defect)
        if isinstance(verdict, Refusal) and verdict.offence is None and verdict.status in _DENIED:
            return attrs.evolve(verdict, offence=SecurityEventKind.AUTHENTICATION_FAILURE)
        return verdict
