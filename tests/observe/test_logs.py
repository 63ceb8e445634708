"""Log lines: their fields, their levels, and that nothing of a peer gets into them unescaped."""

import logging

import pytest

from ocpp_trio import (
    Call,
    CallError,
    Closed,
    CloseReason,
    ConnectionState,
    Link,
    Match,
    SecurityEvent,
    SecurityEventKind,
    Transition,
)
from ocpp_trio.observe import Logs

FIELDS = ("messageId", "action", "frame_type", "outcome", "origin", "identity", "role")
ONLINE = Transition(previous=ConnectionState.RESUMING, state=ConnectionState.ONLINE, at=0.25, attempt=0)
EVIL = "\x1b[2J\r\nforged line\x07\x9b\u202e\ud800"


class _Tripwire:
    """Whatever is done with it is one thing too much."""

    def __getattribute__(self, name):
        raise AssertionError(f"{name} was looked at")

    __str__ = __repr__ = __format__ = __len__ = __getitem__ = __bool__ = None  # type: ignore[assignment]


def _events(link, frame, closed, report, text):
    """Every event of a connection as a function of a `Logs`, by name."""
    return {
        "frame_sent": lambda logs: logs.frame_sent(link, frame, action=text, text=text),
        "frame_received": lambda logs: logs.frame_received(link, frame, action=text, text=text),
        "frame_refused": lambda logs: logs.frame_refused(link, text, text=text),
        "reply_dropped": lambda logs: logs.reply_dropped(link, Match.LATE, message_id=text, action=text, frame=None),
        "call_ended": lambda logs: logs.call_ended(link, report),
        "handler_failed": lambda logs: logs.handler_failed(link, text, message_id=text, error=None),
        "connection_opened": lambda logs: logs.connection_opened(link),
        "connection_closed": lambda logs: logs.connection_closed(link, closed),
        "handshake_failed": lambda logs: logs.handshake_failed(link, closed, status=404),
        "security_event": lambda logs: logs.security_event(link, SecurityEvent(SecurityEventKind.FLOOD, text)),
        "state_changed": lambda logs: logs.state_changed(text, ONLINE),
    }


EVENTS = list(_events(None, None, None, None, ""))


@pytest.fixture
def tripwire():
    return _Tripwire()


@pytest.fixture
def logs(caplog):
    caplog.set_level(logging.DEBUG, logger="ocpp_trio")
    return Logs()


@pytest.fixture
def the_record(caplog):
    """The one record that was made."""

    def the_record():
        (record,) = caplog.records
        return record

    return the_record


@pytest.mark.parametrize("event", EVENTS)
async def test_every_line_carries_every_field(logs, the_record, link, call, make_report, event):
    """So that a format string may use them all."""
    _events(link, call, Closed(CloseReason.CLEAN), make_report("timeout", "local"), "CP-1")[event](logs)

    formatter = logging.Formatter(" ".join(f"%({field})s" for field in FIELDS))
    assert formatter.format(the_record())
    assert the_record().identity == "CP-1"
    assert the_record().role == ("charge_point" if event == "state_changed" else "csms")
    assert the_record().outcome is not None


@pytest.mark.parametrize("direction", ["sent", "received"])
def test_frame_is_told_with_its_id_action_and_kind(logs, the_record, link, call, result, error, caplog, direction):
    tell = logs.frame_sent if direction == "sent" else logs.frame_received

    for frame in (call, result, error):
        tell(link, frame, action="Authorize", text="[…]")

    assert [record.frame_type for record in caplog.records] == ["CALL", "CALLRESULT", "CALLERROR"]
    for record in caplog.records:
        assert record.levelno == logging.DEBUG
        assert (record.messageId, record.action, record.outcome) == ("m-1", "Authorize", direction)
        assert record.getMessage() == f"csms 'CP-1': {direction} {record.frame_type} '[\\u2026]'"


def test_reply_that_nobody_waits_for_has_no_action(logs, the_record, link, result):
    logs.frame_received(link, result, action=None, text="[3]")

    assert the_record().action is None


def test_long_frame_is_cut(logs, the_record, link, call):
    logs.frame_sent(link, call, action="Authorize", text="x" * 300_000)

    assert 2000 <= len(the_record().getMessage()) < 2100


