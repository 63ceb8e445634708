"""OCPP through the API's port: connections whose path is none of the API's go to `serve_csms`.

Owns the hand-over. Must not know what either side does with a connection.
"""

from collections.abc import Sequence
from typing import Any, Final

import trio

from ocpp_trio.backend.api.page import PAGE_PATHS

PENDING: Final = 64
"""Connections on their way to `serve_csms`, which takes each at once; more means that it is gone or stuck."""
OURS: Final = frozenset({"/health", "/metrics"}) | PAGE_PATHS
"""Paths of the API beside those below `/api/`: a charge point's has the CSMS's own path and an identity in it."""


class OcppDoor(trio.abc.Listener[trio.abc.Stream]):
    """Give `listen` to `serve_csms`, and the door itself to `serve_api`: then both are on the port of the API."""

    def __init__(self) -> None:
        self.port = 0
        self._hand_over, self._arrived = trio.open_memory_channel[trio.abc.Stream](PENDING)

    async def listen(self, port: int, *, host: str | None = None) -> Sequence["OcppDoor"]:
        """What `serve_csms` calls; the port and the host are the API's to choose."""
        await trio.lowlevel.checkpoint()
        self.port = port
        return [self]

    async def hand_over(self, stream: trio.abc.Stream) -> bool:
        """Pass a connection on; False if nobody takes any more. Cancelling passes on nothing."""
        try:
            await self._hand_over.send(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        return True

    async def accept(self) -> trio.abc.Stream:
        """The next connection. Cancelling loses none. Raises ClosedResourceError."""
        return await self._arrived.receive()

    async def aclose(self) -> None:
        """Take no more; what nobody accepted is closed."""
        waiting: list[trio.abc.Stream] = []
        while self._arrived.statistics().current_buffer_used:
            waiting.append(self._arrived.receive_nowait())
        self._arrived.close()
        for stream in waiting:
            await trio.aclose_forcefully(stream)
        await trio.lowlevel.checkpoint()


class Arrival(trio.abc.AsyncResource):
    """A connection that was accepted. Closing it closes nothing once it was given away."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.given_away = False

    async def aclose(self) -> None:
        if self.given_away:
            await trio.lowlevel.checkpoint()
        else:
            await self.stream.aclose()


class Arrivals(trio.abc.Listener[Arrival]):
    """A listener whose connections may be given away: `trio.serve_listeners` closes what its handlers leave."""

    def __init__(self, listener: trio.abc.Listener[Any]) -> None:
        self._listener = listener

    async def accept(self) -> Arrival:
        return Arrival(await self._listener.accept())

    async def aclose(self) -> None:
        await self._listener.aclose()


def is_ours(path: str) -> bool:
    """Whether a path is the API's."""
    return path.startswith("/api/") or path in OURS
