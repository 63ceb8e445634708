"""Text of a peer, made fit for a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.observe.plain import SHOWN, plain


@pytest.mark.parametrize("text", ["", "CP-1", "Zürich-1", "站点", 'it\'s "fine" \\ here', "a b"])
def test_printable_text_stays_as_it_is(text):
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("a\r\tb", r"a\r\tb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x00\x7f\x9b", r"\x00\x7f\x9b"),
        ("\u202eevil", r"\u202eevil"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_would_do_something_is_escaped(text, shown):
    assert plain(text) == shown


def test_long_text_is_cut_and_says_so():
    assert plain("x" * SHOWN) == "x" * SHOWN
    assert plain("x" * (SHOWN + 1)) == "x" * SHOWN + "…"


@given(st.text(st.characters(), max_size=SHOWN))
def test_no_text_gets_through_that_would_do_something(text):
    assert plain(text).isprintable()
    assert plain(plain(text)) == plain(text)
