"""How a date-time is read: RFC 3339 and nothing else, with any number of digits of a second and any offset.

A datetime holds six digits, to which more are rounded, and no leap second: `23:59:60` is refused.

Owns the one verdict that both halves of the codec ask for, so that they cannot disagree.
"""

import json
from datetime import datetime
from typing import Annotated, Final

import msgspec

_decode: Final = msgspec.json.Decoder(Annotated[datetime, msgspec.Meta(tz=True)]).decode
_COLON: Final = ord(":")


def read_moment(raw: bytes | msgspec.Raw) -> datetime:
    """A date-time as it stands in JSON text, quotes included.

    msgspec alone is not strict enough: it takes a space for the `T`, and an offset without its colon. A text
    with escapes in it may be refused here; the codec's slow half spells it out and asks again.

    Raises ValueError.
    """
    moment: datetime = _decode(raw)
    text = bytes(raw)  # 22 of them at least, now that it is known to be a date-time
    if text[11] in b"Tt" and (text[-2] in b"Zz" or text[-4] == _COLON):
        return moment
    raise ValueError(f"expected a date-time of RFC 3339, found {text!r}")


def moment_of(text: str) -> datetime | None:
    """A date-time as text; None if it is none."""
    try:
        return read_moment(json.dumps(text).encode())
    except ValueError:  # which msgspec's own are too
        return None
