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

    What that makes of a peer at a CSMS, in memory of this process (without the kernel's buffers and TLS):

    - Before it is authenticated: 64 KiB and 2 tasks, for the handshake deadline and a close timeout at most. There
      are at most `pending_handshakes` of these, `pending_handshakes_per_address` of one address, and as many again
      that are being turned away, each with 16 KiB and 1 task for a second. A request may have 16 KiB.
    - As a session that is idle: 96 KiB and 7 tasks, one more for a session task.
    - As a session that its peer fills as full as it can: (inbox + handlers + 16) messages of the largest size on top,
      and up to `refusals` tasks; 6.5 MiB with these defaults. What handlers make of a message comes on top of that.
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
    """Connections of one server that are not upgraded yet. The next one takes the place of the oldest that has
    sent no whole request, of the address that has most of them; where there is none, it is answered 503."""
    pending_handshakes_per_address: int = 64
    """How many of them may be of one address (IPv6: of one /64); one more is answered 503.

    More than a site behind a NAT needs: its stations share the burst, and a handshake takes them a second or two.
    Behind a proxy that hides addresses, let it be `pending_handshakes`.
    """
    upgrades_per_second: float = 100.0
    """Connections of one server that may come in per second in the long run; `math.inf` lets all in.

    An upgrade costs about a millisecond and what follows it a few more: a hundred leave most of a core to the
    stations that are there already, and bring 6,000 back in a minute.
    """
    upgrade_burst: int = 256
    """How many of them may come at once, as many as may be pending. The next one is answered 503 with a
    Retry-After before a byte of it is read.

    The last half of them is kept for addresses that came at most 16 times in a row, or once a second: one alone that
    comes more often keeps nobody out. To it, the burst is half as large.
    """
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
