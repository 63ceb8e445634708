"""The operator API as an ASGI app: the endpoints, the feed, the page, the token, and one form for every error."""

import secrets
from collections.abc import Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from ocpp_trio import Session, Version, v16
from ocpp_trio.backend.api.auth import BearerAuth, checked
from ocpp_trio.backend.api.desk import Desk
from ocpp_trio.backend.api.feed import serve_feed
from ocpp_trio.backend.api.limits import ApiLimits
from ocpp_trio.backend.api.openapi import openapi
from ocpp_trio.backend.api.page import page_routes
from ocpp_trio.backend.api.plain import json_response
from ocpp_trio.backend.api.problems import Problem, answer_bug, answer_http_exception, answer_problem
from ocpp_trio.backend.api.routes import ENDPOINTS, FEED_PATH, OPENAPI_PATH, Endpoint
from ocpp_trio.backend.hub import Hub
from ocpp_trio.backend.live import LiveState
from ocpp_trio.backend.node import Node
from ocpp_trio.observe import Counters


def make_api(
    live: LiveState,
    hub: Hub,
    *,
    sessions: Callable[[], Mapping[str, Session]],
    token: str | None,
    node: Node | None = None,
    counters: Counters | None = None,
    versions: Sequence[Version] = (v16.version,),
    limits: ApiLimits | None = None,
    new_stream: Callable[[], str] = lambda: secrets.token_hex(8),
) -> Starlette:
    """The app over a state and its hub; `serve_api` serves it, or any ASGI server on trio.

    `sessions` tells who is connected, such as `lambda: server.sessions`. With a `node` calls reach the stations of the
    other nodes too, and `/health` says whether the bus works. Requests must bear the `token`; None, which has to be
    said, lets everybody in who can reach the port. `/metrics` needs `counters`. `versions` are those that the
    description names. Raises ValueError for a token that a header cannot carry.
    """
    token = None if token is None else checked(token)
    desk = Desk(
        live=live,
        hub=hub,
        sessions=sessions,
        counters=counters,
        node=node,
        limits=limits or ApiLimits(),
        stream=new_stream(),
    )
    description = openapi(ENDPOINTS, versions)

    async def describe(request: Request) -> Response:
        return json_response(description)

    async def feed(websocket: WebSocket) -> None:
        await serve_feed(desk, websocket)

    return Starlette(
        routes=[
            *(_route(desk, endpoint) for endpoint in ENDPOINTS),
            Route(OPENAPI_PATH, describe),
            WebSocketRoute(FEED_PATH, feed),
            *page_routes(),
        ],
        middleware=[Middleware(BearerAuth, token=token)],
        exception_handlers={Problem: answer_problem, HTTPException: answer_http_exception, Exception: answer_bug},
    )


def _route(desk: Desk, endpoint: Endpoint) -> Route:
    async def handle(request: Request) -> Response:
        return await endpoint.handle(desk, request)

    return Route(endpoint.path, handle, methods=[endpoint.method])
