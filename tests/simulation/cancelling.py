"""Cancellation fuzz: whatever a user of the stack can cancel, at whatever step its tasks are, and what no user can.

Owns the scopes that are open in a world, by what runs in them, the faults that cancel one, and how long that may take.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from random import Random

import trio

from ocpp_trio.testing import Fault, Spread, Strike
from tests.simulation.inside import CSMS, Inside
from tests.simulation.oracle import AT_ONCE, Moment, Oracle

STEPS = (0, 300)
"""So many steps of any task lie between the fault and its doing: it hits every checkpoint there is, sooner or later."""
_CLOSES = ("station", "server")
_ENDS_AT_ONCE = ("caller", "handler", "session task", "drain")
FROM_INSIDE: Mapping[str, Spread] = {
    "cancelled inside": Spread(amount=STEPS),
    "cancelled inside the server": Spread(amount=STEPS),
}
"""The nursery of a task of a station or of its connection at the server; of one that is nobody's in particular."""
CANCELLATIONS: Mapping[str, Spread] = {
    **{f"cancelled {what}": Spread(amount=STEPS) for what in (*_CLOSES, *_ENDS_AT_ONCE)},
    **FROM_INSIDE,
}


class Cancelling:
    """The scopes of a world that somebody may cancel."""

    def __init__(self, rng: Random, oracle: Oracle, inside: Inside) -> None:
        self._rng = rng
        self._oracle = oracle
        self._inside = inside
        self._numbers = itertools.count()
        self._open: dict[str, dict[int, trio.CancelScope]] = {}
        self._cancelled: dict[trio.CancelScope, Moment] = {}
        self._struck_inside: dict[str, Moment] = {}
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
                if (cancelled := self._cancelled.pop(scope, None)) is not None:
                    self.judge_end(what, cancelled)

    def judge_end(self, what: str, cancelled: Moment) -> None:
        """Whoever was cancelled then ends now: the ends of the stack close what is open, everybody else just ends."""
        took = self._oracle.since(cancelled)
        if took > AT_ONCE + (2 * self._oracle.limits.close_timeout if what in _CLOSES else 0.0):
            self._oracle.violate("SLOW_STOP", f"a {what} ended {took:g} s after it was cancelled")

    def was_inside(self, owner: str) -> bool:
        """Whether somebody just meddled with the tasks of a station, or of the server, so that it may well end."""
        struck = self._struck_inside.get(owner)
        return struck is not None and self._oracle.since(struck) <= 2 * self._oracle.limits.close_timeout + AT_ONCE

    @property
    def table(self) -> Mapping[str, Strike]:
        """How each of `CANCELLATIONS` is done."""
        return {kind: partial(self._strike, kind.removeprefix("cancelled ")) for kind in CANCELLATIONS}

    def _strike(self, what: str, fault: Fault) -> None:
        def strike() -> None:
            self._waiting.remove(countdown)
            trio.lowlevel.remove_instrument(countdown)
            if f"cancelled {what}" in FROM_INSIDE:
                self._cancel_inside(fault.host if what == "inside" else CSMS)
            else:
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
            scope = self._rng.choice(scopes)
            self._cancelled.setdefault(scope, self._oracle.moment)
            scope.cancel()

    def _cancel_inside(self, owner: str) -> None:
        if self._inside.cancel_one(owner):
            self.struck += 1
            self._struck_inside[owner] = self._oracle.moment


class _Countdown(trio.abc.Instrument):
    """Do something before a step of the run that is so many steps away."""

    def __init__(self, steps: int, do: Callable[[], None]) -> None:
        self._steps = steps
        self._do = do

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._steps -= 1
        if self._steps < 0:
            self._do()
