"""TCP in memory: hosts, listeners and connections, and everything that can go wrong between them.

Owns who reaches whom. A `MemoryNetwork` gives `dial` to `open_charge_point` and `listen` to `serve_csms`;
the WebSocket framing above is the real one. No sockets, no threads: safe under an autojump clock.

    network = MemoryNetwork()
    server = await nursery.start(partial(serve_csms, [router], 9000, listen=network.listen))
    async with open_charge_point("ws://csms:9000/ocpp", "CP-1", dial=network.host("CP-1").dial, ...) as station:
        await station.wait_online()
        network.links[-1].cut()  # a pulled cable: see how long each end takes to notice

Bytes take no time unless `Conditions` say so: what one end sends the other can read at the same instant of
the virtual clock.
"""

import errno
import itertools
from collections.abc import Callable, Iterable
from random import Random
from typing import Final, Literal

import trio
import trio.testing

from ocpp_trio.testing.decoding import frame_of
from ocpp_trio.testing.link import MemoryLink
from ocpp_trio.testing.listener import BACKLOG as BACKLOG
from ocpp_trio.testing.listener import MemoryListener as MemoryListener
from ocpp_trio.testing.pipe import BUFFER_SIZE as BUFFER_SIZE
from ocpp_trio.testing.pipe import Conditions, Pipe
from ocpp_trio.testing.stream import MemoryStream as MemoryStream
from ocpp_trio.testing.stream import MemoryTextStream

FIRST_FREE_PORT: Final = 49152
"""Where the ports begin that `listen(0)` takes (RFC 6335 section 6)."""
DIAL_PATIENCE: Final = 127.0
"""Seconds until a dial gives up to which nobody answers: what Linux does with its six SYNs."""
LINKS_BEFORE_SWEEP: Final = 256
"""Links of a network without history before the first sweep; the next one comes at twice what remained."""

Direction = Literal["up", "down"]
Tap = Callable[[MemoryLink, Direction, bytes], None]


class MemoryHost:
    """A computer with a name. Made by `MemoryNetwork.host`; the same name is the same host.

    `conditions` hold for the connections that it dials; None leaves them to the network. `refuse` and `silent`
    are what they are for the network, for what this host dials.
    """

    def __init__(self, network: "MemoryNetwork", name: str) -> None:
        self._network = network
        self.name = name
        self.conditions: Conditions | None = None
        self.refuse = False
        self.silent = False

    @property
    def links(self) -> list[MemoryLink]:
        """The connections it dialled or accepted and that are not over."""
        return [link for link in self._network.live_links if self.name in (link.client_host, link.server_host)]

    async def dial(self, host: str, port: int) -> MemoryStream:
        """Connect from here; as `MemoryNetwork.dial`."""
        return await self._network.dial(host, port, source=self.name)

    async def listen(self, port: int, *, host: str | None = None) -> list[MemoryListener]:
        """Listen here, or where `host` says; as `MemoryNetwork.listen`."""
        return await self._network.listen(port, host=host or self.name)

    def crash(self) -> None:
        """Die as a killed process does: every connection is reset and every port is free again.

        Only ports count on which it listened by its name, as its own `listen` does. Who accepts here is not
        told; cancel the tasks of the host, which can reach nobody any more.
        """
        self._network.crash_listeners(self.name)
        for link in self.links:
            link.reset()


