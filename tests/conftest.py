"""No test may hang: every async test, its fixtures included, ends within a limit on its own clock.

Under the autojump clock a deadlock costs milliseconds, because the clock jumps straight to the limit.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final

import pytest
import trio
import trio.testing

from tests.certificates import Pki

REAL_LIMIT: Final = 30.0
# An hour of virtual time; a test that lives through more says so: `@pytest.mark.limit(7 * 86_400)`.
VIRTUAL_LIMIT: Final = 3600.0

HERE: Final = Path(__file__).parent
MARKER_OF_FOLDER: Final = {
    "smoke": pytest.mark.smoke,
    "integration": pytest.mark.e2e,
    "browser": pytest.mark.untraced,
    "examples": pytest.mark.untraced,
    "fuzz": pytest.mark.untraced,
    "simulation": pytest.mark.untraced,
    "websocket": pytest.mark.untraced,
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: while a test waits for another program, the next one runs."""
    return (os.cpu_count() or 1) + 1


def pytest_itemcollected(item: pytest.Item) -> None:
    for folder, marker in MARKER_OF_FOLDER.items():
        if item.path.is_relative_to(HERE / folder):
            item.add_marker(marker)


@pytest.hookimpl(trylast=True)  # pytest-trio has marked the async tests by then
def pytest_collection_modifyitems(items: Sequence[pytest.Function]) -> None:
    for item in items:
        if item.get_closest_marker("trio") is not None:
            _bound(item)


def _bound(item: pytest.Function) -> None:
    mark = item.get_closest_marker("limit")
    limit = None if mark is None else mark.args[0]
    # In front of pytest-trio's own marker: the first one that names a runner wins.
    item.add_marker(pytest.mark.trio(run=partial(_run, limit=limit)), append=False)
    given = getattr(item.obj, "hypothesis", None)
    # Under `@given` pytest-trio runs each example with trio.run, whatever the marker says. The cases of one
    # parametrized test share the function, so it may be bounded already.
    if given is not None and not hasattr(given.inner_test, "bounded"):
        given.inner_test = _each_example(given.inner_test, limit)


def _run(
    test: Callable[[], Awaitable[None]],
    *,
    limit: float | None,
    clock: trio.abc.Clock | None,
    instruments: Sequence[trio.abc.Instrument],
) -> None:
    seconds = limit or (REAL_LIMIT if clock is None else VIRTUAL_LIMIT)
    trio.run(_within, seconds, test, clock=clock, instruments=instruments)


def _each_example(test: Callable[..., Awaitable[None]], limit: float | None) -> Callable[..., Awaitable[None]]:
    @wraps(test)
    async def bounded(**kwargs: Any) -> None:
        virtual = isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock)
        await _within(limit or (VIRTUAL_LIMIT if virtual else REAL_LIMIT), partial(test, **kwargs))

    bounded.bounded = True  # type: ignore[attr-defined]
    return bounded


async def _within(seconds: float, test: Callable[[], Awaitable[None]]) -> None:
    """Run the test; if it takes too long, fail with where each of its tasks was waiting as the cause."""
    __tracebackhide__ = True
    with trio.CancelScope(deadline=trio.current_time() + seconds) as scope:
        try:
            await test()
        except BaseException as end:  # noqa: ASYNC103  # this scope's own Cancelled leaves as what it means
            if scope.cancel_called:
                raise _too_slow(seconds) from end  # noqa: ASYNC104
            raise
    if scope.cancel_called:
        raise _too_slow(seconds)


def _too_slow(seconds: float) -> trio.TooSlowError:
    return trio.TooSlowError(f"the test was still waiting after {seconds:g} s on its own clock: a deadlock?")


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates for whoever speaks TLS."""
    return Pki(tmp_path_factory.mktemp("certificates"))
