"""Cut the link of a charge point and watch it come back.

Run it with `python examples/reconnect.py`: it brings its own CSMS, on a port of its own.
"""

from functools import partial

import trio

from ocpp_trio import ConnectionState, ExponentialBackoff, ReconnectPolicy, Router, open_charge_point, serve_csms, v16
from ocpp_trio.backend import MemoryBackend

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
POLICY = ReconnectPolicy(backoff=ExponentialBackoff(initial=0.5, maximum=30, jitter=0.2))


async def main() -> None:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_csms, [MemoryBackend().router()], 0, host="127.0.0.1"))
        url = f"ws://127.0.0.1:{server.port}/ocpp"
        async with open_charge_point(url, "CP-1", router=Router(v16), boot=BOOT, reconnect=POLICY) as station:
            with station.transitions() as changes:
                await station.wait_online()
                station.drop_link()
                times_online = 0
                async for change in changes:
                    wait = "" if change.backoff is None else f" for {change.backoff:.2f} s: {change.closed}"
                    print(f"{change.state.value}{wait}")
                    times_online += change.state is ConnectionState.ONLINE
                    if times_online == 2:
                        break
        await server.drain(1)


if __name__ == "__main__":
    try:
        trio.run(main)
    except* KeyboardInterrupt:
        pass  # Ctrl-C is how it ends; with a star, because it may come out of a nursery
