"""Whom a peer's address stands for, where peers are counted.

Pure.
"""

import ipaddress


def network_of(peer: str) -> str:
    """Who is counted as one: the host of `host:port`, and for IPv6 the /64, of which anybody may have a whole one."""
    host = peer.rpartition(":")[0] or peer
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:  # a listener for both families sees IPv4 peers like this
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))
