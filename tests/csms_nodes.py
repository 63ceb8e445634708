"""Whole CSMS nodes: a server for stations, the ready-made backend, and a bus to the other nodes.

In memory and in virtual time, or with real sockets and a real Valkey server.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import trio

from ocpp_trio import ChargePoint, CsmsServer, Limits, Router, open_charge_point, open_client, serve_csms, v16
from ocpp_trio.backend import Bus, Freshness, MemoryBackend, Node, NodeSettings, Topic, Want, open_node
from ocpp_trio.backend.api import ApiLimits, ApiServer, make_api, serve_api
from ocpp_trio.backend.api.feed import FEED_SUBPROTOCOL
from ocpp_trio.testing import MemoryNetwork
from tests.backend.nodes import Server
from tests.operator_ground import Answer, FeedClient, send_request

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
SHOWN = (Want(Topic.STATIONS),)


@attrs.frozen
class CsmsNode:
    """A node with its CSMS."""

    backend: MemoryBackend
    csms: CsmsServer
    node: Node
    port: int
    api_port: int


@attrs.define
class Cluster:
    """Some nodes, and stations that dial them."""

    server: Server
    network: MemoryNetwork = attrs.Factory(MemoryNetwork)

    @asynccontextmanager
    async def node(
        self,
        name: str,
        *,
        bus: Bus | None = None,
        settings: NodeSettings | None = None,
        freshness: Freshness | None = None,
        limits: ApiLimits | None = None,
        **options: Any,
    ) -> AsyncIterator[CsmsNode]:
        """A node that runs, with its operator API."""
        backend = MemoryBackend(freshness=freshness)
        listen = self.network.host(name).listen if self.server.virtual else None
        where: dict[str, Any] = {"listen": listen, "host": None} if listen else {"host": "127.0.0.1"}
        async with trio.open_nursery() as nursery:
            nursery.start_soon(backend.live.run)
            csms: CsmsServer = await nursery.start(
                partial(serve_csms, [backend.router()], 0, instrument=backend.instrument, **where)
            )
            async with open_node(
                backend.live,
                backend.hub,
                bus or self.server.bus(name),
                name=name,
                sessions=lambda: csms.sessions,
                settings=settings or self.server.settings,
                **options,
            ) as node:
                app = make_api(
                    backend.live, backend.hub, sessions=lambda: csms.sessions, token=None, node=node, limits=limits
                )
                api: ApiServer = await nursery.start(partial(serve_api, app, 0, limits=limits, **where))
                yield CsmsNode(backend, csms, node, csms.port, api.port)
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def station(
        self, at: CsmsNode, identity: str = "CP-1", *, router: Router | None = None
    ) -> AsyncIterator[ChargePoint]:
        """A charge point that is online at a node."""
        host = at.node.name if self.server.virtual else "127.0.0.1"
        dial: dict[str, Any] = {"dial": self.network.dial} if self.server.virtual else {}
        url = f"ws://{host}:{at.port}/ocpp"
        async with open_charge_point(url, identity, router=router or Router(v16), boot=BOOT, **dial) as station:
            await station.wait_online()
            yield station

    async def request(self, at: CsmsNode, method: str, path: str, body: object = None) -> Answer:
        """A request to a node's operator API."""
        return await send_request(await self.dial(at), method, path, body, {})

    @asynccontextmanager
    async def feed(
        self, at: CsmsNode, *, through: Callable[[trio.abc.Stream], trio.abc.Stream] = lambda stream: stream
    ) -> AsyncIterator[FeedClient]:
        """A WebSocket client of a node's feed that has been greeted, its connection led `through` something."""
        async with open_client(
            through(await self.dial(at)),
            host="csms",
            resource="/api/feed",
            subprotocols=[FEED_SUBPROTOCOL],
            limits=Limits(),
        ) as transport:
            client = FeedClient(transport)
            assert (await client.receive())["type"] == "hello"
            yield client

    async def dial(self, at: CsmsNode) -> trio.abc.Stream:
        """A connection to a node's operator API."""
        if self.server.virtual:
            return await self.network.dial(at.node.name, at.api_port)
        return await trio.open_tcp_stream("127.0.0.1", at.api_port)


def available(connector: int = 1) -> v16.StatusNotificationRequest:
    return v16.StatusNotificationRequest(
        connector_id=connector,
        error_code=v16.ChargePointErrorCode.NO_ERROR,
        status=v16.ChargePointStatus.AVAILABLE,
    )
