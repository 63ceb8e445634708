"""Every row of the table of counters, and how they are read."""

import pytest

from ocpp_trio import Call, CallError, Closed, CloseReason, ConnectionState, ErrorCode, Match, Transition
from ocpp_trio.observe import Counters


@pytest.fixture
def counters():
    return Counters()


def _told(counters):
    """Everything that was counted, by name and labels; each of it can be asked for."""
    assert all(counters.value(name, **labels) == count for name, labels, count in counters)
    return {(name, *sorted(labels.items())): count for name, labels, count in counters}


def test_fresh_counters_have_counted_nothing(counters):
    assert list(counters) == []
    assert counters.value("frames") == 0


def test_sent_call_counts_as_frame_and_as_call(counters, link, call):
    counters.frame_sent(link, call, action=call.action, text="")

    assert _told(counters) == {("frames", ("direction", "sent")): 1, ("call", ("direction", "sent")): 1}


def test_received_result_counts_as_frame_and_as_call_result(counters, link, result):
    counters.frame_received(link, result, action=None, text="")

    assert _told(counters) == {("frames", ("direction", "received")): 1, ("call_result", ("direction", "received")): 1}


@pytest.mark.parametrize("direction", ["sent", "received"])
def test_heartbeat_counts_as_one_besides(counters, link, direction):
    tell = counters.frame_sent if direction == "sent" else counters.frame_received

    tell(link, Call("m-1", "Heartbeat", b"{}"), action="Heartbeat", text="")

    assert _told(counters) == {(name, ("direction", direction)): 1 for name in ("frames", "call", "heartbeats")}


@pytest.mark.parametrize("code", list(ErrorCode))
def test_call_error_counts_by_its_code(counters, link, code):
    counters.frame_received(link, CallError("m-1", code.value), action="Authorize", text="")

    assert counters.value("call_error", direction="received", code=code.value) == 1


def test_codes_that_no_specification_knows_count_as_other(counters, link):
    """So that a peer cannot make a counter for every text it comes upon."""
    for code in ("MadeUp", "genericerror", ""):
        counters.frame_sent(link, CallError("m-1", code), action="", text="")

    assert counters.value("call_error", code="other", direction="sent") == counters.value("call_error") == 3


def test_bad_frame_counts_as_that_and_not_as_a_frame(counters, link):
    counters.frame_refused(link, "no JSON", text="{")

    assert _told(counters) == {("bad_frames",): 1}


@pytest.mark.parametrize(
    ("outcome", "origin"),
    [
        ("response", "remote"),
        ("rejected", "remote"),
        ("invalid_response", "local"),
        ("closed", "local"),
        ("cancelled", "local"),
    ],
)
def test_ended_call_counts_by_outcome_and_origin(counters, link, make_report, outcome, origin):
    counters.call_ended(link, make_report(outcome, origin))

    assert _told(counters) == {("calls_ended", ("origin", origin), ("outcome", outcome)): 1}


def test_timeout_counts_as_such_besides(counters, link, make_report):
    counters.call_ended(link, make_report("timeout", "local"))

    assert _told(counters) == {("calls_ended", ("origin", "local"), ("outcome", "timeout")): 1, ("timeouts",): 1}


@pytest.mark.parametrize("match", list(Match))
def test_dropped_reply_counts_by_what_it_was(counters, link, match):
    counters.reply_dropped(link, match, message_id="m-1", action=None, frame=None)

    assert _told(counters) == {("dropped_replies", ("match", match.value)): 1}


@pytest.mark.parametrize("error", [None, RuntimeError("a bug")], ids=["too_slow", "raised"])
def test_handler_failure_counts_whether_raised_or_too_slow(counters, link, error):
    counters.handler_failed(link, "Authorize", message_id="m-1", error=error)

    assert _told(counters) == {("handler_failures",): 1}


def test_sessions_count_when_they_begin_and_by_reason_when_they_end(counters, link):
    counters.connection_opened(link)
    counters.connection_closed(link, Closed(CloseReason.SUPERSEDED, 1008, "whatever"))

    assert _told(counters) == {("opens",): 1, ("closes", ("reason", "superseded")): 1}


def test_failed_handshake_counts_by_reason(counters, link):
    counters.handshake_failed(link, Closed(CloseReason.REFUSED), status=404)

    assert _told(counters) == {("handshake_failures", ("reason", "refused")): 1}


def test_ping_counts(counters, link):
    counters.ping_sent(link)

    assert _told(counters) == {("pings",): 1}


def test_pong_counts(counters, link):
    counters.pong_received(link, seconds=0.1)

    assert _told(counters) == {("pongs",): 1}


def test_only_the_beginning_of_a_wait_counts_as_reconnect(counters):
    for state in ConnectionState:
        transition = Transition(previous=ConnectionState.CONNECTING, state=state, at=0.0, attempt=1)
        counters.state_changed("CP-1", transition)

    assert _told(counters) == {("reconnects",): 1}


def test_value_sums_over_the_labels_that_are_not_named(counters, link, call, error):
    counters.frame_sent(link, call, action="Authorize", text="")
    counters.frame_received(link, call, action="Authorize", text="")
    counters.frame_received(link, error, action="Authorize", text="")

    assert counters.value("frames") == 3
    assert counters.value("frames", direction="received") == 2
    assert counters.value("call_error", code="GenericError") == 1
    assert counters.value("call_error", code="GenericError", direction="sent") == 0


def test_name_and_label_that_no_counter_has_are_refused(counters):
    """A test that asserts 0 of them could never fail."""
    with pytest.raises(ValueError, match=r"^expected a counter among \['bad_frames', .*\], found 'timeout'$"):
        counters.value("timeout")
    with pytest.raises(ValueError, match=r"^expected labels of 'closes' among \['reason'\], found \['colour'\]$"):
        counters.value("closes", reason="clean", colour="blue")


def test_counters_are_listed_in_order(counters, link, call):
    counters.pong_received(link, seconds=0.1)
    counters.frame_sent(link, call, action="Authorize", text="")
    counters.frame_received(link, call, action="Authorize", text="")
    counters.frame_received(link, call, action="Authorize", text="")

    assert list(counters) == [
        ("call", {"direction": "received"}, 2),
        ("call", {"direction": "sent"}, 1),
        ("frames", {"direction": "received"}, 2),
        ("frames", {"direction": "sent"}, 1),
        ("pongs", {}, 1),
    ]
