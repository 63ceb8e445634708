"""Run a scenario again and again, cancelled one scheduler step later each time.

The scope around the awaited operation is cancelled before the n-th step that any task takes while it is open, until
the operation gets through before the blow falls. `SWEPT` lists what is cancelled so, and where.
"""

import inspect
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs
import trio
import trio.testing

import ocpp_trio
from ocpp_trio.testing import MemoryLink

LONG = "x" * 70_000
"""More than the memory between two ends holds, so that its writer has to wait in mid-frame."""
ENOUGH = 2000
"""Steps after which an operation is over, or the sweep would never end."""

TESTS: Final = Path(__file__).parent
SESSION: Final = "link/test_cancellation.py"
TRANSPORT: Final = "link/test_transport_cancellation.py"
STATION: Final = "charge_point/test_cancellation.py"
TEXTS: Final = "testing/test_texts.py"
SERVER: Final = "csms/test_cancellation.py"

SWEPT: Final = {
    "ChargePoint.call": (STATION, "test_call"),
    "ChargePoint.supervise": (STATION, "test_a_whole_charge_point"),
    "ChargePoint.wait_offline": (STATION, "test_wait_offline"),
    "ChargePoint.wait_online": (STATION, "test_wait_online"),
    "CsmsServer.drain": (SERVER, "test_drain"),
    "CsmsServer.serve": (SERVER, "test_serve"),
    "Session.call": (SESSION, "test_call"),
    "Session.drain": (SESSION, "test_drain"),
    "Session.ping": (SESSION, "test_ping"),
    "Session.run": (SESSION, "test_a_whole_session"),
    "Session.wait_closed": (SESSION, "test_wait_closed"),
    "TextSink.wait_room": (TEXTS, "test_cancelling_who_sends_and_who_reads"),
    "TextStream.send_text": (TEXTS, "test_cancelling_who_sends_and_who_reads"),
    "Transport.forward": (TRANSPORT, "test_forward"),
    "Transport.let_go": (TRANSPORT, "test_open"),
    "Transport.ping": (TRANSPORT, "test_ping"),
    "Transport.receive": (TRANSPORT, "test_receive"),
    "Transport.run": (TRANSPORT, "test_open"),
    "Transport.send": (TRANSPORT, "test_send"),
    "Transport.wait_sign": (SESSION, "test_ping"),
    "Upgrade.accept": (TRANSPORT, "test_answer_to_an_upgrade"),
    "Upgrade.reject": (TRANSPORT, "test_answer_to_an_upgrade"),
    "open_charge_point": (STATION, "test_a_whole_charge_point"),
    "open_client": (TRANSPORT, "test_open"),
    "open_server": (TRANSPORT, "test_open"),
    "serve_csms": (SERVER, "test_serve"),
}
"""What can be awaited or entered, and the sweep that cancels it."""


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


def awaits() -> Iterator[str]:
    """Everything public in ocpp_trio that can be awaited or entered."""
    for name, found in vars(ocpp_trio).items():
        if inspect.isclass(found) and found.__module__.startswith("ocpp_trio."):
            methods = inspect.getmembers(found, inspect.isfunction)
            yield from (f"{name}.{each}" for each, method in methods if not each.startswith("_") and waits(method))
        elif inspect.isfunction(found) and waits(found):
            yield name


def waits(function: object) -> bool:
    inner = inspect.unwrap(function)  # type: ignore[arg-type]
    return inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner)
