"""A CSMS of the command line as one of several nodes, if a bus was named."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs

from ocpp_trio import Session
from ocpp_trio.backend import Backend, IdRange, Node, NumberingBus, Topic, Want, open_node, remembered_ids

logger = logging.getLogger(__name__)

NODES: Final = 1024
"""Nodes that transaction ids are divided between, two million for each: a number that is never to be changed."""
_SCHEMES: Final = ("redis", "rediss", "unix")
_SHOWN: Final = (Want(Topic.STATIONS), Want(Topic.CONNECTORS), Want(Topic.TRANSACTIONS))


@attrs.frozen
class Membership:
    """The node's name, the bus on which the others are, and the file that remembers its number."""

    name: str
    bus: NumberingBus
    store: Path

    async def ids(self) -> IdRange:
        """The transaction ids of this node: its number decides, as the server gives it and its store remembers it.

        One of the two will do. Raises ConnectionError where neither is to be had, NumberConflict where they differ,
        StoreError if the store cannot be read, and ValueError for a node that is one too many or divides otherwise.
        """
        kept = await remembered_ids(self.store)
        if kept is not None and kept.nodes != NODES:
            raise ValueError(
                f"expected a store for one of {NODES} nodes, found {kept} in {self.store}: take a new file"
            )
        try:
            number = await self.bus.claim_number(self.name, known=None if kept is None else kept.node)
        except ConnectionError as lost:
            if kept is None:
                raise ConnectionError(
                    f"{lost}; node {self.name!r} needs one for its first start, {self.store} keeps it afterwards"
                ) from None
            logger.warning("%a, going on as number %d, which %a remembers", str(lost), kept.node, str(self.store))
            return kept
        if number >= NODES:
            raise ValueError(
                f"expected up to {NODES} nodes, found {self.name!r} to be number {number + 1}: start it under the name "
                "and with the store of a node that is no more"
            )
        return IdRange(number, NODES)


@attrs.frozen(kw_only=True)
class NodeOptions:
    """What the shell said of the other nodes."""

    redis: str | None = None
    name: str | None = None

    def membership(self, store: Path | None) -> Membership | None:
        """What is meant; None for a node alone. Raises ValueError for what makes no sense or is not installed."""
        if self.redis is None and self.name is None:
            return None
        if self.redis is None or not self.name:
            raise ValueError("expected --redis and --node together: transaction ids go by a node's name")
        if store is None:
            raise ValueError(
                "expected a --store beside --redis: a node that forgets hands out the same transaction ids again"
            )
        parts = urlsplit(self.redis)
        if parts.scheme not in _SCHEMES or not (parts.path if parts.scheme == "unix" else parts.hostname):
            raise ValueError("expected a --redis URL like redis://host:6379/0, rediss://… or unix:///path")
        if parts.port == 0:
            raise ValueError("expected a --redis port of 1 to 65535, found 0")
        try:
            from ocpp_trio.backend.redis import RedisBus
        except ModuleNotFoundError as exc:
            if (exc.name or "").partition(".")[0] != "coredis":
                raise
            raise ValueError("--redis needs coredis: pip install 'ocpp-trio[redis]'") from None
        return Membership(self.name, RedisBus(self.redis), store)


@asynccontextmanager
async def joined(
    membership: Membership | None, backend: Backend, sessions: Callable[[], Mapping[str, Session]], *, shown: bool
) -> AsyncIterator[Node | None]:
    """Be a node for the time of the body; `shown` if somebody may ask here for the stations of all nodes."""
    if membership is None:
        yield None
        return
    async with open_node(
        backend.live,
        backend.hub,
        membership.bus,
        name=membership.name,
        sessions=sessions,
        always=_SHOWN if shown else (),
    ) as node:
        yield node
