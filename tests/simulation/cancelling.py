"""Cancellation fuzz: whatever a user of the stack can cancel, at whatever step its tasks are.

Owns the scopes that are open in a world, by what runs in them, and the faults that cancel one.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from random import Random

import trio

from ocpp_trio.testing import Fault, Spread, Strike

STEPS = (0, 300)
"""So many steps of any task lie between the fault and its doing: it hits every checkpoint there is, sooner or later."""
CANCELLATIONS: Mapping[str, Spread] = {
    f"cancelled {what}": Spread(amount=STEPS)
    for what in ("station", "server", "caller", "handler", "session task", "drain")
}


class Cancelling:
    """The scopes of a world that somebody may cancel."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._numbers = itertools.count()
        self._open: dict[str, dict[int, trio.CancelScope]] = {}
        self._waiting: list[_Countdown] = []
        self.struck = 0
        """Cancellations that found something to cancel."""

    @contextmanager
    def scope(self, what: str) -> Iterator[trio.CancelScope]:
        """A body that may be cancelled as one of these; whoever opens it goes on behind it."""
        scopes, number = self._open.setdefault(what, {}), next(self._numbers)
        with trio.CancelScope() as scope:
            scopes[number] = scope
            try:
                yield scope
            finally:
                del scopes[number]

    @property
    def table(self) -> Mapping[str, Strike]:
        """How each of `CANCELLATIONS` is done."""
        return {kind: partial(self._strike, kind.removeprefix("cancelled ")) for kind in CANCELLATIONS}

    def _strike(self, what: str, fault: Fault) -> None:
        def strike() -> None:
            self._waiting.remove(countdown)
            trio.lowlevel.remove_instrument(countdown)
            self._cancel_one(what)

        countdown = _Countdown(int(fault.amount), strike)
        self._waiting.append(countdown)
        trio.lowlevel.add_instrument(countdown)

    def calm(self) -> None:
        """Forget what is still to be cancelled."""
        for countdown in self._waiting:
            trio.lowlevel.remove_instrument(countdown)
        self._waiting.clear()

    def _cancel_one(self, what: str) -> None:
        scopes = list(self._open.get(what, {}).values())
        if scopes:
            self.struck += 1
            self._rng.choice(scopes).cancel()


class _Countdown(trio.abc.Instrument):
    """Do something before a step of the run that is so many steps away."""

    def __init__(self, steps: int, do: Callable[[], None]) -> None:
        self._steps = steps
        self._do = do

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._steps -= 1
        if self._steps < 0:
            self._do()
