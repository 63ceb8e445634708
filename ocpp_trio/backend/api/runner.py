"""The server of the API: one listener, one barrier per connection, and if wished one port for OCPP too.

Owns every connection's task and stream. A client of the API cannot reach beyond its own connection, whatever it
sends and however slowly it reads.
"""

import logging
import math
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import attrs
import trio
from hypercorn.trio.worker_context import WorkerContext
from starlette.types import ASGIApp

from ocpp_trio.backend.api.feed import STOPPING
from ocpp_trio.backend.api.heads import Replayed, path_of, read_head
from ocpp_trio.backend.api.http import HttpConnection
from ocpp_trio.backend.api.limits import ApiLimits
from ocpp_trio.backend.api.shared import Arrival, Arrivals, OcppDoor, is_ours

logger = logging.getLogger(__name__)

Listen = Callable[..., Awaitable[Sequence[trio.abc.Listener[Any]]]]


@attrs.frozen(kw_only=True)
class ApiStatistics:
    """A snapshot of a server: connections at this moment, and those dropped because there were too many."""

    connections: int
    dropped: int
    draining: bool


class ApiServer:
    """A running API. `serve_api` hands it out."""

    def __init__(
        self,
        app: ASGIApp,
        listeners: Sequence[trio.abc.Listener[Any]],
        limits: ApiLimits,
        *,
        ocpp: OcppDoor | None,
    ) -> None:
        self._app = app
        self._limits = limits
        self._ocpp = ocpp
        self._listeners = [Arrivals(listener) for listener in listeners]
        self._accepting = trio.CancelScope()
        self._stopping = trio.Event()
        self._context = WorkerContext(None)
        self._connections: dict[trio.CancelScope, trio.abc.Stream] = {}
        self._dropped = 0
        self._empty = trio.Event()
        self.port = _port_of(listeners[0])

    def statistics(self) -> ApiStatistics:
        """A frozen snapshot for introspection and tests."""
        return ApiStatistics(
            connections=len(self._connections), dropped=self._dropped, draining=self._accepting.cancel_called
        )

    async def drain(self, seconds: float) -> None:
        """Accept no more, close every feed with 1001, let requests be answered for up to `seconds`, drop the rest.

        Cancelling drops the rest at once.
        """
        self._accepting.cancel()
        await self._context.terminated.set()  # connections close behind their answer
        self._stopping.set()
        try:
            with trio.move_on_after(seconds):
                if self._connections:
                    await self._empty.wait()
        finally:
            with trio.CancelScope(shield=True):
                for scope, stream in list(self._connections.items()):
                    scope.cancel()
                    await trio.aclose_forcefully(stream)  # or else a write that has begun would be waited for

    async def serve(self) -> None:
        """Accept connections until drained, and wait for the last one to end."""
        async with trio.open_nursery() as connections:
            try:
                with self._accepting:
                    await trio.serve_listeners(self._attend, self._listeners, handler_nursery=connections)
            finally:
                if not self._accepting.cancelled_caught:
                    with trio.move_on_after(self._limits.close_timeout, shield=True):
                        await self.drain(math.inf)

    async def _attend(self, arrival: Arrival) -> None:
        """The barrier: whatever happens on a connection ends here, and so does its stream, unless OCPP has it.

        Shielded, so that `drain` can let it say goodbye while all around is being cancelled.
        """
        if len(self._connections) >= self._limits.connections or self._accepting.cancel_called:
            self._dropped += 1
            return
        with trio.CancelScope(shield=True) as scope:
            self._connections[scope] = arrival.stream
            try:
                await self._serve_stream(arrival)
            except* Exception:
                logger.warning("a connection of the API failed", exc_info=True)
            finally:
                del self._connections[scope]
                if not self._connections and self._accepting.cancel_called:
                    self._empty.set()

    async def _serve_stream(self, arrival: Arrival) -> None:
        stream, client = arrival.stream, _client_of(arrival.stream)
        _tune(stream, self._limits)
        head = None
        with trio.move_on_after(self._limits.head_deadline), suppress(trio.BrokenResourceError):
            head = await read_head(stream, self._limits.head_size)
        if head is None:
            return
        replayed = Replayed(stream, head, f"{client[0]}:{client[1]}" if client else str(getattr(stream, "peer", "")))
        if self._ocpp is not None and not is_ours(path_of(head)):
            with trio.move_on_after(self._limits.head_deadline):
                arrival.given_away = await self._ocpp.hand_over(replayed)
            return
        connection = HttpConnection(
            self._app,
            replayed,
            client=client,
            context=self._context,
            limits=self._limits,
            state={STOPPING: self._stopping},
        )
        await connection.serve()


def _tune(stream: trio.abc.Stream, limits: ApiLimits) -> None:
    """Let the kernel give up on a cut cable: without this a half-open write blocks for many minutes."""
    if isinstance(stream, trio.SocketStream) and hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, math.ceil(limits.tcp_user_timeout * 1000))


def _client_of(stream: trio.abc.Stream) -> tuple[str, int] | None:
    if isinstance(stream, trio.SocketStream):
        with suppress(OSError):
            match stream.socket.getpeername():
                case (str(host), int(port), *_):
                    return host, port
    return None


def _port_of(listener: trio.abc.Listener[Any]) -> int:
    if isinstance(listener, trio.SocketListener):
        return int(listener.socket.getsockname()[1])
    return int(getattr(listener, "port", 0))


async def serve_api(
    app: ASGIApp,
    port: int,
    *,
    host: str | None = "127.0.0.1",
    limits: ApiLimits | None = None,
    ocpp: OcppDoor | None = None,
    listen: Listen = trio.open_tcp_listeners,
    task_status: trio.TaskStatus[ApiServer] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the API: `api = await nursery.start(serve_api, make_api(...), 8080)`.

    Plain HTTP/1.1; put what speaks TLS in front of it where it leaves the machine. Port 0 lets the system choose;
    `api.port` tells. With an `OcppDoor` charge points connect to the same port.

    Runs until drained or cancelled; cancelling closes every feed with 1001, within the close timeout. Raises
    OSError if the port cannot be bound.
    """
    server = ApiServer(app, await listen(port, host=host), limits or ApiLimits(), ocpp=ocpp)
    task_status.started(server)
    await server.serve()
