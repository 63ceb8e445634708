"""How often somebody may fail, to the second, and whom it does not touch."""

import attrs
import pytest
import trio

from ocpp_trio import Acceptance, AttemptLimit, Refusal, SecurityEventKind
from ocpp_trio.csms import attempts
from tests.csms.shown import shown, status_of

HERE, THERE = "192.0.2.1", "198.51.100.7"


class Door:
    """Right is b"right"; counts whom it was asked about."""

    def __init__(self) -> None:
        self.asked = 0
        self.refusal = Refusal(401)

    async def __call__(self, credentials):
        self.asked += 1
        return Acceptance(authenticated=True) if credentials.password == b"right" else self.refusal


class Try:
    """Attempts at a limited door; the answers are statuses, 101 for yes."""

    def __init__(self, **options) -> None:
        self.door = Door()
        self.limit = AttemptLimit(self.door, **options)

    async def fail(self, times, identity="CP-1", address=HERE):
        return [await self.once(b"wrong", identity, address) for _ in range(times)]

    async def once(self, password=b"right", identity="CP-1", address=HERE):
        verdict = await self.limit(shown(identity, password, peer=f"{address}:1234"))
        return verdict.status if isinstance(verdict, Refusal) else 101


async def test_an_address_that_failed_ten_times_is_not_heard_for_the_rest_of_the_minute(autojump_clock):
    attempt = Try()
    for number in range(10):
        assert await attempt.fail(1, f"CP-{number}") == [401]
        await trio.sleep(1)

    refusal = await attempt.limit(shown("CP-11", b"right", peer=f"{HERE}:1"))

    told = SecurityEventKind.TOO_MANY_ATTEMPTS
    assert refusal == Refusal(429, "too many failed attempts", headers=[(b"Retry-After", b"50")], offence=told)
    assert attempt.door.asked == 10
    await trio.sleep(49.5)
    assert await attempt.fail(1) == [429]
    await trio.sleep(0.5)
    assert await attempt.fail(2) == [401, 429], "a place is free when the oldest failure is a minute old"
    await trio.sleep(1)
    assert await attempt.once() == 101


async def test_an_attacker_at_one_address_does_not_lock_out_the_station_at_another(autojump_clock):
    """Neither one that is known there nor one that comes there for the first time."""
    attempt = Try()

    await attempt.fail(1000)

    assert await attempt.once(address=HERE) == 429
    assert await attempt.once(address=THERE) == 101
    assert attempt.door.asked == 11


async def test_many_addresses_come_to_the_limit_of_the_identity(autojump_clock):
    attempt = Try()
    assert await attempt.once(address=THERE) == 101

    statuses = [status for number in range(7) for status in await attempt.fail(10, address=f"203.0.113.{number}")]

    assert statuses == [401] * 50 + [429] * 20
    assert await attempt.once(address="203.0.113.200") == 429
    assert await attempt.once(identity="CP-2", address="203.0.113.200") == 101
    assert await attempt.once(address=THERE) == 101, "known there, so it is not touched"


async def test_who_is_not_heard_any_more_is_told_once_in_the_time_of_the_limit(autojump_clock):
    """Ten an instant for five minutes: the limit opens every minute for ten failures, and closes again."""
    attempt, told = Try(), []

    for _ in range(300):
        for _ in range(10):
            verdict = await attempt.limit(shown("CP-1", b"wrong", peer=f"{HERE}:1"))
            assert isinstance(verdict, Refusal)
            if verdict.offence is not None:
                told.append((trio.current_time(), verdict.status, verdict.offence.value))
        await trio.sleep(1)

    assert told == [(second, 429, "too_many_attempts") for second in (1, 61, 121, 181, 241)]


async def test_each_address_and_each_identity_that_comes_to_its_limit_is_told(autojump_clock):
    attempt = Try()

    async def offences(times, **who):
        verdicts = [await attempt.limit(shown(who["identity"], b"wrong", peer=f"{who['at']}:1")) for _ in range(times)]
        return sum(isinstance(verdict, Refusal) and verdict.offence is not None for verdict in verdicts)

    assert [await offences(20, identity="CP-1", at=f"203.0.113.{number}") for number in range(4)] == [1] * 4
    assert await offences(9, identity="CP-1", at="203.0.113.4") == 0
    assert await offences(20, identity="CP-1", at="203.0.113.5") == 1, "the identity's limit"
    assert await offences(20, identity="CP-1", at="203.0.113.6") == 0, "which was told"


async def test_neighbours_behind_one_address_do_not_lock_each_other_out(autojump_clock):
    attempt = Try()
    assert await attempt.once(identity="CP-1") == 101

    await attempt.fail(20, "CP-2")

    assert await attempt.once(identity="CP-1") == 101
    assert await attempt.once(identity="CP-3") == 429


async def test_an_identity_that_is_known_at_an_address_is_limited_there_too(autojump_clock):
    attempt = Try()
    await attempt.once()

    assert await attempt.fail(11) == [401] * 10 + [429]
    assert await attempt.once() == 429
    assert await attempt.once(identity="CP-2") == 101, "and costs its neighbours nothing"
    assert await attempt.once(address=THERE) == 101
    await trio.sleep(60)
    assert await attempt.once() == 101


