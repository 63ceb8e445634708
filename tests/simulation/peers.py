"""Bad peers of a CSMS, and faults that happen above the network: crashes, drains, reboots, twins."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import trio

from ocpp_trio import ConnectionClosed, HandshakeError, Limits, Transport, open_client, parse_frame
from ocpp_trio.testing import Fault, Spread, Strike
from ocpp_trio.testing.faults import Undo

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
    "flood": Spread(amount=(10, 200)),
    "bad frames": Spread(amount=(1, 30)),
    "liar": Spread(seconds=(10.0, 200.0)),
    "cpu stall at an answer": Spread(amount=(1.0, 60.0)),
    "cancelled station": Spread(amount=(0, 300)),
    "cancelled server": Spread(amount=(0, 300)),
}
"""What can happen beside the network's own faults; a host is a station where it means anything."""


class PeerStrikes:
    """Strikes a world with these faults."""

    def __init__(self, world: "World", nursery: trio.Nursery, rng: Random) -> None:
        self._world = world
        self._nursery = nursery
        self._rng = rng

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
            "cancelled station": lambda fault: self._after_steps(fault, lambda: self._world.lives[fault.host].cancel()),
            "cancelled server": lambda fault: self._after_steps(fault, self._world.csms.cancel),
        }

    def _after_steps(self, fault: Fault, do: Callable[[], None]) -> None:
        """At whatever checkpoint its tasks are then."""
        trio.lowlevel.add_instrument(_Countdown(int(fault.amount), do))

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

    async def _dial(self) -> trio.abc.Stream:
        return await self._world.run.network.host("evil").dial("csms", self._world.port)

    async def _open(self, identity: str, use: Callable[[Transport], Awaitable[None]]) -> None:
        stream = await self._dial()
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
        await stream.receive_some()
        await stream.aclose()

    async def _flood(self, fault: Fault) -> None:
        async def flood(transport: Transport) -> None:
            for number in range(int(fault.amount)):
                await transport.send(f'[2,"flood-{number}","Heartbeat",{{}}]')

        await self._open("EV-flood", flood)

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


class _Countdown(trio.abc.Instrument):
    """Do something before a step of the run that is so many steps away."""

    def __init__(self, steps: int, do: Callable[[], None]) -> None:
        self._steps = steps
        self._do = do

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._steps -= 1
        if self._steps < 0:
            trio.lowlevel.remove_instrument(self)
            self._do()


async def _unhurt(peer: Callable[[], Awaitable[None]]) -> None:
    """Whatever a bad peer gets for it; it never stays for more than a few minutes."""
    with trio.move_on_after(240):
        with suppress(OSError, ConnectionClosed, HandshakeError, trio.BrokenResourceError):
            await peer()
