"""Cancels what no user of the stack has a handle to: the nursery around one of its tasks, found by the task's name."""

from collections.abc import Iterator

import trio

Task = trio.lowlevel.Task


def cancel_around(name: str, *, below: str = "") -> None:
    """Cancel the nursery of the one living task whose name ends so, of those below another one."""
    root = trio.lowlevel.current_root_task()
    assert root is not None
    task = _find(_find(root, below), name)
    assert task.parent_nursery is not None
    task.parent_nursery.cancel_scope.cancel()


def _find(root: Task, name: str) -> Task:
    (task,) = [root] if not name else [task for task in _below(root) if task.name.endswith(name)]
    return task


def _below(task: Task) -> Iterator[Task]:
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield child
            yield from _below(child)
