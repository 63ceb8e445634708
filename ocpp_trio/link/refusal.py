"""What a server says with its refusal, made fit for one line that people read.

Pure. Knows nothing of who refuses what.
"""

from collections.abc import Iterable
from typing import Final

SHOWN: Final = 200
"""Characters: a sentence or two, which is what whoever refuses a station has to say to it."""
KEPT: Final = 2048
"""Bytes that are waited for: enough for as many characters of any alphabet, with our own header in front of them."""
SECRET_LENGTH: Final = 8
"""Bytes of a secret at the least; what is shorter may be a word of any sentence."""


def explanation_of(body: bytes, *, secrets: Iterable[bytes] = ()) -> str:
    """The beginning of a body as printable text in one line; "" for one that says nothing.

    What is told here ends in logs: `secrets` that the body quotes are replaced by asterisks.
    """
    for secret in secrets:
        if len(secret) >= SECRET_LENGTH:
            body = body.replace(secret, b"***")
    words = " ".join(body.decode(errors="replace").split())
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words[:SHOWN])
    return shown if len(words) <= SHOWN else shown[:-1] + "…"
