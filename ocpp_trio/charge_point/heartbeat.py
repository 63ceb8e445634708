"""Heartbeats: at which instants one is due, and what becomes of those whose time passed.

Owns the interval, over all connections of a station.
"""

import math
from collections.abc import Callable
from typing import Any

import trio

from ocpp_trio.errors import CallFailed, ConnectionClosed, LocalProtocolError
from ocpp_trio.link.session import Session
from ocpp_trio.wire.message import Request


class Heartbeat:
    """A station's heart."""

    def __init__(self, new_request: Callable[[], Request[Any, Any]], interval: float) -> None:
        self._new_request = new_request
        self._interval = interval
        self._changed = trio.Event()
        self._changed_at = -math.inf

    @property
    def interval(self) -> float:
        """Seconds between two heartbeats; 0 or less for none."""
        return self._interval

    @interval.setter
    def interval(self, seconds: float) -> None:
        self._interval = seconds
        self._changed_at = trio.current_time()
        self._changed.set()
        self._changed = trio.Event()

    async def beat(self, session: Session, *, start: float, not_before: float) -> None:
        """Send heartbeats at `start` plus whole intervals, the first not before `not_before`.

        Ends with the connection. Those whose time passed unsent, because an answer was slow, are skipped. A
        new interval counts from the instant of the change.
        """
        last = start
        while True:
            interval = self._interval if self._interval > 0 else math.inf
            last = max(last, self._changed_at)
            due = max(last + interval, not_before)
            with trio.move_on_at(due) as wait:
                await self._changed.wait()
            if not wait.cancelled_caught:
                continue
            try:
                await session.call(self._new_request())
            except ConnectionClosed:
                return
            except (CallFailed, LocalProtocolError):
                # Counted by the instrument. A dead link is found by the keepalive; a registration that was
                # withdrawn meanwhile is somebody else's to mend.
                pass
            last = due + interval * math.floor((trio.current_time() - due) / interval)
