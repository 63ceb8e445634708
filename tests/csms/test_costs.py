"""What a connection may cost its server, measured: tasks exactly, memory against the bounds that `Limits` states.

Memory is what Python allocates for both ends of a connection in memory, the bytes in flight between them included.
"""

import gc
import tracemalloc

import pytest
import trio
import trio.testing

from ocpp_trio import Instrument, Limits, v16
from tests.csms.attacks import CONTINUATION, TEXT, frame

pytestmark = pytest.mark.untraced  # what coverage allocates is no cost of a connection

KIB = 1024
UNAUTHENTICATED = 64 * KIB
TURNED_AWAY = 16 * KIB
IDLE = 96 * KIB
TASKS = {"unauthenticated": 2, "turned away": 1, "session": 7, "session with a task": 8}
WARM_UP = 1
CALL = '[2,"m-%d","%s",{%s}]'


def at_most(limits):
    """The bound of one session that a peer fills as full as it can."""
    return limits.message_size * (limits.inbox + limits.handlers + 16) + IDLE


async def cost_of(connect, count):
    """Bytes and tasks for each of so many connections; the first few, which fill caches, are not counted."""
    streams = [await connect(1000 + number) for number in range(WARM_UP)]
    await trio.testing.wait_all_tasks_blocked()
    gc.collect()
    tasks = trio.lowlevel.current_statistics().tasks_living
    tracemalloc.start(1)
    try:
        before, _ = tracemalloc.get_traced_memory()
        streams += [await connect(number) for number in range(count)]
        await trio.testing.wait_all_tasks_blocked()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    tasks = trio.lowlevel.current_statistics().tasks_living - tasks
    assert tasks % count == 0, "every connection has as many as the other"
    for stream in streams:
        await stream.aclose()
    return (after - before) // count, tasks // count


def _request(ground, *more):
    return ground.request("/" + "x" * 48, *more)


UNFINISHED = {
    "nothing": lambda ground: b"",
    "the first line": lambda ground: b"GET /" + b"x" * 16_000,
    "one long header": lambda ground: _request(ground, "X: " + "y" * 16_000)[:-2],
    "many headers": lambda ground: _request(ground, *(f"X-{number}: y" for number in range(1500)))[:-2],
    "too much": lambda ground: _request(ground, "X: " + "y" * 60_000)[:-2],
    "noise": lambda ground: bytes(range(256)) * 200,
    "a whole request": lambda ground: _request(ground),
    "more than a request": lambda ground: _request(ground) + bytes(5000),
}


@pytest.mark.parametrize("sent", list(UNFINISHED))
async def test_unauthenticated_peer_holds_64_kib_and_two_tasks_for_13_seconds(ground, sent, autojump_clock):
    """The handshake deadline and the close timeout; in `authenticate` too, whatever that waits for."""

    async def authenticate(credentials):
        await trio.sleep_forever()

    async def connect(number):
        stream = await ground.dial()
        await stream.send_all(UNFINISHED[sent](ground))
        return stream

    async with ground.serve(authenticate=authenticate, instrument=Instrument()) as server:
        memory, tasks = await cost_of(connect, 12)
        await trio.sleep(20)
        assert server.statistics().pending_handshakes == 0

        before = trio.lowlevel.current_statistics().tasks_living
        begin = trio.current_time()
        streams = [await connect(number) for number in range(5)]
        await trio.sleep_until(begin + 13.0625)
        statistics, left = server.statistics(), trio.lowlevel.current_statistics().tasks_living

    print(f"{sent}: {memory / KIB:.1f} KiB, {tasks} tasks")
    assert memory <= UNAUTHENTICATED
    assert tasks <= TASKS["unauthenticated"]
    assert (statistics.pending_handshakes, left) == (0, before)
    assert len(streams) == 5, "which are held open at this end all the time"


async def test_of_unauthenticated_peers_there_are_as_many_as_the_limits_say(ground, autojump_clock):
    """Pending and turned away: 256 and 256 by default, here 8 and 8."""
    limits = {"pending_handshakes": 8, "pending_handshakes_per_address": 8}
    async with ground.serve(**limits, instrument=Instrument()) as server:
        tasks = trio.lowlevel.current_statistics().tasks_living
        for _ in range(100):
            await ground.dial()
        await trio.testing.wait_all_tasks_blocked()
        held = trio.lowlevel.current_statistics().tasks_living - tasks
        statistics = server.statistics()

    assert held == 8 * TASKS["unauthenticated"] + 8 * TASKS["turned away"]
    assert (statistics.pending_handshakes, statistics.shed) == (8, 92)


