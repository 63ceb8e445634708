"""What the endpoints work with, as one value: the state, the feed's hub, and the way to the stations."""

from collections.abc import Callable, Mapping

import attrs

from ocpp_trio import Session
from ocpp_trio.backend.api.feed_messages import ChangeTexts
from ocpp_trio.backend.api.limits import ApiLimits
from ocpp_trio.backend.hub import Hub
from ocpp_trio.backend.live import LiveState
from ocpp_trio.backend.node import Node
from ocpp_trio.observe import Counters


@attrs.frozen(kw_only=True, eq=False)
class Desk:
    """The operator's desk. `stream` names this hub's sequence, so that nobody resumes in another one's."""

    live: LiveState
    hub: Hub
    sessions: Callable[[], Mapping[str, Session]]
    counters: Counters | None
    limits: ApiLimits
    node: Node | None
    """The way to the other nodes and their stations; None if there are none."""
    stream: str
    texts: ChangeTexts = attrs.field(factory=ChangeTexts)
