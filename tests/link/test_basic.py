"""The Authorization header, written and read as bytes (OCPP-J 1.6 security profiles 1 and 2)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.link.basic import BasicCredentials, basic_authorization, read_basic

WORKED = [
    ("AL1000", "0001020304050607FF00FF00FF00FF00AABBCCDD", b"Basic QUwxMDAwOgABAgMEBQYH/wD/AP8A/wCqu8zd"),
    ("CP-0042", "4142434445464748494A4B4C4D4E4F50", b"Basic Q1AtMDA0MjpBQkNERUZHSElKS0xNTk9Q"),
    ("CP-0042", "00112233445566778899AABBCCDDEEFF01234567", b"Basic Q1AtMDA0MjoAESIzRFVmd4iZqrvM3e7/ASNFZw=="),
]


@pytest.mark.parametrize(("identity", "key", "value"), WORKED)
def test_the_worked_values(identity, key, value):
    assert basic_authorization(identity, bytes.fromhex(key)) == value
    assert read_basic(value) == BasicCredentials(identity.encode(), bytes.fromhex(key))


@given(
    identity=st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])),
    password=st.binary(max_size=40),
)
def test_every_password_comes_through(identity, password):
    found = read_basic(basic_authorization(identity, password))

    assert found == BasicCredentials(identity.encode(), password)


def test_the_first_colon_ends_the_user():
    assert read_basic(b"Basic " + base64.b64encode(b"CP-1::a:\x00\xff")) == BasicCredentials(b"CP-1", b":a:\x00\xff")


def test_an_identity_with_a_colon_goes_with_no_password():
    with pytest.raises(ValueError, match="expected an identity without a colon together with a password, found 'a:b'"):
        basic_authorization("a:b", b"secret")


@pytest.mark.parametrize("value", [b"basic Q1A6cA==", b"BASIC  Q1A6cA==", b"  Basic Q1A6cA==  "])
def test_scheme_and_spaces_are_read_with_tolerance(value):
    assert read_basic(value) == BasicCredentials(b"CP", b"p")


@pytest.mark.parametrize("value", [b"Bearer Q1A6cA==", b"", b"Digest username=x"])
def test_another_scheme_is_none_of_ours(value):
    assert read_basic(value) is None


@pytest.mark.parametrize(
    "value", [b"Basic", b"Basic c2VjcmV0", b"Basic c2VjcmV0!", b"Basic c2VjcmV0OmE", b"Basic \xff"]
)
def test_a_broken_header_is_told_without_its_secret(value):
    with pytest.raises(ValueError, match="in the Authorization header") as wrong:
        read_basic(value)

    assert "c2Vj" not in str(wrong.value)
    assert "secret" not in str(wrong.value)


@given(value=st.binary(max_size=60))
def test_any_bytes_are_credentials_or_nothing_or_wrong(value):
    try:
        found = read_basic(b"Basic " + value)
    except ValueError:
        return
    assert found is None or isinstance(found, BasicCredentials)


def test_a_password_is_not_shown():
    assert "secret" not in repr(BasicCredentials(b"CP-1", b"secret"))
