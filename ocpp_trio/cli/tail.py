"""`ocpp-trio tail`: what changes at a CSMS, line by line as it happens."""

import json
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import trio

from ocpp_trio import (
    Closed,
    CloseReason,
    ConnectionClosed,
    ExponentialBackoff,
    HandshakeError,
    Limits,
    Transport,
    client_context,
    open_client,
)
from ocpp_trio.cli.exit_codes import USAGE
from ocpp_trio.cli.operator import checked_token
from ocpp_trio.cli.signals import run_until_signal
from ocpp_trio.cli.terminal import Terminal

Dial = Callable[[str, int], Awaitable[trio.abc.Stream]]

TOPICS: Final = ("stations", "connectors", "transactions", "meter_values", "log")
SUBPROTOCOL: Final = "ocpp-trio.feed"
LIMITS: Final = Limits(message_size=16 * 1024 * 1024)
"""A part of a snapshot may hold 500 stations, each with all that OCPP lets it say of itself."""
UNAUTHORIZED: Final = 401
NO_TOKEN: Final = "; --token-file or --token gives it"
_FINAL: Final = range(400, 500)
"""Statuses that do not get better by asking again: a wrong token, a wrong URL."""


@attrs.frozen(kw_only=True)
class Wish:
    """What to tail, and where."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    token: str | None
    topics: Sequence[str]
    stations: Sequence[str]
    dial: Dial = trio.open_tcp_stream

    @property
    def selection(self) -> dict[str, object]:
        """As the feed wants it said."""
        return {"topics": list(self.topics), "stations": list(self.stations) or None}


def wish_of(url: str, *, token: str | None, topics: Sequence[str], stations: Sequence[str]) -> Wish:
    """A wish from what the shell said. Raises ValueError."""
    parts = urlsplit(url)
    tls = parts.scheme in ("https", "wss")
    if parts.scheme not in ("http", "ws", "https", "wss") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"expected a URL like http://127.0.0.1:8080, found {url!a}")
    for topic in topics:
        if topic not in TOPICS:
            raise ValueError(f"expected a topic of {', '.join(TOPICS)}, found {topic!a}")
    if token is not None:
        checked_token("--token", token)
    return Wish(
        host=parts.hostname,
        port=parts.port or (443 if tls else 80),
        tls=client_context() if tls else None,
        token=token,
        topics=topics or TOPICS,
        stations=stations,
    )


@attrs.define
class _Position:
    """How far we have come, and in which stream; a snapshot counts when it is whole."""

    stream: str = ""
    sequence: int | None = None
    parts_due: int = 0
    subscribed: bool = False

    def note(self, message: dict[str, Any]) -> None:
        """Take a message into account."""
        self.subscribed = self.subscribed or message["type"] == "subscribed"
        match message:
            case {"type": "hello", "stream": str(stream)} if stream != self.stream:
                self.stream, self.sequence = stream, None
            case {"type": "subscribed", "resumed": False, "topics": topics}:
                self.sequence, self.parts_due = None, sum(topic != "log" for topic in topics)
            case {"type": "snapshot", "sequence": int(sequence), "more": False}:
                self.parts_due -= 1
                self.sequence = None if self.parts_due else sequence
            case {"type": "change", "sequence": int(sequence)}:
                self.sequence = sequence

    @property
    def resume(self) -> dict[str, object]:
        return {} if self.sequence is None else {"resume": {"stream": self.stream, "sequence": self.sequence}}


async def run(
    terminal: Terminal, url: str, *, token: str | None, topics: Sequence[str] = (), stations: Sequence[str] = ()
) -> int:
    """Tail until a signal, or until it is clear that it cannot be; the exit code."""
    try:
        wish = wish_of(url, token=token, topics=topics, stations=stations)
    except ValueError as wrong:
        terminal.complain(str(wrong))
        return USAGE

    async def work(stop: trio.Event) -> int:
        code = 0
        async with trio.open_nursery() as nursery:

            async def work_on() -> None:
                nonlocal code
                code = await follow(terminal, wish)
                stop.set()

            nursery.start_soon(work_on)
            await stop.wait()
            nursery.cancel_scope.cancel()
        return code

    return await run_until_signal(work)


async def follow(terminal: Terminal, wish: Wish) -> int:
    """Connect, and connect again; an exit code if there is no sense in it."""
    position, delays = _Position(), _delays()
    while True:
        try:
            async with _open(wish) as transport:
                await _print(terminal, transport, wish, position)
        except HandshakeError as failed:
            if failed.status in _FINAL:
                hint = NO_TOKEN if failed.status == UNAUTHORIZED and wish.token is None else ""
                terminal.complain(f"cannot tail {wish.host}:{wish.port}: {_told(failed)}{hint}")
                return 1
            reason = str(failed)
        except (ConnectionClosed, OSError) as lost:
            reason = str(lost)
        if position.subscribed:
            position.subscribed, delays = False, _delays()
        wait = next(delays)
        terminal.complain(f"not connected ({reason}), next try in {wait:.1f} s")
        await trio.sleep(wait)


def _told(failed: HandshakeError) -> str:
    """The failure, with the detail of the API's problem in the place of its JSON (RFC 9457)."""
    try:
        detail = json.loads(failed.explanation)["detail"]
    except (ValueError, KeyError, TypeError):
        return str(failed)
    return str(failed).replace(failed.explanation, _printable(detail))


