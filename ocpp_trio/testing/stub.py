"""A CSMS that does what a test tells it, and records every frame with its instant.

Owns no OCPP rules: it reads frames, looks up what to do with their action, and does that. Real WebSocket
framing, in memory or on a socket.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import attrs
import trio

from ocpp_trio import (
    Call,
    Closed,
    CloseReason,
    ConnectionClosed,
    FrameError,
    HandshakeError,
    Limits,
    Transport,
    Upgrade,
    open_server,
    parse_frame,
)

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""What the stub calls now when trio's clock says 0, so that runs repeat to the byte."""


@attrs.frozen
class Result:
    """Answer with a CALLRESULT of this payload, or of what a function makes of the CALL.

    Nothing checks the payload, so that a test may send a wrong one.
    """

    payload: Mapping[str, Any] | Callable[[Call], Mapping[str, Any]] = attrs.Factory(dict)


@attrs.frozen
class Error:
    """Answer with a CALLERROR of any code."""

    code: str
    description: str = ""
    details: Mapping[str, Any] = attrs.Factory(dict)


@attrs.frozen
class Ignore:
    """Say nothing."""


@attrs.frozen
class Delayed:
    """Do it so many seconds later; other frames are answered meanwhile."""

    seconds: float
    behaviour: "Behaviour"


@attrs.frozen
class CloseWith:
    """Close the WebSocket in an orderly way, with this code and sentence."""

    code: int = 1000
    detail: str = ""


@attrs.frozen
class Drop:
    """Drop TCP without a close frame."""


Behaviour = Result | Error | Ignore | Delayed | CloseWith | Drop


@attrs.frozen
class RecordedFrame:
    """A frame as text: seconds of trio's clock, the connection's number, and which way it went.

    `at` is the instant at which the stub read it, or handed it over to be written.
    """

    at: float
    connection: int
    direction: Literal["received", "sent"]
    text: str

    @property
    def elements(self) -> list[Any]:
        """The frame as JSON."""
        return json.loads(self.text)  # type: ignore[no-any-return]  # a frame is an array