async def test_those_that_made_room_for_others_hold_nothing(ground, autojump_clock):
    async with ground.serve(pending_handshakes=8, instrument=Instrument()) as server:
        tasks = trio.lowlevel.current_statistics().tasks_living
        for number in range(100):
            stream = await ground.dial()
            if number % 2:
                await stream.send_all(_request(ground)[:-2])
        await trio.testing.wait_all_tasks_blocked()
        held = trio.lowlevel.current_statistics().tasks_living - tasks
        statistics = server.statistics()
        ground.assert_now(0)

    assert held == 8 * TASKS["unauthenticated"]
    assert (statistics.pending_handshakes, statistics.max_pending_handshakes, statistics.shed) == (8, 8, 92)


async def test_peer_that_is_turned_away_holds_16_kib_and_one_task(ground, autojump_clock):
    async def connect(number):
        return await ground.dial()

    async with ground.serve(upgrade_burst=1, upgrades_per_second=1e-6, instrument=Instrument()), ground.connect("A"):
        memory, tasks = await cost_of(connect, 12)

    print(f"{memory / KIB:.1f} KiB")
    assert memory <= TURNED_AWAY
    assert tasks == TASKS["turned away"]


@pytest.mark.parametrize("kind", ["session", "session with a task"])
async def test_idle_session_holds_96_kib_and_the_same_tasks_however_many_there_are(ground, kind, autojump_clock):
    async def connect(number):
        stream = await ground.dial()
        await stream.send_all(ground.request(f"/CP-{number}"))
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")
        await stream.send_all(ground.frame(CALL % (1, "Heartbeat", "")))
        await stream.receive_some()
        return stream

    async def task(session):
        await trio.sleep_forever()

    session_task = task if kind == "session with a task" else None
    async with ground.serve(session_task=session_task, instrument=Instrument()):
        memory, tasks = await cost_of(connect, 25)

    print(f"{kind}: {memory / KIB:.1f} KiB")
    assert memory <= IDLE
    assert tasks == TASKS[kind]


def _calls(action, payload, count=11):
    return [frame(TEXT, (CALL % (number, action, payload)).encode()) for number in range(count)]


SAMPLE = '{"timestamp":"2026-01-01T00:00:00Z","sampledValue":[{"value":"1"}]}'
FULL = {
    "calls": _calls("DataTransfer", '"vendorId":"x","data":"' + "y" * 262_000 + '"'),
    "wide characters": _calls("DataTransfer", '"vendorId":"x","data":"' + "y" * 261_000 + '\N{GRINNING FACE}"'),
    "many small values": _calls("MeterValues", f'"connectorId":1,"meterValue":[{",".join([SAMPLE] * 3700)}]'),
    "small calls": _calls("DataTransfer", '"vendorId":"x"'),
    "refused calls": _calls("Nonsense", '"x":"' + "y" * 262_000 + '"'),
    "an unfinished frame": [frame(TEXT, b"x" * 262_144)[:-1]],
    "an unfinished message": [
        frame(TEXT, b"\xf0\x9f\x98\x80" + b"y" * 252, fin=False),
        *[frame(CONTINUATION, b"\xf0\x9f\x98\x80" + b"y" * 252, fin=False)] * 1022,
    ],
    "fragments of nothing": [frame(TEXT, fin=False), *[frame(CONTINUATION, fin=False)] * 1023],
}


@pytest.mark.parametrize("filled_with", list(FULL))
async def test_session_that_is_filled_by_a_peer_that_does_not_read_stays_within_its_bound(
    ground, filled_with, autojump_clock
):
    """Handlers that take their time; refusals and answers that nobody takes off the wire."""

    async def slow(session, request):
        await trio.sleep_forever()

    for request_type in (v16.DataTransferRequest, v16.MeterValuesRequest):
        ground.router.on(request_type)(slow)

    async def connect(number):
        stream = await ground.dial()
        await stream.send_all(ground.request(f"/CP-{number}"))
        await stream.receive_some()
        with trio.move_on_after(0.125):  # until the server reads no more
            for piece in FULL[filled_with]:
                await stream.send_all(piece)
        return stream

    async with ground.serve(instrument=Instrument()):
        memory, tasks = await cost_of(connect, 2)

    print(f"{filled_with}: {memory / KIB:.1f} KiB, {tasks} tasks")
    assert memory <= at_most(Limits())
    assert tasks <= TASKS["session"] + Limits().refusals


def test_the_bounds_that_are_measured_here_are_those_that_are_written_down():
    assert at_most(Limits()) <= 6.5 * KIB * KIB
    for stated in ("64 KiB", "16 KiB", "96 KiB", "(inbox + handlers + 16) messages"):
        assert stated in " ".join((Limits.__doc__ or "").split())
