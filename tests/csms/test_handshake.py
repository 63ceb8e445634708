"""Identity from the raw path, and the choice of a subprotocol."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.csms.handshake import choose_subprotocol, identity_of


@pytest.mark.parametrize(
    ("segment", "identity"),
    [
        ("CP001", "CP001"),
        ("RDAM%20123", "RDAM 123"),
        ("RDAM%7C123", "RDAM|123"),
        ("CP%231", "CP#1"),
        ("DE%2AABC%2AE1", "DE*ABC*E1"),
        ("DE*ABC*E1", "DE*ABC*E1"),
        ("50%25", "50%"),
        ("A%2BB", "A+B"),
        ("a%2Fb", "a/b"),
        ("Z%C3%BCrich-1", "Zürich-1"),
        ("tilde~1", "tilde~1"),
    ],
)
@pytest.mark.parametrize("endpoint", ["/", "/ocpp/", "/deep/er/ocpp16/", "//"])
def test_identity_is_the_last_segment_decoded(endpoint, segment, identity):
    assert identity_of(endpoint + segment) == identity


@pytest.mark.parametrize("path", ["/Z%c3%bcrich-1", "/Z%C3%bcrich-1"])
def test_hexadecimal_digits_may_be_of_either_case(path):
    assert identity_of(path) == "Zürich-1"


def test_plus_is_a_plus_sign():
    assert identity_of("/A+B") == "A+B"


def test_encoded_slash_stays_inside_the_identity():
    assert identity_of("/ocpp/a%2Fb") == "a/b"
    assert identity_of("/ocpp%2Fa") == "ocpp/a"


def test_decoding_happens_once():
    assert identity_of("/a%252Fb") == "a%2Fb"


@pytest.mark.parametrize("query", ["?", "?token=1", "?next=/CP-2", "?a=%ZZ", "?a?b"])
def test_query_is_no_part_of_the_identity(query):
    assert identity_of("/ocpp/CP-1" + query) == "CP-1"


def test_encoded_question_mark_belongs_to_the_identity():
    assert identity_of("/CP%3F1") == "CP?1"


@pytest.mark.parametrize("path", ["", "/", "/ocpp/", "/CP-1/", "/?CP-1", "/CP-1/?x=1"])
def test_empty_last_segment_is_no_identity(path):
    assert identity_of(path) is None


@pytest.mark.parametrize("segment", ["%", "50%", "%4", "%ZZ", "%4G", "CP%%1", "%u0041", "CP-1%2"])
def test_broken_escape_is_no_identity(segment):
    assert identity_of("/ocpp/" + segment) is None


@pytest.mark.parametrize(
    "segment",
    [
        "%FF",
        "%C3",
        "Z%FCrich",
        "%C0%AF",
        "%E0%80%AF",
        "%ED%A0%80",
        "%F4%90%80%80",
        "ok%80",
    ],
    ids=[
        "no_utf8",
        "cut_short",
        "latin_1",
        "overlong_slash",
        "overlong_slash_of_three",
        "surrogate",
        "beyond_unicode",
        "stray_continuation",
    ],
)
def test_utf8_is_taken_strictly(segment):
    assert identity_of("/ocpp/" + segment) is None


@pytest.mark.parametrize("escape", ["%00", "%0A", "%0D%0A", "%1B%5B2J", "%7F", "%C2%9B", "%E2%80%AE"])
def test_control_characters_are_no_identity(escape):
    assert identity_of(f"/ocpp/CP-1{escape}") is None


def test_case_is_kept():
    assert identity_of("/cp-1") != identity_of("/CP-1")


@given(st.text(min_size=1, max_size=48).filter(str.isprintable))
def test_identity_survives_the_way_there(identity):
    segment = quote(identity, safe="")

    assert identity_of(f"/ocpp/{segment}?x=/y") == identity


@given(st.text(alphabet=string.printable))
def test_no_path_is_a_surprise(path):
    identity = identity_of(path)

    assert identity is None or identity


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["ocpp1.6"], "ocpp1.6"),
        (["ocpp2.0.1", "ocpp1.6"], "ocpp2.0.1"),
        (["ocpp1.6", "ocpp2.0.1"], "ocpp1.6"),
        (["ocpp2.1", "ocpp1.5", "ocpp1.6"], "ocpp1.6"),
        (["ocpp1.6", "ocpp1.6"], "ocpp1.6"),
        (["OCPP1.6"], None),
        (["ocpp1.60", "ocpp1"], None),
        ([], None),
    ],
)
def test_first_subprotocol_that_the_client_offers_and_we_speak_is_chosen(offered, chosen):
    supported = {"ocpp2.0.1": object(), "ocpp1.6": object()}

    assert choose_subprotocol(offered, supported) == chosen


@pytest.mark.parametrize("path", ["/a%0D%0AX", "/%1B", "/a%7F", "/%E2%80%AE"])
def test_identity_with_control_characters_is_none(path):
    assert identity_of(path) is None
