"""A seeded run repeats to the byte, and a run that is stuck is told apart from one that is slow."""

import os
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing

from ocpp_trio import Router, open_charge_point, v16
from ocpp_trio.testing import (
    NETWORK_FAULTS,
    CsmsStub,
    Deadlock,
    Fault,
    Hang,
    Livelock,
    NetworkStrikes,
    RunBounds,
    attempt,
    run_seeded,
    stall_cpu,
)
from ocpp_trio.testing.stub import EPOCH

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
ROOT = Path(__file__).parents[2]
STATIONS = ["CP-1", "CP-2", "CP-3"]


async def stormy(run):
    """Some stations, a stub, and half an hour of everything that can go wrong between them."""
    stub = CsmsStub(interval=30)

    async def station(name, port):
        async with open_charge_point(
            f"ws://csms:{port}/",
            name,
            router=Router(v16),
            boot=BOOT,
            dial=run.network.host(name).dial,
            instrument=run.instrument,
        ):
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(stub.serve, 0, listen=run.network.listen))
        for name in STATIONS:
            nursery.start_soon(station, name, port)
        run.faults(kinds=NETWORK_FAULTS, hosts=STATIONS, until=1800, every=20)
        await run.play(NetworkStrikes(run.network).table)
        nursery.cancel_scope.cancel()
    return len(stub.frames)


def test_same_seed_gives_the_same_bytes_events_and_schedule():
    one, again, other = (run_seeded(stormy, seed=seed) for seed in (1, 1, 2))

    assert one == again
    assert one.result == again.result > 0
    assert [a == b for a, b in zip(one.digests, other.digests, strict=True)] == [False] * 4
    assert len(one.faults) == len(NETWORK_FAULTS)
    assert one.events[0].at == 0
    assert one.bytes_written > 10_000


def _digests_in_another_process(hash_seed):
    code = "from tests.testing.test_seeded import *; print(*run_seeded(stormy, seed=3).digests)"
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_other_processes_with_other_hash_seeds_give_the_same():
    here = " ".join(map(str, run_seeded(stormy, seed=3).digests))

    assert _digests_in_another_process("1").strip() == here
    assert _digests_in_another_process("4242").strip() == here


def test_sources_are_streams_of_their_own_per_purpose():
    async def main(run):
        ids = run.message_ids("CP-1")
        return (run.rng("a").random(), run.rng("a").random(), run.rng("b").random(), ids(), ids())

    first, again, other, *ids = run_seeded(main, seed=1).result

    assert first == again != other
    assert ids == ["CP-1-1", "CP-1-2"]


def test_time_of_day_follows_the_virtual_clock():
    async def main(run):
        await trio.sleep(90)
        return run.now()

    transcript = run_seeded(main, seed=1)

    assert transcript.result == EPOCH + timedelta(seconds=90)
    assert transcript.seconds == 90


def test_given_plan_is_played_instead_of_the_drawn_one():
    plan = (Fault(at=5, kind="cpu stall", amount=2.0),)

    async def main(run):
        run.faults(kinds=NETWORK_FAULTS, hosts=["a"], until=1000, every=10)
        await run.play(NetworkStrikes(run.network).table)

    end = attempt(main, seed=1, plan=plan)

    assert end.plan == plan
    assert end.transcript.faults == {"cpu stall": 1}
    assert end.transcript.seconds == 7


def test_notes_are_events_and_only_the_newest_are_kept():
    async def main(run):
        for number in range(5):
            run.note("CP-1", f"event {number}")
            await trio.sleep(1)

    transcript = run_seeded(main, seed=1, bounds=RunBounds(events_kept=2))

    assert [event.what for event in transcript.events] == ["event 3", "event 4"]
    assert transcript.events_dropped == 3
    assert transcript.tail(1) == "       4.000  CP-1          event 4"


async def _wait_for_ever():
    await trio.Event().wait()


async def _deadlock(run):
    await trio.sleep(3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_wait_for_ever, name="left")
        nursery.start_soon(_wait_for_ever, name="right")


def test_deadlock_is_found_and_says_who_waits_where():
    with pytest.raises(Deadlock, match="nothing can happen any more after 3 s: a deadlock") as stuck:
        run_seeded(_deadlock, seed=1)

    assert "left: _wait_for_ever (testing/test_seeded.py:" in stuck.value.tree
    assert "right: _wait_for_ever (testing/test_seeded.py:" in str(stuck.value)
    assert stuck.value.__cause__ is None


