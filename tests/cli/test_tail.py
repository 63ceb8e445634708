"""The tail without a socket: its lines, and how far it knows that it has come."""

import attrs
import pytest
import trio

from ocpp_trio.cli.tail import _Position, follow, lines_of, wish_of
from tests.operator_ground import TOKEN, Ground

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


async def test_a_tail_that_was_cut_off_goes_on_where_it_was(autojump_clock, screen):
    ground = Ground()
    wish = wish_of("http://csms:80", token=TOKEN, topics=["stations"], stations=())
    async with ground.running() as nursery, ground.station():
        nursery.start_soon(follow, screen, attrs.evolve(wish, port=ground.api.port, dial=ground.dial))
        await screen.wait_for("known    CP-1")
        ground.network.links[-1].reset()
        known = ground.live.stations()["CP-1"]
        ground.live.update_station(attrs.evolve(known, vendor="Meanwhile"))
        cut = trio.current_time()
        await screen.wait_for("vendor=Meanwhile")

        assert 0.4 <= trio.current_time() - cut <= 0.6
        assert screen.out.getvalue().count("known") == 1
        assert "next try in 0." in screen.err.getvalue()


async def test_a_server_that_is_gone_without_a_word_is_noticed(autojump_clock, screen):
    """30 s of silence, 20 s for a pong, 1 s for what may have kept it from being seen."""
    ground = Ground()
    wish = wish_of("http://csms:80", token=TOKEN, topics=["log"], stations=())
    async with ground.running() as nursery:
        nursery.start_soon(follow, screen, attrs.evolve(wish, port=ground.api.port, dial=ground.dial))
        await trio.sleep(1)
        ground.network.links[0].cut()
        await trio.sleep(60)

        assert "no answer to a ping" in screen.err.getvalue()
        assert len(ground.network.links) == 2
        nursery.cancel_scope.cancel()
