"""HTTP Basic authentication as OCPP has it: a password is bytes, and never text (security profiles 1 and 2).

Pure: the value of an Authorization header, written and read.
"""

import base64
import binascii
from typing import Final

import attrs

CHALLENGE: Final = (b"WWW-Authenticate", b'Basic realm="OCPP"')
"""The header that goes with a 401 (RFC 7617 section 2)."""


@attrs.frozen
class BasicCredentials:
    """User and password as bytes; neither need be text."""

    user: bytes
    password: bytes = attrs.field(repr=False)


def basic_authorization(identity: str, password: bytes) -> bytes:
    """The header's value. Raises ValueError for an identity with a colon, which would end there."""
    if ":" in identity:
        raise ValueError(f"expected an identity without a colon together with a password, found {identity!r}")
    return b"Basic " + base64.b64encode(identity.encode() + b":" + password)


def read_basic(value: bytes) -> BasicCredentials | None:
    """What a header's value says, split at the first colon; None for one that is not of scheme Basic.

    Raises ValueError for what is broken; its message shows nothing of the value, which may be a secret.
    """
    scheme, _, encoded = value.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        raise ValueError("expected base64 in the Authorization header") from None
    user, colon, password = decoded.partition(b":")
    if not colon:
        raise ValueError("expected user:password in the Authorization header, found no colon")
    return BasicCredentials(user, password)
