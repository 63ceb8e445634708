"""What must hold of how stations come back: one attempt at a time, not too soon, and not too often."""

from collections import deque
from collections.abc import Awaitable, Callable

import attrs
import trio

from ocpp_trio.testing import MemoryStream
from tests.simulation.oracle import AT_ONCE, SLOTS_AHEAD, Moment, Oracle
from tests.simulation.wire_oracle import WireOracle

WINDOW = 600.0
ATTEMPTS = 36
"""Within a window while never online: waits of 0.4 to 12.8 s and then of 24 s make 31; reboots may add some."""
DENIED_WAIT = 60.0
_DENIED = (401, 403)

Dial = Callable[[str, int], Awaitable[MemoryStream]]


@attrs.define
class _Comings:
    """A station's attempts since it was last online, and before when it was asked not to come."""

    attempts: deque[float] = attrs.Factory(deque)
    not_before: float = 0.0
    dialling: int = 0
    online: bool = False
    beat: Moment | None = None
    """When its last heartbeat was handed over, or since when it may send one."""


class DialOracle:
    """Judges the attempts of honest stations; `online` is how many of them are, over time."""

    def __init__(self, oracle: Oracle, wire: WireOracle, *, heartbeat: float) -> None:
        self._oracle = oracle
        self._wire = wire
        self._heartbeat = heartbeat
        self._comings: dict[str, _Comings] = {}
        self.online: list[tuple[float, int]] = []

    def dialling_as(self, name: str, dial: Dial) -> Dial:
        """A `dial` whose use is judged; for a station that has just begun to live, and knows of no refusal."""
        comings = self._comings[name] = _Comings()

        async def judged(host: str, port: int) -> MemoryStream:
            self._judge(name, comings)
            comings.dialling += 1
            try:
                return await dial(host, port)
            finally:
                comings.dialling -= 1

        return judged

    def _judge(self, name: str, comings: _Comings) -> None:
        now = trio.current_time()
        if comings.dialling:
            self._oracle.violate("TWO_DIALS", f"{name} dials while it dials")
        if now < comings.not_before - AT_ONCE:
            self._oracle.violate("BACK_TOO_SOON", f"{name} was asked to stay away until {comings.not_before:g} s")
        comings.attempts.append(now)
        while comings.attempts[0] < now - WINDOW:
            comings.attempts.popleft()
        if len(comings.attempts) > ATTEMPTS:
            self._oracle.violate("RECONNECT_STORM", f"{name} tried {len(comings.attempts)} times in {WINDOW:g} s")

    def refused(self, name: str, status: int) -> None:
        """A station was answered with this HTTP status."""
        wait = DENIED_WAIT if status in _DENIED else self._wire.retry_after(name)
        self._comings[name].not_before = trio.current_time() + wait

    def moved(self, name: str, *, online: bool) -> None:
        """A station's state has changed."""
        comings = self._comings[name]
        if comings.online != online:
            comings.online = online
            self.online.append((trio.current_time(), sum(one.online for one in self._comings.values())))
        if online:
            comings.attempts.clear()
        self._judge_heart(name, comings)
        comings.beat = self._oracle.moment if online else None

    def beat(self, name: str) -> None:
        """A station sends a heartbeat."""
        self._comings[name].beat = self._oracle.moment

    def audit(self) -> None:
        """Whoever is online sends heartbeats; to be called now and then."""
        for name, comings in self._comings.items():
            self._judge_heart(name, comings)

    def _judge_heart(self, name: str, comings: _Comings) -> None:
        silent = 0.0 if comings.beat is None else self._oracle.since(comings.beat)
        # One that is due waits for the slot, and those that became due meanwhile are skipped.
        if silent > 2 * self._heartbeat + SLOTS_AHEAD * self._oracle.limits.call_timeout:
            self._oracle.violate("HEART_STOPPED", f"{name} is online and has sent no heartbeat for {silent:g} s")
