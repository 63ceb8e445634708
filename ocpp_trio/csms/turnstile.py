"""How many connections may knock at once and per second, and what the others are told.

Owns everything that happens to a connection before a byte of it is looked at.
"""

from contextlib import suppress
from random import Random
from typing import Final

import trio

from ocpp_trio.csms.knocks import Knock, Knocks
from ocpp_trio.csms.rations import Rations
from ocpp_trio.errors import Closed, CloseReason, HandshakeError
from ocpp_trio.link.connection import Depth
from ocpp_trio.link.limits import Limits

LINGER: Final = 1.0
"""Seconds for a peer that is turned away to read why and to hang up."""
DRAINED: Final = 16 * 1024
"""Bytes read from it meanwhile: as much as a request may have."""
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


_MADE_ROOM: Final = Closed(CloseReason.REFUSED, None, "no request came before the place was needed for others")


class Turnstile:
    """Lets in as many connections as the limits say; the others get 503, or if they are too many just the end."""

    def __init__(self, limits: Limits, rng: Random) -> None:
        self._limits = limits
        self._tokens = Rations(limits.upgrades_per_second, limits.upgrade_burst, rng)
        self._leaving = Depth()
        self.knocks = Knocks()
        self.shed = 0

    async def let_in(self, knock: Knock, stream: trio.abc.Stream, *, answer: bool) -> None:
        """Count a newcomer as pending from now on. Raises HandshakeError for one that was turned away.

        Without `answer` nobody is told why: below TLS there is nothing to say, and its handshake is what costs most.
        A full house is no reason to spend a token, if nobody can be dropped for the newcomer. Cancelling ends an
        answer where it is.
        """
        if self.knocks.of(knock.network) >= self._limits.pending_handshakes_per_address:
            await self._turn_away(stream, "too many pending handshakes of this address", answer=answer)
        full = len(self.knocks) >= self._limits.pending_handshakes
        place = self.knocks.first_to_go() if full else None
        if full and place is None:
            await self._turn_away(stream, "too many pending handshakes", answer=answer)
        if not self._tokens.take(knock.network):
            await self._turn_away(stream, "too many upgrades in a short time", answer=answer)
        if place is not None:
            self.shed += 1
            self.knocks.leave(place)
            place.drop(_MADE_ROOM)
        self.knocks.enter(knock)

    async def _turn_away(self, stream: trio.abc.Stream, detail: str, *, answer: bool) -> None:
        self.shed += 1
        wait = self._tokens.wait_of_refused()
        status = None
        if answer and self._leaving.now < self._limits.pending_handshakes:
            status = 503
            with self._leaving, trio.move_on_after(LINGER), suppress(trio.BrokenResourceError):
                await _answer(stream, _BUSY % wait)
        raise HandshakeError(Closed(CloseReason.REFUSED, None, detail), status=status)


async def _answer(stream: trio.abc.Stream, answer: bytes) -> None:
    """Write, and read until the peer is done: closing TCP over unread data resets it and eats the answer."""
    await stream.send_all(answer)
    if isinstance(stream, trio.abc.HalfCloseableStream):
        await stream.send_eof()
    drained = 0
    while drained < DRAINED and (data := await stream.receive_some(4096)):
        drained += len(data)
