"""Who speaks for which charge point: one at a time, and the newest with proof."""

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, ConnectionClosed, Link, Registration, SecurityEventKind
from ocpp_trio.csms.registry import GATES_KEPT, Registry
from ocpp_trio.link.instrument import Instrument
from ocpp_trio.link.registration import CsmsGate

SUPERSEDED = Closed(CloseReason.SUPERSEDED, 1008, "superseded by a newer connection")
CLEAN = Closed(CloseReason.CLEAN)
TWIN = SecurityEventKind.TWIN_CONNECTION


def _link(identity="CP-1"):
    return Link(identity=identity, role="csms", number=1)


@attrs.define(eq=False)
class FakeSession:
    """What the registry sees of a session. It answers a ping after `answers_after` seconds."""

    identity: str = "CP-1"
    answers_after: float = 0.0
    closed: Closed | None = None
    ended: trio.Event = attrs.Factory(trio.Event)
    pings: list[float] = attrs.Factory(list)

    def close(self, closed: Closed) -> None:
        self.closed = self.closed or closed
        self.ended.set()

    async def ping(self) -> None:
        self.pings.append(trio.current_time())
        with trio.move_on_after(self.answers_after):
            await self.ended.wait()
            raise ConnectionClosed(self.closed or CLEAN)


class Witness(Instrument):
    """Notes the security events."""

    def __init__(self):
        self.events = []

    def security_event(self, link, event):
        self.events.append((event.kind, trio.current_time()))


@pytest.fixture
def witness():
    return Witness()


@pytest.fixture
def registry(witness):
    return Registry(witness)


@attrs.define(eq=False)
class Guest:
    """A connection that takes a place, lives until it is closed, and takes `cleanup` seconds to be gone."""

    registry: Registry
    cleanup: float = 0.0
    proven: bool = True
    session: FakeSession = attrs.Factory(FakeSession)
    life: list[tuple[object, float]] = attrs.Factory(list)
    offences: list[SecurityEventKind | None] = attrs.Factory(list)

    async def live(self) -> None:
        link = _link(self.session.identity)
        async with self.registry.take_place(link, authenticated=self.proven) as refusal:
            if refusal is not None:
                self.life.append((refusal.status, trio.current_time()))
                self.offences.append(refusal.offence)
                return
            self.life.append(("begins", trio.current_time()))
            self.registry.enter(self.session)  # type: ignore[arg-type]  # a fake
            await self.session.ended.wait()
            await trio.sleep(self.cleanup)
            self.life.append(("is gone", trio.current_time()))


@pytest.fixture
def new_guest(registry):
    """`new_guest()` has proof, `new_guest(proven=False)` has none; further options are those of its session."""

    def new_guest(*, cleanup=0.0, proven=True, **options):
        return Guest(registry, cleanup, proven, FakeSession(**options))

    return new_guest


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
    async with registry.take_place(_link(), authenticated=False) as refusal:
        listed, places = list(registry), len(registry)

    assert refusal is None
    assert (listed, places) == ([], 1)


