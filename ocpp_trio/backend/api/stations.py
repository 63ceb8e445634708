"""What is known, to read: stations, one station with all that belongs to it, transactions, counters, health."""

from collections.abc import Callable, Sequence
from heapq import nsmallest
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from ocpp_trio.backend.api.desk import Desk
from ocpp_trio.backend.api.plain import as_plain, json_response
from ocpp_trio.backend.api.problems import Problem
from ocpp_trio.backend.api.reading import DEFAULT_PAGE, flag, integer
from ocpp_trio.backend.events import Known
from ocpp_trio.observe.prometheus import CONTENT_TYPE, exposition

KnownT = TypeVar("KnownT", bound=Known)
TRANSACTION_MOST = 2**53
"""Beyond it JavaScript counts no more by one."""


async def list_stations(desk: Desk, request: Request) -> Response:
    """All stations by identity, a page at a time."""
    online, after = flag(request, "online"), request.query_params.get("after", "")
    found = [
        station
        for station in desk.live.stations().values()
        if station.identity > after and online in (None, station.online)
    ]
    return _page(desk, request, found, key=lambda station: station.identity)


async def show_station(desk: Desk, request: Request) -> Response:
    """One station with its connectors, transactions and latest meter values."""
    identity = request.path_params["identity"]
    station = desk.live.station(identity)
    if station is None:
        raise Problem(404, f"found no station {identity!r}, expected one that has been heard of lately")
    return json_response(
        {
            **as_plain(station),
            "connectors": [as_plain(each) for each in desk.live.connectors(identity)],
            "transactions": [as_plain(each) for each in desk.live.transactions(identity)],
            "meter_values": [as_plain(each) for each in desk.live.meter_values(identity)],
            "sequence": desk.hub.sequence,
        }
    )


async def list_transactions(desk: Desk, request: Request) -> Response:
    """All transactions by id, a page at a time."""
    running, station = flag(request, "running"), request.query_params.get("station")
    after = integer(request, "after", -TRANSACTION_MOST, least=0, most=TRANSACTION_MOST)
    found = [
        transaction
        for transaction in desk.live.transactions(station)
        if transaction.transaction_id > after and running in (None, transaction.running)
    ]
    return _page(desk, request, found, key=lambda transaction: transaction.transaction_id)


def _page(desk: Desk, request: Request, found: Sequence[KnownT], *, key: Callable[[KnownT], Any]) -> Response:
    """The first of what was found; `next` goes into `after` for the page that follows."""
    most = desk.limits.page
    limit = integer(request, "limit", min(DEFAULT_PAGE, most), least=1, most=most)
    page = nsmallest(limit, found, key=key)
    return json_response(
        {
            "items": [as_plain(each) for each in page],
            "next": key(page[-1]) if len(page) < len(found) else None,
            "sequence": desk.hub.sequence,
        }
    )


async def show_health(desk: Desk, request: Request) -> Response:
    """That the process answers, and whether the bus works: without it the node serves its own stations still.

    What is wrong with the bus is told in the log: this needs no token, and the detail may name the server.
    """
    if desk.node is None:
        return json_response({"status": "ok"})
    healthy = desk.node.status().bus.healthy
    return json_response({"status": "ok" if healthy else "degraded", "bus": "up" if healthy else "down"})


async def show_metrics(desk: Desk, request: Request) -> Response:
    """Counters for Prometheus."""
    if desk.counters is None:
        raise Problem(404, "found no counters, expected a server that was given some")
    gauges = {"sessions": len(desk.sessions()), "stations_known": len(desk.live.stations())}
    return Response(exposition(desk.counters, gauges), headers={"content-type": CONTENT_TYPE})
