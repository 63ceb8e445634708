"""Where a server of the memory network waits for connections. Knows links and no faults but its host's crash."""

from collections.abc import Callable
from typing import Final

import trio

from ocpp_trio.testing.link import MemoryLink
from ocpp_trio.testing.stream import MemoryStream

BACKLOG: Final = 128
"""Connections that wait to be accepted; as with TCP the next dial waits."""


class MemoryListener(trio.abc.Listener[MemoryStream]):
    """A port of a host. Made by `MemoryNetwork.listen`."""

    def __init__(self, host: str | None, port: int, forget: Callable[["MemoryListener"], None]) -> None:
        self._forget = forget
        self._crashed = False
        self.host = host
        self.port = port
        self._from_dials, self._backlog = trio.open_memory_channel[MemoryLink](BACKLOG)

    async def arrive(self, link: MemoryLink) -> None:
        """Queue a connection; waits while the backlog is full. Raises ConnectionRefusedError if closed."""
        try:
            await self._from_dials.send(link)
        except trio.ClosedResourceError:
            raise ConnectionRefusedError(f"nobody listens on port {self.port} any more") from None

    async def accept(self) -> MemoryStream:
        """The next connection. Cancelling loses none. Raises ClosedResourceError."""
        try:
            return (await self._backlog.receive()).server
        except trio.EndOfChannel:
            if not self._crashed:
                raise trio.ClosedResourceError("this listener was closed") from None
        await trio.sleep_forever()

    async def aclose(self) -> None:
        """Free the port; connections that nobody accepted are reset, those that were go on."""
        self._end()
        await trio.lowlevel.checkpoint()

    def crash(self) -> None:
        """Free the port as `aclose` does, but leave who accepts here waiting: nobody is there to be told."""
        self._crashed = True
        self._end()

    def _end(self) -> None:
        self._forget(self)
        # Dials that wait are refused before the backlog has room for them.
        self._from_dials.close()
        while self._backlog.statistics().current_buffer_used:
            self._backlog.receive_nowait().reset()
