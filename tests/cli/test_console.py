"""One line per event, in columns and colours."""

import json
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import example, given
from hypothesis import strategies as st

from ocpp_trio import Call, CallError, CallResult, Frame, Link, v16
from ocpp_trio.cli.console import Console

LINK = Link(identity="CP-1", role="charge_point", number=1)
ACTIONS = sorted(request.action for request in (*v16.version.charge_point_requests, *v16.version.csms_requests))
MEMBERS = st.sampled_from(["meterValue", "sampledValue", "value", "unit", "timestamp", "idTag"]) | st.text(max_size=5)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=3),
    max_leaves=12,
)
READINGS = st.fixed_dictionaries({"meterValue": JSON | st.lists(st.fixed_dictionaries({"sampledValue": JSON}))})


@pytest.fixture
def console(screen, autojump_clock) -> Console:
    return Console(screen, start=0.0)


async def test_frames_show_their_ids_and_their_members_without_times(screen, console, autojump_clock):
    await trio.sleep(1.5)
    payload = b'{"connectorId":1,"info":"caf\xc3\xa9","timestamp":"2026-01-01T00:00:00Z","deep":{"a":"b"}}'
    console.frame_sent(LINK, Call("CP-1/1", "StatusNotification", payload), action="StatusNotification", text="")
    console.frame_received(LINK, CallResult("CP-1/1", b"{}"), action=None, text="")
    console.frame_received(LINK, CallError("CP-1/2", "GenericError", "why"), action="Authorize", text="")

    assert [line.rstrip() for line in screen.out.getvalue().splitlines()] == [
        "   1.50  CP-1  station  -> call   CP-1/1   StatusNotification     connectorId 1, info caf\\xe9, deep {a:b}",
        "   1.50  CP-1  station  <- result CP-1/1   ?",
        "   1.50  CP-1  station  <- error  CP-1/2   Authorize              GenericError: why",
    ]


async def test_readings_show_their_values(screen, console, autojump_clock):
    payload = b'{"meterValue":[{"timestamp":"x","sampledValue":[{"value":"5","unit":"Wh"},{"value":"7"}]}]}'
    console.frame_sent(LINK, Call("1", "MeterValues", payload), action="MeterValues", text="")

    assert screen.out.getvalue().rstrip().endswith("meterValue 5 Wh 7")


async def test_without_frames_it_tells_of_connections_only(screen, autojump_clock):
    console = Console(screen, start=0.0, frames=False)
    console.connection_opened(LINK)
    console.frame_sent(LINK, Call("1", "Heartbeat", b"{}"), action="Heartbeat", text="")

    assert screen.out.getvalue() == "   0.00  CP-1  station  connected\n"


@pytest.mark.parametrize(
    ("identity", "role", "what", "colour"),
    [
        ("CP-2", "charge_point", "connected", 33),
        ("CP-2", "demo", "the link is cut", 1),
        ("CP-2", "demo", "gets an error back", 31),
    ],
)
async def test_colours_tell_stations_errors_and_the_story_apart(screen, autojump_clock, identity, role, what, colour):
    screen.colourful = True
    Console(screen, start=0.0).note(identity, role, what)

    assert screen.out.getvalue().startswith(f"\x1b[{colour}m")


@given(action=st.sampled_from(ACTIONS), payload=(JSON | READINGS).map(lambda value: json.dumps(value).encode()))
@example(action="MeterValues", payload=b'{"meterValue":[]}')
@example(action="MeterValues", payload=b'{"meterValue":[{"sampledValue":[5,{"value":{}}]}]}')
@example(action="MeterValues", payload=b'{"meterValue":[{"sampledValue":[{"unit":"Wh"}]}]}')
@example(action="Heartbeat", payload=b"[" * 100_000 + b"]" * 100_000)
@example(action="Heartbeat", payload=b'{"a":' * 900 + b"1" + b"}" * 900)
@example(action="Heartbeat", payload=b'{"a":' + b"9" * 5_000 + b"}")
@example(action="Heartbeat", payload=b'{"a":"\\ud800\xc3"}')
def test_whatever_a_peer_sends_is_one_line(make_screen, action, payload):
    screen = make_screen()

    async def show() -> None:
        console = Console(screen, start=0.0)
        frames: list[Frame] = [Call("1", action, payload), CallResult("1", payload)]
        for frame in frames:
            console.frame_sent(LINK, frame, action=action, text="")
            console.frame_received(LINK, frame, action=action, text="")

    trio.run(show, clock=trio.testing.MockClock())

    lines = screen.out.getvalue().split("\n")
    assert len(lines) == 5
    assert all(line.isascii() and line.isprintable() and len(line) <= screen.width for line in lines)


async def test_what_is_no_reading_is_shown_as_it_came(screen, console, autojump_clock):
    for payload in (b'{"meterValue":[]}', b'["x",null]'):
        console.frame_received(LINK, Call("1", "MeterValues", payload), action="MeterValues", text="")

    first, second = screen.out.getvalue().splitlines()
    assert first.endswith("meterValue []")
    assert second.endswith('["x",null]')
