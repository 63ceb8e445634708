"""How long to wait before which attempt to connect, as frozen values.

Owns the arithmetic only: a policy yields delays in seconds from the random numbers it is given, and
knows neither clock nor connection.
"""

import math
from collections.abc import Iterator
from random import Random
from typing import Any, Final, Protocol

import attrs


class Backoff(Protocol):
    """A policy: `delays` yields the wait before attempt 1, 2, 3 … after a loss, without end."""

    def delays(self, rng: Random) -> Iterator[float]: ...


DOUBLINGS: Final = 64
"""Any wait doubled so often outlives its station; more could overflow a float."""


# A wait that may be negative, or stay 0, turns a reconnect into a flood: such values end here and not on the network.
def _positive(policy: object, field: "attrs.Attribute[Any]", value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{type(policy).__name__}.{field.name}: expected a positive number, found {value!r}")


def _not_negative(policy: object, field: "attrs.Attribute[Any]", value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f"{type(policy).__name__}.{field.name}: expected 0 or more, found {value!r}")


def _ratio(policy: object, field: "attrs.Attribute[Any]", value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{type(policy).__name__}.{field.name}: expected 0 to 1, found {value!r}")


def _doubling(first: float, maximum: float) -> Iterator[float]:
    """first, 2 first, 4 first … and maximum for ever; never computes a power, so it cannot overflow."""
    wait = float(min(first, maximum))
    while True:
        yield wait
        wait = min(wait * 2, maximum)


@attrs.frozen(kw_only=True)
class ExponentialBackoff:
    """Doubling waits, each times a random factor of `1 ± jitter`; never above `maximum`, jitter included.

    For single stations. A fleet that loses its CSMS at one moment comes back nearly at one moment with
    this: use `FleetBackoff` there.
    """

    initial: float = attrs.field(default=0.5, validator=_positive)
    maximum: float = attrs.field(default=30.0, validator=_positive)
    jitter: float = attrs.field(default=0.2, validator=_ratio)

    def delays(self, rng: Random) -> Iterator[float]:
        for wait in _doubling(self.initial, self.maximum):  # pragma: no branch  # endless
            yield min(wait * rng.uniform(1 - self.jitter, 1 + self.jitter), self.maximum)


@attrs.frozen(kw_only=True)
class FullJitterBackoff:
    """Waits uniform between `floor` and a doubling bound."""

    initial: float = attrs.field(default=1.0, validator=_positive)
    maximum: float = attrs.field(default=300.0, validator=_positive)
    floor: float = attrs.field(default=0.0, validator=_not_negative)

    def delays(self, rng: Random) -> Iterator[float]:
        for bound in _doubling(self.initial, self.maximum):  # pragma: no branch  # endless
            yield rng.uniform(min(self.floor, bound), bound)


@attrs.frozen(kw_only=True)
class FleetBackoff:
    """The first wait uniform over `window` seconds, later ones with full jitter.

    `window` is about the number of stations divided by the upgrades per second their CSMS can take. The later
    waits are spread over it as well, and then over twice as much: stations that found the CSMS still down
    would come back together otherwise.
    """

    window: float = attrs.field(default=60.0, validator=_positive)
    maximum: float = attrs.field(default=300.0, validator=_positive)
    floor: float = attrs.field(default=1.0, validator=_not_negative)

    def delays(self, rng: Random) -> Iterator[float]:
        yield rng.uniform(0, self.window)
        yield from FullJitterBackoff(initial=self.window, maximum=self.maximum, floor=self.floor).delays(rng)


@attrs.frozen(kw_only=True)
class Ocpp201Backoff:
    """The rule of OCPP 2.0.1 part 4 section 5.3, in its terms.

    `wait_minimum` (RetryBackOffWaitMinimum, s) doubles `repeat_times` (RetryBackOffRepeatTimes) times, and
    a new random part of up to `random_range` (RetryBackOffRandomRange, s) is added to each wait.
    """

    wait_minimum: float = attrs.field(default=10.0, validator=_positive)
    repeat_times: int = attrs.field(default=5, validator=_not_negative)
    random_range: float = attrs.field(default=10.0, validator=_not_negative)

    def delays(self, rng: Random) -> Iterator[float]:
        maximum = self.wait_minimum * 2.0 ** min(self.repeat_times, DOUBLINGS)
        for wait in _doubling(self.wait_minimum, maximum):  # pragma: no branch  # endless
            yield wait + rng.uniform(0, self.random_range)


@attrs.frozen(kw_only=True)
class ReconnectPolicy:
    """Everything about coming back; seconds throughout.

    `reset_after` is how long a session must have been online before the attempts count from 1 again:
    with 0 every time online does.
    """

    backoff: Backoff = attrs.Factory(ExponentialBackoff)
    reset_after: float = attrs.field(default=0.0, validator=_not_negative)
    denied_wait: float = attrs.field(default=60.0, validator=_not_negative)
    """The least wait after HTTP 401 or 403: the credentials will not get better by themselves."""
    boot_on_reconnect: bool = True
    """False follows OCPP 1.6 section 4.2 to the letter: registration survives the socket."""
    boot_retry: float = attrs.field(default=60.0, validator=_positive)
    """Wait before the next BootNotification where the CSMS named none."""
    resume_delay: float = attrs.field(default=0.25, validator=_not_negative)
    """From the boot reply until calls are allowed."""

    @classmethod
    def fleet(cls, window: float = 60.0) -> "ReconnectPolicy":
        """For many stations behind one CSMS: spread over `window` and reset only after a minute online."""
        return cls(backoff=FleetBackoff(window=window), reset_after=60.0)
