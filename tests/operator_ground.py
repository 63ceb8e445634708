"""A whole CSMS with its operator API in memory, and clients of the API over real framing.

No sockets: the network is `MemoryNetwork`, and HTTP is what goes over its streams.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import trio

from ocpp_trio import (
    ChargePoint,
    ConnectionClosed,
    CsmsServer,
    Instruments,
    Limits,
    Router,
    Transport,
    open_charge_point,
    open_client,
    serve_csms,
    v16,
)
from ocpp_trio.backend import Hub, LiveState, MemoryBackend
from ocpp_trio.backend.api import ApiLimits, ApiServer, OcppDoor, make_api, serve_api
from ocpp_trio.backend.api.feed import FEED_SUBPROTOCOL
from ocpp_trio.observe import Counters
from ocpp_trio.testing import MemoryNetwork

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
TOKEN = "open-sesame"
OCPP, API = 9000, 8080


@attrs.frozen
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@attrs.define
class FeedClient:
    """A client of the feed."""

    transport: Transport

    async def send(self, **message: object) -> None:
        await self.transport.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.transport.receive())
        return message

    async def subscribe(
        self, *topics: str, stations: list[str] | None = None, **resume: object
    ) -> list[dict[str, Any]]:
        """Subscribe, and read up to the end of the snapshot."""
        await self.send(subscribe={"topics": topics, "stations": stations}, **resume)
        said = [await self.receive()]
        while said[-1]["type"] != "subscribed":
            said.append(await self.receive())
        for _ in [topic for topic in topics if topic != "log" and not said[-1].get("resumed")]:
            said.append(await self.receive())
            while said[-1]["more"]:
                said.append(await self.receive())
        return said

    async def changes(self, number: int) -> list[tuple[str, str, str, str]]:
        """The next changes as topic, change, identity and key."""
        found = []
        for _ in range(number):
            change = await self.receive()
            assert change["type"] == "change", change
            found.append((change["topic"], change["change"], change["identity"], change["key"]))
        return found

    async def changes_up_to(self, last: tuple[str, str, str, str]) -> list[tuple[str, str, str, str]]:
        """The next changes, until one is this."""
        found: list[tuple[str, str, str, str]] = []
        while not found or found[-1] != last:
            found += await self.changes(1)
        return found

    async def has_nothing_to_hear(self) -> bool:
        """Whether no change was on its way to it: what the server says next is an answer, and that comes last."""
        await self.send(unsubscribe={"topics": ["log"]})
        return bool((await self.receive())["type"] == "unsubscribed")

    async def is_silent(self, seconds: float = 1) -> bool:
        """Whether nothing comes for so long."""
        with trio.move_on_after(seconds):
            raise AssertionError(f"expected silence, found {await self.receive()}")
        return True

    async def end(self) -> ConnectionClosed:
        """How the server closed, after whatever else it says."""
        try:
            while True:
                await self.transport.receive()
        except ConnectionClosed as closed:
            return closed


@attrs.define
class Ground:
    """A CSMS at `csms`, its API, and what each of them knows."""

    backend: MemoryBackend = attrs.Factory(MemoryBackend)
    network: MemoryNetwork = attrs.Factory(MemoryNetwork)
    counters: Counters = attrs.Factory(Counters)
    limits: ApiLimits = attrs.Factory(ApiLimits)
    ocpp_limits: Limits = attrs.Factory(Limits)
    token: str | None = TOKEN
    shared: bool = False
    sessions: Mapping[str, Any] | None = None
    """What stands where the CSMS's sessions would."""
    listen: Any = None
    dial: Any = None

    csms: CsmsServer = attrs.field(init=False)
    api: ApiServer = attrs.field(init=False)

    @property
    def live(self) -> LiveState:
        return self.backend.live

    @property
    def hub(self) -> Hub:
        return self.backend.hub

    @asynccontextmanager
    async def running(self) -> AsyncIterator[trio.Nursery]:
        """Both servers, until the body is left."""
        self.listen = self.listen or self.network.listen
        self.dial = self.dial or self.network.dial
        door = OcppDoor() if self.shared else None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.live.run)
            self.csms = await nursery.start(
                partial(
                    serve_csms,
                    [self.backend.router()],
                    0,
                    instrument=Instruments([self.backend.instrument, self.counters]),
                    limits=self.ocpp_limits,
                    listen=self.listen if door is None else door.listen,
                )
            )
            app = make_api(
                self.live,
                self.hub,
                sessions=lambda: self.csms.sessions if self.sessions is None else self.sessions,
                token=self.token,
                counters=self.counters,
                limits=self.limits,
                new_stream=lambda: "s-1",
            )
            self.api = await nursery.start(
                partial(serve_api, app, 0, host=None, limits=self.limits, listen=self.listen, ocpp=door)
            )
            yield nursery
            nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def station(self, identity: str = "CP-1", *, router: Router | None = None) -> AsyncIterator[ChargePoint]:
        """A charge point that is online."""
        port = self.api.port if self.shared else self.csms.port
        async with open_charge_point(
            f"ws://127.0.0.1:{port}/ocpp", identity, router=router or Router(v16), boot=BOOT, dial=self.dial
        ) as station:
            await station.wait_online()
            yield station

    @asynccontextmanager
    async def feed(self, query: str = "", **headers: str) -> AsyncIterator[FeedClient]:
        """A client that has been greeted."""
        if self.token is not None:
            headers = {"Authorization": f"Bearer {self.token}"} | headers
        async with open_client(
            await self.dial("127.0.0.1", self.api.port),
            host="csms",
            resource=f"/api/feed{query}",
            subprotocols=[FEED_SUBPROTOCOL],
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            limits=Limits(),
        ) as transport:
            client = FeedClient(transport)
            assert (await client.receive())["type"] == "hello"
            yield client

    async def request(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """A request over a connection of its own; a body that is bytes goes as it is."""
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        return await send_request(await self.dial("127.0.0.1", self.api.port), method, path, body, headers)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.request("GET", path, **headers)


async def send_request(
    stream: trio.abc.Stream, method: str, path: str, body: object, headers: Mapping[str, str]
) -> Answer:
    """A request over a connection, which is closed behind it; a body that is bytes goes as it is."""
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    if body is not None and not isinstance(body, bytes):
        headers = {"Content-Type": "application/json"} | dict(headers)
    lines = [f"{method} {path} HTTP/1.1", "Host: csms", "Connection: close", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    async with stream:
        await stream.send_all("\r\n".join([*lines, "", ""]).encode() + data)
        received = b""
        while chunk := await stream.receive_some():
            received += chunk
    return parse_answer(received)


def parse_answer(received: bytes) -> Answer:
    """An answer with a Content-Length, whole."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert len(body) == int(fields.get("content-length", 0)), received
    return Answer(int(first.split(" ")[1]), fields, body)
