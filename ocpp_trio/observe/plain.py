"""Text that may come from a peer, made fit for a line that people read."""

from typing import Final

SHOWN: Final = 500
"""Characters; a peer's action or message id may be as long as a whole message."""


def plain(text: str) -> str:
    """The text without anything that moves a cursor, begins a line or turns its direction, cut to a sane length."""
    shown = text[:SHOWN]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in shown)
    return shown if len(text) <= SHOWN else shown + "…"
