"""One HTTP connection: Hypercorn's HTTP/1.1 and WebSocket protocols over a stream, with their faults contained.

The only importer of Hypercorn, and with it of h11. Owns the stream's reads and writes; who accepts connections, and
what becomes of an exception, is the runner's. Hypercorn's own class for a connection is not used: it writes in a
shielded scope without an end, speaks HTTP/2, and lets clients choose compression.
"""

import logging
import math
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol, H11WSConnection
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from starlette.types import ASGIApp, Message

from ocpp_trio.backend.api.heads import RECEIVE_SIZE
from ocpp_trio.backend.api.limits import ApiLimits

logger = logging.getLogger(__name__)

CLOSE_FRAME: Final = 0x88
"""First byte of a close frame: FIN and opcode 8 (RFC 6455 section 5.2)."""
QUEUE: Final = 10
"""Pieces of a body, or a client's messages, that wait for the app; the connection is not read while it is full."""
_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


class _Http1(H11Protocol):
    """HTTP/1.1 and nothing that a client could talk it into."""

    async def _check_protocol(self, event: h11.Request) -> None:
        """No HTTP/2: an upgrade to it is a request like any other."""

    async def _create_stream(self, request: h11.Request) -> None:
        """No compression: a few bytes of it would become as many as one likes."""
        headers = [(name, value) for name, value in request.headers if name != b"sec-websocket-extensions"]
        plain = h11.Request(
            method=request.method, target=request.target, headers=headers, http_version=request.http_version
        )
        await super()._create_stream(plain)


class HttpConnection:
    """A connection whose requests an app answers; `state` is what the app finds in its scope."""

    def __init__(
        self,
        app: ASGIApp,
        stream: trio.abc.Stream,
        *,
        client: tuple[str, int] | None,
        context: WorkerContext,
        limits: ApiLimits,
        state: MutableMapping[str, Any],
    ) -> None:
        self._app = app
        self._stream = stream
        self._client = client
        self._context = context
        self._limits = limits
        self._state = state
        self._sending = trio.Lock()
        self._reading = trio.CancelScope()
        self._idle = False
        self._over = False

    async def serve(self) -> None:
        """Answer requests until either end is done. The stream is left for the caller to close.

        Cancelling waits for a write that has begun, within the write timeout. Raises whatever the protocol raises
        for a client that breaks it.
        """
        async with trio.open_nursery() as background:
            self._background = background
            background.start_soon(self._leave_when_idle)
            async with trio.open_nursery() as apps:
                self._apps = apps
                self._protocol = _Http1(
                    self._app,  # type: ignore[arg-type]  # `spawn_app` is who calls it
                    _config(self._limits),
                    self._context,
                    self,  # type: ignore[arg-type]  # the part of a task group that it uses
                    ConnectionState(dict(self._state)),
                    False,
                    self._client,
                    None,
                    self._send,
                )
                await self._read()
            background.cancel_scope.cancel()

    async def _read(self) -> None:
        with self._reading, suppress(*_GONE):
            while data := await self._stream.receive_some(RECEIVE_SIZE):
                if not self._over:  # else it is only kept from filling the buffers until the client is done
                    await self._protocol.handle(RawData(bytes(data)))
                    self._expect_more()
        await self._protocol.handle(Closed())

    def _expect_more(self) -> None:
        """Hypercorn sends pings to a WebSocket's client and does not look for their answers."""
        if self._is_websocket and not self._over:
            self._reading.deadline = trio.current_time() + self._limits.ping_interval + self._limits.pong_deadline

    @property
    def _is_websocket(self) -> bool:
        return isinstance(self._protocol.connection, H11WSConnection)

    async def _send(self, event: Event) -> None:
        """What the protocol has to say: bytes, the end, or that a request begins or was answered."""
        if isinstance(event, RawData):
            await self._write(event.data)
            # Behind our close frame the app is not told of an oversize message, nor Hypercorn of the silence.
            if self._is_websocket and event.data[:1] == bytes([CLOSE_FRAME]):
                await self._finish()
        elif isinstance(event, Closed):
            await self._finish()
        elif isinstance(event, Updated) and not self._over:
            self._idle = event.idle
            self._reading.deadline = trio.current_time() + self._limits.idle if event.idle else math.inf

    async def _leave_when_idle(self) -> None:
        """A server that stops does not wait for another request; one that is being answered closes behind it."""
        await self._context.terminated.wait()
        if self._idle:
            self._reading.cancel()

    async def _write(self, data: bytes) -> None:
        """Write whole or not at all: a cancelled app must not cut a frame. A client that does not read is dropped."""
        async with self._sending:
            with trio.move_on_after(self._limits.write_timeout, shield=True) as deadline, suppress(*_GONE):
                await self._stream.send_all(data)
            if deadline.cancelled_caught:
                self._reading.cancel()
                with trio.CancelScope(shield=True):
                    await trio.aclose_forcefully(self._stream)

    async def _finish(self) -> None:
        """No more from us. What still comes is read for a moment: closing over it would eat our last words."""
        if self._over:
            return
        self._over = True
        self._reading.deadline = trio.current_time() + self._limits.close_timeout
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            async with self._sending:
                with suppress(*_GONE):
                    await self._stream.send_eof()

    async def spawn_app(
        self,
        app: ASGIApp,
        config: Config,
        scope: MutableMapping[str, Any],
        send: Callable[[Any], Awaitable[None]],
    ) -> Callable[[Message], Awaitable[None]]:
        """Start the app for a request; what is put into the returned function it receives."""
        to_app, from_client = trio.open_memory_channel[Message](QUEUE)
        self._apps.start_soon(self._run_app, app, scope, from_client, send)

        async def put(message: Message) -> None:
            with suppress(trio.BrokenResourceError):  # the app is done and hears no more
                await to_app.send(message)

        return put

    async def _run_app(
        self,
        app: ASGIApp,
        scope: MutableMapping[str, Any],
        from_client: trio.MemoryReceiveChannel[Message],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        with from_client:
            try:
                await app(scope, from_client.receive, send)
            except Exception:
                logger.exception("the app failed at %s %s", scope["type"], scope["path"])
        await send(None)

    def spawn(self, task: Callable[..., Awaitable[None]], *args: object) -> None:
        """Start what goes on beside the app: pings."""
        self._background.start_soon(task, *args)


def _config(limits: ApiLimits) -> Config:
    config = Config()
    config.errorlog = None
    config.include_server_header = False
    config.h11_max_incomplete_size = limits.head_size
    config.websocket_max_message_size = limits.feed_message_size
    config.websocket_ping_interval = limits.ping_interval
    return config
