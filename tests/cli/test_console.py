"""One line per event, in columns and colours."""

import pytest
import trio

from ocpp_trio import Call, CallError, CallResult, Link
from ocpp_trio.cli.console import Console

LINK = Link(identity="CP-1", role="charge_point", number=1)


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
