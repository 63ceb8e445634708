"""The operator API: what is known of the stations, calls to them, and the live feed, over HTTP (extra `backend`).

app = make_api(backend.live, backend.hub, sessions=lambda: server.sessions, token=token, counters=counters)
api = await nursery.start(serve_api, app, 8080)
"""

from ocpp_trio.backend.api.app import make_api as make_api
from ocpp_trio.backend.api.auth import token_subprotocol as token_subprotocol
from ocpp_trio.backend.api.feed import FEED_SUBPROTOCOL as FEED_SUBPROTOCOL
from ocpp_trio.backend.api.limits import ApiLimits as ApiLimits
from ocpp_trio.backend.api.runner import ApiServer as ApiServer
from ocpp_trio.backend.api.runner import ApiStatistics as ApiStatistics
from ocpp_trio.backend.api.runner import serve_api as serve_api
from ocpp_trio.backend.api.shared import OcppDoor as OcppDoor
