"""Hostile peers cost themselves and nobody else: a calm neighbour notices nothing, to the instant and to the step."""

import logging
from contextlib import suppress

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import CloseReason, Instrument, v16
from tests.csms.attacks import ATTACKS, CONTINUATION, PING, PONG, SECONDS, TEXT, carry_out, flood, frame

pytestmark = pytest.mark.untraced

ATTACKERS = 2
TASKS_OF_A_SESSION = 7
PATIENT = {"request_byte_by_byte", "a_header_now_and_then", "nothing_at_all"}


def _errors(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("name", list(ATTACKS))
async def test_attack_changes_no_instant_of_a_neighbours_calls_and_leaves_nothing(ground, name, autojump_clock, caplog):
    async def live_on(*, task_status):
        async with ground.connect("neighbour") as station:
            await station.boot()
            task_status.started()
            while True:
                await trio.sleep(0.125)
                asked = trio.current_time()
                assert (await station.call("Heartbeat"))[0] == 3
                answered.append((asked, trio.current_time()))

    answered: list[tuple[float, float]] = []
    async with ground.serve(instrument=Instrument()) as server, trio.open_nursery() as nursery:
        await nursery.start(live_on)
        tasks = trio.lowlevel.current_statistics().tasks_living
        async with trio.open_nursery() as attackers:
            for _ in range(ATTACKERS):
                attackers.start_soon(carry_out, ATTACKS[name], ground)
            await trio.sleep_until(SECONDS + 5)
        statistics, left = server.statistics(), trio.lowlevel.current_statistics().tasks_living
        nursery.cancel_scope.cancel()

    whole = [number / 8 for number in range(1, (SECONDS + 5) * 8)]
    assert answered[: len(whole)] == [(instant, instant) for instant in whole]
    assert (statistics.sessions, statistics.pending_handshakes, statistics.connections) == (1, 0, 1 + ATTACKERS)
    assert left == tasks
    assert _errors(caplog) == []


@attrs.define(eq=False)
class Steps(trio.abc.Instrument):
    """Counts the scheduler's steps."""

    taken: int = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.taken += 1


FLOODS = {
    "pings": frame(PING),
    "pongs": frame(PONG),
    "tiny_frames": frame(TEXT, b"x"),
    "fragments": frame(CONTINUATION, b"", fin=False),
}


@pytest.mark.parametrize("name", list(FLOODS))
async def test_the_neighbour_does_not_wait_for_the_end_of_a_flood(ground, name, autojump_clock):
    """Its answer takes as many steps of the scheduler whether 1,300 frames lie in front of it or 10,000."""

    async def steps_until_answered(size):
        stream = await ground.dial()
        await stream.send_all(ground.request(f"/attacker-{size}"))
        await stream.receive_some()
        if name == "fragments":
            await stream.send_all(frame(TEXT, b"", fin=False))
        await neighbour.call("Heartbeat")
        await trio.testing.wait_all_tasks_blocked()
        await stream.send_all(FLOODS[name] * (size // len(FLOODS[name])))
        steps = Steps()
        trio.lowlevel.add_instrument(steps)
        await neighbour.call("Heartbeat")
        trio.lowlevel.remove_instrument(steps)
        await trio.testing.wait_all_tasks_blocked()
        await stream.aclose()
        return steps.taken

    async with (
        ground.serve(bad_frames=10**6, frames_per_message=10**6, instrument=Instrument()),
        ground.connect("neighbour") as neighbour,
    ):
        few, many = [await steps_until_answered(size) for size in (8_000, 64_000)]

    assert many <= few + 20


async def test_a_peer_that_pings_and_does_not_read_ends_at_the_write_timeout(ground, autojump_clock):
    """Its pongs fill what the network holds, and then the next one waits."""
    ended = []

    class Watch(Instrument):
        def connection_closed(self, link, closed):
            ended.append((closed.reason, closed.detail, trio.current_time()))

    async def attack():
        stream = await ground.dial()
        with suppress(trio.BrokenResourceError):
            await flood(frame(PING, bytes(125)), 300_000)(ground, stream)

    async with ground.serve(instrument=Watch()) as server, trio.open_nursery() as nursery:
        await trio.sleep(1)
        tasks = trio.lowlevel.current_statistics().tasks_living
        nursery.start_soon(attack)
        await trio.sleep(9.5)
        held = trio.lowlevel.current_statistics().tasks_living - tasks - 1
        await trio.sleep(1)
        assert server.sessions == {}
        nursery.cancel_scope.cancel()

    assert held == TASKS_OF_A_SESSION
    assert ended == [(CloseReason.TRANSPORT_ERROR, "a write did not finish within 10 s", 11)]


async def test_a_peer_that_calls_and_does_not_read_ends_at_the_write_timeout(ground, autojump_clock):
    """Never more than one answer is under way and one behind it, and the CALLs that follow wait or are refused."""
    ended = []

    class Watch(Instrument):
        def connection_closed(self, link, closed):
            ended.append((closed.reason, closed.code, trio.current_time()))

    @ground.router.on(v16.DataTransferRequest)
    async def data_transfer(session, request):
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED, data="x" * 100_000)

    async with ground.serve(instrument=Watch()) as server:
        stream = await ground.dial()
        await stream.send_all(ground.request())
        await stream.receive_some()
        for number in range(10):
            await stream.send_all(frame(TEXT, b'[2,"m-%d","DataTransfer",{"vendorId":"x"}]' % number))
            await trio.testing.wait_all_tasks_blocked()
        session = server.sessions["CP-1"]
        statistics = session.statistics()
        await trio.sleep(9.5)
        alive = dict(server.sessions)
        await trio.sleep(1)
        assert server.sessions == {}

    assert (statistics.inbox, statistics.handlers_running) == (8, 1)
    assert (statistics.writes_waiting, statistics.writes_in_flight) == (1, 1)
    assert list(alive) == ["CP-1"]
    assert ended == [(CloseReason.TRANSPORT_ERROR, None, 10)]


async def test_refusals_that_nobody_reads_are_eight_tasks_at_most(ground, autojump_clock):
    """The ninth ends the session, within the close timeout of the write that is stuck."""

    @ground.router.on(v16.DataTransferRequest)
    async def data_transfer(session, request):
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED, data="x" * 100_000)

    async def send(number, action):
        await stream.send_all(frame(TEXT, b'[2,"m-%d","%s",{"vendorId":"x"}]' % (number, action)))
        await trio.testing.wait_all_tasks_blocked()
        return trio.lowlevel.current_statistics().tasks_living - tasks

    async with ground.serve(instrument=Instrument()) as server:
        tasks = trio.lowlevel.current_statistics().tasks_living
        stream = await ground.dial()
        await stream.send_all(ground.request())
        await stream.receive_some()
        held = [await send(0, b"DataTransfer")]
        held += [await send(number, b"Nonsense") for number in range(1, 9)]
        session = server.sessions["CP-1"]
        await send(9, b"Nonsense")
        assert session.closed is not None
        await trio.sleep(3)
        await trio.testing.wait_all_tasks_blocked()
        left = trio.lowlevel.current_statistics().tasks_living - tasks

    assert held == [TASKS_OF_A_SESSION + refusals for refusals in range(9)]
    assert session.closed.code == 1008
    assert left == 0


@pytest.mark.parametrize(
    ("more", "status"),
    [([f"X-{number}: y" for number in range(2500)], 400), (["X: " + "y" * 20_000], 400)],
    ids=["many headers", "one long header"],
)
async def test_request_of_more_than_16_kib_is_answered_before_it_ends(ground, more, status, autojump_clock):
    async with ground.serve():
        stream = await ground.dial()
        await stream.send_all(ground.request("/CP-1", *more)[:-2])
        response = await stream.receive_some()
        ground.assert_now(0)
        await ground.read(stream)

    assert response.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.real
async def test_attacks_on_real_sockets_keep_no_neighbour_from_its_calls(real_ground):
    hasty = [name for name in ATTACKS if name not in PATIENT]
    async with real_ground.serve(instrument=Instrument()) as server, real_ground.neighbour() as answered:
        with trio.move_on_after(1):
            async with trio.open_nursery() as attackers:
                for name in hasty:
                    attackers.start_soon(carry_out, ATTACKS[name], real_ground)
        beats = len(answered)
        connections = server.statistics().connections

    assert beats > 5
    assert connections >= 1 + len(hasty)
