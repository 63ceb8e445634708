"""The instants that matter in the life of a station's connections, as a table.

    station     connect        open      booted      online  first beat        lost  reason
    CP-1          0.000       0.000       0.000       0.250      10.000      12.000  forced
    CP-1         12.500      12.500      12.500      12.750      22.500           -  -

Owns one row per attempt to connect. Listens to charge points only: a CSMS that shares the instrument adds
nothing.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

import attrs
import trio

from ocpp_trio.errors import Closed
from ocpp_trio.link.instrument import Instrument, Link
from ocpp_trio.link.lifecycle import ConnectionState, Transition
from ocpp_trio.wire.frames import Call, Frame

ROWS_KEPT: Final = 10_000
"""Enough for any test or demonstration; the oldest go first."""
_COLUMNS: Final = ("connect", "open", "booted", "online", "first beat", "lost")


@attrs.define
class Attempt:
    """One attempt to connect and what became of it; instants are of trio's clock, None if it never came.

    `reconnect` is the instant for which the next attempt is scheduled.
    """

    identity: str
    connect: float
    open: float | None = None
    boot_accepted: float | None = None
    online: float | None = None
    first_heartbeat: float | None = None
    lost: float | None = None
    closed: Closed | None = None
    reconnect: float | None = None


class Milestones(Instrument):
    """Records the attempts of any number of stations, in the order in which they began.

    The printed table counts its instants from `start`.
    """

    def __init__(self, *, start: float = 0.0) -> None:
        self._start = start
        self._attempts: deque[Attempt] = deque(maxlen=ROWS_KEPT)
        self._current: dict[str, Attempt] = {}

    def __iter__(self) -> Iterator[Attempt]:
        return iter(tuple(self._attempts))

    def of(self, identity: str) -> tuple[Attempt, ...]:
        """The attempts of one station."""
        return tuple(attempt for attempt in self._attempts if attempt.identity == identity)

    def __str__(self) -> str:
        width = max([7, *(len(ascii(attempt.identity)) - 2 for attempt in self._attempts)])
        head = f"{'station':<{width}}  " + "  ".join(f"{name:>10}" for name in _COLUMNS) + "  reason"
        return "\n".join([head, *(_line(attempt, width, self._start) for attempt in self._attempts)])

    def state_changed(self, identity: str, transition: Transition) -> None:
        if transition.state is ConnectionState.CONNECTING:
            attempt = self._current[identity] = Attempt(identity, transition.at)
            self._attempts.append(attempt)
        elif identity in self._current:
            self._note(self._current[identity], transition)

    def _note(self, attempt: Attempt, transition: Transition) -> None:
        if (transition.previous, transition.state) == (ConnectionState.BOOTING, ConnectionState.RESUMING):
            attempt.boot_accepted = transition.at
        elif transition.state is ConnectionState.ONLINE:
            attempt.online = transition.at
        elif transition.state in (ConnectionState.BACKING_OFF, ConnectionState.CLOSING) and attempt.lost is None:
            attempt.lost, attempt.closed = transition.at, transition.closed
            attempt.reconnect = None if transition.backoff is None else transition.at + transition.backoff

    def connection_opened(self, link: Link) -> None:
        if link.role == "charge_point" and link.identity in self._current:
            self._current[link.identity].open = trio.current_time()

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        if link.role != "charge_point" or not isinstance(frame, Call) or action != "Heartbeat":
            return
        attempt = self._current.get(link.identity)
        if attempt is not None and attempt.first_heartbeat is None:
            attempt.first_heartbeat = trio.current_time()


def _line(attempt: Attempt, width: int, start: float) -> str:
    instants = (
        attempt.connect,
        attempt.open,
        attempt.boot_accepted,
        attempt.online,
        attempt.first_heartbeat,
        attempt.lost,
    )
    cells = "  ".join(f"{'-' if at is None else format(at - start, '.3f'):>10}" for at in instants)
    reason = "-" if attempt.closed is None else ascii(str(attempt.closed))[1:-1]
    return f"{ascii(attempt.identity)[1:-1]:<{width}}  {cells}  {reason}"
