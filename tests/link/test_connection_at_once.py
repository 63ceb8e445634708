"""Messages that go out without the writer, because nothing had to wait for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, ConnectionClosed, Instrument, Limits, Link, Transport
from ocpp_trio.link.connection import Connection, open_connection
from ocpp_trio.testing import Conditions, MemoryLink, open_transport_pair

LINK = Link(identity="CP-1", role="charge_point", number=1)
ENDING = Closed(CloseReason.STOPPING, 1001, "going away")
FULL = "x" * 100


@asynccontextmanager
async def connect(*, framing: bool = False) -> AsyncIterator[tuple[Connection, Transport, MemoryLink]]:
    limits = Limits()
    async with (
        open_transport_pair(framing=framing, limits=limits) as (client, server, link),
        open_connection(client, limits=limits, instrument=Instrument(), link=LINK) as connection,
    ):
        yield connection, server, link


@pytest.mark.parametrize("framing", [False, True])
async def test_a_note_comes_before_the_message_does(framing: bool, autojump_clock):
    log: list[str] = []

    async with connect(framing=framing) as (connection, server, _), trio.open_nursery() as nursery:
        nursery.start_soon(server.forward, lambda text: log.append(f"came {text}"))
        await trio.testing.wait_all_tasks_blocked()

        receipt = await connection.send("1", note=lambda: log.append("sent 1"))
        assert log == (["sent 1"] if framing else ["sent 1", "came 1"])

        with trio.testing.assert_checkpoints():
            assert await receipt.wait_written()
        await trio.testing.wait_all_tasks_blocked()
        assert log == ["sent 1", "came 1"]
        assert connection.transport.max_writes_in_flight == 1
        nursery.cancel_scope.cancel()


async def test_a_message_does_not_overtake_one_that_the_writer_was_given(autojump_clock):
    async with connect() as (connection, server, link):
        link.shape(Conditions(buffer=len(FULL)))
        link.stall(server=True)
        await trio.testing.wait_all_tasks_blocked()
        await connection.send(FULL)
        second = await connection.send("second")
        assert connection.writes_waiting.peak == 0

        # There is room again before the writer has had its turn.
        link.shape(Conditions())
        await connection.send("third")

        link.stall()
        assert [await server.receive() for _ in range(3)] == [FULL, "second", "third"]
        assert await second.wait_written()


async def test_the_writer_rests_again_once_nothing_is_left_to_it(autojump_clock):
    async with connect() as (connection, server, link):
        link.shape(Conditions(buffer=len(FULL)))
        link.stall(server=True)
        await connection.send(FULL)
        await connection.send("second")
        with trio.move_on_after(1):
            await connection.send("given up")
        link.stall()
        assert [await server.receive() for _ in range(2)] == [FULL, "second"]
        await trio.testing.wait_all_tasks_blocked()

        came: list[str] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.forward, came.append)
            await trio.testing.wait_all_tasks_blocked()
            await connection.send("at once")

            assert came == ["at once"]
            nursery.cancel_scope.cancel()


async def test_nothing_goes_out_after_the_end(autojump_clock):
    noted: list[str] = []
    async with connect() as (connection, server, _):
        connection.end(ENDING)

        with pytest.raises(ConnectionClosed) as raised:
            await connection.send("late", note=lambda: noted.append("late"))

        assert not raised.value.was_sent
    with pytest.raises(ConnectionClosed):
        await server.receive()
    assert noted == []


async def test_nothing_goes_out_once_the_context_is_left(autojump_clock):
    """The transport under it may live on for a while."""
    async with open_transport_pair(framing=False) as (client, server, _):
        async with open_connection(client, limits=Limits(), instrument=Instrument(), link=LINK) as connection:
            pass

        with pytest.raises(ConnectionClosed):
            await connection.send("late")

        with trio.move_on_after(1) as silence:
            await server.receive()
        assert silence.cancelled_caught


async def test_a_message_in_hand_goes_out_although_its_note_ends_the_connection(autojump_clock):
    async with connect() as (connection, server, _):
        receipt = await connection.send("last", note=lambda: connection.end(ENDING))

        assert await receipt.wait_written()
        assert await server.receive() == "last"


async def test_a_message_is_not_written_if_its_note_cuts_the_connection(autojump_clock):
    async with connect() as (connection, _, link):
        receipt = await connection.send("never", note=lambda: connection.abort(ENDING))

        assert not await receipt.wait_written()
        assert link.in_flight == 0


@pytest.mark.parametrize("framing", [False, True])
async def test_a_message_is_not_written_if_the_link_is_reset_under_its_note(framing: bool, autojump_clock):
    async with connect(framing=framing) as (connection, _, link):
        await trio.testing.wait_all_tasks_blocked()  # so that the writer waits for what comes

        receipt = await connection.send("never", note=link.reset)

        assert not await receipt.wait_written()
        assert link.in_flight == 0


@pytest.mark.parametrize("framing", [False, True])
async def test_messages_are_counted_once_they_are_handed_over(framing: bool, autojump_clock):
    def fail() -> None:
        raise ZeroDivisionError("a bug in an instrument")

    async with connect(framing=framing) as (connection, _, link):
        await connection.send("1")
        await connection.send("2", note=lambda: None)
        assert connection.messages_sent == 2
        with pytest.raises(ZeroDivisionError):
            await connection.send("3", note=fail)
        sent = connection.messages_sent
        assert sent == (3 if framing else 2)  # with frames the writer had it already

        link.stall(server=True)
        await connection.send("x" * 100_000)  # which the writer has to wait for
        assert connection.messages_sent == sent + 1
        with trio.move_on_after(1):
            await connection.send("given up")
        connection.end(ENDING)
        with pytest.raises(ConnectionClosed):
            await connection.send("too late")
        assert connection.messages_sent == sent + 1
        connection.abort(ENDING)


async def test_a_reset_is_found_out_by_the_writer(autojump_clock):
    """As it is where there are frames: the message counts as sent, and the next one as not."""
    async with connect() as (connection, _, link):
        link.reset()

        receipt = await connection.send("lost")
        assert not await receipt.wait_written()

        with pytest.raises(ConnectionClosed) as raised:
            await connection.send("too late")
        assert not raised.value.was_sent
