"""The PyPI package `ocpp` over `websockets`, put to use as its users do, and led by a test.

A script for a process of its own, because asyncio has no place beside trio. Commands come on stdin and
events leave on stdout, one JSON object a line. Knows nothing of ocpp_trio; `node/peer.js` speaks the same.
"""

import asyncio
import base64
import importlib.metadata
import json
import ssl
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from ocpp.charge_point import camel_to_snake_case, remove_nones, serialize_as_dict, snake_to_camel_case
from ocpp.exceptions import OCPPError, SecurityError
from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, ServerConnection, basic_auth, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

OCPP16 = Subprotocol("ocpp1.6")


def tell(event: str, **what: object) -> None:
    """Say what happened, on one line and at once."""
    print(json.dumps({"event": event, **what}), flush=True)


def now() -> str:
    return datetime.now(UTC).isoformat()


async def misbehave(wish: str, tap: "Tap") -> str:
    """What a test may ask of a handler: to be silent, to fail, to refuse, to answer what the schema forbids."""
    if wish == "Silent":
        await tap.websocket.wait_closed()  # the package reads nothing, not even the end, while a handler runs
    if wish == "Boom":
        raise ValueError("this handler has a bug")
    if wish == "Secret":
        raise SecurityError(description="that is not for you", details={"level": 3})
    return "Perhaps" if wish == "Liar" else "Accepted"


class Tap:
    """A WebSocket with a name, whose traffic is told."""

    def __init__(self, identity: str, websocket: Connection) -> None:
        self._identity = identity
        self.websocket = websocket

    async def recv(self) -> str:
        text = await self.websocket.recv()
        tell("frame", identity=self._identity, sent=False, text=text)
        return str(text)

    async def send(self, text: str) -> None:
        tell("frame", identity=self._identity, sent=True, text=text)
        await self.websocket.send(text)


class Station(ChargePoint):  # type: ignore[misc]  # the package carries no types
    """What a station of this package answers, and what it does of itself then."""

    transaction_id = 0

    @on("ChangeConfiguration")
    async def change_configuration(self, key: str, value: str) -> object:
        return call_result.ChangeConfiguration(status=await misbehave(key, self._connection))

    @on("GetConfiguration")
    def get_configuration(self, key: list[str] | None = None) -> object:
        known = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
        wanted = key or ["HeartbeatInterval"]
        return call_result.GetConfiguration(
            configuration_key=[known] if "HeartbeatInterval" in wanted else None,
            unknown_key=[name for name in wanted if name != "HeartbeatInterval"] or None,
        )

    @on("TriggerMessage")
    def trigger_message(self, requested_message: str, connector_id: int | None = None) -> object:
        return call_result.TriggerMessage(status="Accepted")

    @after("TriggerMessage")
    async def send_triggered(self, requested_message: str, connector_id: int | None = None) -> None:
        await self.call(getattr(call, requested_message)())

    @on("RemoteStartTransaction")
    def remote_start(self, id_tag: str, connector_id: int | None = None) -> object:
        return call_result.RemoteStartTransaction(status="Accepted")

    @after("RemoteStartTransaction")
    async def begin_transaction(self, id_tag: str, connector_id: int | None = None) -> None:
        await self.call(call.Authorize(id_tag=id_tag))
        begun = await self.call(
            call.StartTransaction(connector_id=connector_id or 1, id_tag=id_tag, meter_start=100, timestamp=now())
        )
        self.transaction_id = begun.transaction_id
        tell("charging", identity=self.id, transactionId=self.transaction_id)

    @on("RemoteStopTransaction")
    def remote_stop(self, transaction_id: int) -> object:
        mine = transaction_id == self.transaction_id
        return call_result.RemoteStopTransaction(status="Accepted" if mine else "Rejected")

    @after("RemoteStopTransaction")
    async def end_transaction(self, transaction_id: int) -> None:
        if transaction_id == self.transaction_id:
            await self.call(
                call.StopTransaction(meter_stop=700, timestamp=now(), transaction_id=transaction_id, reason="Remote")
            )

    @on("Reset")
    def reset(self, type: str) -> object:  # noqa: A002  # the name in the message
        return call_result.Reset(status="Accepted")

    @after("Reset")
    async def reboot(self, type: str) -> None:  # noqa: A002
        await self._connection.websocket.close(1001, "resetting")


