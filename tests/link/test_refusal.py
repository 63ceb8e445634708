"""The words of a refusal, as far as they are fit to be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.link.refusal import SHOWN, explanation_of


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b" \r\n\t ", ""),
        (b"wrong identity or password\n", "wrong identity or password"),
        (b"two\r\n\r\n  lines", "two lines"),
        ("für später".encode(), "für später"),
        (b"\x1b[31mred\x07 \x00", "\ufffd[31mred\ufffd \ufffd"),
        ("turned \u202e round".encode(), "turned \ufffd round"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * SHOWN, "x" * SHOWN),
        (b"x" * (SHOWN + 1), "x" * (SHOWN - 1) + "…"),
    ],
)
def test_what_is_shown_of_a_body(body: bytes, shown: str):
    assert explanation_of(body) == shown


@given(st.binary(max_size=2048))
def test_whatever_comes_is_one_printable_line_of_bounded_length(body: bytes):
    shown = explanation_of(body)

    assert shown.isprintable()
    assert len(shown) <= SHOWN


def test_a_secret_is_replaced_wherever_it_stands():
    assert explanation_of(b"got c2VjcmV0cw== and c2VjcmV0cw==", secrets=[b"c2VjcmV0cw=="]) == "got *** and ***"


def test_a_secret_as_short_as_a_word_is_not_looked_for():
    assert explanation_of(b"no such token", secrets=[b"token", b""]) == "no such token"
