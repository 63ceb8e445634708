"""From a CSMS's URL and an identity to what is dialled and asked for (OCPP-J 1.6 section 3.1.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_trio.charge_point.endpoint import endpoint_of
from ocpp_trio.csms.handshake import identity_of


@pytest.mark.parametrize(
    ("identity", "segment"),
    [
        ("CP001", "CP001"),
        ("RDAM 123", "RDAM%20123"),
        ("RDAM|123", "RDAM%7C123"),
        ("CP#1", "CP%231"),
        ("DE*ABC*E1", "DE%2AABC%2AE1"),
        ("50%", "50%25"),
        ("A+B", "A%2BB"),
        ("a/b", "a%2Fb"),
        ("Zürich-1", "Z%C3%BCrich-1"),
        ("tilde~1", "tilde~1"),
    ],
)
def test_the_identity_becomes_one_percent_encoded_segment(identity, segment):
    endpoint = endpoint_of("ws://csms.example/ocpp", identity)

    assert endpoint.resource == f"/ocpp/{segment}"
    assert identity_of(endpoint.resource) == identity


@given(identity=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=48).filter(str.isprintable))
def test_the_csms_reads_the_identity_that_was_configured(identity):
    endpoint = endpoint_of("ws://csms.example/ocpp?tenant=a/b", identity)

    assert identity_of(endpoint.resource) == identity


@pytest.mark.parametrize(
    ("url", "resource"),
    [
        ("ws://csms.example", "/CP-1"),
        ("ws://csms.example/", "/CP-1"),
        ("ws://csms.example/ocpp", "/ocpp/CP-1"),
        ("ws://csms.example/ocpp/", "/ocpp/CP-1"),
        ("ws://csms.example/a/b/c", "/a/b/c/CP-1"),
        ("ws://csms.example/ocpp?key=1&b=2", "/ocpp/CP-1?key=1&b=2"),
        ("ws://csms.example?key=1", "/CP-1?key=1"),
        ("ws://csms.example/%C3%BC", "/%C3%BC/CP-1"),
    ],
)
def test_the_identity_comes_after_the_path_and_before_the_query(url, resource):
    assert endpoint_of(url, "CP-1").resource == resource


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("ws://csms.example/ocpp", "csms.example", 80, "csms.example"),
        ("ws://csms.example:80/ocpp", "csms.example", 80, "csms.example"),
        ("ws://csms.example:9000/ocpp", "csms.example", 9000, "csms.example:9000"),
        ("WS://CSMS.example:9000/ocpp", "csms.example", 9000, "csms.example:9000"),
        ("ws://127.0.0.1:9000", "127.0.0.1", 9000, "127.0.0.1:9000"),
        ("ws://[::1]:9000/ocpp", "::1", 9000, "[::1]:9000"),
        ("ws://[::1]/ocpp", "::1", 80, "[::1]"),
        ("wss://csms.example/ocpp", "csms.example", 443, "csms.example"),
        ("wss://csms.example:443/ocpp", "csms.example", 443, "csms.example"),
        ("wss://csms.example:80/ocpp", "csms.example", 80, "csms.example:80"),
        ("ws://csms.example:443/ocpp", "csms.example", 443, "csms.example:443"),
    ],
)
def test_host_and_port_are_taken_from_the_url(url, host, port, authority):
    endpoint = endpoint_of(url, "CP-1")

    assert (endpoint.host, endpoint.port, endpoint.authority) == (host, port, authority)
    assert endpoint.tls is url.startswith("wss:")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "csms.example/ocpp",
        "http://csms.example/ocpp",
        "ws:///ocpp",
        "ws://csms.example:port/ocpp",
        "ws://csms.example:70000/ocpp",
        "ws://[::1/ocpp",
        "ws://csms.example/o cpp",
        "ws://csms.example/ö",
        "ws://csms.example/ocpp?a b",
        "ws://csms.example/ocpp#here",
        "ws://user:secret@csms.example/ocpp",
        "wss://user:secret@csms.example/ocpp",
        "wss:///ocpp",
        "wss://.example/ocpp",
        "wss://csms..example/ocpp",
        f"wss://{'a' * 64}.example/ocpp",
    ],
)
def test_what_is_no_url_of_a_csms_is_refused(url):
    with pytest.raises(ValueError):  # noqa: PT011  # the text is urllib's for some of them
        endpoint_of(url, "CP-1")


def test_a_password_in_the_url_does_not_appear_in_the_error():
    with pytest.raises(ValueError, match="no user name") as refused:
        endpoint_of("ws://user:secret@csms.example/ocpp", "CP-1")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("identity", ["", "x" * 49, "\ud800"])
def test_what_is_no_identity_is_refused(identity):
    with pytest.raises(ValueError):  # noqa: PT011  # the text is the codec's for the lone surrogate
        endpoint_of("ws://csms.example/ocpp", identity)


def test_an_identity_may_have_48_characters():
    assert endpoint_of("ws://csms.example", "x" * 48).resource == "/" + "x" * 48
