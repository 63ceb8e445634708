"""What its CSMS does to a charge point, told as security events; and a station whose place was taken."""

import json

import pytest
import trio

from ocpp_trio import CloseReason, SecurityEventKind
from ocpp_trio.testing import CloseWith


def _events(ground):
    return {
        kind.value: count
        for kind in SecurityEventKind
        if (count := ground.counters.value("security_events", kind=kind.value))
    }


@pytest.mark.parametrize(
    ("texts", "kind"),
    [(["[]"] * 10, "malformed_frames"), ([json.dumps([3, "x", {"data": "x" * 300_000}])], "oversize")],
    ids=["malformed", "oversize"],
)
async def test_offence_of_the_csms_is_told_once(ground, texts, kind, autojump_clock):
    async with ground.open_station() as station:
        await station.wait_online()
        for text in texts:
            await ground.stub.send(text)
        await station.wait_offline()
        await station.wait_online()

    assert _events(ground) == {kind: 1}


async def test_garbage_instead_of_an_answer_to_the_handshake_is_told_once(ground, autojump_clock):
    async def talk_nonsense(stream):
        await stream.receive_some()
        await stream.send_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    (listener,) = await ground.network.listen(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, talk_nonsense, [listener])
        async with ground.station_for(listener.port):
            await trio.sleep(0.1)
        nursery.cancel_scope.cancel()

    assert _events(ground) == {"handshake_garbage": 1}


async def test_station_whose_place_was_taken_says_so_and_comes_back_as_ever(ground, autojump_clock):
    """It was nothing that the station did. The CSMS calms those that flap; a longer wait here would only hide them."""
    async with ground.open_station() as station:
        await station.wait_online()
        await ground.stub.do(CloseWith(1008, "superseded by a newer connection"))
        await station.wait_offline()
        lost, closed = trio.current_time(), station.statistics().closed
        await station.wait_online()
        back = trio.current_time()

    assert closed.reason is CloseReason.SUPERSEDED
    assert (closed.code, closed.detail) == (1008, "superseded by a newer connection")
    assert back - lost == 0.5 + 0.25
    assert _events(ground) == {}


@pytest.mark.parametrize(
    ("code", "text"), [(1008, "superseded"), (1008, ""), (1002, "superseded by a newer connection")]
)
async def test_any_other_blame_is_a_protocol_error(ground, code, text, autojump_clock):
    async with ground.open_station() as station:
        await station.wait_online()
        await ground.stub.do(CloseWith(code, text))
        await station.wait_offline()
        closed = station.statistics().closed

    assert closed.reason is CloseReason.PROTOCOL_ERROR


async def test_end_without_offence_is_no_event(ground, autojump_clock):
    async with ground.open_station() as station:
        await station.wait_online()
        ground.network.links[0].reset()
        await station.wait_offline()
        await station.wait_online()

    assert _events(ground) == {}
