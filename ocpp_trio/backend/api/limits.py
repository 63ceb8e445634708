"""Every bound of the operator API, as one frozen value."""

import attrs


@attrs.frozen(kw_only=True)
class ApiLimits:
    """Bounds of the API; seconds are of trio's clock, sizes in bytes, the rest are counts.

    The first group is kept by `serve_api`, the second by the app, whoever serves it.
    """

    connections: int = 2048
    """Connections at the same time; the next one is dropped."""
    head_size: int = 16 * 1024
    head_deadline: float = 10.0
    """For the head of a connection's first request; a client that sends slowly gets no second chance."""
    idle: float = 60.0
    """Between the requests of one connection, each with its head."""
    write_timeout: float = 10.0
    close_timeout: float = 3.0
    ping_interval: float = 30.0
    """Between the pings to a feed's client."""
    pong_deadline: float = 20.0
    """How much longer than that a feed's client may be silent."""
    tcp_user_timeout: float = 30.0

    body_size: int = 256 * 1024
    body_deadline: float = 10.0
    call_deadline: float = 60.0
    """For a call to a station, the wait for its turn included."""
    page: int = 1000
    """Entries of a list in one answer."""
    feed_queue: int = 4096
    """Events that a feed's client may ask to have kept for it."""
    feed_wants: int = 1000
    """Pairs of topic and station that one client may subscribe to."""
    feed_message_size: int = 64 * 1024
    feed_burst: int = 20
    """Messages that a feed's client may send at once; beyond it, `feed_rate` a second."""
    feed_rate: float = 5.0
    snapshot_part: int = 500
    """Entries of a snapshot in one message."""

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(type(self)):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"ApiLimits.{field.name}: expected a positive number, found {value!r}")
