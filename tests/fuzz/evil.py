"""An evil peer on one connection: says a case, then finds out whether anybody is still listening.

Judges only by what it sees on the wire. Frames are put together and taken apart by hand, see `RawPeer`.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import trio
import trio.testing

from tests.fuzz.cases import NO_CLOSE_FRAME, NO_CODE, RESULT, SILENCE, Case
from tests.link.raw_peer import CLOSE, PING, PONG, TEXT, RawPeer, SeenFrame

PATIENCE: Final = 15.0
"""Virtual seconds: longer than a handshake deadline and a close timeout together."""


class Complaint(AssertionError):
    """The end under test did something wrong."""


class Evil(RawPeer):
    """One end of a stream. `over` once the other end has closed it."""

    def __init__(self, stream: Any, *, client: bool) -> None:
        super().__init__(stream, client=client)
        self.pending = "nobody-asked"
        self.code: int | None = None
        self._due: dict[str, frozenset[str]] = {}
        self._probes: dict[str, str] = {}
        self._probe = ""
        self._anything = False
        self._pongs: list[bytes] = []

    @property
    def over(self) -> bool:
        return self.code is not None

    async def say(self, data: bytes) -> None:
        """Send; the other end may have had enough already."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self.send(data)

    async def stop_talking(self) -> None:
        """End this direction."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await self.stream.send_eof()

    async def play(self, case: Case) -> None:
        """Say a case and see what comes of it. Raises Complaint."""
        self._pongs.clear()
        self._anything = case.answers is None
        self._due |= case.answers or {}
        with trio.move_on_after(PATIENCE) as patience:
            for piece in case.pieces:
                await self.say(piece)
            self._probe = ""
            await (self.stop_talking() if case.cut else self._ask())
            await self._listen(case.answers or {})
        if patience.cancelled_caught and case.may_wait:
            with trio.move_on_after(PATIENCE) as patience:
                await self.stop_talking()
                await self._listen({})
        if patience.cancelled_caught:
            raise Complaint(f"open and deaf: neither an answer nor an end within {PATIENCE:g} s")
        if case.answers is None and not self.over:
            await self._settle()
        self._judge(case)

    async def _ask(self) -> None:
        """Send the probe: a CALL that both ends take."""
        self._probe = f"probe-{len(self._probes)}"
        await self.say(self.text(f'[2,"{self._probe}","DataTransfer",{{"vendorId":"probe"}}]'))

    async def _settle(self) -> None:
        """What was answered to anything must not be taken for an answer to the next case."""
        await trio.testing.wait_all_tasks_blocked()
        await self._ask()
        with trio.fail_after(PATIENCE):
            await self._listen({})
        self._anything = False

    def _judge(self, case: Case) -> None:
        if self.code is not None:
            if self.code not in case.codes:
                expected = sorted(case.codes) or "an open connection"
                raise Complaint(f"closed with {self.code}, expected {expected}")
            return
        if not case.stays:
            raise Complaint(f"the probe was answered, expected a close with {sorted(case.codes)}")
        if self._probes[self._probe] != RESULT:
            raise Complaint(f"the probe was answered with {self._probes[self._probe]}")
        if case.answers is not None and self._pongs != list(case.pongs):
            raise Complaint(f"pongs {self._pongs!r}, expected {case.pongs!r}")

    async def _listen(self, answers: Mapping[str, frozenset[str]]) -> None:
        """Until the probe is answered and so is what must be, or until the end."""
        while self._probe not in self._probes or any(
            i in self._due and SILENCE not in allowed for i, allowed in answers.items()
        ):
            frame = await self.next_frame()
            if frame is None:
                self._end(NO_CLOSE_FRAME)
                return
            if frame.opcode == CLOSE:
                await self._take_leave(frame)
                return
            await self._take(frame)

    async def _take(self, frame: SeenFrame) -> None:
        if frame.opcode == PING:
            await self.say(self.frame(PONG, frame.payload))
        elif frame.opcode == PONG:
            self._pongs.append(frame.payload)
        elif frame.opcode == TEXT and frame.fin:
            self._read(json.loads(frame.payload))
        else:
            raise Complaint(f"found a frame of opcode {frame.opcode}, expected whole texts")

    def _read(self, elements: list[Any]) -> None:
        match elements:
            case [2, str(message_id), str(), dict()]:
                self.pending = message_id
            case [3, str(message_id), dict()]:
                self._note(message_id, RESULT)
            case [4, str(message_id), str(code), str(), dict()]:
                self._note(message_id, code)
            case _:
                raise Complaint(f"found {elements!r}, expected a frame of OCPP-J")

    def _note(self, message_id: str, outcome: str) -> None:
        if message_id == self._probe and message_id not in self._probes:
            self._probes[message_id] = outcome
        elif not self._anything:
            allowed = self._due.pop(message_id, frozenset())
            if outcome not in allowed:
                raise Complaint(f"{message_id!r} was answered with {outcome}, expected {sorted(allowed) or 'nothing'}")

    async def _take_leave(self, frame: SeenFrame) -> None:
        """Answer a close frame, and see that TCP ends and nothing comes before that."""
        await self.say(self.frame(CLOSE, frame.payload))
        await self.stop_talking()
        after = await self.next_frame()
        if after is not None or self.unread:
            raise Complaint(f"found {after or self.unread!r} behind a close frame")
        self._end(frame.code if len(frame.payload) >= 2 else NO_CODE)

    def _end(self, code: int) -> None:
        if self.unread and not self._anything:
            raise Complaint(f"found {self.unread[:40]!r} at the end, expected whole frames")
        self.code = code

    async def leave(self) -> None:
        """Drop the connection without a word."""
        await trio.aclose_forcefully(self.stream)
