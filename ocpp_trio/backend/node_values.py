"""What a node is told of its times and bounds, and what it tells of itself, as values."""

import attrs

from ocpp_trio.backend.bus import BusStatus
from ocpp_trio.backend.interest import Want
from ocpp_trio.backend.outbox import CAPACITY


@attrs.frozen(kw_only=True)
class NodeSettings:
    """Times in seconds, and how many letters may wait to be written.

    A node beats every `beat`, and one that was not heard for `patience` is taken for gone at the next beat. Changes
    of interest within `gather` go out together. A call by way of another node has `call_deadline` at most: the call
    timeout of its session and something for the way. `farewell` bounds what leaving may take.
    """

    beat: float = 1.0
    patience: float = 4.0
    gather: float = 0.02
    call_deadline: float = 35.0
    farewell: float = 1.0
    outbox: int = CAPACITY


@attrs.frozen(kw_only=True)
class PeerStatus:
    """Another node as it is seen from here."""

    name: str
    interested_in: tuple[Want, ...]
    stations: int
    """Stations that have a session with it."""
    complete: bool
    """Whether all of its state that is wanted here has come."""
    missed: int
    """Letters of it that never came."""


@attrs.frozen(kw_only=True)
class NodeStatus:
    """A node's view of the bus. `dropped`, `expired` and `written` are of its own letters."""

    name: str
    bus: BusStatus
    peers: tuple[PeerStatus, ...]
    waiting: int
    written: int
    dropped: int
    expired: int
    duplicates: int
    unreadable: int
    """Letters of others that were none; a node of another version of this program is a likely cause."""
    calls: int
    """Calls that other nodes have not answered yet."""
