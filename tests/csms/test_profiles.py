"""Chains of authenticators, and profiles that only rise."""

import pytest

from ocpp_trio import Acceptance, CertificateNames, NeverLower, PasswordHashes, Refusal, any_of
from ocpp_trio.csms import profiles
from tests.csms.shown import certificate, detail_of, shown, status_of


async def proves(credentials):
    """As many profiles as the password has bytes; none for no password."""
    if credentials.password is None:
        return Refusal(401)
    profile = len(credentials.password)
    return Acceptance(authenticated=bool(profile), profile=profile or None)


async def test_the_first_acceptance_counts_and_else_the_last_refusal():
    asked = []

    def answering(name, verdict):
        async def door(credentials):
            asked.append(name)
            return verdict

        return door

    no, never, yes = Refusal(403), Refusal(404), Acceptance(authenticated=True)
    chain = any_of(answering("a", no), answering("b", yes), answering("c", never))
    assert await chain(shown()) == yes
    assert asked == ["a", "b"]
    assert await any_of(answering("a", no), answering("b", never))(shown()) == never
    with pytest.raises(ValueError, match="expected at least one authenticator"):
        any_of()


CERTIFICATE_OF_ANOTHER = "expected a certificate whose common name is this charge point's, found 'CP-2'"


@pytest.mark.parametrize(
    ("credentials", "reason"),
    [
        (shown(), "expected a client certificate; expected a password"),
        (shown(certificate=certificate("CP-2")), CERTIFICATE_OF_ANOTHER),
        (shown(password=b"wrong"), "wrong identity or password"),
        (
            shown(password=b"wrong", certificate=certificate("CP-2")),
            f"{CERTIFICATE_OF_ANOTHER}; wrong identity or password",
        ),
    ],
    ids=["nothing", "certificate", "password", "both"],
)
async def test_a_chain_refuses_what_was_shown_and_names_what_is_missing_only_if_nothing_was(credentials, reason):
    chain = any_of(CertificateNames(), PasswordHashes({}))

    verdict = await chain(credentials)

    assert isinstance(verdict, Refusal)
    assert (verdict.status, verdict.detail) == (401, reason)


async def test_a_reason_that_two_of_a_chain_give_is_named_once():
    chain = any_of(CertificateNames(), PasswordHashes({}), PasswordHashes({}))

    assert detail_of(await chain(shown())) == "expected a client certificate; expected a password"


async def test_a_profile_that_was_reached_is_the_least_from_then_on():
    door = NeverLower(proves)

    for profile, allowed in [(0, True), (1, True), (1, True), (0, False), (3, True), (2, False), (1, False), (3, True)]:
        verdict = await door(shown(password=bytes(profile)))
        assert isinstance(verdict, Acceptance) is allowed, profile
        if isinstance(verdict, Refusal):
            assert verdict.status == 403
    assert isinstance(await door(shown("CP-2", b"")), Acceptance), "of one identity only"
    door.forget("CP-1")
    assert isinstance(await door(shown(password=b"1")), Acceptance)


async def test_who_proves_nothing_raises_nothing():
    door = NeverLower(any_of(CertificateNames(), proves))

    assert status_of(await door(shown(certificate=certificate("CP-2")))) == 401
    assert isinstance(await door(shown(password=b"1")), Acceptance)
    assert isinstance(await door(shown(certificate=certificate("CP-1"))), Acceptance)
    assert status_of(await door(shown(password=b"1"))) == 403
    assert status_of(await door(shown())) == 401


async def test_a_floor_is_what_somebody_needs_at_the_least():
    floor = {"CP-1": 2}
    door = NeverLower(proves, floor=floor)

    assert status_of(await door(shown(password=b"1"))) == 403
    assert isinstance(await door(shown(password=b"12")), Acceptance)
    floor["CP-1"] = 3
    assert status_of(await door(shown(password=b"12"))) == 403


async def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(profiles, "KEPT", 2)
    door = NeverLower(proves)

    for number in (1, 2, 1, 3):
        await door(shown(f"CP-{number}", b"12"))
    for number in range(10):
        await door(shown(f"new-{number}", b""))

    assert list(door._reached) == ["CP-1", "CP-3"]