@pytest.mark.parametrize(("status", "counts"), [(401, True), (403, True), (404, True), (500, False), (503, False)])
async def test_only_a_failure_to_prove_oneself_counts(status, counts, autojump_clock):
    attempt = Try()
    attempt.door.refusal = Refusal(status)

    assert (await attempt.fail(11))[-1] == (429 if counts else status)


async def test_an_acceptance_without_proof_makes_nobody_known(autojump_clock):
    async def anybody(credentials):
        return Acceptance(authenticated=False)

    limit = AttemptLimit(anybody)
    assert await limit(shown()) == Acceptance(authenticated=False)

    assert len(limit._known) == 0


async def test_an_authenticator_that_fails_counts_nothing(autojump_clock):
    async def broken(credentials):
        raise LookupError("a bug")

    limit = AttemptLimit(broken, per_address=1)
    for _ in range(3):
        with pytest.raises(LookupError):
            await limit(shown())


class SlowDoor(Door):
    """Takes a second for each; knows how many it judges at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.most_inside = 0

    async def __call__(self, credentials):
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await trio.sleep(1)
            return await super().__call__(credentials)
        finally:
            self.inside -= 1


@pytest.fixture
def slowly():
    attempt = Try(per_address=3, per_identity=5)
    attempt.door = SlowDoor()
    attempt.limit = AttemptLimit(attempt.door, per_address=3, per_identity=5)
    return attempt


async def all_at_once(attempt, tries):
    """Statuses and instants of attempts that begin at one moment."""
    ends = {}

    async def run(number, password, identity, address):
        ends[number] = (await attempt.once(password, identity, address), trio.current_time())

    async with trio.open_nursery() as nursery:
        for number, one in enumerate(tries):
            nursery.start_soon(run, number, *one)
    return sorted(ends.values(), key=lambda end: (end[1], end[0]))


async def test_attempts_at_the_same_time_do_not_pass_the_limit(slowly, autojump_clock):
    ends = await all_at_once(slowly, [(b"wrong", f"CP-{number}", HERE) for number in range(50)])

    assert ends == [(401, 1)] * 3 + [(429, 1)] * 47
    assert (slowly.door.asked, slowly.door.most_inside) == (3, 3)


async def test_nor_do_those_at_one_identity_from_everywhere(slowly, autojump_clock):
    ends = await all_at_once(slowly, [(b"wrong", "CP-1", f"203.0.113.{number}") for number in range(50)])

    assert ends == [(401, 1)] * 5 + [(429, 1)] * 45
    assert slowly.door.asked == 5


async def test_a_site_that_comes_back_at_once_waits_in_line_and_is_let_in(slowly, autojump_clock):
    """Its stations are unknown after a restart, and none of them failed."""
    ends = await all_at_once(slowly, [(b"right", f"CP-{number}", HERE) for number in range(9)])

    assert ends == [(101, 1)] * 3 + [(101, 2)] * 3 + [(101, 3)] * 3
    assert slowly.door.most_inside == 3


async def test_one_that_is_cut_off_while_it_is_judged_counts_nothing_and_makes_room(slowly, autojump_clock):
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(slowly.once, b"wrong", f"CP-{number}")
        await trio.sleep(0.5)
        nursery.cancel_scope.cancel()

    assert await slowly.fail(4) == [401, 401, 401, 429]
    assert not slowly.limit._addresses._running
    assert not slowly.limit._identities._running


async def test_a_defect_counts_even_where_the_door_is_open(autojump_clock):
    """The server refuses it whatever is said here."""

    async def anybody(credentials):
        return Acceptance(authenticated=True)

    limit = AttemptLimit(anybody, per_address=2)
    verdicts = [await limit(attrs.evolve(shown(), defect="expected base64")) for _ in range(3)]

    assert verdicts[:2] == [Acceptance(authenticated=True)] * 2
    assert status_of(verdicts[2]) == 429
    assert len(limit._known) == 0


async def test_tables_are_bounded(monkeypatch, autojump_clock):
    monkeypatch.setattr(attempts, "TRACKED", 20)
    attempt = Try()

    for number in range(100):
        await attempt.fail(1, f"CP-{number}", f"203.0.113.{number}")
        await attempt.once(identity=f"known-{number}", address=f"198.51.100.{number}")
        await attempt.fail(1, f"known-{number}", f"198.51.100.{number}")

    limit = attempt.limit
    assert [len(table) for table in (limit._addresses, limit._identities, limit._acquainted, limit._known)] == [20] * 4
    assert list(limit._known)[-1] == ("known-99", "198.51.100.99")


async def test_what_was_told_is_kept_of_so_many_only(monkeypatch, autojump_clock):
    monkeypatch.setattr(attempts, "TRACKED", 20)
    attempt = Try(per_address=1)

    for number in range(100):
        await attempt.fail(2, f"CP-{number}", f"203.0.113.{number}")

    assert len(attempt.limit._addresses._told) == 20


@pytest.mark.parametrize(
    "options", [{"per_address": 0}, {"per_identity": 10}, {"seconds": 0.0}, {"seconds": float("inf")}]
)
def test_limits_have_to_make_sense(options):
    with pytest.raises(ValueError, match="expected 0 < per_address < per_identity"):
        AttemptLimit(Door(), **options)
