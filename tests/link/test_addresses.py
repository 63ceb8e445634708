"""Which peers are counted as one."""

import pytest

from ocpp_trio.link.addresses import network_of


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.1:40000", "192.0.2.1"),
        ("::ffff:192.0.2.1:40000", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6:40000", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9:40000", "2001:db8:1:2::/64"),
        ("fe80::1%eth0:40000", "fe80::/64"),
        ("memory:1", "memory"),
        ("", ""),
        ("/run/socket", "/run/socket"),
    ],
)
def test_who_is_counted_as_one(peer: str, network: str) -> None:
    assert network_of(peer) == network
