"""A third-party stack in a process of its own, told what to do and listened to, line by line.

Owns the process's two pipes and what has been heard and not asked for yet. Which stack it is makes no
difference here: `asyncio_peer.py` and `node/peer.js` take the same commands and tell the same events.
"""

import json
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
import trio

PATIENCE: Final = 15.0
"""Seconds for one event; on an idle machine each takes milliseconds."""

Event = dict[str, Any]


class Kennel:
    """A running peer process. Tests take it on the leash one after the other."""

    def __init__(self, name: str, command: Sequence[str | Path], stderr: Path) -> None:
        self.name = name
        self.stderr = stderr
        self.heard = b""
        self.versions: dict[str, str] = {}
        with stderr.open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def close(self) -> None:
        """Let it go: it ends when its stdin does."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        finally:
            self.process.stdout.close()


@attrs.define(eq=False)
class Peer:
    """A peer process for the time of a test. Only one task at a time may wait for its events."""

    kennel: Kennel
    _stdin: trio.lowlevel.FdStream
    _stdout: trio.lowlevel.FdStream
    _unread: list[Event] = attrs.Factory(list)

    @property
    def name(self) -> str:
        return self.kennel.name

    async def do(self, do: str, **arguments: object) -> None:
        await self._stdin.send_all(json.dumps({"do": do, **arguments}).encode() + b"\n")

    async def wait(self, *events: str, **expected: object) -> Event:
        """The first event that is not taken yet and has one of these names and all that is expected of it."""
        wanted = partial(_is_wanted, names=events, expected=expected)
        try:
            with trio.fail_after(PATIENCE):
                while not any(map(wanted, self._unread)):
                    self._unread.append(await self._next())
        except trio.TooSlowError:
            found = [event for event in self._unread if event.get("identity") == expected.get("identity")]
            raise AssertionError(f"no {events} with {expected} from {self.name}, but {found}; {self._log()}") from None
        event = next(filter(wanted, self._unread))
        self._unread.remove(event)
        return event

    async def serve(self, **options: object) -> int:
        """Let it be a CSMS; its port."""
        await self.do("serve", **options)
        return int((await self.wait("listening"))["port"])

    async def connect(self, identity: str, url: str, **options: object) -> Event:
        """Let it be a station; how that went: `open` or `refused`."""
        await self.do("connect", identity=identity, url=url, **options)
        return await self.wait("open", "refused", identity=identity)

    async def call(self, identity: str, action: str, **payload: object) -> dict[str, Any]:
        """Let it make a call; the payload of the answer."""
        event = await self.attempt(identity, action, **payload)
        assert event["event"] == "answer", event
        return dict(event["payload"])

    async def attempt(self, identity: str, action: str, **payload: object) -> Event:
        """Let it make a call; how it ends: `answer` or `error`."""
        await self.do("call", identity=identity, action=action, payload=payload)
        return await self.wait("answer", "error", identity=identity)

    async def ping(self, identity: str) -> None:
        """Let it send a ping, and see the pong."""
        await self.do("ping", identity=identity)
        await self.wait("pong", identity=identity)

    async def exchange(self, identity: str, *elements: object) -> list[Any]:
        """Let it send a CALL that its package would refuse to; the frame that answers it."""
        await self.do("send", identity=identity, text=json.dumps(elements))
        while (answer := await self.frame(identity))[1] != elements[1]:
            pass
        return answer

    async def frame(self, identity: str, *, sent: bool = False) -> list[Any]:
        """The next frame that it received, or else that it sent."""
        event = await self.wait("frame", identity=identity, sent=sent)
        return list(json.loads(event["text"]))

    async def call_of(self, identity: str, action: str, *, sent: bool = False) -> tuple[dict[str, Any], list[Any]]:
        """The payload of the next CALL of this action that it received, or else that it sent, and the answer."""
        while True:
            match await self.frame(identity, sent=sent):
                case [2, message_id, name, payload] if name == action:
                    break
        while (answer := await self.frame(identity, sent=not sent))[1] != message_id:
            pass
        return payload, answer

    def complaints(self, identity: str) -> list[Event]:
        """What it found wrong with this connection, as far as it has been listened to."""
        return [event for event in self._unread if event["event"] == "complaint" and event["identity"] == identity]

    async def _next(self) -> Event:
        kennel = self.kennel
        while b"\n" not in kennel.heard:
            more = await self._stdout.receive_some()
            assert more, f"{self.name} is dead; {self._log()}"
            kennel.heard += more
        line, _, kennel.heard = kennel.heard.partition(b"\n")
        event = dict(json.loads(line))
        assert event["event"] != "failed", f"{self.name} says {event}"
        return event

    def _log(self) -> str:
        return (
            f"{self.kennel.versions}, whose stderr ends with: {self.kennel.stderr.read_text(errors='replace')[-2000:]}"
        )


def _is_wanted(event: Event, *, names: Sequence[str], expected: Event) -> bool:
    return event["event"] in names and expected.items() <= event.items()


@asynccontextmanager
async def on_leash(kennel: Kennel) -> AsyncIterator[Peer]:
    """Lead a peer for the time of the body. The process lives on; its pipes are only lent to this trio.run."""
    stdin, stdout = kennel.process.stdin, kennel.process.stdout
    assert stdin is not None
    assert stdout is not None
    async with (
        trio.lowlevel.FdStream(os.dup(stdin.fileno())) as commands,
        trio.lowlevel.FdStream(os.dup(stdout.fileno())) as events,
    ):
        peer = Peer(kennel, commands, events)
        if not kennel.versions:
            kennel.versions = (await peer.wait("hello"))["versions"]
        yield peer
