"""Which letters are read, whatever order and however often they come, and which stations are whose."""

import pytest
import trio

from ocpp_trio.backend.letters import Letter, Please, read_letter, write_letter
from ocpp_trio.backend.peers import BURIED_KEPT, Peers

PATIENCE = 4.0


@pytest.fixture
def peers() -> Peers:
    return Peers(PATIENCE)


def letter(number: int, *, life: str = "1", node: str = "a") -> Letter:
    return read_letter(write_letter(Please(), node=node, life=life, number=number, to=None))


def fall_silent(peers: Peers, name: str = "a") -> None:
    peer = peers.get(name)
    assert peer is not None
    peers.remove(peer, bury=False)


async def test_a_node_that_comes_back_from_silence_is_read_on_where_it_was(peers, autojump_clock):
    peers.hear(letter(7), 0.0)
    fall_silent(peers)

    assert peers.hear(letter(7), 0.0) is None
    assert list(peers) == []
    heard = peers.hear(letter(8), 0.0)

    assert peers.duplicates == 1
    assert heard is not None
    assert (heard.new, heard.gap, heard.peer.next_number) == (True, False, 9)


async def test_what_was_missed_in_a_silence_is_a_gap(peers, autojump_clock):
    peers.hear(letter(7), 0.0)
    fall_silent(peers)

    heard = peers.hear(letter(10), 0.0)

    assert heard is not None
    assert (heard.new, heard.gap, heard.peer.missed, heard.peer.lacking) == (True, True, 2, True)


async def test_a_process_that_was_replaced_in_its_silence_replaces_nobody(peers, autojump_clock):
    peers.hear(letter(7), 0.0)
    fall_silent(peers)
    peers.hear(letter(1, life="2"), 0.0)

    assert peers.hear(letter(8), 0.0) is None
    assert [(peer.life, peer.next_number) for peer in peers] == [("2", 2)]
    assert peers.hear(letter(2, life="2"), 0.0) is not None


async def test_only_so_many_of_the_silent_are_remembered(peers, autojump_clock):
    for number in range(BURIED_KEPT + 1):
        peers.hear(letter(1, node=f"node-{number}", life=f"{number}"), 0.0)
        fall_silent(peers, f"node-{number}")

    assert peers.hear(letter(1, node="node-1", life="1"), 0.0) is None
    assert peers.hear(letter(1, node="node-0", life="0"), 0.0) is not None


async def test_a_roster_is_taken_over_at_its_end_and_keeps_who_came_meanwhile(peers, autojump_clock):
    await trio.lowlevel.checkpoint()
    heard = peers.hear(letter(1), 0.0)
    assert heard is not None
    peer = heard.peer
    for identity in ("CP-1", "CP-2"):
        peers.claim(peer, identity)

    peers.begin_roster(peer)
    peers.claim(peer, "CP-2")
    peers.claim(peer, "CP-3")
    assert [peers.where(f"CP-{number}") for number in (1, 2, 3)] == [peer] * 3
    assert peers.end_roster(peer) == ("CP-1",)

    assert list(peer.roster) == ["CP-2", "CP-3"]
    assert peers.where("CP-1") is None
    assert peers.end_roster(peer) == ()


async def test_a_roster_with_a_gap_in_it_takes_nobody_away(peers, autojump_clock):
    heard = peers.hear(letter(1), 0.0)
    assert heard is not None
    peers.claim(heard.peer, "CP-1")
    peers.begin_roster(heard.peer)

    peers.hear(letter(3), 0.0)

    assert peers.end_roster(heard.peer) == ()
    assert peers.where("CP-1") is heard.peer
