"""Cancellation from inside: the nursery around any task of the stack, at any step, as no user of it can.

Owns who the tasks of a world belong to. Only trio's public hooks: an instrument, and the way from a task to its parent.
"""

from collections import Counter
from random import Random

import trio

Task = trio.lowlevel.Task

CSMS = "csms"
"""The owner of what a server does for nobody in particular."""
_OURS = ("ocpp_trio.", "trio._highlevel_serve_listeners.")
_NOT_OURS = "ocpp_trio.testing."


class Inside(trio.abc.Instrument):
    """The living tasks of the stack; `struck` counts by task whose nursery was cancelled."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._living: dict[Task, None] = {}
        """In the order of their birth, which repeats; that of a nursery's children does not."""
        self._owners: dict[Task, str] = {}
        self.struck: Counter[str] = Counter()

    def task_spawned(self, task: Task) -> None:
        if task.name.startswith(_OURS) and not task.name.startswith(_NOT_OURS):
            self._living[task] = None

    def task_exited(self, task: Task) -> None:
        self._living.pop(task, None)
        self._owners.pop(task, None)

    def own(self, owner: str) -> None:
        """The nurseries of this task and below belong to somebody."""
        self._owners[trio.lowlevel.current_task()] = owner

    def own_connection(self, owner: str) -> None:
        """As `own`, for the task that a server has for the connection that this task of the user belongs to."""
        task: Task | None = trio.lowlevel.current_task()
        while task is not None and task.parent_nursery is not None and not task.name.endswith("._run_handler"):
            task = task.parent_nursery.parent_task
        if task is not None and task.parent_nursery is not None:
            self._owners[task] = owner

    def cancel_one(self, owner: str) -> str | None:
        """Cancel the nursery of some task of this owner: every kind of task is as likely; which kind it was."""
        tasks: dict[str, list[Task]] = {}
        for task in self._living:
            if self._owner(task) == owner:
                tasks.setdefault(task.name, []).append(task)
        if not tasks:
            return None
        name = self._rng.choice(list(tasks))
        nursery = self._rng.choice(tasks[name]).parent_nursery
        assert nursery is not None  # only the first task of a run has none
        self.struck[name] += 1
        nursery.cancel_scope.cancel()
        return name

    def _owner(self, task: Task) -> str | None:
        """Whose task opened the nursery that this one is in, or the next one out."""
        while task.parent_nursery is not None:
            task = task.parent_nursery.parent_task
            if task in self._owners:
                return self._owners[task]
        return None