def _printable(detail: object) -> str:
    return detail if isinstance(detail, str) and detail.isprintable() else json.dumps(detail)


def _delays() -> Iterator[float]:
    return ExponentialBackoff().delays(random.Random())


@asynccontextmanager
async def _open(wish: Wish) -> AsyncIterator[Transport]:
    stream = await wish.dial(wish.host, wish.port)
    if wish.tls is not None:
        stream = trio.SSLStream(stream, wish.tls, server_hostname=wish.host, https_compatible=True)
    headers = [] if wish.token is None else [(b"Authorization", f"Bearer {wish.token}".encode())]
    async with open_client(
        stream,
        host=f"{wish.host}:{wish.port}",
        resource="/api/feed",
        subprotocols=[SUBPROTOCOL],
        headers=headers,
        limits=LIMITS,
    ) as transport:
        yield transport


async def _print(terminal: Terminal, transport: Transport, wish: Wish, position: _Position) -> None:
    """Say every message as a line until the connection ends."""
    while True:
        message = json.loads(await _receive(transport))
        position.note(message)
        if message["type"] == "hello":
            await transport.send(json.dumps({"subscribe": wish.selection, **position.resume}))
        for line in lines_of(message):
            terminal.say(line)


async def _receive(transport: Transport) -> str:
    """The next message. A server that is silent for long has to answer a ping. Raises ConnectionClosed."""
    while True:
        with trio.move_on_after(LIMITS.ping_interval):
            return await transport.receive()
        with trio.move_on_after(LIMITS.pong_deadline) as waiting:
            await transport.ping()
        if waiting.cancelled_caught:
            with trio.move_on_after(1):  # messages that nobody has read keep a pong from being seen
                return await transport.receive()
            raise ConnectionClosed(Closed(CloseReason.KEEPALIVE_TIMEOUT, None, "no answer to a ping"))


def lines_of(message: dict[str, Any]) -> list[str]:
    """A message of the feed to read."""
    match message:
        case {"type": "change", "at": at, "topic": topic, "change": change, "value": value, "key": key}:
            return [f"{at[:19]:19} {topic:12} {change:8} {_thing(value, key)}"]
        case {"type": "snapshot", "topic": topic, "values": values}:
            return [f"{'':19} {topic:12} {'known':8} {_thing(value, _key(value))}" for value in values]
        case {"type": "lost", "count": count}:
            return [f"{'':19} {count} changes are missing here"]
        case {"type": "error", "detail": detail}:
            return [f"{'':19} error: {_plain(detail)}"]
    return []


def _key(value: dict[str, Any]) -> str:
    return str(value.get("transaction_id", value.get("connector_id", "")))


def _thing(value: dict[str, Any], key: str) -> str:
    name = _plain(value["identity"]) + (f"/{key}" if key else "")
    shown = [f"{field}={_plain(item)}" for field, item in value.items() if item is not None and field != "identity"]
    return " ".join([name, *shown])


def _plain(item: object) -> str:
    """As it is if that is one printable word; a peer's text may hold what a terminal obeys."""
    return item if isinstance(item, str) and item.isprintable() and item and " " not in item else json.dumps(item)
