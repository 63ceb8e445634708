"""A ping on demand: any sign of life answers it, and it harms nothing."""

import math

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, ConnectionClosed

CLEAN = Closed(CloseReason.CLEAN, 1000, "bye")


async def test_pong_is_a_sign_of_life(lone, autojump_clock):
    async with lone() as end:
        await trio.sleep(5)
        await end.session.ping()

        assert trio.current_time() == 5
        assert end.session.closed is None


async def test_it_needs_no_keepalive_and_does_not_disturb_one(lone, autojump_clock):
    """Pings at 10 on demand, at 40 and 70 by the keepalive, whose interval counts from the last one."""
    instants = []
    async with lone(ping_interval=30) as end:
        end.recorder.ping_sent = lambda link: instants.append(trio.current_time())
        await trio.sleep(10)
        await end.session.ping()
        await trio.sleep_until(75)

    assert instants == [10, 40, 70]


async def test_message_is_a_sign_of_life_before_the_pong(lone, autojump_clock):
    async with lone() as end:
        end.stall_peer()  # which does not read, but talks
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end.session.ping)
            await trio.sleep(2)
            await end.peer.send("[")
        assert trio.current_time() == 2
        end.let_peer_read()


async def test_silent_peer_gives_no_sign_and_cancelling_harms_nothing(lone, autojump_clock):
    async with lone() as end:
        end.stall_peer()
        with trio.move_on_after(3) as impatient:
            await end.session.ping()
        at = trio.current_time()
        end.let_peer_read()
        await end.session.ping()

    assert (impatient.cancelled_caught, at) == (True, 3)
    assert end.session.closed is not None
    assert end.session.closed.reason is CloseReason.STOPPING


async def test_several_at_once_share_one_ping(lone, autojump_clock):
    sent = []
    async with lone() as end:
        end.recorder.ping_sent = lambda link: sent.append(trio.current_time())
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(end.session.ping)

    assert sent == [0]


async def test_ping_while_one_is_out_is_answered_by_its_pong_and_followed_by_another(lone, autojump_clock):
    sent = []
    async with lone(pong_deadline=100) as end:
        end.recorder.ping_sent = lambda link: sent.append(trio.current_time())
        end.stall_peer()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end.session.ping)
            await trio.sleep(1)
            nursery.start_soon(end.session.ping)
            await trio.sleep(1)
            end.let_peer_read()
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(1)

    assert sent == [0, 2]


async def test_ping_that_nobody_answers_ends_the_session_at_the_pong_deadline(lone, autojump_clock):
    async with lone() as end:
        end.link.cut()
        with pytest.raises(ConnectionClosed) as ended:
            await end.session.ping()
        at = trio.current_time()

    assert at == 20
    assert ended.value.reason is CloseReason.KEEPALIVE_TIMEOUT
    assert end.session.closed == ended.value.closed


async def test_ping_ends_with_the_session(lone, autojump_clock):
    async with lone() as end:
        end.stall_peer()
        async with trio.open_nursery() as nursery:

            async def close():
                await trio.sleep(1)
                end.session.close(CLEAN)

            nursery.start_soon(close)
            with pytest.raises(ConnectionClosed) as ended:
                await end.session.ping()
            at = trio.current_time()
        end.let_peer_read()

    assert (ended.value.closed, at) == (CLEAN, 1)


async def test_goodbye_of_the_peer_is_no_sign_of_life(lone, autojump_clock):
    async with lone(ping_interval=math.inf) as end:
        end.stall_peer()
        async with trio.open_nursery() as nursery:
            outcome = []

            async def ping():
                try:
                    await end.session.ping()
                except ConnectionClosed as closed:
                    outcome.append(closed.reason)

            nursery.start_soon(ping)
            await trio.sleep(1)
            end.hang_up(CLEAN)

    assert outcome == [CloseReason.CLEAN]


async def test_session_that_has_ended_is_not_pinged(lone, autojump_clock):
    async with lone() as end:
        end.session.close(CLEAN)
        with pytest.raises(ConnectionClosed) as ended:
            await end.session.ping()

    assert ended.value.closed == CLEAN
