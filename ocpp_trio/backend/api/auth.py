"""Who may use the API: whoever holds the token.

Owns the comparison and the ways in which a token comes. A browser cannot set headers on a WebSocket, so there the
token may come as an offered subprotocol beside the feed's own; it is never sent back, and no socket is accepted
before it was checked.
"""

import base64
import binascii
import hmac
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from ocpp_trio.backend.api.page import PAGE_PATHS
from ocpp_trio.backend.api.problems import Problem

OPEN_PATHS: Final = frozenset({"/health"}) | PAGE_PATHS
"""What a load balancer asks for, and the page on which a person gives the token: they tell nobody anything."""
TOKEN_SUBPROTOCOL: Final = "ocpp-trio.token."
"""Followed by the token in base64url without padding, as a subprotocol allows few characters (RFC 6455 section 4.1)."""
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="ocpp-trio"'}


def token_subprotocol(token: str) -> str:
    """The subprotocol that carries a token."""
    return TOKEN_SUBPROTOCOL + base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()


def checked(token: str) -> str:
    """The token, if a header can carry it. Raises ValueError, which does not quote it."""
    if not (token and token.isascii() and token.isprintable() and " " not in token):
        raise ValueError("token: expected printable ASCII characters without spaces, at least one")
    return token


class BearerAuth:
    """ASGI middleware. With None as token everybody may, but no page of another site through a visitor's browser."""

    def __init__(self, app: ASGIApp, *, token: str | None) -> None:
        self._app = app
        self._token = None if token is None else token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = None
        if scope["type"] in ("http", "websocket") and scope["path"] not in OPEN_PATHS:
            problem = self._objection(scope)
        if problem is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await problem.response()(scope, receive, send)
        else:
            await deny(WebSocket(scope, receive, send), problem.response())

    def _objection(self, scope: Scope) -> Problem | None:
        if self._token is None:
            return _foreign_origin(scope)
        found = False
        for token in _tokens(scope):  # no early end: how long it takes tells nothing of which one it was
            found |= hmac.compare_digest(token, self._token)
        return None if found else Problem(401, "expected the bearer token of this server", headers=_CHALLENGE)


def _tokens(scope: Scope) -> Iterator[bytes]:
    for value in Headers(scope=scope).getlist("authorization"):
        scheme, _, token = value.partition(" ")
        if scheme.casefold() == "bearer":
            yield token.strip().encode("latin-1")
    for subprotocol in scope.get("subprotocols", ()):
        if subprotocol.startswith(TOKEN_SUBPROTOCOL):
            encoded = subprotocol.removeprefix(TOKEN_SUBPROTOCOL)
            try:
                yield base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except (binascii.Error, ValueError):
                continue


def _foreign_origin(scope: Scope) -> Problem | None:
    """Browsers open WebSockets to anywhere, so without a token the origin is all there is to judge by."""
    headers = Headers(scope=scope)
    origin = headers.get("origin")
    if scope["type"] == "websocket" and origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return Problem(403, f"found origin {origin!r}, expected {headers.get('host')!r} where no token is needed")
    return None


async def deny(websocket: WebSocket, response: Response) -> None:
    """Refuse an upgrade with a status, or with 403 where the server knows no other."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(response)
    else:
        await websocket.close()
