"""The feed: a client says what it wants to hear of, gets what is known of it, and then every change in order.

Owns one client's conversation. A client that does not read has a bounded queue in the hub and a deadline on each
write, and nobody waits for it. Must not know how a WebSocket is served.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import attrs
import trio
from starlette.websockets import WebSocket, WebSocketDisconnect

from ocpp_trio.backend.api import feed_messages
from ocpp_trio.backend.api.auth import deny
from ocpp_trio.backend.api.desk import Desk
from ocpp_trio.backend.api.feed_messages import BadMessage, Subscribe, Unsubscribe, read_command
from ocpp_trio.backend.api.limits import ApiLimits
from ocpp_trio.backend.api.problems import Problem
from ocpp_trio.backend.api.snapshots import parts, snapshot_of
from ocpp_trio.backend.hub import QUEUE, Lost, Numbered, SlowPolicy, Subscription, SubscriptionDropped
from ocpp_trio.backend.interest import Want

FEED_SUBPROTOCOL: Final = "ocpp-trio.feed"
STOPPING: Final = "stopping"
"""Where a server puts a `trio.Event` into the scope's state, to be set when feeds shall be closed."""


@attrs.frozen
class _End:
    """How this end closes the WebSocket (RFC 6455 section 7.4)."""

    code: int
    reason: str


GOING_AWAY: Final = _End(1001, "going away")
_BINARY: Final = _End(1003, "expected text, found a binary message")
_FLOOD: Final = _End(1008, "too many messages")
_DROPPED: Final = _End(1013, "dropped: too many changes waited")


async def serve_feed(desk: Desk, websocket: WebSocket) -> None:
    """Serve a client until it leaves, breaks a rule or the server stops."""
    try:
        capacity, policy = _queue_of(websocket, desk.limits)
    except Problem as problem:
        await deny(websocket, problem.response())
        return
    with desk.hub.subscribe(capacity=capacity, policy=policy) as subscription:
        await websocket.accept(FEED_SUBPROTOCOL if FEED_SUBPROTOCOL in websocket.scope["subprotocols"] else None)
        stopping = websocket.scope.get("state", {}).get(STOPPING, trio.Event())
        end = await _Conversation(desk, websocket, subscription).run(stopping)
    if end is not None:
        with trio.move_on_after(desk.limits.close_timeout), suppress(WebSocketDisconnect):
            await websocket.close(end.code, end.reason)


def _queue_of(websocket: WebSocket, limits: ApiLimits) -> tuple[int, SlowPolicy]:
    """What the client wishes for when it does not keep up: `?queue=100&slow=drop`."""
    queue = websocket.query_params.get("queue", str(min(QUEUE, limits.feed_queue)))
    if not (queue.isascii() and queue.isdigit() and len(queue) < 10 and 1 <= int(queue) <= limits.feed_queue):
        raise Problem(422, f"queue: found {queue[:40]!r}, expected an integer from 1 to {limits.feed_queue}")
    slow = websocket.query_params.get("slow", SlowPolicy.TELL.value)
    if slow not in {policy.value for policy in SlowPolicy}:
        raise Problem(422, f"slow: found {slow[:40]!r}, expected one of {', '.join(SlowPolicy)}")
    return int(queue), SlowPolicy(slow)


