"""Two WebSockets that talk to each other in memory: the smallest ground for a test of one connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from ocpp_trio import Limits, Transport, open_client, open_server
from ocpp_trio.testing.link import MemoryLink
from ocpp_trio.testing.network import MemoryNetwork


@asynccontextmanager
async def open_transport_pair(
    *,
    limits: Limits | None = None,
    subprotocol: str = "ocpp1.6",
    resource: str = "/CP-1",
    framing: bool = True,
) -> AsyncIterator[tuple[Transport, Transport, MemoryLink]]:
    """A client's and a server's end after the handshake, and the link between them to harm.

    Leaving closes both ends at once.
    """
    limits = limits or Limits()
    network = MemoryNetwork(framing=framing)
    (listener,) = await network.listen(1)
    client_stream, server_stream = await network.dial("csms", 1), await listener.accept()

    async def be_client(*, task_status: trio.TaskStatus[Transport]) -> None:
        async with open_client(
            client_stream, host="csms", resource=resource, subprotocols=[subprotocol], limits=limits
        ) as transport:
            task_status.started(transport)
            await trio.sleep_forever()

    async def be_server(*, task_status: trio.TaskStatus[Transport]) -> None:
        async with open_server(server_stream, limits=limits) as upgrade:
            task_status.started(await upgrade.accept(subprotocol))
            await trio.sleep_forever()

    ends: dict[str, Transport] = {}

    async with trio.open_nursery() as nursery:

        async def start(name: str) -> None:
            ends[name] = await nursery.start(be_client if name == "client" else be_server)

        async with trio.open_nursery() as opening:
            opening.start_soon(start, "client")
            opening.start_soon(start, "server")
        yield ends["client"], ends["server"], network.links[0]
        nursery.cancel_scope.cancel()
