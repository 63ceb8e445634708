"""Every bound of one connection, as one frozen value."""

from typing import Final

import attrs

IDENTITY_LIMIT: Final = 48
"""Characters of a charge point's identity, at both ends; 1.6 states no limit, this is that of 2.x."""


@attrs.frozen(kw_only=True)
class Limits:
    """Bounds of a connection; seconds are of trio's clock, sizes in bytes, the rest are counts.

    The defaults suit a CSMS on the open internet and a station on a mobile network alike. Raise
    `outstanding_calls` only for a peer known to accept more than the one unanswered CALL per direction
    of OCPP-J 1.6 section 4.1.1.
    """

    message_size: int = 256 * 1024
    frames_per_message: int = 1024
    """Fragments of one message; empty ones are free for the sender, so the size alone is no bound."""

    inbox: int = 8
    """Received CALLs that wait for a handler. A peer that keeps the one-CALL rule never has two."""
    handlers: int = 1
    """Handlers of one session that run at the same time; 1 keeps the order of the peer's CALLs."""
    refusals: int = 8
    """CALLERRORs on their way out for CALLs that no handler will see; one more closes with 1008."""
    afterthoughts: int = 8
    """`router.after` continuations of one session that run or are due; a CALL with one more is refused."""
    bad_frames: int = 10
    """Unreadable frames in a row before the connection is closed with 1008."""

    outstanding_calls: int = 1
    call_timeout: float = 30.0
    handler_deadline: float = 25.0
    """Below the call timeout of common peers, so that they get an answer instead of silence."""

    handshake_deadline: float = 10.0
    pending_handshakes: int = 256
    """Connections of one server that are not upgraded yet; the next one is answered 503."""
    upgrades_per_second: float = 100.0
    """Connections of one server that may come in per second in the long run; `math.inf` counts none."""
    upgrade_burst: int = 256
    """How many of them at once; the next one is answered 503 with a Retry-After, before it is read."""
    ping_interval: float = 30.0
    """Seconds between WebSocket pings; `math.inf` sends none."""
    pong_deadline: float = 20.0
    write_timeout: float = 10.0
    close_timeout: float = 3.0
    tcp_user_timeout: float = 30.0
    """How long the kernel keeps unacknowledged data before it gives the connection up."""

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(type(self)):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"Limits.{field.name}: expected a positive number, found {value!r}")
