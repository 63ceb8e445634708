"""Who waits for which message id, and what a reply turns out to be."""

from collections import Counter

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio.errors import LocalProtocolError
from ocpp_trio.wire.correlation import (
    SETTLED_KEPT,
    CallState,
    CorrelationTable,
    Happening,
    Match,
    PendingCall,
)
from ocpp_trio.wire.frames import CallError, CallResult, Reply
from ocpp_trio.wire.message import Request, Response


@attrs.frozen(kw_only=True)
class PingResponse(Response):
    """A response of no members."""


@attrs.frozen(kw_only=True)
class PingRequest(Request["PingRequest", PingResponse]):
    """A request of no members."""


PING = PingRequest()


def result(message_id: str) -> CallResult:
    return CallResult(message_id, b"{}")


def error(message_id: str) -> CallError:
    return CallError(message_id, "GenericError")


Table = CorrelationTable[PendingCall]


@pytest.fixture
def table() -> Table:
    return Table()


def test_an_open_call_waits(table: Table) -> None:
    call = table.open(PendingCall("i", PING))

    assert (call.message_id, call.request, call.state, call.reply) == ("i", PING, CallState.WAITING, None)
    assert len(table) == 1
    assert list(table) == [call]


@pytest.mark.parametrize("reply", [result("i"), error("i")])
def test_a_reply_answers_the_call_of_its_id(table: Table, reply: Reply) -> None:
    other = table.open(PendingCall("other", PING))
    call = table.open(PendingCall("i", PING))

    assert table.match(reply) == (Match.MATCHED, call)
    assert (call.state, call.reply) == (CallState.ANSWERED, reply)
    assert list(table) == [other]


def test_replies_may_come_in_any_order(table: Table) -> None:
    first, second = table.open(PendingCall("1", PING)), table.open(PendingCall("2", PING))

    assert table.match(result("2")) == (Match.MATCHED, second)
    assert table.match(result("1")) == (Match.MATCHED, first)


def test_a_second_reply_is_a_duplicate_and_changes_nothing(table: Table) -> None:
    call = table.open(PendingCall("i", PING))
    table.match(result("i"))

    assert table.match(error("i")) == (Match.DUPLICATE, None)
    assert (call.state, call.reply) == (CallState.ANSWERED, result("i"))


def test_a_reply_to_an_id_that_never_was_is_unknown(table: Table) -> None:
    table.open(PendingCall("i", PING))

    assert table.match(result("nobody")) == (Match.UNKNOWN, None)
    assert len(table) == 1


def test_a_reply_after_the_time_is_up_is_late(table: Table) -> None:
    call = table.open(PendingCall("i", PING))
    table.happen(call, Happening.TIME_IS_UP)

    assert table.match(result("i")) == (Match.LATE, None)
    assert (call.state, call.reply) == (CallState.TIMED_OUT, None)


def test_a_reply_after_the_connection_has_ended_is_late(table: Table) -> None:
    call = table.open(PendingCall("i", PING))
    table.happen(call, Happening.CONNECTION_ENDED)

    assert table.match(result("i")) == (Match.LATE, None)
    assert call.state is CallState.LOST


def test_a_cancelled_call_still_counts_until_its_reply_is_absorbed(table: Table) -> None:
    """Its CALL is on the wire and unanswered (OCPP-J 1.6 section 4.1.1)."""
    call = table.open(PendingCall("i", PING))

    table.happen(call, Happening.CALLER_GONE)

    assert len(table) == 1
    assert table.match(result("i")) == (Match.LATE, call)
    assert call.state is CallState.ABSORBED
    assert len(table) == 0
    assert table.match(result("i")) == (Match.DUPLICATE, None)


@pytest.mark.parametrize(
    ("happening", "state"),
    [(Happening.TIME_IS_UP, CallState.TIMED_OUT), (Happening.CONNECTION_ENDED, CallState.LOST)],
)
@pytest.mark.parametrize("cancelled", [False, True])
def test_a_call_settles_without_a_reply(table: Table, happening: Happening, state: CallState, cancelled: bool) -> None:
    call = table.open(PendingCall("i", PING))
    if cancelled:
        table.happen(call, Happening.CALLER_GONE)

    table.happen(call, happening)

    assert call.state is state
    assert len(table) == 0


@pytest.mark.parametrize("happening", list(Happening))
def test_nothing_more_can_befall_a_settled_call(table: Table, happening: Happening) -> None:
    call = table.open(PendingCall("i", PING))
    table.match(result("i"))

    with pytest.raises(LocalProtocolError, match=f"a call that is ANSWERED cannot meet {happening.name}"):
        table.happen(call, happening)
    assert call.state is CallState.ANSWERED


