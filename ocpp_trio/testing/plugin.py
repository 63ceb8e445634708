"""The kit for pytest: fixtures, tests over many seeds, and no test that hangs. Needs pytest-trio.

Owns nothing that is not asked for: tests without a fixture or a marker of the kit run as they did.

- `memory_network` is a `MemoryNetwork`, `csms_stub` a `CsmsStub` that serves `csms_stub.port` of it.
- `seeded_run` makes the async test itself the function of a seeded run. It runs under seed 0, or with
  `@pytest.mark.ocpp_seeds(20)` under 20 of them; `--ocpp-seed 7` runs that one alone. A seed that fails is
  reported with the faults that are enough and the command that replays it.
- `@pytest.mark.ocpp_limit(60)` bounds a test on its own clock, in seconds; the fixtures do it by themselves, with an
  hour of virtual time. Under a clock that jumps, a test in which nothing can happen any more fails at once and says
  what every task waits for. `pytestmark = pytest.mark.ocpp_limit(3600)` is for all tests of a module.
"""

import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Final

import pytest
import trio
import trio.testing
from pytest_trio import trio_fixture

from ocpp_trio.testing.network import MemoryNetwork
from ocpp_trio.testing.seeded import Main, RunBounds, SeededRun
from ocpp_trio.testing.shrink import SeedFailed, check_seeds
from ocpp_trio.testing.stub import CsmsStub
from ocpp_trio.testing.watch import Hang, Stuck, Watch

REAL_LIMIT: Final = 30.0
VIRTUAL_LIMIT: Final = 3600.0
"""Seconds on a test's own clock, where it does not say: a jump through an idle hour costs nothing."""
KIT: Final = frozenset({"memory_network", "csms_stub"})


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ocpp-trio")
    group.addoption("--ocpp-seed", type=int, default=None, help="run tests with a seeded run under this seed only")


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "ocpp_seeds(count): run the test, which takes `seeded_run`, under the seeds 0 to count - 1",
        "ocpp_limit(seconds): how long the test may take on its own clock",
    ):
        config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seeded_run" not in metafunc.fixturenames:
        return
    count = _number(metafunc.definition, "ocpp_seeds", "count", int)
    only = metafunc.config.getoption("--ocpp-seed")
    seeds = range(1 if count is None else int(count)) if only is None else [only]
    metafunc.parametrize("seeded_run", seeds, indirect=True, ids=[f"seed{seed}" for seed in seeds])


@pytest.hookimpl(tryfirst=True)  # before pytest-trio sees that they are async
def pytest_itemcollected(item: pytest.Item) -> None:
    if not isinstance(item, pytest.Function):
        return
    if "seeded_run" in item.fixturenames:
        item.obj = _under_its_seed(item)
    elif any(mark.name == "ocpp_seeds" for mark in item.own_markers):
        found = f"found one with {tuple(item.fixturenames)}"
        raise pytest.UsageError(f"{item.nodeid}: expected a test with `ocpp_seeds` to take `seeded_run`, {found}")


@pytest.hookimpl(trylast=True)  # pytest-trio has marked the async tests by then
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if _is_ours_to_bound(item):
            # In front of pytest-trio's own marker: the first one that names a runner wins.
            item.add_marker(pytest.mark.trio(run=partial(_run, limit=_limit(item))), append=False)


def _is_ours_to_bound(item: pytest.Item) -> bool:
    marks = list(item.iter_markers("trio"))
    if not marks or any(mark.kwargs.get("run", trio.run) is not trio.run for mark in marks):
        return False  # not async, or bounded by somebody else
    wanted = item.get_closest_marker("ocpp_limit") is not None
    return wanted or bool(KIT & set(getattr(item, "fixturenames", ())))


def _limit(item: pytest.Item) -> float | None:
    return _number(item, "ocpp_limit", "seconds", float)


def _number(node: pytest.Item, marker: str, name: str, kind: type[int | float]) -> float | None:
    """What a marker says, by place or by name; None if there is none."""
    mark = node.get_closest_marker(marker)
    if mark is None:
        return None
    values = [*mark.args, *mark.kwargs.values()]
    if len(values) == 1 and set(mark.kwargs) <= {name} and isinstance(values[0], int | kind) and values[0] > 0:
        return kind(values[0])
    found = ", ".join([*map(repr, mark.args), *(f"{key}={value!r}" for key, value in mark.kwargs.items())])
    raise pytest.UsageError(f"{node.nodeid}: expected {marker}({name}), a positive number, found {marker}({found})")


@pytest.fixture
def memory_network() -> MemoryNetwork:
    """A network in memory. Tests with it run under a clock that jumps, unless they ask for another one."""
    return MemoryNetwork()


