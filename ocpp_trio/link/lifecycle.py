"""The states of a charge point's connection, and a change between two of them as a value."""

from enum import Enum

import attrs

from ocpp_trio.errors import Closed


class ConnectionState(Enum):
    """Where a charge point is on its way to its CSMS."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    BOOTING = "booting"
    RESUMING = "resuming"
    ONLINE = "online"
    BACKING_OFF = "backing_off"
    CLOSING = "closing"


@attrs.frozen(kw_only=True)
class Transition:
    """A change of state at an instant of trio's clock.

    `closed` says why where a connection or an attempt ended; `attempt` counts the attempts since the last
    time online, and `backoff` is the wait in seconds that begins here.
    """

    previous: ConnectionState
    state: ConnectionState
    at: float
    attempt: int
    closed: Closed | None = None
    backoff: float | None = None
