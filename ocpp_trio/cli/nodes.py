"""A CSMS of the command line as one of several nodes, if a bus was named."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs

from ocpp_trio import Session
from ocpp_trio.backend import Backend, IdRange, Node, NumberingBus, Topic, Want, claim_ids, open_node

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
        """The transaction ids of this node. Raises what `claim_ids` does."""
        return await claim_ids(self.bus, self.name, store=self.store, nodes=NODES)


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
