"""What the memory network can do to a host's connections, by kind of fault. Owns no instant: `faults.play` does."""

from collections.abc import Callable, Mapping
from typing import Final

from ocpp_trio.testing.faults import Fault, Spread, Strike, Undo
from ocpp_trio.testing.link import MemoryLink
from ocpp_trio.testing.network import Direction, MemoryNetwork, Tap, stall_cpu
from ocpp_trio.testing.pipe import Conditions

# Long enough to race the timeouts of seconds, and now and then those of half a minute.
_WHILE: Final = (0.05, 60.0)
# Where a WebSocket frame of ours is cut: in its header, its mask, or its text.
_IN_FRAME: Final = (1, 150)

NETWORK_FAULTS: Final[Mapping[str, Spread]] = {
    "latency": Spread(seconds=_WHILE, amount=(0.001, 3.0)),
    "jitter": Spread(seconds=_WHILE, amount=(0.001, 3.0)),
    "bandwidth": Spread(seconds=_WHILE, amount=(20, 20_000)),
    "slow reader": Spread(seconds=_WHILE, amount=(20, 20_000)),
    "partial writes": Spread(seconds=_WHILE, amount=(1, 40)),
    "partial reads": Spread(seconds=_WHILE, amount=(1, 40)),
    "stall of the client": Spread(seconds=_WHILE),
    "stall of the server": Spread(seconds=_WHILE),
    "stall of both": Spread(seconds=_WHILE),
    "reset": Spread(),
    "cut": Spread(),
    "cut upwards": Spread(),
    "cut downwards": Spread(),
    "close in a frame upwards": Spread(amount=_IN_FRAME),
    "close in a frame downwards": Spread(amount=_IN_FRAME),
    "reset in a frame": Spread(amount=_IN_FRAME),
    "flipped byte upwards": Spread(amount=_IN_FRAME),
    "flipped byte downwards": Spread(amount=_IN_FRAME),
    "partition": Spread(seconds=(0.05, 180.0)),
    "refuse": Spread(seconds=_WHILE),
    "silent accept": Spread(seconds=_WHILE),
    "cpu stall": Spread(amount=(0.01, 40.0)),
    "cpu stall at a write": Spread(amount=(0.01, 40.0)),
}
"""The kinds of fault of the network, and between which bounds they are drawn."""

WITHOUT_CORRUPTION: Final = {kind: spread for kind, spread in NETWORK_FAULTS.items() if "flipped" not in kind}
"""As TCP's checksums have it: bytes may be late or lost, but hardly ever wrong."""


class NetworkStrikes:
    """Strikes a network; `table` is for `faults.play`. Undoing a condition or a stall ends all of that host's."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network
        self._waiting: list[Tap] = []

    def calm(self) -> None:
        """End every fault, also those that wait for a byte or a write. Links that were cut stay cut."""
        self._network.heal()
        self._network.refuse = self._network.silent = False
        for host in self._network.hosts:
            host.refuse = host.silent = False
            host.conditions = None
        for link in self._network.live_links:
            link.mend(self._network.conditions)
        for tap in self._waiting:
            self._network.taps.remove(tap)
        self._waiting.clear()

    @property
    def table(self) -> Mapping[str, Strike]:
        """How each kind of `NETWORK_FAULTS` is done."""
        return {
            "latency": self._shaping(lambda amount: Conditions(latency=amount)),
            "jitter": self._shaping(lambda amount: Conditions(jitter=amount)),
            "bandwidth": self._shaping(lambda amount: Conditions(bandwidth=amount)),
            "slow reader": self._shaping(lambda amount: Conditions(read_rate=amount)),
            "partial writes": self._shaping(lambda amount: Conditions(buffer=int(amount))),
            "partial reads": self._shaping(lambda amount: Conditions(piece=int(amount))),
            "stall of the client": self._stalling(client=True),
            "stall of the server": self._stalling(server=True),
            "stall of both": self._stalling(client=True, server=True),
            "reset": self._on_links(lambda link, _: link.reset()),
            "cut": self._on_links(lambda link, _: link.cut()),
            "cut upwards": self._on_links(lambda link, _: link.cut(down=False)),
            "cut downwards": self._on_links(lambda link, _: link.cut(up=False)),
            "close in a frame upwards": self._on_links(lambda link, amount: link.end_after(int(amount), up=True)),
            "close in a frame downwards": self._on_links(lambda link, amount: link.end_after(int(amount), down=True)),
            "reset in a frame": self._on_links(
                lambda link, amount: link.end_after(int(amount), up=True, down=True, reset=True)
            ),
            "flipped byte upwards": self._on_links(lambda link, amount: link.flip(int(amount), up=True)),
            "flipped byte downwards": self._on_links(lambda link, amount: link.flip(int(amount), down=True)),
            "partition": self._partition,
            "refuse": self._refuse,
            "silent accept": self._accept_silently,
            "cpu stall": lambda fault: stall_cpu(fault.amount),
            "cpu stall at a write": self._stall_at_write,
        }

    def _links(self, host: str) -> list[MemoryLink]:
        return self._network.host(host).links if host else self._network.live_links

    def _on_links(self, do: Callable[[MemoryLink, float], None]) -> Strike:
        def strike(fault: Fault) -> None:
            for link in self._links(fault.host):
                do(link, fault.amount)

        return strike

    def _shaping(self, conditions_of: Callable[[float], Conditions]) -> Strike:
        def strike(fault: Fault) -> Undo:
            self._shape(fault.host, conditions_of(fault.amount))
            return lambda: self._shape(fault.host, None)

        return strike

    def _shape(self, name: str, conditions: Conditions | None) -> None:
        if name:
            self._network.host(name).conditions = conditions
        for link in self._links(name):
            link.shape(conditions or self._network.conditions)

    def _stalling(self, *, client: bool = False, server: bool = False) -> Strike:
        def strike(fault: Fault) -> Undo:
            links = self._links(fault.host)
            for link in links:
                link.stall(client=client, server=server)
            return lambda: _release(links)

        return strike

    def _partition(self, fault: Fault) -> Undo:
        hosts = [fault.host] if fault.host else []
        self._network.partition(*hosts)
        return lambda: self._network.heal(*hosts)

    def _refuse(self, fault: Fault) -> Undo:
        return self._set(fault.host, "refuse")

    def _accept_silently(self, fault: Fault) -> Undo:
        return self._set(fault.host, "silent")

    def _set(self, name: str, attribute: str) -> Undo:
        target = self._network.host(name) if name else self._network
        setattr(target, attribute, True)
        return lambda: setattr(target, attribute, False)

    def _stall_at_write(self, fault: Fault) -> None:
        """Stall while the next message is on its way: what it answers becomes due at the same instant."""

        def tap(link: MemoryLink, direction: Direction, data: bytes) -> None:
            if not fault.host or fault.host in (link.client_host, link.server_host):
                self._network.taps.remove(tap)
                self._waiting.remove(tap)
                stall_cpu(fault.amount)

        self._waiting.append(tap)
        self._network.taps.append(tap)


def _release(links: list[MemoryLink]) -> None:
    for link in links:
        link.stall()
