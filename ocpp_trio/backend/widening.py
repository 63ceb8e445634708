"""Interest for the ears of other nodes: short, and never less than what is wanted."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from ocpp_trio.backend.interest import Want

SINGLE_MOST: Final = 256
"""Stations that are wanted one by one, per topic. A heartbeat with more would outweigh what it saves."""


def widened(wants: Iterable[Want], *, most: int = SINGLE_MOST) -> dict[Want, None]:
    """Each want once, and a topic as a whole where it is wanted of all or of too many."""
    wanted = dict.fromkeys(wants)
    singles = Counter(want.topic for want in wanted if want.identity is not None)
    broad = {want.topic for want in wanted if want.identity is None}
    broad |= {topic for topic, number in singles.items() if number > most}
    return dict.fromkeys(Want(want.topic) if want.topic in broad else want for want in wanted)