def test_a_caller_is_gone_only_once(table: Table) -> None:
    call = table.open(PendingCall("i", PING))
    table.happen(call, Happening.CALLER_GONE)

    with pytest.raises(LocalProtocolError, match="CANCELLED cannot meet CALLER_GONE"):
        table.happen(call, Happening.CALLER_GONE)


def test_an_id_in_use_or_used_before_is_refused(table: Table) -> None:
    """OCPP-J 1.6 section 4.1.4: a CALL's id differs from all that its sender used on the connection."""
    table.open(PendingCall("i", PING))

    with pytest.raises(LocalProtocolError, match="'i'"):
        table.open(PendingCall("i", PING))
    table.match(result("i"))
    with pytest.raises(LocalProtocolError, match="'i'"):
        table.open(PendingCall("i", PING))


def test_a_withdrawn_call_never_was(table: Table) -> None:
    call = table.open(PendingCall("i", PING))

    table.withdraw(call)

    assert len(table) == 0
    assert table.match(result("i")) == (Match.UNKNOWN, None)
    assert table.open(PendingCall("i", PING)).state is CallState.WAITING


def test_a_call_that_was_settled_meanwhile_can_be_withdrawn(table: Table) -> None:
    call = table.open(PendingCall("i", PING))
    table.happen(call, Happening.CONNECTION_ENDED)

    table.withdraw(call)

    assert call.state is CallState.LOST


def test_a_malformed_reply_settles_nothing(table: Table) -> None:
    call = table.open(PendingCall("i", PING))

    assert table.match_broken("i") is Match.MISMATCHED
    assert call.state is CallState.WAITING
    assert table.match(result("i")) == (Match.MATCHED, call)


@pytest.mark.parametrize("message_id", [None, "nobody"])
def test_a_malformed_reply_to_no_open_call_is_unknown(table: Table, message_id: str | None) -> None:
    table.open(PendingCall("i", PING))

    assert table.match_broken(message_id) is Match.UNKNOWN


def test_the_table_may_change_while_it_is_walked(table: Table) -> None:
    for number in range(3):
        table.open(PendingCall(str(number), PING))

    for call in table:
        table.happen(call, Happening.CONNECTION_ENDED)

    assert len(table) == 0


def test_only_the_last_64_settled_ids_are_remembered(table: Table) -> None:
    assert SETTLED_KEPT == 64
    for number in range(65):
        table.open(PendingCall(str(number), PING))
        table.match(result(str(number)))

    assert table.match(result("0")) == (Match.UNKNOWN, None)
    assert [table.match(result(str(number)))[0] for number in range(1, 65)] == [Match.DUPLICATE] * 64


FINAL = {CallState.ANSWERED, CallState.ABSORBED, CallState.TIMED_OUT, CallState.LOST}
ids = st.integers(0, 99).map(str)
steps = st.lists(st.tuples(st.sampled_from(["open", "reply", *Happening]), ids), max_size=300)


@settings(max_examples=300)
@given(steps)
def test_every_order_of_events_settles_each_call_exactly_once(plan: list[tuple[object, str]]) -> None:
    table = Table()
    calls: dict[str, PendingCall] = {}
    settled: Counter[str] = Counter()
    matched: Counter[str] = Counter()

    def note(message_id: str, before: CallState) -> None:
        if before not in FINAL and calls[message_id].state in FINAL:
            settled[message_id] += 1
        if before in FINAL:
            assert calls[message_id].state is before

    for action, message_id in plan:
        call = calls.get(message_id)
        before = CallState.WAITING if call is None else call.state
        if action == "open":
            if call is None:
                calls[message_id] = table.open(PendingCall(message_id, PING))
        elif action == "reply":
            match, owner = table.match(result(message_id))
            matched[message_id] += match is Match.MATCHED
            assert owner is None or owner is call
            assert (match is Match.MATCHED) == (call is not None and before is CallState.WAITING)
            if call is None:
                assert match is Match.UNKNOWN
        elif isinstance(action, Happening) and call is not None:
            try:
                table.happen(call, action)
            except LocalProtocolError:
                assert call.state is before
        if call is not None:
            note(message_id, before)

    for call in table:
        before = call.state
        table.happen(call, Happening.CONNECTION_ENDED)
        note(call.message_id, before)

    assert set(settled) == set(calls)
    assert set(settled.values()) <= {1}
    assert max(matched.values(), default=0) <= 1
    assert len(table) == 0
    assert len(table._settled) == min(len(calls), SETTLED_KEPT)


def test_a_message_id_of_more_than_36_characters_is_refused():
    table = Table()

    with pytest.raises(LocalProtocolError, match="expected a message id of at most 36 characters"):
        table.open(PendingCall("x" * 37, PING))

    assert len(table) == 0
