"""One connection in memory, as a test sees it that wants to harm it. Owns no bytes: its directions do."""

import attrs

from ocpp_trio.testing.pipe import Conditions, Pipe
from ocpp_trio.testing.stream import MemoryStream


@attrs.frozen(eq=False, kw_only=True)
class MemoryLink:
    """One connection of the network, for a test to harm.

    `client` dialled `port` of `server_host` from `client_host` ("" where the dialling host has no name), and
    `server` is what its listener accepted. `number` counts the links of the network from 1. `up` is the
    direction from the client to the server.
    """

    number: int
    client: MemoryStream
    server: MemoryStream
    client_host: str
    server_host: str
    port: int
    _up: Pipe
    _down: Pipe

    @property
    def over(self) -> bool:
        """Whether it is of no more use to anybody: reset, or closed at both ends."""
        return self._up.broken or (self.client.closed and self.server.closed)

    @property
    def parted(self) -> bool:
        """Whether a partition lies between its ends."""
        return self._up.parted

    @property
    def in_flight(self) -> int:
        """Bytes that one end wrote and the other has not read, in both directions together."""
        return self._up.size + self._down.size

    def reset(self) -> None:
        """Drop the connection as a TCP reset does: both ends fail at once, bytes in flight are lost."""
        for pipe in (self._up, self._down):
            pipe.break_off()

    def cut(self, *, up: bool = True, down: bool = True) -> None:
        """Pull the cable: from here on whatever is sent vanishes, an end or a close too, and nobody is told.

        What had arrived before can still be read. Writes seem to succeed for ever; to see one block, `stall`
        the reading end. With one direction only the connection is half open.
        """
        for pipe in self._chosen(up=up, down=down):
            pipe.pull()

    def stall(self, *, client: bool = False, server: bool = False) -> None:
        """Keep that end from reading: what is sent to it fills the buffer and then blocks the sender.

        `stall()` without arguments lets both read on.
        """
        self._down.stalled, self._up.stalled = client, server
        self._down.wake()
        self._up.wake()

    def shape(self, conditions: Conditions, *, up: bool = True, down: bool = True) -> None:
        """Change what the directions are like, for what is written from now on."""
        for pipe in self._chosen(up=up, down=down):
            pipe.conditions = conditions
            pipe.wake()

    def end_after(self, size: int, *, up: bool = False, down: bool = False, reset: bool = False) -> None:
        """Let so many more bytes through and then end the connection, in the middle of a frame perhaps.

        Both ends read an end of the stream where they expected more, or fail if `reset` is asked for.
        """
        if size < 1:
            raise ValueError(f"size: expected a positive number, found {size}")
        for pipe in self._chosen(up=up, down=down):
            pipe.quota, pipe.spent = size, self.reset if reset else self._hang_up

    def flip(self, offset: int, *, up: bool = False, down: bool = False) -> None:
        """Change one byte on the way: the one that comes after `offset` more."""
        if offset < 0:
            raise ValueError(f"offset: expected no negative number, found {offset}")
        for pipe in self._chosen(up=up, down=down):
            pipe.flip_at = offset

    def mend(self, conditions: Conditions) -> None:
        """Forget what is still to happen and let both ends read on; what was cut or reset stays so."""
        self.stall()
        self.shape(conditions)
        for pipe in (self._up, self._down):
            pipe.quota = pipe.flip_at = None

    def part(self) -> None:
        """Let nothing through until `rejoin`, which delivers what was sent meanwhile, as TCP does."""
        for pipe in (self._up, self._down):
            pipe.part()

    def rejoin(self) -> None:
        """Let what waited, and everything else, through again."""
        for pipe in (self._up, self._down):
            pipe.rejoin()

    def _chosen(self, *, up: bool, down: bool) -> list[Pipe]:
        return [pipe for pipe, wanted in ((self._up, up), (self._down, down)) if wanted]

    def _hang_up(self) -> None:
        for pipe in (self._up, self._down):
            pipe.end()
            pipe.refuse()