def test_deadlock_behind_a_shield_is_ended_all_the_same():
    async def main(run):
        with trio.CancelScope(shield=True):
            await _wait_for_ever()

    with pytest.raises(Deadlock):
        run_seeded(main, seed=1)


def test_deadlock_in_cleanup_is_found_as_well():
    async def main(run):
        try:
            await _wait_for_ever()
        finally:
            with trio.CancelScope(shield=True):
                await _wait_for_ever()

    with pytest.raises(Deadlock):
        run_seeded(main, seed=1)


def test_what_falls_over_because_of_a_deadlock_is_its_cause_only():
    async def main(run):
        try:
            await _wait_for_ever()
        finally:
            raise ValueError("fell over")

    with pytest.raises(Deadlock) as stuck:
        run_seeded(main, seed=1)

    assert isinstance(stuck.value.__cause__, ValueError)


def test_livelock_is_found_and_names_the_task():
    async def main(run):
        for _ in range(10_000):
            await trio.lowlevel.checkpoint()

    with pytest.raises(Livelock, match="1001 steps at the instant 0 s: a livelock") as stuck:
        run_seeded(main, seed=1, bounds=RunBounds(steps_per_instant=1000))

    assert "main (testing/test_seeded.py:" in stuck.value.tree


def test_run_that_takes_too_long_is_a_hang():
    async def main(run):
        await trio.sleep(10_000)

    with pytest.raises(Hang, match="the run did not end within 3600 s"):
        run_seeded(main, seed=1, bounds=RunBounds(seconds=3600))


def test_hang_says_who_waits_where_also_if_the_clock_has_jumped_far_beyond_the_bound():
    async def main(run):
        await trio.sleep(10_000)

    with pytest.raises(Hang) as stuck:
        run_seeded(main, seed=1, bounds=RunBounds(seconds=3600))

    assert "main (testing/test_seeded.py:" in stuck.value.tree


def test_where_an_object_lies_in_memory_is_no_part_of_what_happened():
    """Messages of exceptions are full of such addresses, and nothing of a run differs because of them."""
    kept = []

    async def main(run):
        kept.append(type("Meter", (), {})())
        run.note("CP-1", f"{kept[-1]} is broken")

    first, second = attempt(main, seed=1).transcript, attempt(main, seed=1).transcript

    assert f"{kept[0]}" != f"{kept[1]}"
    assert first.digests == second.digests
    assert first == second
    assert "Meter object at 0x…> is broken" in first.events[0].what


def test_operation_has_its_own_bound():
    async def main(run):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1000)
            with run.within(5, "the answer"):
                await _wait_for_ever()

    with pytest.RaisesGroup(pytest.RaisesExc(Hang, match="the answer did not end within 5 s")):
        run_seeded(main, seed=1)


def test_operation_within_its_bound_goes_on():
    async def main(run):
        with run.within(5, "the answer"):
            await trio.sleep(4)
        await trio.sleep(4)

    assert run_seeded(main, seed=1).seconds == 8


def test_long_idle_time_with_a_timer_is_no_deadlock():
    async def main(run):
        for _ in range(100):
            await trio.sleep(86_400)
        await trio.testing.wait_all_tasks_blocked()

    assert run_seeded(main, seed=1).seconds == 100 * 86_400


def test_failure_leaves_as_it_was_raised_and_an_attempt_keeps_it():
    async def main(run):
        run.note("CP-1", "about to fail")
        raise ValueError("ordinary")

    with pytest.raises(ValueError, match="ordinary"):
        run_seeded(main, seed=1)
    end = attempt(main, seed=1)

    assert isinstance(end.error, ValueError)
    assert end.transcript.events[-1].what == "about to fail"


def test_stalls_of_the_cpu_are_told_apart_from_waiting():
    seen = []

    async def main(run):
        await trio.sleep(5)
        seen.append(run.stalled)
        stall_cpu(3)
        seen.append(run.stalled)
        await trio.sleep(10)
        stall_cpu(0.5)
        await trio.lowlevel.checkpoint()
        seen.append((run.stalled, trio.current_time()))

    run_seeded(main, seed=0)

    assert seen == [0, 3, (3.5, 18.5)]
