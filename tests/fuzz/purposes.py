"""What is fuzzed: which end, with which cases, and how one of them is played."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Any, Final

import attrs
import trio

from ocpp_trio import v16
from tests.fuzz.cases import NO_CLOSE_FRAME, REFUSED, TAKEN, Case, Reply, Upgrade
from tests.fuzz.evil import PATIENCE, Complaint, Evil
from tests.fuzz.frames import frame_case
from tests.fuzz.ground import CsmsFire, Fire, StationFire, csms_under_fire, station_under_fire
from tests.fuzz.replies import reply_case
from tests.fuzz.texts import End, text_case
from tests.fuzz.upgrades import upgrade_case
from tests.link.raw_peer import CLOSE, TEXT

Told = Callable[[Case | Upgrade | Reply], None]
TEXTS_AT_ONCE: Final = 10
"""Below the bad frames in a row and the CALLs at once that the end under test puts up with, see `LIMITS`."""
_TOO_EARLY: Final = frozenset({1002, 1003, 1007, 1008, 1009, NO_CLOSE_FRAME})


def _end(evil: Evil) -> End:
    theirs, ours = v16.version.charge_point_requests, v16.version.csms_requests
    if not evil.client:
        theirs, ours = ours, theirs
    return End(framer=evil, requests=theirs, foreign=ours, pending=evil.pending)


async def _play_texts(fire: Fire, rng: Random, told: Told) -> None:
    """Several at once, and one probe behind them; what may end the connection comes by itself."""
    evil = await fire.meet()
    cases = [text_case(rng, _end(evil)) for _ in range(TEXTS_AT_ONCE)]
    mild = [case for case in cases if case.mild]
    for case in [Case.together(mild), *(case for case in cases if not case.mild)]:
        told(case)
        await (await fire.meet()).play(case)


async def _play_frame(fire: Fire, rng: Random, told: Told) -> None:
    evil = await fire.meet()
    case = frame_case(rng, _end(evil))
    told(case)
    await evil.play(case)


async def _play_upgrade(fire: CsmsFire, rng: Random, told: Told) -> None:
    case = upgrade_case(rng)
    told(case)
    evil = await fire.dial()
    try:
        await _knock(evil, case)
    finally:
        await evil.leave()  # noqa: ASYNC102  # does not wait for anybody


async def _knock(evil: Evil, case: Upgrade) -> None:
    with trio.move_on_after(PATIENCE) as patience:
        for piece in case.pieces:
            await evil.say(piece)
        if case.cut:
            await evil.stop_talking()
        answer = await _read_head(evil)
        status = int(answer[9:12]) if answer else None
        if status is not None and status != 101:
            await _read_to_the_end(evil)
    if patience.cancelled_caught:
        raise Complaint(f"neither an answer nor an end within {PATIENCE:g} s")
    if status not in case.statuses and not (status is None and case.dropped):
        expected = [*sorted(case.statuses), *["no answer"] * case.dropped]
        raise Complaint(f"answered {answer[:80]!r}, expected {expected}")
    if status == 101:
        agreed = b"sec-websocket-protocol" in answer.lower()
        codes = _TOO_EARLY if case.dropped else frozenset() if agreed else frozenset({1002})
        await evil.play(Case(kind=case.kind, pieces=(), stays=agreed and case.session, codes=codes))


async def _read_head(evil: Evil) -> bytes:
    """The head of an answer; b"" if the connection ends without one."""
    try:
        while b"\r\n\r\n" not in evil.unread:
            data = await evil.stream.receive_some(65536)
            if not data:
                break
            evil.unread += data
    except trio.BrokenResourceError:
        pass
    answer, _, evil.unread = evil.unread.partition(b"\r\n\r\n")
    return bytes(answer)


async def _read_to_the_end(evil: Evil) -> None:
    try:
        while await evil.stream.receive_some(65536):
            pass
    except trio.BrokenResourceError:
        pass


async def _play_reply(fire: StationFire, rng: Random, told: Told) -> None:
    evil, asked = await fire.accept()
    case = reply_case(rng, asked)
    told(case)
    try:
        await _answer(evil, case)
    finally:
        await evil.leave()  # noqa: ASYNC102  # does not wait for anybody


async def _answer(evil: Evil, case: Reply) -> None:
    with trio.move_on_after(PATIENCE) as patience:
        for piece in case.pieces:
            await evil.say(piece)
        if case.cut:
            await evil.stop_talking()
        frame = await evil.next_frame()
    if patience.cancelled_caught:
        raise Complaint(f"neither a CALL nor an end within {PATIENCE:g} s")
    found = TAKEN if frame is not None and frame.opcode == TEXT else REFUSED
    if frame is not None and frame.opcode not in (TEXT, CLOSE):
        raise Complaint(f"found {frame!r}, expected a CALL, a close or the end")
    if found not in case.right:
        raise Complaint(f"the answer was {found}, expected {sorted(case.right)}")
    if found is TAKEN:
        codes = _TOO_EARLY if REFUSED in case.right else frozenset()
        await evil.play(Case(kind=case.kind, pieces=(), codes=codes))


@attrs.frozen(kw_only=True)
class Purpose:
    """One way to fuzz: the ground, and how to play one case on it."""

    ground: Callable[[], AbstractAsyncContextManager[Any]]
    play: Callable[[Any, Random, Told], Awaitable[None]]
    at_once: int = 1
    """Cases that one call of `play` plays."""


PURPOSES: Final[Mapping[str, Purpose]] = {
    "csms-texts": Purpose(ground=csms_under_fire, play=_play_texts, at_once=TEXTS_AT_ONCE),
    "csms-frames": Purpose(ground=csms_under_fire, play=_play_frame),
    "csms-upgrades": Purpose(ground=csms_under_fire, play=_play_upgrade),
    "station-texts": Purpose(ground=station_under_fire, play=_play_texts, at_once=TEXTS_AT_ONCE),
    "station-frames": Purpose(ground=station_under_fire, play=_play_frame),
    "station-replies": Purpose(ground=station_under_fire, play=_play_reply),
}
