"""Where a node's transaction ids come from: the server of its bus, or what its store remembers.

Owns what is done when only one of the two can be asked, and when they differ.
"""

import logging
from os import PathLike

from ocpp_trio.backend.bus import NumberingBus
from ocpp_trio.backend.sqlite import remembered_ids
from ocpp_trio.backend.transaction_ids import IdRange

logger = logging.getLogger(__name__)


async def claim_ids(bus: NumberingBus, name: str, *, store: str | PathLike[str], nodes: int) -> IdRange:
    """The transaction ids of the node of this name, for `open_sqlite_store`: one part of `nodes`.

    Its number decides, as the server gives it and its store's file remembers it. One of the two will do, so the server
    has to run only when a node starts for the first time. `nodes` is never to be changed. Cancelling may leave a number
    that nobody has.

    Raises ConnectionError where neither is to be had, NumberConflict where they differ, StoreError if the file cannot
    be read, and ValueError for a node that is one too many and for a file that is divided otherwise.
    """
    kept = await remembered_ids(store)
    if kept is not None and kept.nodes != nodes:
        raise ValueError(f"expected a store for one of {nodes} nodes, found {kept} in {store}: take a new file")
    try:
        number = await bus.claim_number(name, known=None if kept is None else kept.node)
    except ConnectionError as lost:
        if kept is None:
            raise ConnectionError(
                f"{lost}; node {name!r} needs one for its first start, {store} keeps it afterwards"
            ) from None
        logger.warning("%a, going on as number %d, which %a remembers", str(lost), kept.node, str(store))
        return kept
    if number >= nodes:
        raise ValueError(
            f"expected up to {nodes} nodes, found {name!r} to be number {number + 1}: start it under the name "
            "and with the store of a node that is no more"
        )
    return IdRange(number, nodes)