@trio_fixture  # type: ignore[untyped-decorator]  # pytest-trio has no types, and allows a yield in a nursery
async def csms_stub(  # noqa: ASYNC900
    memory_network: MemoryNetwork,
) -> AsyncIterator[CsmsStub]:
    """A CSMS stub that serves a port of `memory_network`."""
    stub = CsmsStub()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(stub.serve, 0, listen=memory_network.listen))
        yield stub  # noqa: ASYNC101, ASYNC119
        nursery.cancel_scope.cancel()


@pytest.fixture
def seeded_run(request: pytest.FixtureRequest) -> int:
    """The seed; the test gets the `SeededRun` under it instead.

    No async fixture can be had beside it, and no network or stub but those that the test makes of it.
    """
    return int(request.param)


def _under_its_seed(item: pytest.Function) -> Callable[..., None]:
    """An async test as a plain one that runs it."""
    test, nodeid = item.obj, item.nodeid
    if not inspect.iscoroutinefunction(test):
        raise pytest.UsageError(f"{nodeid}: expected an async test to take `seeded_run`, found {test!r}")
    if others := sorted(KIT & set(item.fixturenames)):
        raise pytest.UsageError(f"{nodeid}: expected `seeded_run`, with its own `.network`, alone, found {others} too")
    bounds = RunBounds(seconds=_limit(item) or VIRTUAL_LIMIT)
    here = _from_here(item)

    @wraps(test)
    def run_it(*, seeded_run: int, **fixtures: object) -> None:
        __tracebackhide__ = True
        main: Main = _with_fixtures(test, fixtures)
        try:
            check_seeds(main, [seeded_run], bounds=bounds, replay=lambda seed: f'pytest "{here}" --ocpp-seed {seed}')
        except SeedFailed as failed:
            raise failed.with_traceback(None) from failed.error

    # Who asks whether a test is async looks through `wraps`.
    del run_it.__dict__["__wrapped__"]
    # As pytest-trio calls what needs no runner of its own any more: the marker may be on the whole module.
    run_it.__dict__["_trio_test_runner_wrapped"] = True
    return run_it


def _from_here(item: pytest.Item) -> str:
    """What names a test in the folder in which pytest was called; a node id is for its root."""
    path = os.path.relpath(item.path, item.config.invocation_params.dir)
    return "::".join([Path(path).as_posix(), *item.nodeid.split("::")[1:]])


def _with_fixtures(test: Callable[..., Awaitable[object]], fixtures: dict[str, object]) -> Main:
    async def main(run: SeededRun) -> object:
        try:
            return await test(seeded_run=run, **fixtures)
        except* pytest.fail.Exception as failures:
            # No Exception to pytest, and here one like any other: the seed has failed.
            raise AssertionError(str(_first(failures))) from failures

    return main


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _run(
    test: Callable[[], Awaitable[None]],
    *,
    limit: float | None,
    clock: trio.abc.Clock | None,
    instruments: Sequence[trio.abc.Instrument],
) -> None:
    __tracebackhide__ = True
    clock = clock or trio.testing.MockClock(autojump_threshold=0)
    jumps = isinstance(clock, trio.testing.MockClock) and clock.autojump_threshold == 0
    watch = Watch() if jumps else None
    seconds = limit or (VIRTUAL_LIMIT if jumps else REAL_LIMIT)
    watching = [*instruments, *([watch] if watch is not None else [])]
    trio.run(_within, seconds, test, watch, clock=clock, instruments=watching)


async def _within(seconds: float, test: Callable[[], Awaitable[None]], watch: Watch | None) -> None:
    """Run the test; if it is stuck or too slow, fail with that and with where its tasks were."""
    __tracebackhide__ = True
    with trio.CancelScope() as scope:
        try:
            if watch is None:
                scope.deadline = trio.current_time() + seconds
                await test()
            else:
                await _watched(seconds, test, watch, scope)
        except BaseException as end:  # noqa: ASYNC103  # this scope's own Cancelled leaves as what it means
            if scope.cancel_called:
                verdict = _verdict(seconds, watch)
                known = isinstance(verdict, Stuck) and verdict.tree and _only_cancelled(end)
                raise verdict from None if known else end  # noqa: ASYNC104
            raise
    if scope.cancel_called:
        raise _verdict(seconds, watch)


async def _watched(seconds: float, test: Callable[[], Awaitable[None]], watch: Watch, scope: trio.CancelScope) -> None:
    watch.begin(scope, seconds=seconds, what="the test")
    try:
        await test()
    finally:
        watch.end()


def _only_cancelled(end: BaseException) -> bool:
    """Whether nothing came of the end but tasks that were cancelled, each where the verdict has it already."""
    if isinstance(end, BaseExceptionGroup):
        return end.split(trio.Cancelled)[1] is None
    return isinstance(end, trio.Cancelled)


def _verdict(seconds: float, watch: Watch | None) -> AssertionError:
    if watch is not None and watch.verdict is not None:
        return watch.verdict
    return Hang(f"the test did not end within {seconds:g} s")
