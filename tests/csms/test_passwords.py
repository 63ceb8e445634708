"""Hashes as text, and who is let in by them: cheap ones here, and without threads."""

import hashlib

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio import Acceptance, PasswordHashes, Refusal, hash_password
from ocpp_trio.csms import passwords
from tests.csms.shown import shown, status_of

KEY = bytes.fromhex("0001020304050607FF00FF00FF00FF00AABBCCDD")
PROFILE_1 = Acceptance(authenticated=True, profile=1)
OF_NOTHING = "$scrypt-sha256$ln=1,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"
WRONG = Refusal(401, "wrong identity or password")


def cheap(password: bytes) -> str:
    return hash_password(password, cost=1)


@attrs.define
class Inline:
    """Runs where it is, and counts."""

    runs: int = 0

    async def __call__(self, check):
        self.runs += 1
        await trio.lowlevel.checkpoint()
        return check()


@pytest.fixture
def inline() -> Inline:
    return Inline()


def test_a_hash_names_its_parameters_and_is_salted():
    first, second = hash_password(KEY), hash_password(KEY)

    assert first.startswith("$scrypt-sha256$ln=14,r=8,p=1$")
    assert first != second
    assert ":" not in first
    assert not first.endswith("=")


def test_a_hash_is_that_of_scrypt():
    """Of the digest of the password, against the standard library, put together by hand."""
    salt, digest = hash_password(KEY, cost=4).split("$")[3:]

    expected = hashlib.scrypt(hashlib.sha256(KEY).digest(), salt=passwords._unpadded(salt), n=16, r=8, p=1, dklen=32)
    assert passwords._unpadded(digest) == expected


@settings(max_examples=30, deadline=None)
@given(password=st.binary(max_size=80), other=st.binary(max_size=80))
def test_a_hash_fits_its_password_and_no_other(password, other):
    found = passwords._Hash.parse(cheap(password))

    assert found.fits(password)
    assert found.fits(other) is (other == password)


@pytest.mark.parametrize(
    ("password", "other"),
    [
        (KEY, KEY + b"\0"),
        (KEY, KEY + bytes(44)),
        (KEY + b"\0", KEY),
        (b"", bytes(64)),
        (KEY * 4, hashlib.sha256(KEY * 4).digest()),
    ],
    ids=["a zero more", "zeros to the block's end", "a zero less", "nothing", "longer than a block"],
)
def test_what_is_one_key_to_an_hmac_is_two_passwords(password, other):
    """RFC 2104 section 2: a key is filled up with zeros, and a long one is hashed first."""
    salt = bytes(16)
    assert hashlib.scrypt(password, salt=salt, n=2, r=8, p=1) == hashlib.scrypt(other, salt=salt, n=2, r=8, p=1)

    assert not passwords._Hash.parse(cheap(password)).fits(other)


def test_a_hash_of_plain_scrypt_is_refused():
    """Whose password might be another one."""
    with pytest.raises(ValueError, match="expected a hash made by hash_password"):
        passwords._Hash.parse(OF_NOTHING.replace("-sha256", ""))


@pytest.mark.parametrize("password", [KEY, b"", b"\x00", b":\xff:\xfe", b"text"])
async def test_the_right_password_is_accepted(inline, password, autojump_clock):
    door = PasswordHashes({"CP-1": cheap(password)}, run_blocking=inline)

    assert await door(shown(password=password)) == PROFILE_1
    assert await door(shown(password=password, tls=True)) == Acceptance(authenticated=True, profile=2)
    assert await door(shown(password=password + b"x")) == WRONG
    assert await door(shown("CP-2", password)) == WRONG
    assert status_of(await door(shown())) == 401


async def test_an_unknown_identity_costs_as_much_as_a_wrong_password(inline, monkeypatch, autojump_clock):
    costs = []
    scrypt = hashlib.scrypt

    def counting(*args, **options):
        costs.append((options["n"], options["r"], options["p"]))
        return scrypt(*args, **options)

    monkeypatch.setattr(hashlib, "scrypt", counting)
    door = PasswordHashes({"CP-1": hash_password(KEY)}, run_blocking=inline, accept_digits=True)
    costs.clear()

    for digits in (b"wrong", KEY.hex().encode()[::-1]):
        assert await door(shown("CP-1", digits)) == WRONG
        known, costs[:] = list(costs), []
        assert await door(shown("CP-2", digits)) == WRONG
        unknown, costs[:] = list(costs), []
        assert known == unknown
        assert len(known) == (1 if digits == b"wrong" else 2)


async def test_nobody_is_let_in_by_the_hash_for_nobody(inline, autojump_clock):
    door = PasswordHashes({}, run_blocking=lambda check: yes())

    async def yes():
        return True

    assert await door(shown(password=b"")) == WRONG


