"""Who speaks for which charge point: the newest, and one at a time."""

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, Registration
from ocpp_trio.csms.registry import GATES_KEPT, Registry
from ocpp_trio.link.registration import CsmsGate

SUPERSEDED = Closed(CloseReason.SUPERSEDED, 1008, "superseded by a newer connection")


@attrs.define(eq=False)
class FakeSession:
    """What the registry sees of a session."""

    identity: str = "CP-1"
    closed: Closed | None = None
    ended: trio.Event = attrs.Factory(trio.Event)

    def close(self, closed: Closed) -> None:
        self.closed = self.closed or closed
        self.ended.set()


@pytest.fixture
def registry():
    return Registry()


@attrs.define(eq=False)
class Guest:
    """A connection that takes a place, lives until it is closed, and takes `cleanup` seconds to be gone."""

    registry: Registry
    cleanup: float = 0.0
    session: FakeSession = attrs.Factory(FakeSession)
    life: list[tuple[str, float]] = attrs.Factory(list)

    async def live(self) -> None:
        async with self.registry.take_place(self.session.identity) as granted:
            if not granted:
                self.life.append(("turned away", trio.current_time()))
                return
            self.life.append(("begins", trio.current_time()))
            self.registry.enter(self.session)  # type: ignore[arg-type]  # a fake
            await self.session.ended.wait()
            await trio.sleep(self.cleanup)
            self.life.append(("is gone", trio.current_time()))


async def test_session_is_listed_while_it_holds_its_place(registry, autojump_clock):
    guest = Guest(registry)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(guest.live)
        await trio.testing.wait_all_tasks_blocked()
        during = list(registry)
        guest.session.close(SUPERSEDED)

    assert during == [guest.session]
    assert (list(registry), len(registry)) == ([], 0)


async def test_place_counts_before_its_session_has_begun(registry, autojump_clock):
    async with registry.take_place("CP-1") as granted:
        listed, places = list(registry), len(registry)

    assert granted
    assert (listed, places) == ([], 1)


async def test_different_identities_do_not_meet(registry, autojump_clock):
    async with registry.take_place("CP-1"), registry.take_place("CP-2"), registry.take_place("cp-1"):
        assert len(registry) == 3

    assert trio.current_time() == 0


async def test_newcomer_closes_the_old_session_and_begins_when_it_is_gone(registry, autojump_clock):
    old, new = Guest(registry, cleanup=2), Guest(registry)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(10)
        nursery.start_soon(new.live)
        await trio.sleep(10)
        new.session.close(Closed(CloseReason.CLEAN))

    assert old.session.closed == SUPERSEDED
    assert old.life == [("begins", 0), ("is gone", 12)]
    assert new.life == [("begins", 12), ("is gone", 20)]


async def test_newest_of_many_newcomers_wins_and_the_others_are_turned_away_at_once(registry, autojump_clock):
    guests = [Guest(registry, cleanup=5) for _ in range(6)]

    async with trio.open_nursery() as nursery:
        for guest in guests:
            nursery.start_soon(guest.live)
            await trio.sleep(1)
        await trio.sleep(10)
        guests[-1].session.close(Closed(CloseReason.CLEAN))

    old, *others, newest = [guest.life for guest in guests]
    assert old == [("begins", 0), ("is gone", 6)]
    assert others == [[("turned away", at)] for at in (2, 3, 4, 5)]
    assert newest == [("begins", 6), ("is gone", 21)]


@pytest.mark.parametrize("seed", range(20))
async def test_newcomers_of_one_instant_leave_one_session(registry, seed, autojump_clock):
    """Whatever order trio runs them in: the first begins, the last follows it, those between are turned away."""
    lives: list[tuple[str, float]] = []

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(Guest(registry, cleanup=1, life=lives).live)
        await trio.sleep(100)
        (last,) = registry
        last.close(Closed(CloseReason.CLEAN))

    begun = [life for life in lives if life[0] != "turned away"]
    assert begun == [("begins", 0), ("is gone", 1), ("begins", 1), ("is gone", 101)]
    assert len(lives) == 3 + len(begun)


async def test_session_that_is_superseded_while_it_opens_is_closed_as_it_begins(registry, autojump_clock):
    old, new = FakeSession(), Guest(registry)

    async with trio.open_nursery() as nursery:
        async with registry.take_place("CP-1"):
            nursery.start_soon(new.live)
            await trio.sleep(3)  # its session is still opening
            registry.enter(old)
            closed = old.closed
        await trio.sleep(1)
        new.session.close(Closed(CloseReason.CLEAN))

    assert closed == SUPERSEDED
    assert new.life[0] == ("begins", 3)


async def test_cancelled_newcomer_leaves_the_place_to_the_next(registry, autojump_clock):
    old, new = Guest(registry, cleanup=5), Guest(registry)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(1)
        with trio.move_on_after(1) as newcomer:
            await Guest(registry).live()
        await trio.sleep(1)
        nursery.start_soon(new.live)
        await trio.sleep(10)
        new.session.close(Closed(CloseReason.CLEAN))

    assert newcomer.cancelled_caught
    assert new.life[0] == ("begins", 6)
    assert len(registry) == 0


async def test_place_is_free_after_its_holder_failed(registry, autojump_clock):
    with pytest.raises(RuntimeError, match="a bug"):
        async with registry.take_place("CP-1"):
            raise RuntimeError("a bug")

    async with registry.take_place("CP-1") as granted:
        assert granted


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
