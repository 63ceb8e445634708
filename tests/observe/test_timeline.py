"""A record of both ends that a person can read."""

import pytest
import trio

from ocpp_trio import Call, CallError, Closed, CloseReason, ConnectionState, Link, Match, Transition
from ocpp_trio.observe import Entry, Timeline
from ocpp_trio.observe.timeline import ENTRIES_KEPT


@pytest.fixture
def timeline():
    return Timeline()


def _whats(timeline):
    return [entry.what for entry in timeline]


async def test_entry_has_its_instant_identity_end_and_text(timeline, autojump_clock):
    await trio.sleep(12.5)
    timeline.note("CP-1", "csms", "something")

    assert list(timeline) == [Entry(12.5, "CP-1", "csms", "something")]


async def test_entries_are_rendered_in_columns(timeline, autojump_clock):
    timeline.note("CP-1", "charge_point", "connecting")
    await trio.sleep(1234.0625)
    timeline.note("", "csms", "who is it?")

    assert str(timeline) == (
        "    0.000  CP-1        charge_point  connecting\n 1234.062  -           csms          who is it?"
    )


async def test_instants_are_counted_from_the_start_that_was_named(autojump_clock):
    await trio.sleep(100)
    timeline = Timeline(start=trio.current_time())
    await trio.sleep(2)
    timeline.note("CP-1", "csms", "x")

    assert str(timeline).startswith("    2.000  ")
    assert [entry.at for entry in timeline] == [102]


async def test_echo_gets_every_line_as_it_happens(autojump_clock):
    lines: list[str] = []
    timeline = Timeline(lines.append)

    timeline.note("CP-1", "csms", "first")
    first = list(lines)
    await trio.sleep(3)
    timeline.note("CP-1", "csms", "second")

    assert first == ["    0.000  CP-1        csms          first"]
    assert "\n".join(lines) == str(timeline)


async def test_oldest_entries_go_first_when_there_are_too_many(timeline, autojump_clock):
    for number in range(ENTRIES_KEPT + 5):
        timeline.note("CP-1", "csms", str(number))

    entries = list(timeline)
    assert len(entries) == ENTRIES_KEPT
    assert (entries[0].what, entries[-1].what) == ("5", str(ENTRIES_KEPT + 4))


async def test_reading_it_while_it_grows_gives_what_there_was(timeline, autojump_clock):
    timeline.note("CP-1", "csms", "first")

    entries = iter(timeline)
    timeline.note("CP-1", "csms", "second")

    assert [entry.what for entry in entries] == ["first"]


async def test_frames_show_their_way_kind_action_and_content(timeline, link, call, result, error, autojump_clock):
    timeline.frame_received(link, call, action="Authorize", text="")
    timeline.frame_sent(link, result, action="Authorize", text="")
    timeline.frame_sent(link, error, action="Authorize", text="")
    timeline.frame_received(link, result, action=None, text="")

    assert _whats(timeline) == [
        '<- CALL Authorize {"idTag":"SECRET"}',
        '-> CALLRESULT Authorize {"idTagInfo":{"status":"Accepted"}}',
        "-> CALLERROR Authorize GenericError: no",
        '<- CALLRESULT ? {"idTagInfo":{"status":"Accepted"}}',
    ]


async def test_long_content_is_cut_and_says_so(timeline, link, autojump_clock):
    for size in (100, 101, 300_000):
        timeline.frame_sent(link, Call("m-1", "X", b"x" * size), action="X", text="")

    assert _whats(timeline) == ["-> CALL X " + "x" * 100, *["-> CALL X " + "x" * 100 + "…"] * 2]


class _Undecodable(bytes):
    """Slices of it are plain bytes."""

    def decode(self, *args, **kwargs):
        raise AssertionError("all of it was decoded")


async def test_of_a_long_payload_only_what_is_shown_is_decoded(timeline, link, autojump_clock):
    timeline.frame_sent(link, Call("m-1", "X", _Undecodable(b"x" * 300_000)), action="X", text="")

    assert _whats(timeline) == ["-> CALL X " + "x" * 100 + "…"]


