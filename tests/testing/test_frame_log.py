"""What went over the wire, read independently of the stack, and assertions that tell the story when they fail."""

from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from ocpp_trio import Limits, Router, open_charge_point, open_client, v16
from ocpp_trio.testing import CsmsStub, Drop, Error, FrameLog, Ignore, MemoryNetwork
from ocpp_trio.testing.decoding import WireDecoder, WireFrame

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
TITLES = ["up BootNotification", "down result of BootNotification", "up Heartbeat", "down result of Heartbeat"]


async def _log_of(seconds, *, prepare=lambda stub: None):
    """What a station and a stub say to each other in some seconds."""
    network, stub = MemoryNetwork(), CsmsStub(interval=10)
    prepare(stub)
    log = FrameLog(network)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(stub.serve, 0, listen=network.listen))
        async with open_charge_point(
            f"ws://csms:{port}/", "CP-1", router=Router(v16), boot=BOOT, dial=network.host("CP-1").dial
        ):
            await trio.sleep(seconds)
        nursery.cancel_scope.cancel()
    return log


async def test_frames_have_titles_instants_and_their_ends(autojump_clock):
    log = await _log_of(25)

    log.assert_titles([*TITLES, *TITLES[2:]])
    log.assert_instants("up Heartbeat", [10, 20])
    log.assert_in_order(["up BootNotification", "up Heartbeat", "up Heartbeat"])
    log.assert_one_call_at_a_time()
    log.assert_answered_once()
    log.assert_ids_are_new()
    assert log.torn() == []
    assert [frame.host for frame in log.calls()] == ["CP-1"] * 3
    kinds = [frame.wire.kind for frame in log.frames]
    assert kinds[:2] == ["http", "http"]
    assert kinds[-2:] == ["close", "close"]
    assert [frame.wire.text for frame in log.frames[-2:]] == ["1000", "1000"]
    assert {frame.wire.masked for frame in log.frames if frame.direction == "up" and frame.wire.kind == "text"} == {
        True
    }


async def test_failed_assertion_shows_the_timeline_of_both_ends(autojump_clock):
    log = await _log_of(5)

    with pytest.raises(AssertionError, match="frame 2: expected 'down error', found 'down result of") as failed:
        log.assert_titles(["up BootNotification", "down error"])

    lines = str(failed.value).splitlines()[1:]
    assert lines[0] == "       0.000  CP-1       #1    ──> http GET /CP-1 HTTP/1.1"
    assert lines[1] == "       0.000  CP-1       #1    <── http HTTP/1.1 101 Switching Protocols"
    assert '──> [2,"' in lines[2]
    assert lines[2].endswith("…") or lines[2].endswith("]")


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (
            lambda log: log.assert_titles(TITLES[:3]),
            r"expected 3 frames, found 4; more than expected: \['down result of Hea",
        ),
        (lambda log: log.assert_titles([*TITLES, "up x"]), r"expected 5 frames, found 4; missing: \['up x'\]"),
        (
            lambda log: log.assert_in_order(["up Heartbeat", "up BootNotification"]),
            "expected 'up BootNotification' at its",
        ),
        (
            lambda log: log.assert_instants("up Heartbeat", [11]),
            r"expected 'up Heartbeat' at \[11\], found it at \[10.0\]",
        ),
    ],
)
async def test_assertions_say_what_differs(autojump_clock, check, message):
    log = await _log_of(15)

    with pytest.raises(AssertionError, match=message):
        check(log)


async def test_failure_shows_the_last_hundred_frames_of_a_long_story(autojump_clock):
    log = await _log_of(2000)

    with pytest.raises(AssertionError, match="expected 'up Reset' at its place") as failed:
        log.assert_in_order(["up Reset"])

    lines = str(failed.value).splitlines()[1:]
    whole = log.timeline().splitlines()
    assert len(lines) == 101
    assert lines[0] == f"({len(whole) - 100} frames before these)"
    assert lines[1:] == whole[-100:]


