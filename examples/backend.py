"""A backend: keeps what stations say in a file, and beside OCPP it has an operator API with a dashboard.

Run it with `python examples/backend.py [STORE] [PORT] [API_PORT]`, open the address it prints in a browser, and connect
a station:

    ocpp-trio station ws://127.0.0.1:9000/ocpp CP-1 --start TAG-1

Ctrl-C closes the connections and ends it. Run it again, and it remembers.
"""

import secrets
import sys
from functools import partial

import trio

from ocpp_trio import CsmsServer, serve_csms
from ocpp_trio.backend import Backend, open_sqlite_store
from ocpp_trio.backend.api import ApiServer, make_api, serve_api


async def main(path: str, port: int, api_port: int) -> None:
    token = secrets.token_urlsafe(16)
    async with open_sqlite_store(path) as store, trio.open_nursery() as nursery:
        backend = Backend(store)
        await backend.restore()
        nursery.start_soon(backend.live.run)  # announces what expires
        serve = partial(serve_csms, [backend.router()], port, host="127.0.0.1", instrument=backend.instrument)
        server: CsmsServer = await nursery.start(serve)
        app = make_api(backend.live, backend.hub, sessions=lambda: server.sessions, token=token)
        api: ApiServer = await nursery.start(serve_api, app, api_port)
        print(f"listening on port {server.port}, dashboard on http://127.0.0.1:{api.port}/#token={token}")


if __name__ == "__main__":
    arguments = dict(enumerate(sys.argv))
    try:
        trio.run(main, arguments.get(1, "csms.db"), int(arguments.get(2, 9000)), int(arguments.get(3, 8080)))
    except* KeyboardInterrupt:  # a nursery wraps it
        pass
