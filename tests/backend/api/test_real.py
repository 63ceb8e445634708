"""The API on real sockets, beside a station that is at work. Nothing here is said about how long anything takes."""

import socket
from contextlib import AsyncExitStack, suppress

import pytest
import trio

from ocpp_trio import Router, v16
from ocpp_trio.backend.api import ApiLimits
from tests.backend.api.test_runner import UPGRADE
from tests.operator_ground import Ground

pytestmark = pytest.mark.real


async def dial(host: str, port: int) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", port)


def real_ground(**options: object) -> Ground:
    return Ground(listen=trio.open_tcp_listeners, dial=dial, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("shared", [False, True])
async def test_lists_calls_and_the_feed_over_sockets(shared):
    router = Router(v16)

    @router.on(v16.ClearCacheRequest)
    async def clear(session, request):
        return v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)

    ground = real_ground(shared=shared, limits=ApiLimits(close_timeout=0.2))
    async with ground.running(), ground.station(router=router) as station, ground.feed() as client:
        shown = (await ground.get("/api/stations")).json["items"]
        assert [(each["identity"], each["online"]) for each in shown] == [("CP-1", True)]
        answer = await ground.request("POST", "/api/stations/CP-1/calls/ClearCache", {})
        assert (answer.status, answer.json) == (200, {"status": "Accepted"})
        await client.subscribe("stations")
        await station.call(v16.HeartbeatRequest())
        assert await client.changes(1) == [("stations", "updated", "CP-1", "")]
        await ground.api.drain(5)
        assert (await client.end()).closed.code == 1001


async def test_hostile_and_stalled_clients_do_not_touch_a_station(caplog):
    """Some say nothing, some half a head, some garbage, some a byte too many after an upgrade, some reset, some ask for
    much and read nothing; all along a station goes on and every call of it is answered.
    """
    ground = real_ground(limits=ApiLimits(write_timeout=0.5, head_deadline=0.5, close_timeout=0.5))
    async with ground.running(), ground.station() as station, AsyncExitStack() as stack:
        for number in range(60):
            stream = await dial("", ground.api.port)
            stack.push_async_callback(trio.aclose_forcefully, stream)
            with suppress(trio.BrokenResourceError):
                match number % 6:
                    case 0:
                        pass
                    case 1:
                        await stream.send_all(b"GET /health HTT")
                    case 2:
                        await stream.send_all(bytes(range(256)) * 100)
                    case 3:
                        await stream.send_all(f"{UPGRADE}\r\nx".encode())
                    case 4:
                        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                        await stream.send_all(b"GET /health HTTP/1.1\r\n")
                        await trio.aclose_forcefully(stream)
                    case 5:
                        ask = (
                            f"GET /api/openapi.json HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ground.token}\r\n\r\n"
                        )
                        await stream.send_all(200 * ask.encode())
            await station.call(v16.HeartbeatRequest())
        while ground.api.statistics().connections:
            await station.call(v16.HeartbeatRequest())
            await trio.sleep(0.05)

        assert (await ground.get("/health")).status == 200
        assert ground.counters.value("closes") == 0
        assert ground.counters.value("opens") == 1
