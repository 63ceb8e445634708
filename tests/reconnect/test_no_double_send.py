"""Nothing is ever sent twice: what the server saw is a prefix, and everybody else was told."""

import json

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio import ConnectionClosed, Limits, Router, v16
from ocpp_trio.testing import CloseWith, Delayed, Drop, Ignore, Result

N = 12
ACCEPTED = Result({"status": "Accepted"})
LARGE = 100_000
"""Characters that do not fit into the buffers of one direction: the write stands in the middle of the frame."""


class Batch:
    """Numbered calls of one station, side by side, and how each of them ended."""

    def __init__(self, station, numbers, size=0):
        self.ends = {}
        self._station = station
        self._numbers = numbers
        self._size = size

    async def send(self):
        async with trio.open_nursery() as nursery:
            for number in self._numbers:
                nursery.start_soon(self._call, number)
                await trio.testing.wait_all_tasks_blocked()  # so that the numbers are handed over in order

    async def _call(self, number):
        request = v16.DataTransferRequest(vendor_id="org.example", message_id=str(number), data="x" * self._size)
        try:
            await self._station.call(request)
        except ConnectionClosed as closed:
            self.ends[number] = "sent" if closed.was_sent else "not sent"
        else:
            self.ends[number] = "answered"


def numbers_seen(ground, connection):
    frames = ground.stub.received("DataTransfer")
    return [int(frame.elements[3]["messageId"]) for frame in frames if frame.connection == connection]


async def send_over_a_loss(ground, *, after, outstanding, behaviour):
    """N calls, the link lost after so many of them, then N more."""
    ground.stub.on["DataTransfer"] = [*[ACCEPTED] * after, Ignore()]
    async with ground.open_station(limits=Limits(outstanding_calls=outstanding)) as station:
        await station.wait_online()
        first, second = Batch(station, range(N)), Batch(station, range(N, 2 * N))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first.send)
            await ground.stub.wait_received(min(after + 1, N), "DataTransfer")
            if behaviour is None:
                station.drop_link()
            else:
                await ground.stub.do(behaviour)
        ground.stub.on["DataTransfer"] = ACCEPTED
        await station.wait_online()
        await second.send()
        await trio.sleep(100)
        statistics = station.statistics()

    check(ground, first, second)
    assert (statistics.pending_calls, statistics.deadlines, statistics.reconnects) == (0, 0, 1)


def check(ground, first, second):
    seen = numbers_seen(ground, 1)
    assert seen == list(range(len(seen)))
    assert sorted(first.ends) == list(range(N))
    assert answered(first) == seen[: len(answered(first))]
    assert "not sent" not in {first.ends[number] for number in seen}
    assert numbers_seen(ground, 2) == list(range(N, 2 * N))
    assert set(second.ends.values()) == {"answered"}
    ids = [frame.elements[1] for frame in ground.stub.received() if frame.elements[0] == 2]
    assert len(ids) == len(set(ids))


def answered(batch):
    return sorted(number for number, end in batch.ends.items() if end == "answered")


@pytest.mark.parametrize("behaviour", [CloseWith(1000), Drop(), None], ids=repr)
@pytest.mark.parametrize("outstanding", [1, N])
@pytest.mark.parametrize("after", range(N))
async def test_no_double_send_across_reconnect(ground, autojump_clock, after, outstanding, behaviour):
    await send_over_a_loss(ground, after=after, outstanding=outstanding, behaviour=behaviour)


@settings(max_examples=40, deadline=None)
@given(
    after=st.integers(0, N - 1),
    outstanding=st.integers(1, N),
    behaviour=st.sampled_from([CloseWith(1000), CloseWith(1001), Drop(), None]),
    chaos=st.random_module(),
)
def test_no_double_send_wherever_the_link_is_lost(new_ground, after, outstanding, behaviour, chaos):
    async def example():
        ground = new_ground()
        await send_over_a_loss(ground, after=after, outstanding=outstanding, behaviour=behaviour)

    trio.run(example, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("how", ["reset", "drop_link"])
@pytest.mark.parametrize("outstanding", [1, N])
@pytest.mark.parametrize("before", [0, 3])
async def test_no_double_send_when_a_frame_is_cut_in_the_middle(ground, autojump_clock, before, outstanding, how):
    """The half of a frame that was written is never taken for a message, nor finished on the next connection."""
    ground.stub.on["DataTransfer"] = ACCEPTED

    async with ground.open_station(limits=Limits(outstanding_calls=outstanding)) as station:
        await station.wait_online()
        await Batch(station, range(before)).send()
        link = ground.network.links[0]
        link.stall(server=True)
        first, second = Batch(station, range(before, N), LARGE), Batch(station, range(N, 2 * N), LARGE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first.send)
            await trio.sleep(1)
            in_flight = station.statistics().session.writes_in_flight
            link.reset() if how == "reset" else station.drop_link()
        await station.wait_online()
        await second.send()

    assert in_flight == 1
    assert numbers_seen(ground, 1) == list(range(before))
    assert sorted(first.ends) == list(range(before, N))
    assert "answered" not in first.ends.values()
    assert numbers_seen(ground, 2) == list(range(N, 2 * N))
    assert set(second.ends.values()) == {"answered"}


async def test_an_answer_that_is_ready_after_the_loss_is_not_sent_on_the_next_connection(ground, autojump_clock):
    """Neither the station's answers to the CSMS, nor the CSMS's to the station."""
    router = Router(v16)

    @router.on(v16.ClearCacheRequest)
    async def clear_cache(session, request):
        await trio.sleep(3)
        return v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)

    ground.stub.on["DataTransfer"] = Delayed(3, ACCEPTED)

    async with ground.open_station(router=router) as station:
        await station.wait_online()
        batch = Batch(station, [7])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(batch.send)
            await ground.stub.call("c-1", "ClearCache", {})
            await trio.sleep(1)
            station.drop_link()
        await station.wait_online()
        await trio.sleep(10)

    assert batch.ends == {7: "sent"}
    assert [json.loads(frame.text)[0] for frame in ground.stub.received() if frame.connection == 2] == [2]
    assert ground.counters.value("dropped_replies") == 0
