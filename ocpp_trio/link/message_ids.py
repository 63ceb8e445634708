"""Message ids that no other connection of any process uses."""

import itertools
import secrets
from collections.abc import Callable
from typing import Final

PREFIX_BYTES: Final = 11
"""88 random bits, 22 hex digits, which leaves 13 of the 36 characters for the counter."""


def new_message_ids() -> Callable[[], str]:
    """A source of ids: a random prefix and a counter, at a twentieth of the price of a UUID.

    Ids must be unique over all connections of an identity, also across restarts (OCPP-J 1.6 section 4.1.4
    and its errata), so a bare counter will not do.
    """
    prefix = secrets.token_hex(PREFIX_BYTES)
    counter = itertools.count(1)
    return lambda: f"{prefix}-{next(counter)}"