async def test_different_identities_do_not_meet(registry, witness, autojump_clock):
    async with (
        registry.take_place(_link("CP-1"), authenticated=False),
        registry.take_place(_link("CP-2"), authenticated=True),
        registry.take_place(_link("cp-1"), authenticated=False),
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


async def test_newest_of_many_with_proof_wins_and_the_others_are_refused_at_once(new_guest, autojump_clock):
    guests = [new_guest(cleanup=5) for _ in range(6)]

    async with trio.open_nursery() as nursery:
        for guest in guests:
            nursery.start_soon(guest.live)
            await trio.sleep(1)
        await trio.sleep(10)
        guests[-1].session.close(CLEAN)

    old, *others, newest = [guest.life for guest in guests]
    assert old == [("begins", 0), ("is gone", 6)]
    assert others == [[(503, at)] for at in (2, 3, 4, 5)]
    assert newest == [("begins", 6), ("is gone", 21)]


async def test_first_of_many_without_proof_waits_and_the_others_are_refused_at_once(new_guest, autojump_clock):
    old, *others = [new_guest(proven=False, answers_after=60) for _ in range(5)]

    async with trio.open_nursery() as nursery:
        for guest in (old, *others):
            nursery.start_soon(guest.live)
            await trio.sleep(0.5)
        await trio.sleep(10)
        others[0].session.close(CLEAN)

    assert old.life == [("begins", 0), ("is gone", 3.5)]
    assert [guest.life[0] for guest in others] == [("begins", 3.5), (503, 1), (503, 1.5), (503, 2)]
    assert [guest.offences for guest in others] == [[], [TWIN], [TWIN], [TWIN]]
    assert old.session.pings == [0.5]


async def test_proof_goes_before_one_without_that_waits(new_guest, autojump_clock):
    old, unproven, proven = new_guest(answers_after=60), new_guest(proven=False), new_guest()

    async with trio.open_nursery() as nursery:
        for guest in (old, unproven, proven):
            nursery.start_soon(guest.live)
            await trio.sleep(1)
        await trio.sleep(10)
        proven.session.close(CLEAN)

    assert unproven.life == [(503, 2)]
    assert proven.life[0] == ("begins", 2)


@pytest.mark.parametrize("seed", range(20))
async def test_newcomers_of_one_instant_leave_one_session(registry, seed, autojump_clock):
    """Whatever order trio runs them in: the first begins, the last follows it, those between are refused."""
    lives: list[tuple[object, float]] = []

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(Guest(registry, cleanup=1, life=lives).live)
        await trio.sleep(100)
        (last,) = registry
        last.close(CLEAN)

    begun = [life for life in lives if life[0] != 503]
    assert begun == [("begins", 0), ("is gone", 1), ("begins", 1), ("is gone", 101)]
    assert len(lives) == 3 + len(begun)


@pytest.mark.parametrize("seed", range(20))
async def test_newcomers_of_one_instant_without_proof_leave_the_first(registry, new_guest, seed, autojump_clock):
    guests = [new_guest(proven=False) for _ in range(5)]

    async with trio.open_nursery() as nursery:
        for guest in guests:
            nursery.start_soon(guest.live)
        await trio.sleep(100)
        (first,) = registry
        first.close(CLEAN)

    lives = sorted(guest.life for guest in guests if guest.session is not first)
    assert [guest.life for guest in guests if guest.session is first] == [[("begins", 0), ("is gone", 100)]]
    assert [len(life) for life in lives] == [1] * 4
    assert all(status in (403, 503) and at == 0 for life in lives for status, at in life)


@pytest.mark.parametrize("seed", range(20))
async def test_newcomer_of_the_instant_in_which_the_place_becomes_free(registry, new_guest, seed, autojump_clock):
    """It is not there twice, whoever trio runs first: the one that waited, or the one that has just come."""
    old, waiting, newest = new_guest(cleanup=5), new_guest(), new_guest(cleanup=5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(old.live)
        await trio.sleep(1)
        nursery.start_soon(waiting.live)
        await trio.sleep_until(6)
        nursery.start_soon(newest.live)
        await trio.sleep(10)
        newest.session.close(CLEAN)

    assert old.life[-1] == ("is gone", 6)
    assert waiting.life in ([(503, 6)], [("begins", 6), ("is gone", 6)])
    assert newest.life == [("begins", 6), ("is gone", 21)]
    assert len(registry) == 0


async def test_place_without_a_session_is_not_given_to_one_without_proof(registry, new_guest, autojump_clock):
    newcomer = new_guest(proven=False)

    async with registry.take_place(_link(), authenticated=False):
        await newcomer.live()

    assert newcomer.life == [(503, 0)]
    assert newcomer.offences == [TWIN]


async def test_session_that_is_superseded_while_it_opens_is_closed_as_it_begins(registry, new_guest, autojump_clock):
    old, new = FakeSession(), new_guest()

    async with trio.open_nursery() as nursery:
        async with registry.take_place(_link(), authenticated=True):
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
        async with registry.take_place(_link(), authenticated=False):
            raise RuntimeError("a bug")

    async with registry.take_place(_link(), authenticated=False) as refusal:
        assert refusal is None


async def _swap(nursery, guests):
    for guest in guests:
        nursery.start_soon(guest.live)
        await trio.sleep(1)


async def test_after_three_swaps_in_a_minute_a_session_that_lives_keeps_its_place(
    registry, new_guest, witness, autojump_clock
):
    guests = [new_guest() for _ in range(4)]
    late = new_guest()

    async with trio.open_nursery() as nursery:
        await _swap(nursery, guests)  # the third swap is at 3
        refused = new_guest()
        await refused.live()
        await trio.sleep_until(3 + 599)
        almost = new_guest()
        await almost.live()
        await trio.sleep_until(3 + 600)
        nursery.start_soon(late.live)
        await trio.sleep(1)
        late.session.close(CLEAN)

    assert [guest.life[0] for guest in guests] == [("begins", at) for at in (0, 1, 2, 3)]
    assert (refused.life, refused.offences) == ([(503, 4)], [SecurityEventKind.FLAPPING_IDENTITY])
    assert almost.life == [(503, 602)]
    assert late.life[0] == ("begins", 603)
    assert witness.events == [(TWIN, at) for at in (1, 2, 3, 603)]


async def test_refused_connection_learns_when_to_come_again(registry, new_guest, autojump_clock):
    waits = []

    async with trio.open_nursery() as nursery:
        await _swap(nursery, [new_guest() for _ in range(4)])
        for at in (4, 543, 560.5, 602.9):
            await trio.sleep_until(at)
            async with registry.take_place(_link(), authenticated=True) as refusal:
                waits.append(dict(refusal.headers)[b"Retry-After"])
        next(iter(registry)).close(CLEAN)

    assert waits == [b"60", b"60", b"43", b"1"]


async def test_swaps_that_are_a_minute_apart_are_no_flapping(new_guest, witness, autojump_clock):
    guests = [new_guest() for _ in range(10)]

    async with trio.open_nursery() as nursery:
        for guest in guests:
            nursery.start_soon(guest.live)
            await trio.sleep(30)  # the third is a minute after the first
        guests[-1].session.close(CLEAN)

    assert [guest.life[0][0] for guest in guests] == ["begins"] * 10
    assert {kind for kind, _ in witness.events} == {TWIN}


async def test_silent_session_gives_way_in_the_cool_down_too(registry, new_guest, autojump_clock):
    """Nobody is locked out by a link that is half open."""
    guests = [*(new_guest() for _ in range(3)), new_guest(answers_after=60)]
    new = new_guest()

    async with trio.open_nursery() as nursery:
        await _swap(nursery, guests)
        nursery.start_soon(new.live)
        await trio.sleep(10)
        new.session.close(CLEAN)

    assert new.life[0] == ("begins", 4 + 3)


async def test_flapping_of_one_identity_is_nothing_to_another(new_guest, autojump_clock):
    flapping = [new_guest() for _ in range(4)]
    others = [new_guest(identity="CP-2") for _ in range(2)]

    async with trio.open_nursery() as nursery:
        await _swap(nursery, flapping)
        await _swap(nursery, others)
        for guest in (flapping[-1], others[-1]):
            guest.session.close(CLEAN)

    assert [guest.life[0] for guest in others] == [("begins", 4), ("begins", 5)]


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