@pytest.mark.parametrize("outcome", ["rejected", "invalid_response", "timeout", "closed", "cancelled"])
@pytest.mark.parametrize("origin", ["local", "remote"])
def test_failed_call_says_how_and_on_which_side(logs, the_record, link, make_report, outcome, origin):
    logs.call_ended(link, make_report(outcome, origin, code="GenericError", seconds=1.5))

    record = the_record()
    assert record.levelno == logging.WARNING
    assert (record.messageId, record.action, record.outcome, record.origin) == ("m-1", "Authorize", outcome, origin)
    assert record.frame_type == {"rejected": "CALLERROR", "invalid_response": "CALLRESULT"}.get(outcome, "CALL")
    assert record.getMessage() == f"csms 'CP-1': Authorize ended after 1.500 s: {outcome} ({origin}) 'GenericError'"


def test_call_with_a_response_is_a_debug_line(logs, the_record, link, make_report):
    logs.call_ended(link, make_report("response", "remote", seconds=0.25))

    assert (the_record().levelno, the_record().frame_type) == (logging.DEBUG, "CALLRESULT")
    assert the_record().getMessage() == "csms 'CP-1': Authorize ended after 0.250 s: response (remote)"


@pytest.mark.parametrize("match", [match for match in Match if match is not Match.MATCHED])
async def test_dropped_reply_is_the_peers_and_says_what_it_was(logs, the_record, link, result, match):
    logs.reply_dropped(link, match, message_id="m-1", action="Authorize", frame=result)

    record = the_record()
    assert (record.levelno, record.messageId) == (logging.WARNING, "m-1")
    assert (record.action, record.frame_type) == ("Authorize", "CALLRESULT")
    assert (record.outcome, record.origin) == (match.value, "remote")
    assert record.getMessage() == f"csms 'CP-1': dropped a reply that is {match.value}: 'm-1'"


async def test_reply_without_an_id_is_told_too(logs, the_record, link):
    logs.reply_dropped(link, Match.UNKNOWN, message_id=None, action=None, frame=None)

    assert (the_record().messageId, the_record().action, the_record().frame_type) == (None, None, None)


@pytest.mark.parametrize(
    ("error", "text"), [(None, "did not answer in time"), (KeyError("SECRET"), "raised KeyError")], ids=["slow", "bug"]
)
def test_failed_handler_is_an_error_of_this_end_without_its_text(logs, the_record, link, error, text):
    logs.handler_failed(link, "Authorize", message_id="m-1", error=error)

    record = the_record()
    assert (record.levelno, record.outcome, record.origin) == (logging.ERROR, "handler_failed", "local")
    assert (record.messageId, record.action, record.frame_type) == ("m-1", "Authorize", "CALL")
    assert record.getMessage() == f"csms 'CP-1': handler of Authorize {text}"


async def test_bad_frame_is_a_warning_with_what_is_wrong(logs, the_record, link):
    logs.frame_refused(link, "expected a JSON array", text="SECRET")

    assert (the_record().levelno, the_record().outcome) == (logging.WARNING, "bad_frame")
    assert the_record().getMessage() == "csms 'CP-1': bad frame: expected a JSON array"


def test_connection_tells_its_peer(logs, the_record, link):
    logs.connection_opened(link)

    assert (the_record().levelno, the_record().outcome) == (logging.INFO, "opened")
    assert the_record().getMessage() == "csms 'CP-1': connected, peer 192.0.2.1:4000"


@pytest.mark.parametrize("reason", list(CloseReason))
def test_end_of_a_connection_is_a_warning_unless_somebody_wanted_it(logs, the_record, link, reason):
    logs.connection_closed(link, Closed(reason, 1001, "bye"))

    wanted = reason in (CloseReason.CLEAN, CloseReason.STOPPING, CloseReason.FORCED)
    assert the_record().levelno == (logging.INFO if wanted else logging.WARNING)
    assert the_record().outcome == reason.value
    assert the_record().getMessage() == f"csms 'CP-1': closed: '{reason.value} (1001): bye'"


async def test_failed_handshake_tells_peer_reason_and_status(logs, the_record, link):
    logs.handshake_failed(link, Closed(CloseReason.REFUSED, None, "unknown"), status=404)

    assert (the_record().levelno, the_record().outcome) == (logging.WARNING, "refused")
    assert (
        the_record().getMessage() == "csms 'CP-1': no session with 192.0.2.1:4000: 'refused: unknown' (HTTP status 404)"
    )


@pytest.mark.parametrize(
    ("detail", "status"), [("HTTP status 404", 404), ("cannot connect: refused", None)], ids=["told", "none"]
)
async def test_status_is_told_once_and_only_if_there_is_one(logs, the_record, link, detail, status):
    logs.handshake_failed(link, Closed(CloseReason.REFUSED, None, detail), status=status)

    assert the_record().getMessage() == f"csms 'CP-1': no session with 192.0.2.1:4000: 'refused: {detail}'"


