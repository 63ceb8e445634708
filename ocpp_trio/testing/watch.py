"""Nothing may wait for ever: an instrument of trio that sees when a run is stuck, and ends it.

Owns the verdict. Also digests the order in which tasks run, for whoever compares two runs.
"""

import math
from hashlib import sha256
from typing import Any, Final

import attrs
import outcome
import trio

from ocpp_trio.testing.task_tree import leaves, task_tree

STEPS_PER_INSTANT: Final = 300_000
"""A thousand stations that do something at the same instant stay below a tenth of this."""
IDLE_TURNS: Final = 20
"""Turns of trio's loop without a task to run; a jump of the clock takes one."""


class Stuck(AssertionError):
    """A run that would not have ended. `tree` says what every task was waiting for."""

    def __init__(self, message: str, tree: str = "") -> None:
        super().__init__(f"{message}\n{tree}" if tree else message)
        self.tree = tree


class Deadlock(Stuck):
    """Every task waits, and no deadline will ever wake one."""


class Livelock(Stuck):
    """Tasks run and run, and virtual time stands still."""


class Hang(Stuck):
    """Something took longer than its bound in virtual time."""


@attrs.define(eq=False)
class Watch(trio.abc.Instrument):
    """Watch the run whose task `begin` is called in; for runs under a MockClock with autojump only.

    A deadlock, a livelock and the end of its time cancel the scope given to `begin`, and `verdict` says why. If a
    shield keeps it from ending all the same, the verdict is raised in the tasks that wait.
    """

    steps_per_instant: int = STEPS_PER_INSTANT
    verdict: Stuck | None = None
    steps: int = 0
    _scope: trio.CancelScope | None = None
    _root: trio.lowlevel.Task | None = None
    _numbers: dict[trio.lowlevel.Task, int] = attrs.Factory(dict)
    _spawned: int = 0
    _batch: list[int] = attrs.Factory(list)
    _now: float = -math.inf
    _steps_now: int = 0
    _idle_turns: int = 0
    _what: str = ""
    _seconds: float = math.inf
    _until: float = math.inf
    _schedule: Any = attrs.Factory(sha256)
    _turn_began: float = 0.0
    _stalled: float = 0.0

    @property
    def stalled(self) -> float:
        """Seconds so far that passed while tasks ran, as on a computer that is busy; to be asked inside the run.

        Nothing that is due within them can happen in time, so whoever judges a deadline takes them off.
        """
        return self._stalled + trio.current_time() - self._turn_began

    @property
    def schedule(self) -> str:
        """A digest of which task ran when, by the order of their birth."""
        return str(self._schedule.hexdigest())

    def begin(self, scope: trio.CancelScope, *, seconds: float = math.inf, what: str = "the run") -> None:
        """Watch the current task and its children from here on, for so many seconds at most.

        The bound is no deadline of trio's: with one there would always be something left to wait for.
        """
        self._scope = scope
        self._root = trio.lowlevel.current_task()
        self._what, self._seconds, self._until = what, seconds, trio.current_time() + seconds

    def end(self) -> None:
        """Watch no more: what is left is trio's own cleaning up."""
        if self._scope is not None and trio.current_time() > self._until:
            self._rule_hang()
        self._scope = self._root = None

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self._spawned += 1
        self._numbers[task] = self._spawned

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        self._numbers.pop(task, None)

    def after_io_wait(self, timeout: float) -> None:
        # The clock jumps to the next deadline before this, and never between this and the tasks. Those whose deadline
        # is beyond the bound are still to be seen where they wait.
        self._turn_began = trio.current_time()
        if self._scope is not None and self._turn_began > self._until:
            self._rule_hang()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._batch.append(self._numbers.get(task, 0))

    def before_io_wait(self, timeout: float) -> None:
        if self._batch:
            self._note_batch()
            self._idle_turns = 0
        elif self._scope is not None:
            self._idle_turns += 1
            if self._idle_turns == IDLE_TURNS:
                self._idle_turns = 0
                self._judge_idleness()

    def _note_batch(self) -> None:
        now = trio.current_time()
        self._stalled, self._turn_began = self._stalled + now - self._turn_began, now
        if now != self._now:
            self._now, self._steps_now = now, 0
        self._schedule.update(f"{now!r}{self._batch}".encode())
        self.steps += len(self._batch)
        self._steps_now += len(self._batch)
        self._batch.clear()
        if self._scope is None or self.verdict is not None:
            return
        if now > self._until:
            self._rule_hang()
        elif self._steps_now > self.steps_per_instant:
            self._rule(
                Livelock(f"{self._steps_now} steps at the instant {now:g} s: a livelock?", task_tree(self._root))
            )

    def _judge_idleness(self) -> None:
        if trio.lowlevel.current_statistics().seconds_to_next_deadline < math.inf:
            return
        if self.verdict is None:
            message = f"nothing can happen any more after {trio.current_time():g} s: a deadlock"
            self._rule(Deadlock(message, task_tree(self._root)))
        else:
            self._wake_shielded()

    def _rule_hang(self) -> None:
        if self.verdict is None:
            self._rule(Hang(f"{self._what} did not end within {self._seconds:g} s", task_tree(self._root)))

    def _rule(self, verdict: Stuck) -> None:
        self.verdict = verdict
        if self._scope is not None:
            self._scope.cancel()

    def _wake_shielded(self) -> None:
        """A shield without a deadline: no cancellation gets through, and this run is to end."""
        assert self._root is not None
        assert self.verdict is not None
        for task in leaves(self._root):
            trio.lowlevel.reschedule(task, outcome.Error(self.verdict))
