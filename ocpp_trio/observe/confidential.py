"""What of a frame nobody may read in a log.

Owns the judgement alone; who writes what, and where, is the instruments'.
"""

from typing import Final

from ocpp_trio.wire.frames import CallError, Frame

NOT_SHOWN: Final = "(not shown: it may hold a password)"


def may_hold_a_password(frame: Frame, action: str | None, text: str) -> bool:
    """Whether this could be, quote or repeat the AuthorizationKey that ChangeConfiguration sets (1.6 security white
    paper, A00): an error may quote it, and a backslash may spell its name in another way."""
    if action == "ChangeConfiguration" and (isinstance(frame, CallError) or "\\" in text):
        return True
    return "authorizationkey" in text.lower()
