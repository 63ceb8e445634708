"""What an upgrade request shows for its identity: password, certificate, TLS.

Pure. Judges nothing but whether the request contradicts itself.
"""

import hmac

from ocpp_trio.csms.authentication import Credentials
from ocpp_trio.link.basic import BasicCredentials, read_basic
from ocpp_trio.link.handshake import Upgrade
from ocpp_trio.link.instrument import Link


def credentials_of(upgrade: Upgrade, link: Link) -> Credentials:
    """What the authenticator is asked about, with no password out of a header that is broken or somebody else's.

    A peer that shows a certificate needs no header, and a bad one is as good as none (security profile 3).
    """
    basic, defect = None, None
    try:
        basic = _basic_of(upgrade)
        if basic is not None and not hmac.compare_digest(basic.user, link.identity.encode()):
            raise ValueError("expected the identity of the path as user name")
    except ValueError as wrong:
        basic, defect = None, str(wrong) if upgrade.certificate is None else None
    return Credentials(
        identity=link.identity,
        path=upgrade.path,
        subprotocols=upgrade.subprotocols,
        headers=upgrade.headers,
        peer=link.peer,
        password=None if basic is None else basic.password,
        certificate=upgrade.certificate,
        tls=upgrade.tls,
        defect=defect,
    )


def _basic_of(upgrade: Upgrade) -> BasicCredentials | None:
    values = [value for name, value in upgrade.headers if name == b"authorization"]
    if len(values) > 1:
        raise ValueError(f"expected one Authorization header, found {len(values)}")
    return read_basic(values[0]) if values else None
