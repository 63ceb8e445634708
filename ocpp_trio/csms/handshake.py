"""What a CSMS reads out of an upgrade request, and how it may refuse it.

Pure: identity from the path (OCPP-J 1.6 section 3.1.1), subprotocol (section 3.2), and the values that
the admission hook sees and returns.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

import attrs

from ocpp_trio.link.limits import IDENTITY_LIMIT
from ocpp_trio.link.transport import Headers

_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@attrs.frozen(kw_only=True)
class Handshake:
    """An upgrade request as the admission hook sees it."""

    identity: str
    path: str
    subprotocols: tuple[str, ...]
    headers: Headers
    peer: str


def _as_tuple(headers: Headers) -> Headers:
    return tuple(headers)


@attrs.frozen
class Refusal:
    """An HTTP answer instead of the upgrade: 401, 403, 404, 503 …

    `detail` becomes the body, for people to read; `headers` are pairs of bytes. Raises ValueError for what
    HTTP cannot carry.
    """

    status: int = attrs.field()
    detail: str = ""
    headers: Headers = attrs.field(default=(), converter=_as_tuple, kw_only=True)

    @status.validator
    def _check_status(self, attribute: object, status: int) -> None:
        if not 300 <= status <= 599:
            raise ValueError(f"Refusal.status: expected an HTTP status of 300 to 599, found {status!r}")

    @headers.validator
    def _check_headers(self, attribute: object, headers: Headers) -> None:
        for header in headers:
            if type(header) is not tuple or [type(part) for part in header] != [bytes, bytes]:
                raise ValueError(f"Refusal.headers: expected pairs of bytes, found {header!r}")


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


def choose_subprotocol(offered: Sequence[str], supported: Mapping[str, object]) -> str | None:
    """The first offered subprotocol that is supported: the client's order decides."""
    return next((name for name in offered if name in supported), None)