class MemoryNetwork:
    """Hosts and ports in memory.

    `links` are the connections so far, in the order of their dialling; without `history` those that are over
    are swept away now and then. `conditions` hold for new links whose dialling host has none of its own. Set
    `refuse` to let every dial fail, or `silent` to let every dial succeed with nobody behind it; both are for
    new connections only. `taps` are told of every write before anything can happen to it. `rng` is where
    jitter comes from.

    Without `framing`, which may be set later too, new connections carry messages whole, for tests of logic: the same
    API and the same faults at a third of the cost. Upgrades, pings and closes stay WebSocket frames, and taps are told
    of a server's frames.
    """

    def __init__(self, *, rng: Random | None = None, history: bool = True, framing: bool = True) -> None:
        self._rng = rng or Random(0)
        self._history = history
        self._sweep_at = LINKS_BEFORE_SWEEP
        self._listeners: dict[tuple[str | None, int], MemoryListener] = {}
        self._hosts: dict[str, MemoryHost] = {}
        self._free_ports = itertools.count(FIRST_FREE_PORT)
        self._numbers = itertools.count(1)
        self._parted: list[frozenset[str]] = []
        self._healed = trio.Event()
        self.conditions = Conditions()
        self.links: list[MemoryLink] = []
        self._taps: list[Tap] = []
        self.framing = framing
        self.refuse = False
        self.silent = False

    @property
    def taps(self) -> list[Tap]:
        """Who is told of every write."""
        return self._taps

    @taps.setter
    def taps(self, taps: Iterable[Tap]) -> None:
        self._taps[:] = taps  # the same list, because every pipe has it

    @property
    def live_links(self) -> list[MemoryLink]:
        """The connections that are not over."""
        return [link for link in self.links if not link.over]

    @property
    def hosts(self) -> list[MemoryHost]:
        """The hosts that were named so far."""
        return list(self._hosts.values())

    def host(self, name: str) -> MemoryHost:
        """The host of this name, which is also its address in the eyes of whom it dials."""
        return self._hosts.setdefault(name, MemoryHost(self, name))

    async def listen(self, port: int, *, host: str | None = None) -> list[MemoryListener]:
        """Listen on a port; 0 takes a free one. Raises OSError if the port of this host is taken.

        Without a host the listener takes what no listener of a named host takes.
        """
        await trio.lowlevel.checkpoint()
        if port == 0:
            taken = {port for _, port in self._listeners}
            port = next(free for free in self._free_ports if free not in taken)
        if (host, port) in self._listeners:
            raise OSError(errno.EADDRINUSE, f"port {port} is taken")
        listener = self._listeners[host, port] = MemoryListener(host, port, self._forget)
        return [listener]

    async def dial(self, host: str, port: int, *, source: str = "") -> MemoryStream:
        """Connect. Raises ConnectionRefusedError if nobody listens, or while `refuse` is set.

        While `silent` is set the connection comes to be and nobody ever accepts it. With a partition in
        between this waits for `heal`, and raises TimeoutError if that takes too long; cancelling is harmless.
        """
        await trio.lowlevel.checkpoint()
        await self._wait_for_a_way(source, host)
        dialling = self.host(source)
        conditions = dialling.conditions or self.conditions
        if conditions.latency:
            await trio.sleep(2 * conditions.latency)  # the SYN and its answer
        listener = self._listeners.get((host, port)) or self._listeners.get((None, port))
        if self.refuse or dialling.refuse or listener is None:
            raise ConnectionRefusedError(f"nobody listens on {host}:{port}")
        link = self._connect(source, host, port, conditions)
        if not (self.silent or dialling.silent):
            try:
                await listener.arrive(link)
            except BaseException:
                link.reset()  # nobody has an end of it
                raise
        return link.client

    async def _wait_for_a_way(self, source: str, host: str) -> None:
        with trio.move_on_after(DIAL_PATIENCE):
            while self._is_parted(source, host):
                await self._healed.wait()
        if self._is_parted(source, host):
            raise TimeoutError(errno.ETIMEDOUT, f"nobody answers at {host}")

    def _connect(self, source: str, host: str, port: int, conditions: Conditions) -> MemoryLink:
        number = next(self._numbers)
        up, down = self._pipe(lambda: link, "up", conditions), self._pipe(lambda: link, "down", conditions)
        end = MemoryStream if self.framing else MemoryTextStream
        link = MemoryLink(
            number=number,
            client=end(up, down, f"{host}:{port}"),
            server=end(down, up, f"{source or 'memory'}:{number}"),
            client_host=source,
            server_host=host,
            port=port,
            up=up,
            down=down,
        )
        self._sweep()
        self.links.append(link)
        self._part_and_rejoin([link])
        return link

    def _pipe(self, link: Callable[[], MemoryLink], direction: Direction, conditions: Conditions) -> Pipe:
        def tell(written: bytes | str) -> None:
            data = frame_of(written) if isinstance(written, str) else written
            for tap in tuple(self._taps):  # a tap may take itself off
                tap(link(), direction, data)

        return Pipe(self._rng, conditions, self._taps, tell)

    def _sweep(self) -> None:
        if not self._history and len(self.links) >= self._sweep_at:
            self.links = self.live_links
            self._sweep_at = max(LINKS_BEFORE_SWEEP, 2 * len(self.links))

    def partition(self, *hosts: str) -> None:
        """Part these hosts from all others, or without a name everybody from everybody, until `heal`.

        What is sent waits and arrives after `heal`, as TCP repeats what nobody confirmed; dials wait.
        """
        self._parted.append(frozenset(hosts))
        self._part_and_rejoin(self.live_links)

    def heal(self, *hosts: str) -> None:
        """Undo the partition of these hosts, or without a name every one there is."""
        self._parted = [group for group in self._parted if hosts and group != frozenset(hosts)]
        self._part_and_rejoin(self.live_links)
        self._healed.set()
        self._healed = trio.Event()

    def drop_links(self, host: str | None = None) -> None:
        """Reset every connection, or those of one host."""
        for link in self.live_links if host is None else self.host(host).links:
            link.reset()

    def crash_listeners(self, host: str) -> None:
        """Free the ports that this host listens on by its name; who accepts there waits for ever."""
        for listener in [listener for (name, _), listener in self._listeners.items() if name == host]:
            listener.crash()

    def _is_parted(self, one: str, other: str) -> bool:
        return any(not group or (one in group) != (other in group) for group in self._parted)

    def _part_and_rejoin(self, links: Iterable[MemoryLink]) -> None:
        for link in links:
            parted = self._is_parted(link.client_host, link.server_host)
            if parted != link.parted:
                (link.part if parted else link.rejoin)()

    def _forget(self, listener: MemoryListener) -> None:
        """A listener was closed: its port is free again, unless somebody else has taken it since."""
        if self._listeners.get((listener.host, listener.port)) is listener:
            del self._listeners[listener.host, listener.port]


def stall_cpu(seconds: float) -> None:
    """Let virtual time pass while nothing runs, as on a computer that is busy or asleep.

    Everything that became due meanwhile is due at once: a deadline can race the result that it waits for.
    Raises TypeError under any other clock than trio's MockClock.
    """
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, trio.testing.MockClock):
        raise TypeError(f"expected to run under a MockClock, found {clock!r}")
    clock.jump(seconds)