class _Conversation:
    def __init__(self, desk: Desk, websocket: WebSocket, subscription: Subscription) -> None:
        self._desk = desk
        self._websocket = websocket
        self._subscription = subscription
        # What is said about a subscription must not be overtaken by changes from before it, nor they by it.
        self._speaking = trio.Lock()
        self._bucket = _Bucket(desk.limits)
        self._end: _End | None = None

    async def run(self, stopping: trio.Event) -> _End | None:
        """Converse; how to close the connection, or None if the client has gone."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._until, self._publish, nursery.cancel_scope)
            nursery.start_soon(self._until, self._listen, nursery.cancel_scope)
            await stopping.wait()
            self._end = GOING_AWAY
            nursery.cancel_scope.cancel()
        return self._end

    async def _until(self, task: Callable[[], Awaitable[_End | None]], over: trio.CancelScope) -> None:
        """Run one half; its end is that of both. A client that has gone is noticed by the half that listens."""
        try:
            self._end = await task()
        except WebSocketDisconnect:
            self._end = None
        over.cancel()

    async def _publish(self) -> _End:
        async with self._speaking:
            await self._say(feed_messages.hello(self._desk.stream, self._desk.hub.sequence))
        while True:
            await self._subscription.wait_readable()
            async with self._speaking:
                try:
                    await self._say(self._desk.texts.of(self._subscription.receive_nowait()))
                except trio.WouldBlock:
                    pass  # the other half was quicker
                except SubscriptionDropped:
                    return _DROPPED

    async def _listen(self) -> _End | None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            if not self._bucket.take():
                return _FLOOD
            text = message.get("text")
            if text is None:
                return _BINARY
            if len(text.encode(errors="surrogatepass")) > self._desk.limits.feed_message_size:
                return _End(1009, f"expected at most {self._desk.limits.feed_message_size} bytes")
            await self._obey(text)

    async def _obey(self, text: str) -> None:
        async with self._speaking:
            try:
                command = read_command(text)
                if isinstance(command, Subscribe):
                    await self._subscribe(command)
                else:
                    await self._unsubscribe(command)
            except BadMessage as bad:
                await self._say(feed_messages.error(str(bad)))

    async def _subscribe(self, command: Subscribe) -> None:
        wants = command.selection.wants
        self._check(command, wants)
        # Up to the first `await` no event can come: what waits is older than the snapshot, what comes is newer.
        waiting, sequence = self._take_waiting(), self._desk.hub.sequence
        for want in wants:
            self._subscription.subscribe(want.topic, want.identity)
        missed = self._missed(command, wants)
        known = snapshot_of(self._desk.live, command.selection) if missed is None else []
        await self._tell(waiting)
        await self._say(feed_messages.subscribed(command.selection, sequence, resumed=missed is not None))
        await self._tell(missed or [])
        for topic, values in known:
            for part, more in parts(values, self._desk.limits.snapshot_part):
                await self._say(feed_messages.snapshot(topic, sequence, part, more=more))

    def _check(self, command: Subscribe, wants: Sequence[Want]) -> None:
        held = frozenset(self._subscription.wants)
        total, most = len(held.union(wants)), self._desk.limits.feed_wants
        if total > most:
            raise BadMessage(f"expected at most {most} pairs of topic and station, found {total}")
        if command.resume is not None and not held.isdisjoint(wants):
            raise BadMessage("expected to resume only what is not subscribed to already")

    def _missed(self, command: Subscribe, wants: Sequence[Want]) -> Sequence[Numbered] | None:
        """The changes since the client was here; None if it has to begin anew."""
        if command.resume is None or command.resume.stream != self._desk.stream:
            return None
        return self._desk.hub.since(command.resume.sequence, wants)

    async def _unsubscribe(self, command: Unsubscribe) -> None:
        waiting, sequence = self._take_waiting(), self._desk.hub.sequence
        for want in command.selection.wants:
            self._subscription.unsubscribe(want.topic, want.identity)
        await self._tell(waiting)
        await self._say(feed_messages.unsubscribed(command.selection, sequence))

    def _take_waiting(self) -> Sequence[Numbered | Lost]:
        return [self._subscription.receive_nowait() for _ in range(self._subscription.waiting)]

    async def _tell(self, items: Sequence[Numbered | Lost]) -> None:
        for item in items:
            await self._say(self._desk.texts.of(item))

    async def _say(self, text: str) -> None:
        await self._websocket.send_text(text)


class _Bucket:
    """How many messages a client may still send: a burst, and a rate after it."""

    def __init__(self, limits: ApiLimits) -> None:
        self._limits = limits
        self._left = float(limits.feed_burst)
        self._at = trio.current_time()

    def take(self) -> bool:
        """Count a message; False if it is one too many."""
        now = trio.current_time()
        self._left = min(self._limits.feed_burst, self._left + (now - self._at) * self._limits.feed_rate)
        self._at = now
        self._left -= 1
        return self._left >= 0
