"""Bad peers of a CSMS, and faults that happen above the network: crashes, drains, reboots, twins."""

import itertools
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import trio

from ocpp_trio import ConnectionClosed, HandshakeError, Limits, Transport, open_client, parse_frame
from ocpp_trio.testing import Conditions, Fault, Spread, Strike
from ocpp_trio.testing.faults import Undo
from tests.simulation.oracle import AT_ONCE

if TYPE_CHECKING:
    from tests.simulation.world import World

PEER_FAULTS: Mapping[str, Spread] = {
    "server crash": Spread(seconds=(0.05, 120.0)),
    "server drain": Spread(seconds=(0.05, 120.0), amount=(0.1, 20.0)),
    "dropped link": Spread(),
    "reboot": Spread(),
    "twin": Spread(seconds=(0.0, 40.0)),
    "garbage": Spread(amount=(1, 3000)),
    "half an upgrade": Spread(amount=(1, 60)),
    "flood": Spread(amount=(10, 100)),
    "bad frames": Spread(amount=(1, 30)),
    "liar": Spread(seconds=(10.0, 200.0)),
    "cpu stall at an answer": Spread(amount=(1.0, 60.0)),
    "hung up on": Spread(seconds=(5.0, 300.0)),
    "deaf flood": Spread(amount=(20, 60)),
}
"""What can happen beside the network's own faults; a host is a station where it means anything."""
HEAVY_FAULTS: Mapping[str, Spread] = {
    "flood of large messages": Spread(amount=(40, 80)),
    "flood to a slow reader": Spread(seconds=(5.0, 60.0), amount=(40, 80)),
    "flood to a deaf reader": Spread(amount=(1000, 1500)),
}
"""What a peer may do to the memory of a CSMS."""


EVIL = "evil"
"""The host that bad peers dial from."""


