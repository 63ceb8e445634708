"""The tail without a socket: its lines, and how far it knows that it has come."""

import pytest

from ocpp_trio.cli.tail import _Position, lines_of

STATION = {"identity": "CP-1", "vendor": "Acme Inc", "model": None, "online": True}


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            {
                "type": "change",
                "at": "2026-01-01T00:00:00.123Z",
                "topic": "stations",
                "change": "removed",
                "key": "",
                "value": STATION,
            },
            '2026-01-01T00:00:00 stations     removed  CP-1 vendor="Acme Inc" online=true',
        ),
        ({"type": "lost", "count": 7}, "                    7 changes are missing here"),
        ({"type": "error", "detail": "no \x1b[2J"}, '                    error: "no \\u001b[2J"'),
    ],
)
def test_a_message_is_a_line(message, line):
    assert lines_of(message) == [line]


def test_what_a_terminal_would_obey_is_escaped():
    (line,) = lines_of({"type": "snapshot", "topic": "log", "values": [{"identity": "CP\x07", "text": "\u202eevil"}]})

    assert line.endswith('"CP\\u0007" text="\\u202eevil"')


def test_a_snapshot_counts_when_it_is_whole():
    position = _Position()
    for message in (
        {"type": "hello", "stream": "a", "sequence": 9},
        {"type": "subscribed", "resumed": False, "sequence": 9, "topics": ["stations", "connectors", "log"]},
        {"type": "snapshot", "sequence": 9, "more": True},
        {"type": "snapshot", "sequence": 9, "more": False},
    ):
        position.note(message)
        assert position.resume == {}

    position.note({"type": "snapshot", "sequence": 9, "more": False})
    assert position.resume == {"resume": {"stream": "a", "sequence": 9}}
    position.note({"type": "change", "sequence": 12})
    position.note({"type": "hello", "stream": "a", "sequence": 20})
    assert position.resume == {"resume": {"stream": "a", "sequence": 12}}
    position.note({"type": "hello", "stream": "b", "sequence": 20})
    assert position.resume == {}
