"""An energy meter: power times time on trio's clock.

Owns the register. It counts whole watt-seconds, so that reading it often loses nothing.
"""

import trio

_SECONDS_PER_HOUR = 3600


class Meter:
    """A register in Wh that never goes down, and the power in W that feeds it now."""

    def __init__(self, register: int = 0) -> None:
        self._watt_seconds = register * _SECONDS_PER_HOUR
        self._power = 0
        self._since = 0.0

    @property
    def power(self) -> int:
        """The power that flows at this moment, in W."""
        return self._power

    @property
    def register(self) -> int:
        """All the energy that has flowed up to this moment, in whole Wh."""
        return self._total() // _SECONDS_PER_HOUR

    def feed(self, power: int) -> None:
        """Let this power flow from now on; 0 stops. Raises ValueError for a negative power."""
        if power < 0:
            raise ValueError(f"expected a power of 0 W or more, found {power!r}")
        self._watt_seconds = self._total()
        self._power = power
        self._since = trio.current_time() if power else 0.0

    def _total(self) -> int:
        if not self._power:
            return self._watt_seconds
        # Rounded, because differences of the clock's floats are off in the last digit.
        return self._watt_seconds + round(self._power * (trio.current_time() - self._since))
