"""A CSMS to be tested, in memory or on a real socket, and bare WebSockets as its stations."""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import (
    Acceptance,
    Closed,
    ConnectionClosed,
    Credentials,
    CsmsServer,
    Instruments,
    Limits,
    Refusal,
    Router,
    Transport,
    open_client,
    serve_csms,
    v16,
)
from ocpp_trio.observe import Counters, Timeline
from ocpp_trio.testing import MemoryNetwork
from tests.csms.guests import new_guest as new_guest
from tests.csms.guests import registry as registry
from tests.csms.guests import witness as witness

PROOF = ((b"Authorization", b"proof"),)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


async def ask_for_proof(credentials: Credentials) -> Acceptance | Refusal:
    """An authenticator: who shows proof is who it says, who shows none may be anybody, and a lie is a lie."""
    match dict(credentials.headers).get(b"authorization"):
        case b"proof":
            return Acceptance(authenticated=True)
        case None:
            return Acceptance(authenticated=False)
        case _:
            return Refusal(401, "wrong password", headers=[(b"WWW-Authenticate", b'Basic realm="csms"')])


@attrs.define
class Station:
    """A charge point that says what it is told to say."""

    transport: Transport

    async def send(self, *elements: Any) -> None:
        await self.transport.send(json.dumps(elements))

    async def receive(self) -> list[Any]:
        return json.loads(await self.transport.receive())  # type: ignore[no-any-return]

    async def call(self, action: str, payload: dict[str, Any] | None = None) -> list[Any]:
        """Send a CALL; the next frame that comes is taken for its answer."""
        await self.send(2, "s-1", action, payload or {})
        return await self.receive()

    async def boot(self) -> list[Any]:
        return await self.call("BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "One"})

    async def wait_ended(self) -> Closed:
        """Read on until the connection ends, and say how."""
        try:
            while True:
                await self.transport.receive()
        except ConnectionClosed as exc:
            return exc.closed


@attrs.define
class Ground:
    """A network, a router with willing handlers, and what it takes to come into contact. Message ids are c-1, c-2 …"""

    virtual: bool
    network: MemoryNetwork = attrs.Factory(MemoryNetwork)
    router: Router = attrs.Factory(lambda: Router(v16))
    counters: Counters = attrs.Factory(Counters)
    timeline: Timeline = attrs.Factory(Timeline)
    status: v16.RegistrationStatus = v16.RegistrationStatus.ACCEPTED
    port: int = 0
    stopping: trio.CancelScope = attrs.Factory(trio.CancelScope)
    returned: trio.Event = attrs.Factory(trio.Event)

    def assert_now(self, seconds: float) -> None:
        if self.virtual:
            assert trio.current_time() == seconds

    @asynccontextmanager
    async def serve(self, *routers: Router, **options: Any) -> AsyncIterator[CsmsServer]:
        """A CSMS until the body is left; `stopping` cancels it before, and `returned` tells that it has ended."""
        limits = {name: options.pop(name) for name in attrs.fields_dict(Limits) if name in options}
        instrument = Instruments([self.counters, self.timeline])
        options = {
            "limits": Limits(**limits),
            "instrument": instrument,
            "authenticate": ask_for_proof,
            **options,
        }
        ids = (f"c-{number}" for number in itertools.count(1))
        serve = partial(
            serve_csms,
            routers or (self.router,),
            0,
            host="127.0.0.1",
            listen=self.network.listen if self.virtual else trio.open_tcp_listeners,
            new_message_id=lambda: next(ids),
            **options,
        )

        async def run(*, task_status: trio.TaskStatus[CsmsServer]) -> None:  # noqa: ASYNC128  # serve calls started()
            with self.stopping:
                await serve(task_status=task_status)
            self.returned.set()

        async with trio.open_nursery() as nursery:
            server = await nursery.start(run)
            self.port = server.port
            yield server
            nursery.cancel_scope.cancel()

    async def dial(self, source: str = "") -> trio.abc.HalfCloseableStream:
        """TCP to the CSMS; in memory from a host of any name."""
        if self.virtual:
            return await self.network.dial("127.0.0.1", self.port, source=source)
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    @asynccontextmanager
    async def connect(
        self,
        identity: str = "CP-1",
        *,
        subprotocols: tuple[str, ...] = ("ocpp1.6",),
        headers: tuple[tuple[bytes, bytes], ...] = PROOF,
        source: str = "",
    ) -> AsyncIterator[Station]:
        """A station's connection; `identity` is put into the path as it is. It proves who it is unless told not to."""
        async with open_client(
            await self.dial(source),
            host="csms",
            resource=f"/ocpp/{identity}",
            subprotocols=subprotocols,
            headers=headers,
            limits=Limits(),
        ) as transport:
            yield Station(transport)

    @asynccontextmanager
    async def neighbour(self) -> AsyncIterator[list[float]]:
        """Another station that exchanges calls all the time; whatever the body does, it misses no answer."""
        answered: list[float] = []
        async with self.connect("neighbour") as station, trio.open_nursery() as nursery:
            await self._beat(station, answered)
            nursery.start_soon(self._keep_beating, station, answered)
            yield answered
            nursery.cancel_scope.cancel()
        async with self.connect("latecomer") as station:
            await self._beat(station, answered)

    async def _keep_beating(self, station: Station, answered: list[float]) -> None:
        while True:
            await trio.sleep(0.1 if self.virtual else 0.005)
            await self._beat(station, answered)

    async def _beat(self, station: Station, answered: list[float]) -> None:
        with trio.fail_after(0.1 if self.virtual else 20):
            answer = await station.call("Heartbeat")
        assert answer[:2] == [3, "s-1"]
        answered.append(trio.current_time())

    def request(self, path: str = "/ocpp/CP-1", *more: str, first: str = "", protocols: str = "ocpp1.6") -> bytes:
        """An upgrade request as bytes."""
        offer = [f"Sec-WebSocket-Protocol: {protocols}"] if protocols else []
        lines = [
            first or f"GET {path} HTTP/1.1",
            "Host: csms",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {KEY}",
            *offer,
            *more,
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def frame(self, text: str) -> bytes:
        """A text frame as a client sends it, with a mask of zeros."""
        data = text.encode()
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        return b"\x81" + size + bytes(4) + data

    async def read(self, stream: trio.abc.ReceiveStream) -> bytes:
        """Everything until the end."""
        data = b""
        while more := await stream.receive_some(65536):
            data += more
        return data

    async def read_head(self, stream: trio.abc.ReceiveStream) -> bytes:
        """The head of an HTTP response."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += await stream.receive_some(1)
        return data


def _add_handlers(ground: Ground) -> None:
    @ground.router.on(v16.BootNotificationRequest)
    async def boot(session, request):
        return v16.BootNotificationResponse(current_time=NOW, interval=300, status=ground.status)

    @ground.router.on(v16.HeartbeatRequest)
    async def heartbeat(session, request):
        return v16.HeartbeatResponse(current_time=NOW)


def _ground(*, virtual: bool) -> Ground:
    ground = Ground(virtual)
    _add_handlers(ground)
    return ground


@pytest.fixture
def ground():
    """In memory; goes with the autojump clock."""
    ground = _ground(virtual=True)
    yield ground
    print(ground.timeline)  # shown with a failing test only


@pytest.fixture
def real_ground():
    """On real sockets, with the real clock."""
    return _ground(virtual=False)


@pytest.fixture
def answer_after(ground):
    """Let Authorize take some time: `answer_after(5)`. Returns what its handlers do, as it happens."""
    journal: list[tuple[str, str, float]] = []

    def answer_after(seconds: float, *, cleanup: float = 0.0) -> list[tuple[str, str, float]]:
        @ground.router.on(v16.AuthorizeRequest)
        async def authorize(session, request):
            journal.append((request.id_tag, "begins", trio.current_time()))
            try:
                await trio.sleep(seconds)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(cleanup)
                journal.append((request.id_tag, "is gone", trio.current_time()))
            return v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status=v16.AuthorizationStatus.ACCEPTED))

        return journal

    return answer_after