class Csms(ChargePoint):  # type: ignore[misc]
    """What a CSMS of this package answers."""

    transactions = 0

    @on("BootNotification")
    def boot_notification(self, **boot: Any) -> object:
        return call_result.BootNotification(current_time=now(), interval=300, status="Accepted")

    @on("Heartbeat")
    def heartbeat(self) -> object:
        return call_result.Heartbeat(current_time=now())

    @on("Authorize")
    def authorize(self, id_tag: str) -> object:
        return call_result.Authorize(id_tag_info={"status": "Blocked" if id_tag == "THIEF" else "Accepted"})

    @on("StatusNotification")
    def status_notification(self, **status: Any) -> object:
        return call_result.StatusNotification()

    @on("StartTransaction")
    def start_transaction(self, **start: Any) -> object:
        self.transactions += 1
        return call_result.StartTransaction(transaction_id=self.transactions, id_tag_info={"status": "Accepted"})

    @on("MeterValues")
    def meter_values(self, **values: Any) -> object:
        return call_result.MeterValues()

    @on("StopTransaction")
    def stop_transaction(self, **stop: Any) -> object:
        return call_result.StopTransaction(id_tag_info={"status": "Accepted"})

    @on("DataTransfer")
    async def data_transfer(self, vendor_id: str, **more: Any) -> object:
        return call_result.DataTransfer(status=await misbehave(vendor_id, self._connection))


class Peer:
    """The commands, and what they have opened."""

    def __init__(self) -> None:
        self._ends: dict[str, ChargePoint] = {}
        self._server: Server | None = None

    async def serve(self, port: int = 0, cert: str = "", key: str = "", password: str = "", **_: object) -> None:
        """Be a CSMS. With a certificate it is for wss, with a password for Basic authentication."""
        context = None
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
        secret = bytes.fromhex(password).decode(errors="surrogateescape")
        gate = basic_auth("csms", check_credentials=lambda user, given: given == secret) if password else None
        self._server = await serve(
            self._attend, "127.0.0.1", port, subprotocols=[OCPP16], ssl=context, process_request=gate
        )
        tell("listening", port=next(iter(self._server.sockets)).getsockname()[1])

    async def stop(self, **_: object) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        tell("stopped")

    async def _attend(self, websocket: ServerConnection) -> None:
        assert websocket.request is not None
        identity = unquote(websocket.request.path.rpartition("/")[2])
        await self._live(identity, Csms(identity, Tap(identity, websocket)))

    async def connect(self, identity: str, url: str, ca: str = "", password: str = "", **_: object) -> None:
        """Be a station."""
        headers = {}
        if password:
            credentials = identity.encode() + b":" + bytes.fromhex(password)
            headers["Authorization"] = "Basic " + base64.b64encode(credentials).decode()
        context = ssl.create_default_context(cafile=ca) if ca else None
        try:
            websocket = await connect(url, subprotocols=[OCPP16], additional_headers=headers, ssl=context, proxy=None)
        except (InvalidStatus, OSError) as refusal:
            status = refusal.response.status_code if isinstance(refusal, InvalidStatus) else None
            tell("refused", identity=identity, status=status, detail=repr(refusal))
            return
        await self._live(identity, Station(identity, Tap(identity, websocket)))

    async def _live(self, identity: str, end: ChargePoint) -> None:
        self._ends[identity] = end
        websocket = end._connection.websocket
        tell("open", identity=identity, subprotocol=websocket.subprotocol)
        try:
            await end.start()
        except ConnectionClosed:
            tell("closed", identity=identity, code=websocket.close_code, reason=websocket.close_reason)

    async def call(self, identity: str, action: str, payload: dict[str, Any], **_: object) -> None:
        """Make a call through the package, which checks both payloads against the schemas."""
        request = getattr(call, action)(**camel_to_snake_case(payload))
        try:
            answer = await self._ends[identity].call(request, suppress=False)
        except OCPPError as error:
            tell("error", identity=identity, code=error.code, description=error.description, details=error.details)
        else:
            tell("answer", identity=identity, payload=remove_nones(snake_to_camel_case(serialize_as_dict(answer))))

    async def send(self, identity: str, text: str, **_: object) -> None:
        """Send what the package would not."""
        await self._ends[identity]._connection.send(text)

    async def ping(self, identity: str, **_: object) -> None:
        await (await self._ends[identity]._connection.websocket.ping())
        tell("pong", identity=identity)

    async def close(self, identity: str, code: int = 1000, reason: str = "", **_: object) -> None:
        await self._ends[identity]._connection.websocket.close(code, reason)

    async def obey(self, do: str, **arguments: Any) -> None:
        try:
            await getattr(self, do)(**arguments)
        except Exception as failure:
            tell("failed", do=do, detail=repr(failure))


async def main() -> None:
    versions = {name: importlib.metadata.version(name) for name in ("ocpp", "websockets")}
    tell("hello", versions=versions)
    peer = Peer()
    loop = asyncio.get_running_loop()
    running = set()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = asyncio.create_task(peer.obey(**json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)


if __name__ == "__main__":
    asyncio.run(main())
