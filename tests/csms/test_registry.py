"""Who speaks for which charge point: one at a time, and the newest with proof."""

import pytest
import trio
import trio.testing

from ocpp_trio import Registration
from ocpp_trio.csms.registry import GATES_KEPT
from ocpp_trio.link.registration import CsmsGate
from tests.csms.guests import CLEAN, SUPERSEDED, TWIN, FakeSession, link_of


async def test_session_is_listed_while_it_holds_its_place(registry, new_guest, autojump_clock):
    guest = new_guest()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(guest.live)
        await trio.testing.wait_all_tasks_blocked()
        during = list(registry)
        guest.session.close(SUPERSEDED)

    assert during == [guest.session]
    assert (list(registry), len(registry)) == ([], 0)


async def test_place_counts_before_its_session_has_begun(registry, autojump_clock):
    async with registry.take_place(link_of(), authenticated=False) as refusal:
        listed, places = list(registry), len(registry)

    assert refusal is None
    assert (listed, places) == ([], 1)


async def test_different_identities_do_not_meet(registry, witness, autojump_clock):
    async with (
        registry.take_place(link_of("CP-1"), authenticated=False),
        registry.take_place(link_of("CP-2"), authenticated=True),
        registry.take_place(link_of("cp-1"), authenticated=False),
    ):
        assert len(registry) == 3

    assert trio.current_time() == 0
    assert witness.events == []


async def test_proof_takes_the_place_of_a_session_and_begins_when_it_is_gone(new_guest, witness, autojump_clock):
    old, new = new_guest(cleanup=2), new_guest()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(10)
        nursery.start_soon(new.live)
        await trio.sleep(10)
        new.session.close(CLEAN)

    assert old.session.closed == SUPERSEDED
    assert old.session.pings == []
    assert old.life == [("begins", 0), ("is gone", 12)]
    assert new.life == [("begins", 12), ("is gone", 20)]
    assert witness.events == [(TWIN, 10)]


@pytest.mark.parametrize("answers_after", [0, 2.9])
async def test_without_proof_a_session_that_answers_keeps_its_place(new_guest, witness, answers_after, autojump_clock):
    old, thief = new_guest(answers_after=answers_after), new_guest(proven=False)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(10)
        await thief.live()
        closed = old.session.closed
        old.session.close(CLEAN)

    assert closed is None
    assert thief.life == [(403, 10 + answers_after)]
    assert thief.offences == [TWIN]  # which tells whoever refuses; the registry must not tell it as well
    assert witness.events == []


async def test_without_proof_a_silent_session_gives_way_after_three_seconds(new_guest, witness, autojump_clock):
    old, new = new_guest(answers_after=3.1, cleanup=2), new_guest(proven=False)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(10)
        nursery.start_soon(new.live)
        await trio.sleep(10)
        new.session.close(CLEAN)

    assert old.session.closed == SUPERSEDED
    assert old.life == [("begins", 0), ("is gone", 15)]
    assert new.life == [("begins", 15), ("is gone", 20)]
    assert witness.events == [(TWIN, 13)]


async def test_session_that_ends_while_it_is_asked_is_no_twin(new_guest, witness, autojump_clock):
    old, new = new_guest(answers_after=60, cleanup=1), new_guest(proven=False)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(1)
        nursery.start_soon(new.live)
        await trio.sleep(1)
        old.session.close(CLEAN)
        await trio.sleep(10)
        new.session.close(CLEAN)

    assert old.life == [("begins", 0), ("is gone", 3)]
    assert new.life[0] == ("begins", 3)
    assert witness.events == []


async def test_session_that_ends_already_is_neither_asked_nor_a_twin(new_guest, witness, autojump_clock):
    old, new = new_guest(cleanup=5), new_guest(proven=False)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(1)
        old.session.close(CLEAN)
        nursery.start_soon(new.live)
        await trio.sleep(10)
        new.session.close(CLEAN)

    assert old.session.pings == []
    assert new.life[0] == ("begins", 6)
    assert witness.events == []


