"""Lines about security events: at most one per kind and address in a minute, and nothing is lost without a word."""

import logging

import pytest
import trio

from ocpp_trio import Closed, CloseReason, Link, SecurityEvent, SecurityEventKind
from ocpp_trio.observe import Counters, Logs, Timeline
from ocpp_trio.observe.throttle import KEYS_KEPT, Throttle
from ocpp_trio.wire.correlation import Match

FLOOD = SecurityEvent(SecurityEventKind.FLOOD, "too much")


def _link(peer="192.0.2.1:4000", identity="CP-1"):
    return Link(identity=identity, role="csms", number=7, peer=peer)


@pytest.fixture
def logs(caplog):
    caplog.set_level(logging.INFO, logger="ocpp_trio")
    return Logs()


@pytest.fixture
def lines(caplog):
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("kind", list(SecurityEventKind))
async def test_event_has_a_counter_and_a_line_of_its_kind(logs, lines, caplog, kind, autojump_clock):
    counters, event = Counters(), SecurityEvent(kind, "what happened")

    for instrument in (logs, counters):
        instrument.security_event(_link(), event)

    assert lines() == [f"csms 'CP-1': security event {kind.value}, peer 192.0.2.1:4000: what happened"]
    (record,) = caplog.records
    level = logging.INFO if kind is SecurityEventKind.PLAIN_HTTP else logging.WARNING
    assert (record.levelno, record.outcome, record.identity) == (level, kind.value, "CP-1")
    assert list(counters) == [("security_events", {"kind": kind.value}, 1)]


async def test_second_line_comes_after_a_minute_and_says_how_many_were_held_back(logs, lines, autojump_clock):
    for at in (0, 1, 59.9, 60, 60.1, 119, 200, 300):
        await trio.sleep_until(at)
        logs.security_event(_link(), FLOOD)

    line = "csms 'CP-1': security event flood, peer 192.0.2.1:4000: too much"
    assert lines() == [line, f"{line} (2 more were held back)", f"{line} (2 more were held back)", line]


async def test_kinds_and_addresses_are_counted_apart_and_ports_and_identities_are_not(logs, lines, autojump_clock):
    logs.security_event(_link(), FLOOD)
    logs.security_event(_link("192.0.2.1:4001", "CP-2"), FLOOD)
    logs.security_event(_link("192.0.2.2:4000"), FLOOD)
    logs.security_event(_link(), SecurityEvent(SecurityEventKind.OVERSIZE))
    logs.security_event(_link("2001:db8::1:4000"), FLOOD)
    logs.security_event(_link("2001:db8::1:4001"), FLOOD)
    logs.security_event(_link("2001:db8::2:4000"), FLOOD)
    logs.security_event(_link("2001:db8:0:1::1:4000"), FLOOD)
    logs.security_event(_link("/run/csms.sock"), FLOOD)
    logs.security_event(_link(""), FLOOD)

    assert [line.partition("peer ")[2].partition(": ")[0] for line in lines()] == [
        "192.0.2.1:4000",
        "192.0.2.2:4000",
        "192.0.2.1:4000",
        "2001:db8::1:4000",
        "2001:db8:0:1::1:4000",
        "/run/csms.sock",
        "",
    ]


LOST = Closed(CloseReason.TRANSPORT_ERROR, None, "no upgrade request came")
OTHERS = {
    "bad_frame": lambda logs, link: logs.frame_refused(link, "no JSON", text="x"),
    "late": lambda logs, link: logs.reply_dropped(link, Match.LATE, message_id="m", action=None, frame=None),
    "transport_error": lambda logs, link: logs.handshake_failed(link, LOST, status=None),
}


@pytest.mark.parametrize("outcome", list(OTHERS))
async def test_what_else_a_peer_may_do_without_end_is_told_once_a_minute_too(
    logs, lines, caplog, outcome, autojump_clock
):
    tell = OTHERS[outcome]
    for _ in range(121):
        tell(logs, _link(identity=f"CP-{trio.current_time()}"))
        await trio.sleep(1)
    tell(logs, _link("198.51.100.7:1"))

    assert [record.outcome for record in caplog.records] == [outcome] * 4
    assert [line.endswith(" (59 more were held back)") for line in lines()] == [False, True, True, False]


async def test_a_station_tells_every_handshake_that_fails(lines, logs, autojump_clock):
    """It has one peer and a reason to try again; nobody floods it."""
    for _ in range(3):
        logs.handshake_failed(Link(identity="CP-1", role="charge_point", number=1, peer="csms:1"), LOST, status=None)

    assert len(lines()) == 3


async def test_text_of_a_peer_is_escaped(logs, lines, caplog, autojump_clock):
    evil = "\x1b[2J\r\nforged line\x07\u202e"
    logs.security_event(_link(evil, evil), SecurityEvent(SecurityEventKind.FLOOD, evil))

    assert lines()[0].isprintable()
    assert caplog.records[0].identity.isprintable()


async def test_long_text_is_cut(logs, lines, autojump_clock):
    logs.security_event(_link(), SecurityEvent(SecurityEventKind.FLOOD, "x" * 100_000))

    assert len(lines()[0]) < 600


async def test_nothing_is_remembered_while_the_level_is_off(logs, lines, caplog, autojump_clock):
    caplog.set_level(logging.ERROR, logger="ocpp_trio")
    logs.security_event(_link(), FLOOD)
    caplog.set_level(logging.WARNING, logger="ocpp_trio")
    logs.security_event(_link(), FLOOD)

    assert len(lines()) == 1


@pytest.mark.parametrize("offence", [None, SecurityEventKind.FLOOD])
@pytest.mark.parametrize("event", ["connection_closed", "handshake_failed"])
async def test_end_that_is_an_event_has_no_warning_of_its_own(caplog, offence, event):
    """The event has one, and unlike this it is bounded."""
    caplog.set_level(logging.INFO, logger="ocpp_trio")
    closed = Closed(CloseReason.PROTOCOL_ERROR, 1008, "x", offence=offence)
    more = {"status": None} if event == "handshake_failed" else {}

    getattr(Logs(), event)(_link(), closed, **more)

    assert [record.levelno for record in caplog.records] == [logging.WARNING if offence is None else logging.INFO]


async def test_timeline_tells_every_event(autojump_clock):
    timeline = Timeline()
    for _ in range(2):
        timeline.security_event(_link(), FLOOD)

    assert [entry.what for entry in timeline] == ["security event flood: too much"] * 2


async def test_memory_of_lines_is_bounded(autojump_clock):
    """The one whose last line is oldest is forgotten, and gets a line too early for it."""
    throttle = Throttle()
    for number in range(KEYS_KEPT):
        throttle.held_back(number)
    await trio.sleep(60)
    throttle.held_back(0)
    throttle.held_back("one more")

    assert len(throttle) == KEYS_KEPT
    assert throttle.held_back(0) is None
    assert throttle.held_back(1) == 0
    assert len(throttle) == KEYS_KEPT
