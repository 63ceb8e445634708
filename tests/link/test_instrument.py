"""The tap: silent by default, and several as one."""

import inspect
from typing import Any

import pytest
import trio

from ocpp_trio import (
    Allowance,
    Call,
    CallReport,
    Closed,
    CloseReason,
    ConnectionClosed,
    ConnectionState,
    Instrument,
    Instruments,
    Leniency,
    Limits,
    Link,
    Match,
    Router,
    SecurityEvent,
    SecurityEventKind,
    Settings,
    Transition,
    v16,
)
from ocpp_trio.link.instrument import listens
from ocpp_trio.link.session import open_session
from ocpp_trio.testing import open_transport_pair

LINK = Link(identity="CP-1", role="csms", number=7, peer="10.0.0.1:5000")
CLOSED = Closed(CloseReason.CLEAN, 1000)
REPORT = CallReport(message_id="m-1", action="Heartbeat", outcome="response", origin="remote", seconds=0.5)
TRANSITION = Transition(
    previous=ConnectionState.BOOTING, state=ConnectionState.ONLINE, at=1.0, attempt=0, closed=None, backoff=None
)
CALL = Call("m-1", "Heartbeat", b"{}")
ALLOWANCE = Allowance(
    payload_type="HeartbeatResponse",
    leniency=Leniency.NULLS,
    path="$.currentTime",
    expected="a date-time with a time zone",
    found="None",
)

EVENTS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "connection_opened": ((LINK,), {}),
    "connection_closed": ((LINK, CLOSED), {}),
    "handshake_failed": ((LINK, CLOSED), {"status": 401}),
    "frame_sent": ((LINK, CALL), {"action": "Heartbeat", "text": "[]"}),
    "frame_received": ((LINK, CALL), {"action": None, "text": "[]"}),
    "frame_refused": ((LINK, "no frame"), {"text": "?"}),
    "reply_dropped": ((LINK, Match.LATE), {"message_id": "m-1", "action": None, "frame": None}),
    "call_ended": ((LINK, REPORT), {}),
    "handler_failed": ((LINK, "Reset"), {"message_id": "m-1", "error": None}),
    "leniency_used": ((LINK, ALLOWANCE), {}),
    "security_event": ((LINK, SecurityEvent(SecurityEventKind.FLOOD, "too much")), {}),
    "ping_sent": ((LINK,), {}),
    "pong_received": ((LINK,), {"seconds": 0.1}),
    "state_changed": (("CP-1", TRANSITION), {}),
}


def public_methods(kind: type) -> dict[str, Any]:
    return {name: method for name, method in vars(kind).items() if not name.startswith("_")}


def recording(name: str, log: list[Any]) -> Instrument:
    """An instrument that notes every event with its arguments."""

    def noting(event: str) -> Any:
        return lambda self, *args, **named: log.append((name, event, args, named))

    methods = {event: noting(event) for event in public_methods(Instrument)}
    return type("Recording", (Instrument,), methods)()  # type: ignore[no-any-return]


def test_the_base_knows_every_event_and_does_nothing():
    assert public_methods(Instrument).keys() == EVENTS.keys()
    for event, (args, named) in EVENTS.items():
        assert getattr(Instrument(), event)(*args, **named) is None


@pytest.mark.parametrize("event", list(EVENTS))
def test_several_are_told_in_order(event: str):
    log: list[Any] = []
    args, named = EVENTS[event]
    several = Instruments([recording("first", log), Instrument(), recording("second", log)])

    getattr(several, event)(*args, **named)

    assert log == [("first", event, args, named), ("second", event, args, named)]


def test_several_pass_on_every_event_with_the_signature_of_the_base():
    base = public_methods(Instrument)
    several = public_methods(Instruments)

    assert several.keys() == base.keys()
    for name, method in base.items():
        assert inspect.signature(several[name]) == inspect.signature(method)


@pytest.mark.parametrize("event", list(EVENTS))
def test_several_in_others_are_told_as_well(event: str):
    log: list[Any] = []
    args, named = EVENTS[event]
    inner = Instruments([Instrument(), recording("first", log)])

    getattr(Instruments([inner, recording("second", log)]), event)(*args, **named)

    assert [name for name, *_ in log] == ["first", "second"]


def test_who_does_not_listen_to_an_event_is_not_asked():
    class Closings(Instrument):
        def connection_closed(self, link: Link, closed: Closed) -> None:
            pass

    closings, nobody = Closings(), Instruments([Instrument()])

    several = Instruments([closings, nobody])

    assert several._of["connection_closed"] == (closings,)
    assert several._of["frame_sent"] == ()


@pytest.mark.parametrize("event", list(EVENTS))
def test_the_only_one_that_listens_is_told_without_a_step_between(event: str):
    log: list[Any] = []
    args, named = EVENTS[event]
    only = recording("only", log)
    several = Instruments([Instrument(), Instruments([only]), Instruments(())])

    getattr(several, event)(*args, **named)

    assert log == [("only", event, args, named)]
    assert getattr(several, event) == getattr(only, event)
    assert listens(several, event)


def test_what_several_override_themselves_is_not_passed_by():
    log: list[Any] = []

    class Louder(Instruments):
        def ping_sent(self, link: Link) -> None:
            log.append("louder")
            super().ping_sent(link)

    louder = Louder([recording("only", log)])

    louder.ping_sent(LINK)
    Instruments([louder]).ping_sent(LINK)

    assert log == ["louder", ("only", "ping_sent", (LINK,), {})] * 2


def test_a_method_of_the_object_alone_is_an_override():
    log: list[Any] = []
    patched = Instrument()
    patched.connection_opened = log.append  # type: ignore[method-assign, assignment]

    Instruments([Instruments([patched])]).connection_opened(LINK)

    assert log == [LINK]


def test_no_instruments_at_all_are_fine():
    Instruments(()).connection_opened(LINK)


class Broken(Instrument):
    def frame_received(self, link: Link, frame: Any, *, action: str | None, text: str) -> None:
        raise ZeroDivisionError("a bug in an instrument")


async def test_one_that_raises_ends_its_connection_and_is_not_hidden(autojump_clock):
    """The task it broke is one of ours, so its exception stays in a group; callers get theirs as ever."""
    errors: list[ConnectionClosed] = []

    async def call_from_elsewhere(session: Any) -> None:
        with pytest.raises(ConnectionClosed) as caught:
            await session.call(v16.HeartbeatRequest())
        errors.append(caught.value)

    async def run_session(transport: Any, callers: trio.Nursery) -> None:
        link = Link(identity="CP-1", role="charge_point", number=1)
        settings = Settings(instrument=Broken(), limits=Limits())
        async with open_session(transport, Router(v16), link=link, settings=settings) as session:
            callers.start_soon(call_from_elsewhere, session)
            await session.wait_closed()
            await trio.sleep_forever()

    async with open_transport_pair() as (client, server, _), trio.open_nursery() as callers:
        callers.start_soon(server.send, '[3,"x",{}]')

        with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
            await run_session(client, callers)

    assert trio.current_time() == 0
    assert [error.reason for error in errors] == [CloseReason.STOPPING]
