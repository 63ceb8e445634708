"""The judge: an end that does the right thing passes, and each wrong thing is noticed."""

import pytest
import trio

from tests.fuzz.cases import RESULT, Case
from tests.fuzz.evil import Complaint, Evil
from tests.link.conftest import memory_link
from tests.link.raw_peer import PONG, RawPeer

CALL = Case(kind="CALL", pieces=(b"",), answers={"i-1": frozenset({RESULT})})
MILD = Case(kind="mild", pieces=(b"",))
BREACH = Case(kind="breach", pieces=(b"",), stays=False, codes=frozenset({1002}))
PINGED = Case(kind="ping", pieces=(b"",), pongs=(b"x",))
PROBE = '[3,"probe-0",{"status":"Accepted"}]'
RIGHT = '[3,"i-1",{}]'


def texts(*texts: str) -> bytes:
    return b"".join(RawPeer(None, client=False).text(text) for text in texts)


def close(code: int) -> bytes:
    return RawPeer(None, client=False).close(code)


def pong(payload: bytes) -> bytes:
    return RawPeer(None, client=False).frame(PONG, payload)


async def played(case: Case, answer: bytes, *, ends: bool = False) -> Evil:
    """Play a case against an end that says this whatever it hears."""
    link = await memory_link()
    evil = Evil(link.client, client=True)
    await link.server.send_all(answer)
    if ends:
        await link.server.send_eof()
    await evil.play(case)
    return evil


@pytest.mark.parametrize(
    ("case", "answer", "ends"),
    [
        (MILD, texts(PROBE), False),
        (CALL, texts(PROBE, RIGHT), False),
        (CALL, texts('[2,"c-1","Reset",{}]', RIGHT, PROBE), False),
        (BREACH, close(1002), True),
        (PINGED, pong(b"x") + texts(PROBE), False),
    ],
)
async def test_what_is_right_passes(case: Case, answer: bytes, ends: bool, autojump_clock) -> None:
    evil = await played(case, answer, ends=ends)

    assert evil.over is (case is BREACH)
    assert trio.current_time() == 0


@pytest.mark.parametrize(
    ("case", "answer", "complaint"),
    [
        (MILD, b"", "open and deaf"),
        (BREACH, b"", "open and deaf"),
        (CALL, texts(PROBE), "open and deaf"),
        (MILD, close(1002), "closed with 1002, expected an open connection"),
        (MILD, texts('[4,"probe-0","GenericError","",{}]'), "the probe was answered with GenericError"),
        (MILD, texts(RIGHT, PROBE), "'i-1' was answered with result, expected nothing"),
        (CALL, texts(RIGHT, RIGHT, PROBE), "'i-1' was answered with result, expected nothing"),
        (CALL, texts('[4,"i-1","InternalError","",{}]', PROBE), "answered with InternalError, expected ['result']"),
        (BREACH, texts(PROBE), "the probe was answered, expected a close with [1002]"),
        (BREACH, close(1011), "closed with 1011, expected [1002]"),
        (BREACH, close(1002) + texts(PROBE), "behind a close frame"),
        (BREACH, texts(PROBE)[:5], "expected whole frames"),
        (PINGED, texts(PROBE), "pongs [], expected (b'x',)"),
        (MILD, texts("[3,5,{}]"), "expected a frame of OCPP-J"),
    ],
)
async def test_what_is_wrong_does_not(case: Case, answer: bytes, complaint: str, autojump_clock) -> None:
    with pytest.raises(Complaint) as caught:
        await played(case, answer, ends="deaf" not in complaint)

    assert complaint in str(caught.value)


async def test_an_end_that_keeps_tcp_open_behind_its_close_frame_is_noticed(autojump_clock) -> None:
    with pytest.raises(Complaint, match="open and deaf"):
        await played(BREACH, close(1002))
