"""What an evil peer does, and which ends of it are right.

Pure values. A generator makes one from a `Random` of its own, so that a number names it.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, TypeVar

import attrs

SILENCE: Final = "silence"
RESULT: Final = "result"
NO_CODE: Final = 1005
"""A close frame without a code (RFC 6455 section 7.1.5)."""
NO_CLOSE_FRAME: Final = 1006
"""TCP ended without a close frame (RFC 6455 section 7.1.5)."""
SECRET: Final = "pa55-w0rd-of-the-fuzz"
"""In every place that may carry a password; no line of any log may show it, in whatever spelling."""


@attrs.frozen(kw_only=True)
class Case:
    """Bytes on an open connection, and what may come of them.

    Afterwards the connection either answers a probe (`stays`) or ends with one of `codes`. `answers` tells for
    each message id what may answer it; no other id may be answered. None: anything may be answered.
    """

    kind: str
    pieces: tuple[bytes, ...]
    stays: bool = True
    codes: frozenset[int] = frozenset()
    answers: Mapping[str, frozenset[str]] | None = attrs.Factory(dict)
    pongs: tuple[bytes, ...] = ()
    may_wait: bool = False
    """More may have been announced than came: silence is right until this peer ends its direction."""
    cut: bool = False
    """This peer ends its direction behind the pieces, and sends no probe."""

    @property
    def mild(self) -> bool:
        """Whether others may be said in the same breath: what comes of it is certain, and it ends nothing."""
        return self.stays and not self.codes and self.answers is not None and not self.pongs

    @classmethod
    def together(cls, cases: Sequence["Case"]) -> "Case":
        """Mild cases as one, in one piece."""
        answers = {i: allowed for case in cases for i, allowed in (case.answers or {}).items()}
        pieces = (b"".join(piece for case in cases for piece in case.pieces),)
        return cls(kind=" + ".join(case.kind for case in cases), pieces=pieces, answers=answers)


@attrs.frozen(kw_only=True)
class Upgrade:
    """Bytes on a connection that is no WebSocket yet, and the HTTP statuses that may answer them.

    101 means a session that answers a probe, or without an agreed subprotocol a close with 1002.
    """

    kind: str
    pieces: tuple[bytes, ...]
    statuses: frozenset[int]
    dropped: bool = False
    """The connection may also end without an answer."""
    session: bool = True
    """Where a 101 came, a probe may be answered: else the connection has to end."""
    cut: bool = False


@attrs.frozen(kw_only=True)
class Reply:
    """Bytes instead of an answer to an upgrade request. `right` says what the station makes of them."""

    kind: str
    pieces: tuple[bytes, ...]
    right: frozenset[str]
    """TAKEN: the station speaks OCPP; REFUSED: it lets go."""
    cut: bool = False


TAKEN: Final = "taken"
REFUSED: Final = "refused"

MadeT = TypeVar("MadeT")


def chosen(kinds: Mapping[str, Callable[..., MadeT]], rng: Random, *args: object) -> MadeT:
    """One kind at random, and one of that kind."""
    name = rng.choice(tuple(kinds))
    return kinds[name](rng, *args)


def sliced(data: bytes, rng: Random, most: int = 5) -> tuple[bytes, ...]:
    """The same bytes in up to so many pieces."""
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(most)))
    return tuple(data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if start < end)


def mutated(data: bytes, rng: Random) -> bytes:
    """The same bytes with a few of them changed, left out, doubled or put elsewhere."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del changed[at : at + rng.randint(1, 8)]
            case 2:
                changed[at:at] = changed[at : at + rng.randint(1, 8)]
            case _:
                changed[at:at] = rng.randbytes(rng.randint(1, 8))
    return bytes(changed)
