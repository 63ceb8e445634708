"""A CSMS node as a process of its own, for whoever wants to kill it: `python -m tests.integration.other_node URL`."""

import sys
from functools import partial

import trio

from ocpp_trio import CsmsServer, serve_csms
from ocpp_trio.backend import MemoryBackend, NodeSettings, open_node
from ocpp_trio.backend.redis import RedisBus


async def main(url: str) -> None:
    backend = MemoryBackend()
    async with trio.open_nursery() as nursery:
        csms: CsmsServer = await nursery.start(
            partial(serve_csms, [backend.router()], 0, instrument=backend.instrument, host="127.0.0.1")
        )
        settings = NodeSettings(beat=0.1, patience=1.5, gather=0.005)
        async with open_node(
            backend.live, backend.hub, RedisBus(url), name="other", sessions=lambda: csms.sessions, settings=settings
        ):
            print(csms.port, flush=True)
            await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
