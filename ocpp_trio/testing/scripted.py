"""A peer that says exactly what its script says and accepts nothing else: a station's CSMS, or a CSMS's station.

Owns the script and where it stands. Real WebSocket framing; no OCPP rules of its own.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import attrs
import trio

from ocpp_trio import (
    Call,
    CallError,
    Closed,
    CloseReason,
    ConnectionClosed,
    FrameError,
    HandshakeError,
    Limits,
    Transport,
    open_client,
    open_server,
    parse_frame,
)
from ocpp_trio.testing.stub import CloseWith, Drop, Error, RecordedFrame, Result

PRECISION: Final = 1e-6
"""Seconds: sums of floats are not exact, and no timer of OCPP is that fine."""


@attrs.frozen
class Expect:
    """The next thing to come is this frame: an action's CALL, "result" or "error", at this instant if one is given.

    `payload` is compared as a whole; of an error it is `{"code": ...}`. `text` is compared to the byte. What never
    comes is waited for until the test's own bound, also past `at`.
    """

    what: str
    payload: Mapping[str, Any] | None = None
    at: float | None = None
    text: str | None = None
    message_id: str | None = None


@attrs.frozen
class Say:
    """Send this text, or these elements as JSON."""

    frame: str | Sequence[Any]

    @property
    def text(self) -> str:
        """What goes over the wire."""
        return self.frame if isinstance(self.frame, str) else json.dumps(self.frame, separators=(",", ":"))


@attrs.frozen
class Silence:
    """For so many seconds nothing comes."""

    seconds: float


@attrs.frozen
class Ended:
    """The connection ends now by the other side's doing, with this close code if one is given."""

    code: int | None = None
    at: float | None = None


Step = Expect | Say | Result | Error | Silence | Ended | CloseWith | Drop


class ScriptFailed(AssertionError):
    """Something else happened than the script says; the message tells the story so far."""


class _Other(Exception):
    """What came instead."""


