"""The endpoints as a table, from which the app and its description are made."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal

import attrs
from starlette.requests import Request
from starlette.responses import Response

from ocpp_trio.backend.api.calls import call_station
from ocpp_trio.backend.api.desk import Desk
from ocpp_trio.backend.api.stations import (
    list_stations,
    list_transactions,
    show_health,
    show_metrics,
    show_station,
)
from ocpp_trio.backend.records import Station, Transaction


@attrs.frozen
class Parameter:
    """Something that a request may or must say beside its body."""

    name: str
    place: Literal["path", "query"]
    type: type
    summary: str


@attrs.frozen(kw_only=True)
class Endpoint:
    """A method of a path; `page_of` is the record of which it gives lists."""

    method: Literal["GET", "POST"]
    path: str
    summary: str
    handle: Callable[[Desk, Request], Awaitable[Response]]
    parameters: tuple[Parameter, ...] = ()
    page_of: type | None = None
    media_type: str = "application/json"
    problems: Mapping[int, str] = attrs.Factory(dict)
    open: bool = False
    """Whether it needs no token."""


FEED_PATH: Final = "/api/feed"
OPENAPI_PATH: Final = "/api/openapi.json"

# A server that speaks ASGI decodes the path before it is routed, so that an encoded slash would be one of the path.
_IDENTITY: Final = Parameter(
    "identity",
    "path",
    str,
    "the charge point's identity; one with a slash has no path, and is found in the lists and the feed only",
)
_LIMIT: Final = Parameter("limit", "query", int, "how many at most")
_UNAUTHORIZED: Final = {401: "no token, or another one"}

ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/api/stations",
        summary="stations by identity, a page at a time",
        handle=list_stations,
        parameters=(
            _LIMIT,
            Parameter("after", "query", str, "the `next` of the page before"),
            Parameter("online", "query", bool, "only those that are, or are not"),
        ),
        page_of=Station,
        problems=_UNAUTHORIZED | {422: "a parameter out of bounds"},
    ),
    Endpoint(
        method="GET",
        path="/api/stations/{identity}",
        summary="a station with its connectors, transactions and latest meter values",
        handle=show_station,
        parameters=(_IDENTITY,),
        problems=_UNAUTHORIZED | {404: "no such station"},
    ),
    Endpoint(
        method="GET",
        path="/api/transactions",
        summary="transactions by id, a page at a time",
        handle=list_transactions,
        parameters=(
            _LIMIT,
            Parameter("after", "query", int, "the `next` of the page before"),
            Parameter("station", "query", str, "only those of one station"),
            Parameter("running", "query", bool, "only those that are, or are not"),
        ),
        page_of=Transaction,
        problems=_UNAUTHORIZED | {422: "a parameter out of bounds"},
    ),
    Endpoint(
        method="POST",
        path="/api/stations/{identity}/calls/{action}",
        summary="send a call to a station and answer with its reply",
        handle=call_station,
        parameters=(_IDENTITY,),
        problems=_UNAUTHORIZED
        | {
            400: "the body is no JSON",
            404: "no such station or action",
            409: "the station is not connected, or not registered yet",
            413: "the body is too large",
            415: "the body is not application/json",
            422: "the body is no payload of this action",
            502: "the station answered with an error, or with something else than a reply",
            503: "the connection, its node or the bus is gone; `was_sent` says whether the call may have arrived",
            504: "no reply in time",
        },
    ),
    Endpoint(
        method="GET",
        path="/metrics",
        summary="counters for Prometheus",
        handle=show_metrics,
        media_type="text/plain",
        problems=_UNAUTHORIZED | {404: "the server keeps no counters"},
    ),
    Endpoint(
        method="GET",
        path="/health",
        summary="whether the process answers, and whether the bus to the other nodes is up",
        handle=show_health,
        open=True,
    ),
)
