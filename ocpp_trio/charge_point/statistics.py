"""A charge point at one moment, as a value."""

import attrs

from ocpp_trio.errors import Closed
from ocpp_trio.link.lifecycle import ConnectionState
from ocpp_trio.link.session import SessionStatistics


@attrs.frozen(kw_only=True)
class ChargePointStatistics:
    """A snapshot of a charge point.

    `closed` says why the last connection or attempt ended. `connections` counts the attempts to connect,
    the first included, and `reconnects` those that followed a wait. `reconnect_seconds` is how long the last
    way back took, from the loss to online; `seconds_online` adds up all times online. `session` is that of
    the current connection, or of the last one.
    """

    state: ConnectionState
    online: bool
    attempt: int
    current_backoff: float | None
    closed: Closed | None
    connections: int
    reconnects: int
    reconnect_seconds: float | None
    seconds_online: float
    heartbeat_interval: float
    session: SessionStatistics | None

    @property
    def pending_calls(self) -> int:
        """Calls that wait for a reply."""
        return self.session.pending_calls if self.session else 0

    @property
    def deadlines(self) -> int:
        """Call timeouts that are running."""
        return self.session.deadlines if self.session else 0