class PeerStrikes:
    """Strikes a world with these faults."""

    def __init__(self, world: "World", nursery: trio.Nursery, rng: Random) -> None:
        self._world = world
        self._nursery = nursery
        self._rng = rng
        self._numbers = itertools.count(1)

    @property
    def table(self) -> Mapping[str, Strike]:
        return {
            "server crash": self._crash,
            "server drain": self._drain,
            "dropped link": lambda fault: self._world.stations[fault.host].drop_link(),
            "reboot": lambda fault: self._world.stations[fault.host].reboot(),
            "twin": self._sending(self._be_twin),
            "garbage": self._sending(self._send_garbage),
            "half an upgrade": self._sending(self._upgrade_by_half),
            "flood": self._sending(self._flood),
            "bad frames": self._sending(self._send_bad_frames),
            "liar": self._sending(self._lie),
            "cpu stall at an answer": self._stall_at_answer,
            "hung up on": self._hang_up,
            "deaf flood": self._sending(self._flood_and_read_nothing),
            "flood of large messages": self._sending(self._flood_with_large_messages),
            "flood to a slow reader": self._sending(self._flood_with_large_messages),
            "flood to a deaf reader": self._sending(self._flood_and_read_nothing),
        }

    def _hang_up(self, fault: Fault) -> Undo:
        """Accept that station, and drop it at its BootNotification."""
        self._world.hung_up_on[fault.host] += 1
        return lambda: self._world.hung_up_on.subtract([fault.host])

    def _stall_at_answer(self, fault: Fault) -> None:
        self._world.oracle.stall_at_answer = fault.amount

    def _crash(self, fault: Fault) -> Undo:
        self._world.csms.crash()
        return self._world.csms.restart

    def _drain(self, fault: Fault) -> Undo:
        self._nursery.start_soon(self._world.csms.drain, fault.amount)
        return self._world.csms.restart

    def _sending(self, peer: Callable[[Fault], Awaitable[None]]) -> Strike:
        def strike(fault: Fault) -> None:
            self._nursery.start_soon(_unhurt, partial(peer, fault))

        return strike

    async def _dial(self, source: str = EVIL) -> trio.abc.Stream:
        return await self._world.run.network.host(source).dial("csms", self._world.port)

    async def _open(self, identity: str, use: Callable[[Transport], Awaitable[None]], *, source: str = EVIL) -> None:
        stream = await self._dial(source)
        async with open_client(
            stream, host="csms", resource=f"/{identity}", subprotocols=["ocpp1.6"], limits=Limits()
        ) as transport:
            await use(transport)

    async def _be_twin(self, fault: Fault) -> None:
        async def stay(transport: Transport) -> None:
            with trio.move_on_after(fault.seconds):
                while True:
                    await transport.receive()

        await self._open(fault.host, stay)

    async def _send_garbage(self, fault: Fault) -> None:
        stream = await self._dial()
        await stream.send_all(self._rng.randbytes(int(fault.amount)))
        await stream.aclose()

    async def _upgrade_by_half(self, fault: Fault) -> None:
        stream = await self._dial()
        await stream.send_all(b"GET /EV-half HTTP/1.1\r\nHost: csms\r\nUpgrade: websocket\r\n"[: int(fault.amount)])
        oracle, limits = self._world.oracle, self._world.limits
        began = oracle.moment
        with trio.move_on_after(60), suppress(trio.BrokenResourceError):
            while await stream.receive_some():
                pass
        # What came is answered, or not; then the server reads for as long as a close may take.
        if oracle.since(began) > limits.handshake_deadline + limits.close_timeout + AT_ONCE:
            oracle.violate("SLOW_UPGRADE", f"half an upgrade was served for {oracle.since(began):g} s")
        await stream.aclose()

    async def _flood(self, fault: Fault) -> None:
        async def flood(transport: Transport) -> None:
            for number in range(int(fault.amount)):
                await transport.send(f'[2,"flood-{number}","Heartbeat",{{}}]')

        await self._open("EV-flood", flood)

    async def _flood_with_large_messages(self, fault: Fault) -> None:
        """Each of which is answered with as large a one, and is read in so many seconds."""
        source = f"{EVIL} {next(self._numbers)}"
        padding = "x" * (self._world.limits.message_size - 200)

        async def flood(transport: Transport) -> None:
            (link,) = self._world.run.network.host(source).links
            if fault.seconds:
                link.shape(Conditions(read_rate=len(padding) / fault.seconds), up=False)
            for number in range(int(fault.amount)):
                data = f'{{"vendorId":"echo","data":"{padding}"}}'
                await transport.send(f'[2,"large-{number}","DataTransfer",{data}]')
            await trio.sleep(60)

        with self._world.memory.flooding():
            await self._open("EV-large", flood, source=source)

    async def _flood_and_read_nothing(self, fault: Fault) -> None:
        """So that every answer comes to wait in the CSMS for a write that does not end."""
        # A host of its own: whoever else dials at this instant is not deaf.
        source = f"{EVIL} {next(self._numbers)}"

        async def flood(transport: Transport) -> None:
            (link,) = self._world.run.network.host(source).links
            link.shape(Conditions(buffer=100), up=False)
            link.stall(client=True)
            for number in range(int(fault.amount)):
                await transport.send(f'[2,"deaf-{number}","Heartbeat",{{}}]')
            await trio.sleep(60)

        with self._world.memory.flooding():
            await self._open("EV-deaf", flood, source=source)

    async def _send_bad_frames(self, fault: Fault) -> None:
        async def babble(transport: Transport) -> None:
            for _ in range(int(fault.amount)):
                await transport.send(
                    self._rng.choice(["{", "[" * 5000, '[2,["a"],"Heartbeat",{}]', "3", '"23"', "[3]"])
                )

        await self._open("EV-babble", babble)

    async def _lie(self, fault: Fault) -> None:
        """Answer every CALL with an unknown id, then twice, then late once more."""

        async def lie(transport: Transport) -> None:
            with trio.move_on_after(fault.seconds):
                while True:
                    message_id = parse_frame(await transport.receive()).message_id
                    await transport.send('[3,"nobody asked",{"status":"Accepted"}]')
                    await transport.send(f'[3,"{message_id}",{{"status":"Accepted"}}]')
                    await transport.send(f'[4,"{message_id}","GenericError","",{{}}]')

        await self._open("EV-liar", lie)


async def _unhurt(peer: Callable[[], Awaitable[None]]) -> None:
    """Whatever a bad peer gets for it; it never stays for more than a few minutes."""
    with trio.move_on_after(240):
        with suppress(OSError, ConnectionClosed, HandshakeError, trio.BrokenResourceError):
            await peer()
