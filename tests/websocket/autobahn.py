"""Autobahn's WebSocket cases, as the `kosoku` package runs them, against an echo over our transport.

The package speaks asyncio, so it lives in a thread; the sockets between are real.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import attrs
import kosoku
import trio

from ocpp_trio import ConnectionClosed, HandshakeError, Limits, Transport, open_client, open_server

ABREAST: Final = 10
PATIENCE: Final = 100.0
"""Real seconds until a run is given up; its thread cannot be cancelled."""
_SUBPROTOCOL: Final = "ocpp1.6"


@attrs.frozen(kw_only=True)
class Cases:
    """Which cases, by number or with a `*`."""

    include: Sequence[str]
    exclude: Sequence[str] = ()


Results = Sequence[Any]
"""One of kosoku's `CaseResult` for each case."""


async def run_against_server(cases: Cases, limits: Limits) -> Results:
    """Let the cases drive a server that echoes."""
    async with trio.open_nursery() as nursery:
        echo = partial(_serve_echo, limits=limits)
        listeners = await nursery.start(partial(trio.serve_tcp, echo, 0, host="127.0.0.1"))
        url = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        results: Results = await trio.to_thread.run_sync(asyncio.run, _drive(url, cases))
        nursery.cancel_scope.cancel()
    return results


async def _drive(url: str, cases: Cases) -> Results:
    run = kosoku.run_fuzzingclient(url, cases.include, cases.exclude or None, concurrency=ABREAST)
    try:
        return await asyncio.wait_for(run, PATIENCE)
    except kosoku.FailureError as failure:
        return failure.results


async def _serve_echo(stream: trio.SocketStream, *, limits: Limits) -> None:
    try:
        async with open_server(stream, limits=limits) as upgrade:
            await _echo(await upgrade.accept(None))
    except (HandshakeError, ConnectionClosed):
        pass  # every case ends its connection; what the peer thinks of that is in its results


async def _echo(transport: Transport) -> None:
    while True:
        await transport.send(await transport.receive())


async def run_against_client(cases: Cases, limits: Limits) -> Results:
    """Let a client that echoes take one case after the other from a server."""
    results: list[Results] = []

    async def serve(*, task_status: trio.TaskStatus[int]) -> None:  # noqa: ASYNC128  # the thread calls started()
        results.append(await trio.to_thread.run_sync(asyncio.run, _serve(cases, task_status.started)))

    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve)
        (count,) = await _ask(port, "/getCaseCount", limits)
        await _take_cases(port, int(count), limits)
        await _ask(port, "/updateReports?agent=ocpp_trio", limits)
    return results[0]


async def _serve(cases: Cases, started: Callable[[int], None]) -> Results:
    results: Results = ()
    async with kosoku.run_fuzzingserver(cases.include, cases.exclude or None, host="127.0.0.1", port=0) as server:
        trio.from_thread.run_sync(started, server.port)
        try:
            results = await asyncio.wait_for(server.get_result(), PATIENCE)
        except kosoku.FailureError as failure:
            results = failure.results
    return results


async def _take_cases(port: int, count: int, limits: Limits) -> None:
    abreast = trio.CapacityLimiter(ABREAST)

    async def take(number: int) -> None:
        async with abreast:
            await _ask(port, f"/runCase?case={number}&agent=ocpp_trio", limits, answer=True)

    async with trio.open_nursery() as nursery:
        for number in range(1, count + 1):
            nursery.start_soon(take, number)


async def _ask(port: int, resource: str, limits: Limits, *, answer: bool = False) -> list[str]:
    """What the server says under a resource, until it closes; with `answer` it gets everything back."""
    said: list[str] = []
    stream = Agreeing(await trio.open_tcp_stream("127.0.0.1", port))
    async with open_client(
        stream, host="127.0.0.1", resource=resource, subprotocols=[_SUBPROTOCOL], limits=limits
    ) as transport:
        try:
            if answer:
                await _echo(transport)
            while True:
                said.append(await transport.receive())
        except ConnectionClosed:
            return said


class Agreeing(trio.abc.HalfCloseableStream):
    """Agrees on a subprotocol in the server's stead, who knows none; our client insists (OCPP-J 1.6 section 3.2)."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        self._stream = stream
        self._agreed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = bytes(await self._stream.receive_some(max_bytes))
        if not self._agreed:
            self._agreed = True
            data = data.replace(b"\r\n", f"\r\nSec-WebSocket-Protocol: {_SUBPROTOCOL}\r\n".encode(), 1)
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()