@pytest.mark.parametrize("before", range(5))
@pytest.mark.parametrize("letter", ["x", "é", "€", "😀"])
async def test_no_letter_is_cut_in_two(timeline, link, autojump_clock, before, letter):
    for size in (100, 101, 2000):
        text = ("-" * before + letter * size)[:size]
        timeline.frame_sent(link, Call("m-1", "X", text.encode()), action="X", text="")

    shown = "-> CALL X " + ("-" * before + letter * 100)[:100]
    assert _whats(timeline) == [shown, shown + "…", shown + "…"]


async def test_everything_else_is_one_sentence(timeline, link, make_report, autojump_clock):
    timeline.connection_opened(link)
    timeline.frame_refused(link, "expected a JSON array", text="{")
    timeline.reply_dropped(link, Match.LATE, message_id="m-1", action=None, frame=None)
    timeline.handler_failed(link, "Authorize", message_id="m-1", error=None)
    timeline.handler_failed(link, "Authorize", message_id="m-1", error=KeyError("x"))
    timeline.connection_closed(link, Closed(CloseReason.CLEAN, 1000, "bye"))
    timeline.handshake_failed(link, Closed(CloseReason.REFUSED, None, "HTTP status 404"), status=404)

    assert _whats(timeline) == [
        "connected",
        "<- bad frame: expected a JSON array",
        "dropped a reply that is late: 'm-1'",
        "handler of Authorize failed: no answer in time",
        "handler of Authorize failed: KeyError('x')",
        "closed: clean (1000): bye",
        "no session: refused: HTTP status 404",
    ]
    assert {(entry.identity, entry.role) for entry in timeline} == {("CP-1", "csms")}


async def test_only_calls_that_ended_without_a_frame_are_told(timeline, link, make_report, autojump_clock):
    """The others show as the frames that ended them."""
    timeline.call_ended(link, make_report("response", "remote"))
    timeline.call_ended(link, make_report("rejected", "remote"))
    timeline.call_ended(link, make_report("timeout", "local"))

    assert _whats(timeline) == ["Authorize ended here: timeout"]


async def test_change_of_state_tells_the_wait_if_one_begins(timeline, autojump_clock):
    for state, backoff in [(ConnectionState.ONLINE, None), (ConnectionState.BACKING_OFF, 0.5)]:
        transition = Transition(previous=ConnectionState.CONNECTING, state=state, at=0.0, attempt=1, backoff=backoff)
        timeline.state_changed("CP-1", transition)

    assert _whats(timeline) == ["online", "backing_off for 0.500 s"]
    assert [entry.role for entry in timeline] == ["charge_point"] * 2


async def test_pongs_are_too_many_to_tell(timeline, link, autojump_clock):
    timeline.pong_received(link, seconds=0.1)

    assert _whats(timeline) == []


async def test_text_of_a_peer_is_escaped_and_plain_text_is_not(timeline, autojump_clock):
    evil = "\x1b[2J\r\nforged line\x07\u202e"
    link = Link(identity=evil, role="csms", number=1)
    error = CallError(evil, evil, evil)

    timeline.frame_received(link, Call(evil, evil, evil.encode()), action=evil, text=evil)
    timeline.frame_received(link, error, action=None, text=evil)
    timeline.frame_refused(link, evil, text=evil)
    timeline.reply_dropped(link, Match.LATE, message_id=evil, action=evil, frame=None)
    timeline.connection_closed(link, Closed(CloseReason.CLEAN, 1000, evil))
    timeline.handshake_failed(link, Closed(CloseReason.CLEAN, 1000, evil), status=None)
    timeline.note("Zürich-1", "csms", """it's "fine" \\ here""")

    assert all(line.isprintable() for line in str(timeline).split("\n"))
    assert len(str(timeline).split("\n")) == 7
    assert str(timeline).endswith("""  Zürich-1    csms          it's "fine" \\ here""")
