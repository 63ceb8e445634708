"""Run a scenario again and again, cancelled one scheduler step later each time.

The scope around the awaited operation is cancelled before the n-th step that any task takes while it is open, until
the operation gets through before the blow falls.
"""

import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import attrs
import trio
import trio.testing

from ocpp_trio.testing import MemoryLink

LONG = "x" * 70_000
"""More than the memory between two ends holds, so that its writer has to wait in mid-frame."""
ENOUGH = 2000
"""Steps after which an operation is over, or the sweep would never end."""


@attrs.define(eq=False)
class Blow(trio.abc.Instrument):
    """Cancels `scope` before the n-th step that any task takes while it is open."""

    nth: int
    scope: trio.CancelScope | None = None
    steps: int = 0

    @contextmanager
    def strikes(self) -> Iterator[None]:
        with trio.CancelScope() as self.scope:
            yield
        self.scope = None

    @property
    def fell(self) -> bool:
        return self.steps >= self.nth

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.scope is not None:
            self.steps += 1
            if self.steps == self.nth:
                self.scope.cancel()


Scenario = Callable[[Blow], Awaitable[None]]


def sweep(scenario: Scenario) -> int:
    """Run a scenario with every blow that can fall; the number of those."""
    for nth in itertools.count(1):
        blow = Blow(nth)
        trio.run(run_once, scenario, blow, clock=trio.testing.MockClock(autojump_threshold=0), instruments=[blow])
        if not blow.fell:
            return nth - 1
        assert nth < ENOUGH
    raise AssertionError("unreachable")


async def run_once(scenario: Scenario, blow: Blow) -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    with trio.fail_after(3600):
        await scenario(blow)
    assert trio.lowlevel.current_statistics().tasks_living == before


async def let_flow_later(link: MemoryLink) -> None:
    await trio.sleep(1)
    link.stall()
