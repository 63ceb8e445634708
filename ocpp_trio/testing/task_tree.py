"""What every task is waiting for, as a tree to read. Owns no task; uses trio's public introspection only."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import trio

FRAMES_SHOWN: Final = 3
"""Of each task, the innermost calls outside of trio: enough to see which line waits and who asked it to."""
_TRIO: Final = str(Path(trio.__file__).parent)
_CONTEXTLIB: Final = "contextlib.py"


def task_tree(root: trio.lowlevel.Task | None = None) -> str:
    """The tasks below `root`, or all of this run, each with where it waits, the innermost call last."""
    root = root or trio.lowlevel.current_root_task()
    return "" if root is None else "\n".join(_lines(root, ""))


def leaves(root: trio.lowlevel.Task) -> list[trio.lowlevel.Task]:
    """The tasks below `root` that wait for something else than tasks of their own."""
    children = _children(root)
    return [leaf for child in children for leaf in leaves(child)] if children else [root]


def _children(task: trio.lowlevel.Task) -> list[trio.lowlevel.Task]:
    return [child for nursery in task.child_nurseries for child in _in_order(nursery.child_tasks)]


def _in_order(tasks: Iterable[trio.lowlevel.Task]) -> list[trio.lowlevel.Task]:
    """By what they do: a set has no order that repeats."""
    return sorted(tasks, key=lambda task: (task.name, _waits(task)))


def _lines(task: trio.lowlevel.Task, indent: str) -> Iterator[str]:
    yield f"{indent}{task.name.removeprefix('ocpp_trio.')}: {_waits(task)}"
    for child in _children(task):
        yield from _lines(child, indent + "  ")


def _waits(task: trio.lowlevel.Task) -> str:
    frames = [_place(frame, line) for frame, line in task.iter_await_frames() if _is_of_interest(frame)]
    return " > ".join(frames[-FRAMES_SHOWN:]) or "not started"


def _is_of_interest(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return not file.startswith(_TRIO) and not file.endswith(_CONTEXTLIB)


def _place(frame: FrameType, line: int) -> str:
    path = Path(frame.f_code.co_filename)
    return f"{frame.f_code.co_name} ({path.parent.name}/{path.name}:{line})"
