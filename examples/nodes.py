"""One of several nodes: each serves stations of its own, and any of them shows and calls the stations of all.

They need a Redis or Valkey server, and a name each:

    python examples/nodes.py redis://localhost:6379/0 a 9000 8080
    python examples/nodes.py redis://localhost:6379/0 b 9001 8081
    ocpp-trio station ws://127.0.0.1:9000/ocpp CP-1

The dashboard of b shows CP-1, and its buttons reach it. Without the server each goes on with its own stations.
"""

import secrets
import sys
from collections.abc import Mapping
from functools import partial

import trio

from ocpp_trio import CsmsServer, Session, serve_csms
from ocpp_trio.backend import Backend, Topic, Want, claim_ids, open_node, open_sqlite_store
from ocpp_trio.backend.api import ApiServer, make_api, serve_api
from ocpp_trio.backend.redis import RedisBus

NODES = 1024  # that transaction ids are divided between: never to be changed
SHOWN = [Want(Topic.STATIONS), Want(Topic.CONNECTORS), Want(Topic.TRANSACTIONS)]  # of all nodes, at each of them


async def main(url: str, name: str, port: int, api_port: int) -> None:
    bus, file, token = RedisBus(url), f"{name}.db", secrets.token_urlsafe(16)
    ids = await claim_ids(bus, name, store=file, nodes=NODES)
    async with open_sqlite_store(file, ids=ids) as store, trio.open_nursery() as nursery:
        backend = Backend(store)
        await backend.restore()
        nursery.start_soon(backend.live.run)
        serve = partial(serve_csms, [backend.router()], port, host="127.0.0.1", instrument=backend.instrument)
        server: CsmsServer = await nursery.start(serve)

        def sessions() -> Mapping[str, Session]:
            return server.sessions

        async with open_node(backend.live, backend.hub, bus, name=name, sessions=sessions, always=SHOWN) as node:
            app = make_api(backend.live, backend.hub, sessions=sessions, token=token, node=node)
            api: ApiServer = await nursery.start(serve_api, app, api_port)
            print(f"listening on port {server.port}, dashboard on http://127.0.0.1:{api.port}/#token={token}")
            await trio.sleep_forever()


if __name__ == "__main__":
    try:
        trio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    except* KeyboardInterrupt:  # a nursery wraps it
        pass
