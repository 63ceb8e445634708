"""A state on its way to another node: in pieces, at the pace of the bus."""

import trio
import trio.testing

from ocpp_trio.backend import LiveState, Topic, Want
from ocpp_trio.backend.letters import Part, read_letter
from ocpp_trio.backend.outbox import Outbox
from ocpp_trio.backend.sharing import PIECE, StateSender, pieces
from tests.backend.nodes import NOW, station


async def test_a_large_state_waits_for_the_bus_and_drops_nothing(autojump_clock):
    live, outbox = LiveState(lambda event: None), Outbox("a", "life", capacity=8)
    for number in range(20 * PIECE):
        live.update_station(station(f"CP-{number}"))
    sender = StateSender(
        live, outbox, roster={"CP-1": None}, is_ours=lambda *name: True, new_event_id=lambda: "1", now=lambda: NOW
    )
    parts = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.run)
        sender.owe("b", {Want(Topic.STATIONS): None}, whole=True)
        await trio.testing.wait_all_tasks_blocked()
        assert outbox.waiting == 5

        while outbox.waiting:
            parts += [read_letter(sheet).open() for sheet in await outbox.take(4)]
            outbox.done()
            await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    told = [part for part in parts if isinstance(part, Part)]
    assert outbox.dropped == 0
    assert [(part.first, part.last) for part in told] == [(True, False), *[(False, False)] * 19, (False, True)]
    assert (told[0].roster, sum(len(part.entries) for part in told)) == (("CP-1",), 20 * PIECE)


def test_pieces_are_no_larger_than_asked_for():
    assert pieces((1, 2, 3), 2) == [(1, 2), (3,)]
    assert pieces((), 2) == []
