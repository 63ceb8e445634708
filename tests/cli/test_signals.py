"""The first signal is a request, the second an order."""

import signal

import pytest
import trio

from ocpp_trio.cli.signals import run_until_signal

pytestmark = pytest.mark.real


async def test_without_a_signal_the_code_is_that_of_the_work():
    async def work(stop: trio.Event) -> int:
        return 7

    assert await run_until_signal(work) == 7


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_the_first_signal_lets_the_work_end_in_order(number, code):
    ended = []

    async def work(stop: trio.Event) -> int:
        signal.raise_signal(number)
        await stop.wait()
        await trio.sleep(0.01)
        ended.append("in order")
        return 0

    assert await run_until_signal(work) == code
    assert ended == ["in order"]


async def test_the_second_signal_cancels_and_the_first_one_gives_the_code():
    async def work(stop: trio.Event) -> int:
        signal.raise_signal(signal.SIGTERM)
        await stop.wait()
        signal.raise_signal(signal.SIGINT)
        await trio.sleep_forever()
        return 0

    assert await run_until_signal(work) == 143


async def test_a_bug_in_the_work_is_not_hidden():
    async def work(stop: trio.Event) -> int:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as raised:
        await run_until_signal(work)

    assert raised.group_contains(ZeroDivisionError)