def test_change_of_state_is_told_from_where_to_where(logs, the_record):
    logs.state_changed("CP-1", ONLINE)

    assert (the_record().levelno, the_record().outcome) == (logging.INFO, "online")
    assert the_record().getMessage() == "charge_point 'CP-1': resuming -> online"


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("name", ["message", *FIELDS])
async def test_nothing_of_a_peer_reaches_a_line_unescaped(logs, the_record, make_report, event, name):
    link = Link(identity=EVIL, role="csms", number=1, peer="192.0.2.1:4000")
    frame = Call(EVIL, EVIL, EVIL.encode(errors="replace"))
    report = make_report("rejected", "remote", code=EVIL)

    _events(link, frame, Closed(CloseReason.CLEAN, 1000, EVIL), report, EVIL)[event](logs)

    line = logging.Formatter(f"%({name})s").format(the_record())
    assert line.isprintable()


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
@pytest.mark.parametrize("event", EVENTS)
async def test_payloads_appear_at_debug_only(caplog, link, make_report, event, level):
    caplog.set_level(level, logger="ocpp_trio")
    frame = CallError("m-1", "GenericError", "SECRET", {"idTag": "SECRET"})
    closed, report = Closed(CloseReason.CLEAN), make_report("rejected", "remote", code="GenericError")
    text = "SECRET" if event.startswith("frame_") and event != "frame_refused" else "x"

    _events(link, frame, closed, report, text)[event](Logs())

    assert "SECRET" not in caplog.text


@pytest.mark.parametrize("event", [event for event in EVENTS if event != "call_ended"])
def test_nothing_is_evaluated_while_the_level_is_off(caplog, tripwire, event):
    caplog.set_level(logging.CRITICAL, logger="ocpp_trio")
    closed = Closed(CloseReason.CLEAN, 1000, tripwire)

    _events(tripwire, tripwire, closed, None, tripwire)[event](Logs())

    assert caplog.records == []


def test_outcome_is_all_that_is_looked_at_of_a_call_while_the_level_is_off(caplog, tripwire, make_report):
    caplog.set_level(logging.CRITICAL, logger="ocpp_trio")

    Logs().call_ended(tripwire, make_report("timeout", "local", code=tripwire))

    assert caplog.records == []


def test_lines_go_to_the_logger_that_was_given(caplog, link):
    caplog.set_level(logging.INFO, logger="of.my.own")

    Logs(logging.getLogger("of.my.own")).connection_opened(link)

    assert [record.name for record in caplog.records] == ["of.my.own"]


PASSWORD = "706173732d776f7264"
CHANGES = (
    f'{{"key":"AuthorizationKey","value":"{PASSWORD}"}}',
    f'{{"value": "{PASSWORD}", "key": "authorizationKEY"}}',
    f'{{"key":"Authorization\\u004bey","v\\u0061lue":"{PASSWORD}"}}',
)


@pytest.mark.parametrize("payload", CHANGES)
def test_a_new_password_on_its_way_to_a_station_is_not_shown(logs, link, caplog, payload):
    """Security white paper, table 4: ChangeConfiguration carries it in the clear."""
    call = Call("m-1", "ChangeConfiguration", payload.encode())
    for tell in (logs.frame_sent, logs.frame_received):
        tell(link, call, action=call.action, text=f'[2,"m-1","ChangeConfiguration",{payload}]')

    first, second = (record.getMessage() for record in caplog.records)
    assert first == "csms 'CP-1': sent CALL (not shown: it may hold a password)"
    assert second == first.replace("sent", "received")
    assert PASSWORD not in caplog.text


def test_an_error_that_quotes_a_password_is_not_shown(logs, link, caplog):
    error = CallError("m-1", "PropertyConstraintViolation", f"$.value: found {PASSWORD!r}")
    text = f'[4,"m-1","PropertyConstraintViolation","$.value: found {PASSWORD!r}",{{}}]'
    logs.frame_received(link, error, action="ChangeConfiguration", text=text)

    assert "received CALLERROR" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_change_of_anything_else_is_shown(logs, link, the_record):
    payload = '{"key":"HeartbeatInterval","value":"300"}'
    call = Call("m-1", "ChangeConfiguration", payload.encode())
    logs.frame_sent(link, call, action=call.action, text=f'[2,"m-1","ChangeConfiguration",{payload}]')

    assert payload in the_record().getMessage()
