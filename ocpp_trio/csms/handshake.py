"""What a CSMS reads out of an upgrade request.

Pure: identity from the path (OCPP-J 1.6 section 3.1.1), subprotocol (section 3.2).
"""

import re
from collections.abc import Container, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from ocpp_trio.link.limits import IDENTITY_LIMIT

_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def identity_of(path: str) -> str | None:
    """The charge point's identity: the last segment of the raw path, percent-decoded once.

    Split first and decode then, so that an encoded slash stays inside the identity; a plus sign is a plus
    sign. None if the segment is empty, badly escaped, not UTF-8, has control characters or more than 48
    characters.
    """
    segment = path.partition("?")[0].rpartition("/")[2]
    if not segment or _BROKEN_ESCAPE.search(segment):
        return None
    try:
        identity = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        return None
    return identity if len(identity) <= IDENTITY_LIMIT and identity.isprintable() else None


def choose_subprotocol(offered: Sequence[str], supported: Container[str]) -> str | None:
    """The first offered subprotocol that is supported: the client's order decides."""
    return next((name for name in offered if name in supported), None)
