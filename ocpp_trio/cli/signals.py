"""Ctrl-C and SIGTERM as an orderly end with an exit code."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import attrs
import trio

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


@attrs.define
class _Caught:
    number: int = 0


async def run_until_signal(work: Callable[[trio.Event], Awaitable[int]]) -> int:
    """Run `work` and return its exit code, or 128 and the number of the signal that ended it.

    The first signal sets the event that `work` is given, and leaves the rest to it; the second cancels it.
    """
    stop, caught, code = trio.Event(), _Caught(), 0
    with trio.open_signal_receiver(*STOPPING) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch, signals, stop, caught, nursery.cancel_scope)
            code = await work(stop)
            nursery.cancel_scope.cancel()
    return 128 + caught.number if caught.number else code


async def _watch(signals: AsyncIterator[int], stop: trio.Event, caught: _Caught, scope: trio.CancelScope) -> None:
    async for number in signals:
        if stop.is_set():
            scope.cancel()
        caught.number = caught.number or number
        stop.set()