async def test_story_of_a_failure_ends_with_the_frame_that_is_wrong(autojump_clock):
    log = await _log_of(2000)
    titles = [frame.title for frame in log.ocpp()]

    with pytest.raises(AssertionError, match="frame 203: expected 'up x', found 'up Heartbeat'") as failed:
        log.assert_titles([*titles[:202], "up x"])

    lines = str(failed.value).splitlines()[1:]
    assert len(lines) == 101
    assert lines[-1].startswith("    1010.000  CP-1 ")
    assert '"Heartbeat",{}]' in lines[-1]


@pytest.mark.parametrize("title", ["Heartbeat", "upHeartbeat", "CP-1 up Heartbeat", ""])
async def test_instants_of_what_is_no_title_are_refused(autojump_clock, title):
    """It has no instants ever, so that to assert none could not fail."""
    log = await _log_of(5)

    with pytest.raises(ValueError, match="^expected a title as 'up Heartbeat' or 'down result of Heartbeat', found "):
        log.assert_instants(title, [])


async def test_frames_of_websocket_have_instants_too(autojump_clock):
    log = await _log_of(65)

    log.assert_instants("up ping", [30, 60])
    with pytest.raises(AssertionError, match=r"expected 'down pong' at \[\], found it at \[30.0, 60.0\]"):
        log.assert_instants("down pong", [])


async def test_errors_and_other_hosts_are_told_apart(autojump_clock):
    log = await _log_of(15, prepare=lambda stub: stub.on.update(Heartbeat=Error("GenericError")))

    log.assert_in_order(["up Heartbeat", "down error GenericError of Heartbeat"], host="CP-1")
    log.assert_titles([], host="CP-2")
    assert log.timeline(host="CP-2") == "nothing was sent"


async def test_links_that_were_there_before_the_log_are_none_of_it(autojump_clock):
    """Where a frame begins on them cannot be known."""
    network, stub = MemoryNetwork(), CsmsStub(interval=10)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(stub.serve, 0, listen=network.listen))
        async with open_charge_point(
            f"ws://csms:{port}/", "CP-1", router=Router(v16), boot=BOOT, dial=network.dial
        ) as station:
            await station.wait_online()
            log = FrameLog(network)
            await trio.sleep(15)
            assert log.torn() == []
            assert log.timeline() == "nothing was sent"
            network.links[0].reset()
            await station.wait_offline()
            await station.wait_online()
        nursery.cancel_scope.cancel()

    log.assert_titles(TITLES[:2])
    assert {frame.link for frame in log.frames} == {2}


async def _bare_log(*texts):
    """The log of a WebSocket over which these texts went, with some seconds in between perhaps."""
    network = MemoryNetwork()
    log = FrameLog(network)
    stub = CsmsStub()
    stub.on["Any"] = Ignore()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(stub.serve, 0, listen=network.listen))
        stream = await network.host("CP-1").dial("csms", port)
        async with open_client(
            stream, host="csms", resource="/CP-1", subprotocols=["ocpp1.6"], limits=Limits()
        ) as transport:
            do: dict[str, Any] = {"up": transport.send, "down": stub.send, "wait": trio.sleep}
            for what, argument in texts:
                await do[what](argument)
                await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return log


CALL, OTHER = '[2,"a","Any",{}]', '[2,"b","Any",{}]'
RESULT = '[3,"a",{}]'


@pytest.mark.parametrize(
    ("texts", "check", "message"),
    [
        (
            [("up", CALL), ("down", '[3,"z",{}]'), ("up", OTHER)],
            "assert_one_call_at_a_time",
            "expected no CALL while 'a' is open, found 'b' on #1",
        ),
        (
            [("up", CALL), ("up", OTHER)],
            "assert_one_call_at_a_time",
            "expected no CALL while 'a' is open, found 'b' on #1",
        ),
        (
            [("up", CALL), ("down", RESULT), ("down", RESULT)],
            "assert_answered_once",
            "expected one answer to 'a' on #1",
        ),
        ([("down", RESULT)], "assert_answered_once", "expected a CALL 'a' on #1, found an answer to it only"),
        ([("up", CALL), ("up", RESULT)], "assert_answered_once", "expected a CALL 'a' on #1, found an answer"),
        (
            [("up", CALL), ("down", RESULT), ("up", CALL)],
            "assert_ids_are_new",
            "expected message ids to be new, found 'a'",
        ),
    ],
)
async def test_broken_rule_of_the_protocol_is_found(autojump_clock, texts, check, message):
    log = await _bare_log(*texts)

    with pytest.raises(AssertionError, match=message):
        getattr(log, check)()