async def test_wait_for_the_tasks_of_the_old_session_is_bounded(new_guest, registry, autojump_clock):
    old, new, next_one = new_guest(cleanup=20), new_guest(), new_guest()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(1)
        await new.live()
        await trio.sleep_until(18)
        nursery.start_soon(next_one.live)
        await trio.sleep(10)
        next_one.session.close(CLEAN)

    assert new.life == [(503, 1 + 6)]
    assert new.offences == [None]
    assert old.life == [("begins", 0), ("is gone", 21)]
    assert next_one.life[0] == ("begins", 21)
    assert len(registry) == 0


async def test_place_without_a_session_is_not_given_to_one_without_proof(registry, new_guest, autojump_clock):
    newcomer = new_guest(proven=False)

    async with registry.take_place(link_of(), authenticated=False):
        await newcomer.live()

    assert newcomer.life == [(503, 0)]
    assert newcomer.offences == [TWIN]


async def test_session_that_is_superseded_while_it_opens_is_closed_as_it_begins(registry, new_guest, autojump_clock):
    old, new = FakeSession(), new_guest()

    async with trio.open_nursery() as nursery:
        async with registry.take_place(link_of(), authenticated=True):
            nursery.start_soon(new.live)
            await trio.sleep(3)  # its session is still opening
            registry.enter(old)
            closed = old.closed
        await trio.sleep(1)
        new.session.close(CLEAN)

    assert closed == SUPERSEDED
    assert new.life[0] == ("begins", 3)


async def test_cancelled_newcomer_leaves_the_place_to_the_next(registry, new_guest, autojump_clock):
    old, new = new_guest(cleanup=5), new_guest()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(1)
        with trio.move_on_after(1) as newcomer:
            await new_guest().live()
        await trio.sleep(1)
        nursery.start_soon(new.live)
        await trio.sleep(10)
        new.session.close(CLEAN)

    assert newcomer.cancelled_caught
    assert new.life[0] == ("begins", 6)
    assert len(registry) == 0


async def test_place_is_free_after_its_holder_failed(registry, autojump_clock):
    with pytest.raises(RuntimeError, match="a bug"):
        async with registry.take_place(link_of(), authenticated=False):
            raise RuntimeError("a bug")

    async with registry.take_place(link_of(), authenticated=False) as refusal:
        assert refusal is None


def test_identity_that_was_never_seen_gets_a_gate_that_knows_nothing(registry):
    gate = registry.gate("CP-1", "BootNotification")

    assert (gate.registration, gate.boot_action) == (Registration.UNKNOWN, "BootNotification")


@pytest.mark.parametrize("registration", list(Registration))
def test_only_a_gate_that_holds_somebody_back_is_kept(registry, registration):
    gate = CsmsGate("BootNotification", registration)

    registry.keep_gate("CP-1", gate)

    held_back = registration in (Registration.PENDING, Registration.REJECTED)
    assert (registry.gate("CP-1", "BootNotification") is gate) == held_back
    assert registry.gate("CP-2", "BootNotification") is not gate


def test_gate_is_handed_out_once(registry):
    """While a session lives its gate is the session's; it comes back with what happened to it."""
    gate = CsmsGate("BootNotification", Registration.PENDING)
    registry.keep_gate("CP-1", gate)

    first, second = (registry.gate("CP-1", "BootNotification") for _ in range(2))

    assert first is gate
    assert second is not gate


def test_oldest_gates_are_forgotten_when_there_are_too_many(registry):
    for number in range(GATES_KEPT + 1):
        registry.keep_gate(f"CP-{number}", CsmsGate("BootNotification", Registration.REJECTED))

    known = [registry.gate(f"CP-{number}", "").registration for number in (0, 1, GATES_KEPT)]

    assert known == [Registration.UNKNOWN, Registration.REJECTED, Registration.REJECTED]
