"""One run of an async function in which nothing is left to chance, and what came of it.

Owns the run: its clock, its network, its sources of random numbers, its transcript. Must not know what is
tested with it.
"""

import itertools
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random

import attrs
import trio
import trio.testing

from ocpp_trio.testing.chance import seeded_chance, stream
from ocpp_trio.testing.faults import Plan, Spread, Strike, play, random_plan
from ocpp_trio.testing.network import MemoryNetwork
from ocpp_trio.testing.stub import EPOCH
from ocpp_trio.testing.transcript import EVENTS_KEPT, Recorder, RecordingInstrument, Transcript
from ocpp_trio.testing.watch import STEPS_PER_INSTANT, Hang, Watch


@attrs.frozen(kw_only=True)
class RunBounds:
    """How far a run may go: `seconds` of virtual time, steps at one instant, events kept for reading."""

    seconds: float = math.inf
    steps_per_instant: int = STEPS_PER_INSTANT
    events_kept: int = EVENTS_KEPT


class SeededRun:
    """What the function of a seeded run works with. Made by `run_seeded`.

    `network` is a memory network whose every byte is on record, `instrument` writes down what the stack tells
    of itself; give it to `open_charge_point` and `serve_csms`.
    """

    def __init__(self, seed: int, recorder: Recorder, plan: Plan | None, watch: Watch) -> None:
        self._recorder = recorder
        self._watch = watch
        self._given = plan
        self.seed = seed
        self.plan: Plan = plan or ()
        self.network = MemoryNetwork(rng=self.rng("network"), history=False)
        self.network.taps.append(recorder.note_bytes)
        self.instrument = RecordingInstrument(recorder)

    @property
    def stalled(self) -> float:
        """Seconds so far in which the CPU stalled (`stall_cpu`): what was due then is late by no fault of its own."""
        return self._watch.stalled

    def rng(self, purpose: str) -> Random:
        """A new source of random numbers for one purpose: `rng=run.rng("jitter of CP-1")`."""
        return stream(self.seed, purpose)

    def message_ids(self, name: str) -> Callable[[], str]:
        """A source of message ids that can be read: `name-1`, `name-2`."""
        numbers = itertools.count(1)
        return lambda: f"{name}-{next(numbers)}"

    def now(self) -> datetime:
        """The time of day of the virtual clock, for what takes a `now=`."""
        return EPOCH + timedelta(seconds=trio.current_time())

    def note(self, who: str, what: str) -> None:
        """Write an event of the application into the transcript."""
        self._recorder.note(who, what)

    def faults(self, *, kinds: Mapping[str, Spread], hosts: Sequence[str], until: float, every: float) -> Plan:
        """The plan of this run: drawn from the seed as `random_plan` does, or the one the run was given.

        Ask once; a failing run is repeated with parts of this plan to find out which faults it takes.
        """
        drawn = random_plan(self.rng("faults"), kinds=kinds, hosts=hosts, until=until, every=every)
        self.plan = drawn if self._given is None else self._given
        return self.plan

    async def play(self, strikes: Mapping[str, Strike]) -> None:
        """Play the plan and write down each fault; returns when the last one is undone."""
        await play(self.plan, strikes, on_strike=self._recorder.note_fault)

    @contextmanager
    def within(self, seconds: float, what: str) -> Iterator[None]:
        """Bound the body in virtual time. Raises Hang, with what the body was waiting for as its cause."""
        with trio.CancelScope(deadline=trio.current_time() + seconds) as scope:
            try:
                yield
            except BaseException as end:  # noqa: ASYNC103  # this scope's own Cancelled leaves as what it means
                if scope.cancel_called:
                    raise Hang(f"{what} did not end within {seconds:g} s") from end  # noqa: ASYNC104
                raise


Main = Callable[[SeededRun], Awaitable[object]]


@attrs.frozen(kw_only=True)
class Attempt:
    """How a run ended: `error` is None if it passed, `plan` the faults it was played with."""

    transcript: Transcript
    plan: Plan
    error: BaseException | None


def attempt(main: Main, *, seed: int, bounds: RunBounds | None = None, plan: Plan | None = None) -> Attempt:
    """Run `main` once under this seed, with the faults of `plan` instead of its own if there is one.

    What `main` raises is in the result; only what is no Exception, as KeyboardInterrupt, goes through.
    """
    bounds = bounds or RunBounds()
    watch = Watch(steps_per_instant=bounds.steps_per_instant)
    recorder = Recorder(kept=bounds.events_kept)
    made: list[SeededRun] = []
    ended = 0.0

    async def run() -> object:
        nonlocal ended
        made.append(SeededRun(seed, recorder, plan, watch))
        try:
            return await _watched(main, made[0], watch, bounds)
        finally:
            ended = trio.current_time()

    error, result = None, None
    with seeded_chance(seed):
        try:
            result = trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0), instruments=[watch])
        except Exception as exc:
            if not made:
                raise  # trio.run itself will not: there is a run already
            error = _first_cause(exc, watch)
    transcript = recorder.transcript(
        seed=seed, seconds=ended, steps=watch.steps, schedule=watch.schedule, result=result
    )
    return Attempt(transcript=transcript, plan=made[0].plan, error=error)


async def _watched(main: Main, run: SeededRun, watch: Watch, bounds: RunBounds) -> object:
    with trio.CancelScope() as scope:
        watch.begin(scope, seconds=bounds.seconds)
        try:
            result = await main(run)
        finally:
            watch.end()
        if watch.verdict is None:
            return result
    assert watch.verdict is not None
    raise watch.verdict


def _first_cause(error: Exception, watch: Watch) -> Exception:
    """A verdict makes everything else fall over; it is the news."""
    if watch.verdict is None or error is watch.verdict:
        return error
    watch.verdict.__cause__ = error
    return watch.verdict


def run_seeded(main: Main, *, seed: int, bounds: RunBounds | None = None, plan: Plan | None = None) -> Transcript:
    """Run `main(run)` under a MockClock with every source of chance taken from `seed`.

        async def main(run: SeededRun) -> None:
            stub = CsmsStub()
            async with trio.open_nursery() as nursery:
                port = await nursery.start(partial(stub.serve, 0, listen=run.network.listen))
                ...

        transcript = run_seeded(main, seed=1)
        assert transcript.digests == run_seeded(main, seed=1).digests

    The same seed gives the same bytes, events and schedule, in another process too and whatever its hash
    seed. Threads, sockets, files and the wall clock have no place in `main`. A run in which nothing can
    happen any more is a Deadlock, one that stands still in time a Livelock, one that takes too long a Hang;
    each says what every task was waiting for. Raises them and what `main` raises.
    """
    end = attempt(main, seed=seed, bounds=bounds, plan=plan)
    if end.error is not None:
        raise end.error
    return end.transcript
