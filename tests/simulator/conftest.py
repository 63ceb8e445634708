"""A simulated station against a willing CSMS in memory, in virtual time. Online is at 0.25 s."""

import itertools
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import ExponentialBackoff, ReconnectPolicy
from ocpp_trio.simulator import Device, open_simulator
from ocpp_trio.testing import CsmsStub, MemoryNetwork, Result

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}
EXACT = ReconnectPolicy(backoff=ExponentialBackoff(initial=0.5, jitter=0.0))


def id_tag_info(status: str, **more: str) -> dict[str, object]:
    return {"idTagInfo": {"status": status, **more}}


def now() -> datetime:
    return EPOCH + timedelta(seconds=trio.current_time())


@attrs.define
class Rig:
    """The stub, the network under it, and what they have to say to each other."""

    network: MemoryNetwork = attrs.Factory(MemoryNetwork)
    stub: CsmsStub = attrs.Factory(CsmsStub)
    ids: Any = attrs.Factory(lambda: itertools.count(1))

    @asynccontextmanager
    async def open_device(self, *, ready: bool = True, **options: Any) -> AsyncIterator[Device]:
        async with trio.open_nursery() as nursery:
            serve = lambda task_status: self.stub.serve(9000, listen=self.network.listen, task_status=task_status)  # noqa: E731
            await nursery.start(serve)
            settings = {"reconnect": EXACT, "rng": random.Random(1), "now": now, "dial": self.network.dial, **options}
            async with open_simulator("ws://memory:9000/ocpp", "CP-1", **settings) as device:
                if ready:
                    await device.wait_ready()
                yield device
            nursery.cancel_scope.cancel()

    async def ask(self, action: str, **payload: Any) -> Any:
        """Send a CALL of the CSMS; the payload of the answer, or the code of the CALLERROR."""
        message_id = f"csms-{next(self.ids)}"
        await self.stub.call(message_id, action, payload)
        await trio.testing.wait_all_tasks_blocked()
        replies = [f.elements for f in self.stub.received() if f.elements[0] != 2 and f.elements[1] == message_id]
        return replies[0][2] if replies else None

    def told(self, *actions: str) -> list[tuple[float, str, dict[str, Any]]]:
        """Instant, action and payload of the CALLs of these actions, or of all."""
        frames = [frame for frame in self.stub.received() if frame.elements[0] == 2]
        calls = [(frame.at, frame.elements[2], frame.elements[3]) for frame in frames]
        return [call for call in calls if not actions or call[1] in actions]

    def payloads(self, action: str) -> list[dict[str, Any]]:
        return [payload for _, _, payload in self.told(action)]

    def statuses(self, connector: int = 1) -> list[tuple[float, str]]:
        """Instant and status of the StatusNotifications for a connector."""
        calls = self.told("StatusNotification")
        return [(at, payload["status"]) for at, _, payload in calls if payload["connectorId"] == connector]

    def order(self) -> list[str]:
        """Everything that came in, in order: actions of CALLs, ids of replies."""
        return [json.loads(f.text)[2 if json.loads(f.text)[0] == 2 else 1] for f in self.stub.received()]

    def after(self, message_id: str) -> list[str]:
        """What came in after the reply of this id."""
        order = self.order()
        return order[order.index(message_id) + 1 :]


def willing_rig() -> Rig:
    """A CSMS that accepts every tag and counts its transactions from 7."""
    rig = Rig()
    accepted = id_tag_info("Accepted")
    numbers = itertools.count(7)
    rig.stub.on["Authorize"] = Result(accepted)
    rig.stub.on["StartTransaction"] = Result(lambda call: {"transactionId": next(numbers), **accepted})
    return rig


@pytest.fixture
def new_rig() -> Callable[[], Rig]:
    return willing_rig


@pytest.fixture
def rig() -> Rig:
    return willing_rig()


@pytest.fixture
async def charging(rig: Rig, autojump_clock: trio.testing.MockClock) -> AsyncIterator[Device]:
    """A device in the middle of transaction 7."""
    async with rig.open_device(configuration={"MeterValueSampleInterval": "0"}) as device:
        await device.plug_in()
        await device.start("TAG-1")
        yield device


@pytest.fixture
async def device(rig: Rig, autojump_clock: trio.testing.MockClock) -> AsyncIterator[Device]:
    async with rig.open_device() as device:
        yield device