async def test_calls_of_both_directions_do_not_count_against_each_other(autojump_clock):
    log = await _bare_log(("up", CALL), ("down", CALL), ("up", RESULT), ("down", RESULT), ("up", OTHER))

    log.assert_one_call_at_a_time()
    log.assert_answered_once()


async def test_call_that_nobody_answered_is_over_when_it_has_timed_out(autojump_clock):
    """OCPP-J 1.6, 4.1.1: what has timed out is open no more, though only its caller knows when that is."""
    log = await _bare_log(("up", CALL), ("wait", 30), ("up", OTHER))

    log.assert_one_call_at_a_time(call_timeout=30)
    with pytest.raises(AssertionError, match="expected no CALL while 'a' is open, found 'b' on #1"):
        log.assert_one_call_at_a_time(call_timeout=30.5)
    with pytest.raises(AssertionError, match="expected no CALL while"):
        log.assert_one_call_at_a_time()


async def test_timeline_has_one_line_for_each_frame_whatever_is_in_it(autojump_clock):
    """The tenth ping has a line feed in it, and so may a CALL."""
    log = await _log_of(305)
    texts = await _bare_log(("up", CALL.replace(",", ",\n")))

    assert len(log.timeline().splitlines()) == len(log.frames)
    assert all(line.isprintable() for line in log.timeline().splitlines())
    assert str(texts.frames[2]).endswith(r'──> [2,\n"a",\n"Any",\n{}]')


async def test_link_that_dies_in_a_frame_is_not_torn_by_its_writer(autojump_clock):
    log = await _log_of(25, prepare=lambda stub: stub.on.update(Heartbeat=Drop()))

    assert log.torn() == []


def _frame(payload, *, opcode=1, final=True, mask=b""):
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2) if size < 65536 else b"\x7f" + size.to_bytes(8)
    head = bytes([opcode | 0x80 * final, length[0] | 0x80 * bool(mask)]) + length[1:] + mask
    return head + (bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload)) if mask else payload)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
@pytest.mark.parametrize("mask", [b"", b"\1\2\3\4"])
@pytest.mark.parametrize("step", [1 << 20, 1000])
def test_frames_of_every_size_are_decoded_from_any_pieces(size, mask, step):
    payload = bytes(number % 251 for number in range(size))
    data = b"GET /x HTTP/1.1\r\nHost: y\r\n\r\n" + _frame(payload, mask=mask) + _frame(b"", opcode=9)
    decoder = WireDecoder()

    frames = [frame for start in range(0, len(data), step) for frame in decoder.feed(data[start : start + step])]

    assert frames == [
        WireFrame("http", b"GET /x HTTP/1.1"),
        WireFrame("text", payload, True, bool(mask)),
        WireFrame("ping", b"", True, False),
    ]
    assert decoder.rest == b""


def test_half_a_frame_is_a_rest_and_nonsense_is_refused():
    decoder = WireDecoder()
    decoder.feed(b"HTTP/1.1 101 Go\r\n\r\n" + _frame(b"whole") + _frame(b"torn")[:3])

    assert decoder.rest == _frame(b"torn")[:3]
    with pytest.raises(ValueError, match="expected a frame, found"):
        WireDecoder().feed(b"HTTP/1.1 101 Go\r\n\r\n\xff\xff")


def test_body_of_a_refusal_is_no_frame():
    decoder = WireDecoder()

    assert decoder.feed(b"HTTP/1.1 503 No\r\n\r\n\xff\xff later") == [WireFrame("http", b"HTTP/1.1 503 No")]
    assert decoder.rest == b""
