"""The seam for streams that carry whole messages beside their bytes, as a memory stream in a test may.

The upgrade, pings and the close stay WebSocket; only messages go without frames. Owns nothing. Must not know who
implements either side.
"""

from typing import Protocol, runtime_checkable


class TextSink(Protocol):
    """Where a stream puts the messages that arrive."""

    def take_at_once(self, text: str) -> bool:
        """Take a message that has arrived past the task that reads the bytes; whether it did.

        Not before they have said that the connection is open, nor while several messages wait to be taken.
        """

    def put_text(self, text: str) -> None:
        """Take a message that the task that reads the bytes passes on. Never waits."""

    async def wait_room(self) -> None:
        """Wait until whoever takes the messages has kept up; whoever reads the bytes calls this before a put."""


@runtime_checkable
class TextStream(Protocol):
    """What such a stream can do besides being a trio.abc.Stream. Both ends of a connection can, or none."""

    def deliver_texts_to(self, sink: TextSink) -> None:
        """Put what arrives there; called once, before anything is read."""

    def takes_at_once(self, text: str) -> bool:
        """Whether there is room for it, and the connection not over."""

    def send_text_nowait(self, text: str) -> None:
        """Send a message that it takes at once, whole and in order with the bytes.

        It is lost like any other if the connection has ended since, as far as this end could know.
        """

    async def send_text(self, text: str) -> None:
        """The same, and wait for the room. Cancelling may leave it sent. Raises what `send_all` raises."""
