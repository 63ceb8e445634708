"""Registration: when a BootNotification goes out and what its answer means (OCPP 1.6 section 4.2).

Owns the wait before the next one. What the CSMS asked us to wait belongs to the boot and not to the socket:
a station that was answered Pending or Rejected does not come back sooner by reconnecting.
"""

import logging
import math
from typing import Any

import trio

from ocpp_trio.errors import CallFailed, ConnectionClosed
from ocpp_trio.link.registration import ChargePointGate, Registration
from ocpp_trio.link.session import Session
from ocpp_trio.wire.message import Request

logger = logging.getLogger(__name__)


class Boot:
    """A station's registration, over all its connections."""

    def __init__(self, request: Request[Any, Any], *, retry: float) -> None:
        self.gate = ChargePointGate(type(request).action)
        self._request = request
        self._retry = retry
        self._wait = retry
        self._not_before = -math.inf
        self._triggered = trio.Event()

    @property
    def registered(self) -> bool:
        """Whether the last answer was Accepted."""
        return self.gate.registration is Registration.ACCEPTED

    def now(self) -> None:
        """Send the next BootNotification without waiting for its time; while one is in flight, right after it."""
        self._triggered.set()

    def forget(self) -> None:
        """The station itself starts anew: nothing that was said before counts."""
        self.gate.reset()
        self._forget_wait()

    def _forget_wait(self) -> None:
        self._wait, self._not_before = self._retry, -math.inf

    async def register(self, session: Session) -> float:
        """Send BootNotifications until Accepted; the interval that came with it, 0 where there was none.

        Raises ConnectionClosed.
        """
        due = self._not_before
        while True:
            await self._wait_until(due)
            interval = await self._send(session)
            if interval is not None and self.registered:
                self._forget_wait()
                return interval
            due = trio.current_time() + self._wait
            if interval is not None:
                self._not_before = due

    async def _wait_until(self, due: float) -> None:
        if due > trio.current_time():
            with trio.move_on_at(due):
                await self._triggered.wait()
        self._triggered = trio.Event()  # used up, also by a boot that was due anyway

    async def _send(self, session: Session) -> float | None:
        """The interval of the response, or None where there was none to speak of: then the last wait applies again."""
        try:
            response: Any = await session.call(self._request)
        except ConnectionClosed:
            raise
        except CallFailed as failure:
            logger.warning("%a: not registered, next try in %g s: %a", session.identity, self._wait, str(failure))
            return None
        self._wait = response.interval if response.interval > 0 else self._retry
        if not self.registered:
            status = self.gate.registration.value
            logger.warning("%a: registration is %s, next try in %g s", session.identity, status, self._wait)
        return max(0.0, float(response.interval))