class CsmsStub:
    """Serve stations by the book of one test.

        network, stub = MemoryNetwork(), CsmsStub(interval=10)
        stub.on["Authorize"] = [Ignore(), Result({"idTagInfo": {"status": "Accepted"}})]
        port = await nursery.start(partial(stub.serve, 0, listen=network.listen))
        ...  # run the station under test: f"ws://csms:{port}/", dial=network.dial
        (call,) = await stub.wait_received(1, "Authorize")
        assert call.at == 0.25

    What it does may be changed at any time:

    - `on` tells by action what to do with a CALL. A list is used up one by one, and its last one stays.
      What `on` does not name is answered as a willing CSMS would: BootNotification with `status` and
      `interval`, Heartbeat with the time, Authorize and StartTransaction with Accepted, DataTransfer likewise,
      anything else with an empty object.
    - `ignored_ids` are message ids that are never answered, whatever their action.
    - `on_connect` is done right after each handshake: `CloseWith`, `Drop`, or one of them `Delayed`.
    - `close_after` is the life of every new connection in seconds; it ends with 1000.
    - `on_upgrade` sees each upgrade request first. It returns True to go on, or answers the request
      itself, as with `await upgrade.reject(503)`, and returns False.
    - `subprotocol` is what the stub agrees on; stations that do not offer it get no subprotocol at all.

    What happened is in `frames`, with instants of trio's clock and the connection's number: 1 is the
    first, `connections` the newest.
    """

    def __init__(self, *, interval: int = 300, status: str = "Accepted", subprotocol: str = "ocpp1.6") -> None:
        self.interval = interval
        self.status = status
        self.subprotocol = subprotocol
        self.on: dict[str, Behaviour | list[Behaviour]] = {}
        self.on_connect: Behaviour | None = None
        self.on_upgrade: Callable[[Upgrade], Awaitable[bool]] | None = None
        self.close_after: float | None = None
        self.ignored_ids: set[str] = set()
        self.frames: list[RecordedFrame] = []
        self.connections = 0
        self.transactions = 0
        self.limits = Limits()
        self.port = 0
        self._recorded = trio.Event()
        self._reading = trio.Event()
        self._reading.set()
        self._transports: dict[int, Transport] = {}
        self._ends: dict[int, trio.Event] = {}

    def received(self, action: str | None = None) -> list[RecordedFrame]:
        """The frames that came, or the CALLs of one action."""
        frames = [frame for frame in self.frames if frame.direction == "received"]
        return frames if action is None else [frame for frame in frames if _is_call(frame.text, action)]

    def sent(self) -> list[RecordedFrame]:
        """The frames that went out."""
        return [frame for frame in self.frames if frame.direction == "sent"]

    async def wait_received(self, count: int, action: str | None = None) -> list[RecordedFrame]:
        """Wait until so many frames came, or CALLs of one action, and return them."""
        while len(frames := self.received(action)) < count:
            await self._recorded.wait()
        return frames

    def hold(self) -> None:
        """Read no more frames, on any connection: buffers fill up and the station's writes come to wait.

        Pings are still answered as long as the station has sent no more than a message or two.
        """
        if self._reading.is_set():
            self._reading = trio.Event()

    def release(self) -> None:
        """Read on."""
        self._reading.set()

    async def serve(
        self,
        port: int,
        *,
        host: str | None = None,
        listen: Callable[..., Awaitable[Sequence[trio.abc.Listener[Any]]]] = trio.open_tcp_listeners,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen until cancelled; `nursery.start` returns the port. Cancelling closes every connection.

        Raises OSError if the port cannot be bound.
        """
        listeners = list(await listen(port, host=host))
        first: Any = listeners[0]
        self.port = first.socket.getsockname()[1] if isinstance(first, trio.SocketListener) else first.port
        task_status.started(self.port)
        await trio.serve_listeners(self._serve_stream, listeners)

    async def send(self, text: str, *, connection: int | None = None) -> None:
        """Send any text on a connection, the newest one by default.

        Cancelling in the middle of a frame ends the connection. Raises ConnectionClosed if it has ended,
        LookupError if there never was one.
        """
        number = self._number(connection)
        frame = self._record(number, "sent", text)
        try:
            await self._transports[number].send(text)
        except (ConnectionClosed, trio.Cancelled):
            self.frames.remove(frame)
            raise

    async def call(self, message_id: str, action: str, payload: Mapping[str, Any]) -> None:
        """Send a CALL on the newest connection; the reply shows up in `frames`. Raises as `send` does."""
        await self._send_json([2, message_id, action, payload], self._number(None))

    async def do(self, behaviour: Behaviour, call: Call | None = None, *, connection: int | None = None) -> None:
        """Behave in some way on a connection now, the newest one by default.

        `Result` and `Error` answer `call`. Raises as `send` does, and ValueError if there is no CALL to answer.
        """
        number = self._number(connection)
        match behaviour:
            case Result() | Error():
                if call is None:
                    raise ValueError(f"expected a CALL to answer with {behaviour!r}, found none")
                await self._send_json(_answer(behaviour, call), number)
            case Delayed(seconds, later):
                await trio.sleep(seconds)
                await self.do(later, call, connection=number)
            case CloseWith(code, detail):
                self._transports[number].end(Closed(CloseReason.STOPPING, code, detail))
                self._ends[number].set()
            case Drop():
                self._transports[number].abort(Closed(CloseReason.FORCED))
                self._ends[number].set()

    def _number(self, connection: int | None) -> int:
        number = self.connections if connection is None else connection
        if number not in self._transports:
            raise LookupError(f"expected a connection of 1 to {self.connections}, found {number}")
        return number

    async def _send_json(self, elements: list[Any], connection: int) -> None:
        await self.send(json.dumps(elements, separators=(",", ":")), connection=connection)

    async def _serve_stream(self, stream: trio.abc.Stream) -> None:
        try:
            async with open_server(stream, limits=self.limits) as upgrade:
                if self.on_upgrade is not None and not await self.on_upgrade(upgrade):
                    return
                offered = upgrade.subprotocols
                transport = await upgrade.accept(self.subprotocol if self.subprotocol in offered else None)
                await self._serve_transport(transport)
        except (HandshakeError, ConnectionClosed):
            pass  # the station went away; the frames tell the story

    async def _serve_transport(self, transport: Transport) -> None:
        self.connections += 1
        number = self.connections
        self._transports[number] = transport
        self._ends[number] = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read, transport, number, nursery)
            if self.on_connect is not None:
                nursery.start_soon(self._try, self.on_connect, None, number)
            with trio.move_on_after(float("inf") if self.close_after is None else self.close_after) as life:
                await self._ends[number].wait()
            if life.cancelled_caught:
                transport.end(Closed(CloseReason.STOPPING, 1000, ""))
            nursery.cancel_scope.cancel()

    async def _read(self, transport: Transport, number: int, nursery: trio.Nursery) -> None:
        try:
            while True:
                text = await transport.receive()
                await self._reading.wait()
                self._record(number, "received", text)
                call = _call_in(text)
                if call is not None and call.message_id not in self.ignored_ids:
                    # A task of its own, so that a delayed answer does not keep the next one waiting.
                    nursery.start_soon(self._try, self._behaviour(call), call, number)
        except ConnectionClosed:
            self._ends[number].set()

    async def _try(self, behaviour: Behaviour, call: Call | None, number: int) -> None:
        with suppress(ConnectionClosed):  # the station did not wait for the answer
            await self.do(behaviour, call, connection=number)

    def _behaviour(self, call: Call) -> Behaviour:
        behaviour = self.on.get(call.action)
        if isinstance(behaviour, list):
            behaviour = None if not behaviour else behaviour.pop(0) if len(behaviour) > 1 else behaviour[0]
        return behaviour or self._by_default(call)

    def _by_default(self, call: Call) -> Behaviour:
        now = (EPOCH + timedelta(seconds=trio.current_time())).strftime("%Y-%m-%dT%H:%M:%SZ")
        accepted = {"idTagInfo": {"status": "Accepted"}}
        match call.action:
            case "BootNotification":
                return Result({"status": self.status, "currentTime": now, "interval": self.interval})
            case "Heartbeat":
                return Result({"currentTime": now})
            case "Authorize":
                return Result(accepted)
            case "StartTransaction":
                self.transactions += 1
                return Result({**accepted, "transactionId": self.transactions})
            case "DataTransfer":
                return Result({"status": "Accepted"})
        return Result({})

    def _record(self, connection: int, direction: Literal["received", "sent"], text: str) -> RecordedFrame:
        frame = RecordedFrame(trio.current_time(), connection, direction, text)
        self.frames.append(frame)
        self._recorded.set()
        self._recorded = trio.Event()
        return frame


def _answer(behaviour: Result | Error, call: Call) -> list[Any]:
    if isinstance(behaviour, Error):
        return [4, call.message_id, behaviour.code, behaviour.description, behaviour.details]
    payload = behaviour.payload
    return [3, call.message_id, payload(call) if callable(payload) else payload]


def _is_call(text: str, action: str) -> bool:
    call = _call_in(text)
    return call is not None and call.action == action


def _call_in(text: str) -> Call | None:
    try:
        frame = parse_frame(text)
    except FrameError:
        return None
    return frame if isinstance(frame, Call) else None