async def test_a_right_password_is_hashed_once(inline, autojump_clock):
    door = PasswordHashes({"CP-1": cheap(KEY), "CP-2": cheap(KEY)}, run_blocking=inline)

    for _ in range(3):
        assert await door(shown(password=KEY)) == PROFILE_1
    assert inline.runs == 1

    assert await door(shown("CP-2", KEY)) == PROFILE_1
    assert inline.runs == 2, "what is remembered of one identity is nothing to another"
    assert await door(shown(password=b"wrong")) == WRONG
    assert await door(shown(password=b"wrong")) == WRONG
    assert inline.runs == 4, "a wrong password is not remembered"
    assert await door(shown(password=KEY)) == PROFILE_1
    assert inline.runs == 4


async def test_a_changed_key_counts_from_the_next_attempt_on(inline, autojump_clock):
    hashes = {"CP-1": cheap(KEY)}
    door = PasswordHashes(hashes, run_blocking=inline)
    assert await door(shown(password=KEY)) == PROFILE_1

    hashes["CP-1"] = cheap(b"new")

    assert await door(shown(password=KEY)) == WRONG
    assert await door(shown(password=b"new")) == PROFILE_1
    del hashes["CP-1"]
    assert await door(shown(password=b"new")) == WRONG


async def test_what_is_remembered_is_bounded_and_no_password(inline, monkeypatch, autojump_clock):
    monkeypatch.setattr(passwords, "REMEMBERED", 3)
    door = PasswordHashes({f"CP-{number}": cheap(KEY) for number in range(5)}, run_blocking=inline)

    for number in (0, 1, 2, 0, 3):
        await door(shown(f"CP-{number}", KEY))

    assert list(door._remembered) == ["CP-2", "CP-0", "CP-3"]
    assert all(KEY not in digest and len(digest) == 32 for digest in door._remembered.values())


@pytest.mark.parametrize("digits", [KEY.hex(), KEY.hex().upper()])
async def test_digits_in_place_of_the_bytes_are_accepted_only_if_asked_for(inline, digits, autojump_clock):
    strict = PasswordHashes({"CP-1": cheap(KEY)}, run_blocking=inline)
    lenient = PasswordHashes({"CP-1": cheap(KEY)}, run_blocking=inline, accept_digits=True)

    assert await strict(shown(password=digits.encode())) == WRONG
    assert await lenient(shown(password=digits.encode())) == PROFILE_1
    assert await lenient(shown(password=KEY)) == PROFILE_1
    assert await lenient(shown(password=digits.encode()[:-2])) == WRONG
    assert await lenient(shown(password=digits.encode()[:-1])) == WRONG


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "$scrypt-sha256$ln=14,r=8,p=1$",
        "$scrypt-sha256$ln=99,r=8,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA",
        "$scrypt-sha256$ln=14,r=8,p=0$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0c2FsdA",
        "$scrypt-sha256$ln=14,r=8,p=1$c2FsdHNhbHQ$c2Fsd",
        "$scrypt-sha256$ln=14,r=8,p=1$c2FsdHNhbHQ$c2FsdA",
        "$2b$12$abc",
    ],
)
def test_what_is_no_hash_is_refused_at_once_and_not_shown(text):
    with pytest.raises(ValueError, match="^the hash of 'CP-1': expected ") as wrong:
        PasswordHashes({"CP-1": text})

    assert "secret" not in str(wrong.value)


async def test_a_file_has_a_line_for_each(tmp_path, autojump_clock):
    path = tmp_path / "passwords"
    path.write_text(f"# stations\n\nCP-1:{cheap(KEY)}\n  Zürich 1:{cheap(b'other')}  \n", encoding="utf-8")

    door = PasswordHashes.of_file(path)

    assert set(door._hashes) == {"CP-1", "Zürich 1"}
    assert passwords._Hash.parse(door._hashes["CP-1"]).fits(KEY)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("CP-1", "expected identity:hash"),
        (":x", "expected identity:hash"),
        ("CP-1:secret", "expected a hash"),
        (f"CP-0:{OF_NOTHING}", "expected every identity once, found 'CP-0' again"),
    ],
)
def test_a_wrong_line_is_named_and_its_secret_is_not(tmp_path, line, wrong):
    path = tmp_path / "passwords"
    path.write_text(f"CP-0:{OF_NOTHING}\n{line}\n")

    with pytest.raises(ValueError, match=f"^line 2: {wrong}") as found:
        PasswordHashes.of_file(path)

    assert "secret" not in str(found.value)


@pytest.mark.real
async def test_hashing_happens_in_threads():
    """The default, which no test with a virtual clock can use; the loop stays free meanwhile."""
    door = PasswordHashes({"CP-1": hash_password(KEY)})

    async with trio.open_nursery() as nursery:
        verdicts = []

        async def attempt(password):
            verdicts.append(await door(shown(password=password)))

        for number in range(4):
            nursery.start_soon(attempt, KEY if number == 0 else b"wrong")

    assert sorted(verdict.__class__.__name__ for verdict in verdicts) == ["Acceptance", "Refusal", "Refusal", "Refusal"]
