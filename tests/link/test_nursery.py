"""A nursery that its body's author never sees."""

import pytest
import trio

from ocpp_trio.link.nursery import open_background


async def clean_up(seconds: float, log: list[float]) -> None:
    """A task that takes its time when it is cancelled."""
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)
        log.append(trio.current_time())


async def test_background_tasks_are_cancelled_when_the_body_ends(autojump_clock):
    log: list[float] = []
    async with open_background() as nursery:
        nursery.start_soon(clean_up, 2, log)
        await trio.sleep(1)

    assert log == [3]


async def test_a_body_that_returns_is_cancelled_no_more(autojump_clock):
    async with open_background():
        pass

    await trio.sleep(1)
    assert trio.current_time() == 1


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), KeyboardInterrupt(), SystemExit(2), ExceptionGroup("two", [OSError(), OSError()])]
)
async def test_the_bodys_exception_leaves_bare(error: BaseException, autojump_clock):
    log: list[float] = []
    with pytest.raises(type(error)) as caught:
        await fail_in_the_body(error, log)

    assert caught.value is error
    assert log == [3]


async def fail_later(error: BaseException) -> None:
    try:
        await trio.sleep(1)
    finally:
        raise error


async def fail_in_the_body(error: BaseException, log: list[float]) -> None:
    async with open_background() as nursery:
        nursery.start_soon(clean_up, 2, log)
        await fail_later(error)


async def test_a_background_failure_cancels_the_body_and_leaves_as_a_group(autojump_clock):
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="a bug of ours")):
        async with open_background() as nursery:
            nursery.start_soon(fail_later, ValueError("a bug of ours"))
            await trio.sleep_forever()

    assert trio.current_time() == 1


async def test_both_failures_are_told(autojump_clock):
    async def fail_at_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("a bug of ours")

    with pytest.RaisesGroup(KeyError, pytest.RaisesGroup(ValueError), match="a background task failed beside the body"):
        async with open_background() as nursery:
            nursery.start_soon(fail_at_the_end)
            await fail_later(KeyError("the body's"))


async def test_cancelling_around_it_ends_body_and_background(autojump_clock):
    log: list[float] = []
    with trio.move_on_after(5) as scope:
        async with open_background() as nursery:
            nursery.start_soon(clean_up, 2, log)
            await trio.sleep_forever()

    assert scope.cancelled_caught
    assert log == [7]


@pytest.mark.parametrize("at", [1, 2])
async def test_the_bodys_exception_leaves_bare_though_all_is_cancelled_too(at: float, autojump_clock):
    """At the same instant, or while the background tasks still clean up."""
    log: list[float] = []
    with pytest.raises(ValueError, match="a bug"), trio.move_on_after(at):
        await fail_in_the_body(ValueError("a bug"), log)

    assert log == [3]


async def test_a_cancelled_group_of_the_body_goes_to_its_scope(autojump_clock):
    with trio.move_on_after(5) as scope:
        async with open_background(), trio.open_nursery() as inner:
            inner.start_soon(trio.sleep_forever)
            inner.start_soon(trio.sleep_forever)

    assert scope.cancelled_caught


async def test_a_task_that_starts_is_awaited(autojump_clock):
    async def start(*, task_status: trio.TaskStatus[str]) -> None:
        await trio.sleep(3)
        task_status.started("ready")
        await trio.sleep_forever()

    async with open_background() as nursery:
        assert await nursery.start(start) == "ready"

    assert trio.current_time() == 3