class ScriptedPeer:
    """Play one script per connection, in their order.

        peer = ScriptedPeer(
            [
                Expect("BootNotification", at=0),
                Result({"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 10}),
                Expect("Heartbeat", at=10.25),
                Drop(),
            ],
            [Expect("BootNotification")],  # the reconnect
        )
        port = await nursery.start(partial(peer.serve, 0, listen=network.listen))
        ...
        await peer.wait_done()

    `Result` and `Error` answer the CALL that this connection brought last. A script may end with `Drop` or
    `CloseWith`; else the peer goes on listening and fails at any further frame. One connection more than there
    are scripts is a failure too, and so is one without an upgrade. Failures leave as ScriptFailed. Raises ValueError
    for what is no step, as `Delayed` and `Ignore` are none: `Silence` does that.
    """

    def __init__(self, *scripts: Sequence[Step], subprotocol: str = "ocpp1.6") -> None:
        self._scripts = [_steps(number, script) for number, script in enumerate(scripts, 1)]
        self._subprotocol = subprotocol
        self._connections = 0
        self._played = 0
        self._done = trio.Event()
        self._last_calls: dict[int, Call] = {}
        self.frames: list[RecordedFrame] = []

    async def wait_done(self) -> None:
        """Wait until every script was played to its last step."""
        await self._done.wait()

    async def serve(
        self,
        port: int,
        *,
        host: str | None = None,
        listen: Callable[..., Awaitable[Sequence[trio.abc.Listener[Any]]]] = trio.open_tcp_listeners,
        task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Be the CSMS until cancelled; `nursery.start` returns the port. Raises ScriptFailed."""
        listeners = list(await listen(port, host=host))
        first: Any = listeners[0]
        port = first.socket.getsockname()[1] if isinstance(first, trio.SocketListener) else first.port
        task_status.started(port)
        await trio.serve_listeners(self._serve_stream, listeners)

    async def connect(self, stream: trio.abc.Stream, *, resource: str = "/CP-1", host: str = "csms") -> None:
        """Be the station on this stream until its script ends; cancelling closes the stream.

        Raises ScriptFailed, and HandshakeError if the CSMS does not let it in.
        """
        async with open_client(
            stream, host=host, resource=resource, subprotocols=[self._subprotocol], limits=Limits()
        ) as transport:
            await self._play_on(transport, stay=False)

    async def _serve_stream(self, stream: trio.abc.Stream) -> None:
        try:
            async with open_server(stream, limits=Limits()) as upgrade:
                await self._play_on(await upgrade.accept(self._subprotocol), stay=True)
        except HandshakeError as exc:
            raise ScriptFailed(self._story(f"expected an upgrade, found {exc}")) from exc

    async def _play_on(self, transport: Transport, *, stay: bool) -> None:
        number = self._connections = self._connections + 1
        if number > len(self._scripts):
            raise ScriptFailed(self._story(f"expected {len(self._scripts)} connections, found one more"))
        script = self._scripts[number - 1]
        for place, step in enumerate(script, 1):
            try:
                await self._do(step, transport, number)
            except ConnectionClosed as exc:
                defect = f"the end of the connection ({exc.closed.detail})"
                raise self._failed(number, place, step, defect) from exc
            except _Other as other:
                raise self._failed(number, place, step, str(other)) from other.__cause__
        self._played += 1
        if self._played == len(self._scripts):
            self._done.set()
        if stay and not (script and isinstance(script[-1], Drop | CloseWith | Ended)):
            await self._expect_nothing_more(transport, number)

    async def _do(self, step: Step, transport: Transport, number: int) -> None:
        match step:
            case Expect():
                await self._expect(step, transport, number)
            case Say():
                await self._send(step.text, transport, number)
            case Result() | Error():
                await self._send(self._answer(step, number), transport, number)
            case Silence(seconds):
                with trio.move_on_after(seconds):
                    text = await self._receive(transport, number)
                    raise _Other(text)
            case Ended():
                await self._expect_end(step, transport, number)
            case CloseWith(code, detail):
                transport.end(Closed(CloseReason.STOPPING, code, detail))
            case Drop():
                transport.abort(Closed(CloseReason.FORCED))

    async def _send(self, text: str, transport: Transport, number: int) -> None:
        self.frames.append(RecordedFrame(trio.current_time(), number, "sent", text))
        await transport.send(text)

    async def _receive(self, transport: Transport, number: int) -> str:
        text = await transport.receive()
        self.frames.append(RecordedFrame(trio.current_time(), number, "received", text))
        return text

    async def _expect(self, step: Expect, transport: Transport, number: int) -> None:
        text = await self._receive(transport, number)
        if (defect := self._defect(step, text, number)) is not None:
            raise _Other(defect)

    def _defect(self, step: Expect, text: str, number: int) -> str | None:
        """What is wrong with a frame, None if it is the one."""
        try:
            frame = parse_frame(text)
        except FrameError:
            return None if step.text == text else text
        is_call, is_error = isinstance(frame, Call), isinstance(frame, CallError)
        if isinstance(frame, Call):
            self._last_calls[number] = frame
        what = frame.action if isinstance(frame, Call) else "error" if is_error else "result"
        payload = {"code": frame.code} if isinstance(frame, CallError) else json.loads(text)[3 if is_call else 2]
        as_expected = (
            what == step.what
            and step.text in (None, text)
            and step.payload in (None, payload)
            and step.message_id in (None, frame.message_id)
            and (step.at is None or abs(trio.current_time() - step.at) < PRECISION)
        )
        return None if as_expected else text

    async def _expect_end(self, step: Ended, transport: Transport, number: int) -> None:
        try:
            text = await self._receive(transport, number)
        except ConnectionClosed as exc:
            in_time = step.at is None or abs(trio.current_time() - step.at) < PRECISION
            if step.code not in (None, exc.closed.code) or not in_time:
                raise _Other(f"an end with {exc.closed.code}") from exc
        else:
            raise _Other(text)

    async def _expect_nothing_more(self, transport: Transport, number: int) -> None:
        try:
            text = await self._receive(transport, number)
        except ConnectionClosed:
            return
        raise ScriptFailed(self._story(f"connection {number}: expected nothing more, found {text}"))

    def _answer(self, step: Result | Error, number: int) -> str:
        call = self._last_calls.get(number)
        if call is None:
            raise _Other("no CALL to answer")
        if isinstance(step, Error):
            return Say([4, call.message_id, step.code, step.description, dict(step.details)]).text
        payload = step.payload(call) if callable(step.payload) else step.payload
        return Say([3, call.message_id, payload]).text

    def _failed(self, number: int, place: int, step: Step, found: str) -> ScriptFailed:
        now = f"{trio.current_time():g} s"
        what = _shown(step)
        return ScriptFailed(self._story(f"connection {number}, step {place}: expected {what}, found {found} at {now}"))

    def _story(self, message: str) -> str:
        said = {"received": "heard", "sent": "said "}
        lines = [
            f"{frame.at:12.3f}  #{frame.connection}  {said[frame.direction]}  {frame.text}" for frame in self.frames
        ]
        return "\n".join([message, *(lines or ["nothing was said before"])])


def _steps(number: int, script: object) -> list[Step]:
    """A script that can be played: a step that nobody knows would pass without having been looked at."""
    if not isinstance(script, Sequence) or isinstance(script, str):
        raise ValueError(f"connection {number}: expected a list of steps, found {script!r}")
    for place, step in enumerate(script, 1):
        if not isinstance(step, Step):
            raise ValueError(f"connection {number}, step {place}: expected a step of a script, found {step!r}")
    return list(script)


def _shown(step: Step) -> str:
    """A step as it is written in a script: without what was left out."""
    fields = [field for field in attrs.fields(type(step)) if getattr(step, field.name) != field.default]
    return f"{type(step).__name__}({', '.join(f'{field.name}={getattr(step, field.name)!r}' for field in fields)})"
