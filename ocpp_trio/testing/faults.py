"""Faults as values, and plans of them: made by hand or from a seed, played against a clock, written down.

Owns when what goes wrong. How it is done is a table of strikes, one per kind, so that a simulation can add
kinds of its own to those of the network (`ocpp_trio.testing.strikes`).
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random

import attrs
import trio


@attrs.frozen(kw_only=True, order=True)
class Fault:
    """Something goes wrong at `at` on trio's clock and, where that means anything, for `seconds`.

    `host` says whose connections are hit, "" all of them; `amount` is whatever the kind measures.
    """

    at: float
    kind: str
    host: str = ""
    seconds: float = 0.0
    amount: float = 0.0


@attrs.frozen(kw_only=True)
class Spread:
    """Between which bounds a kind of fault is drawn; an amount of whole bounds is whole."""

    seconds: tuple[float, float] = (0.0, 0.0)
    amount: tuple[float, float] = (0, 0)

    def draw(self, rng: Random, *, at: float, kind: str, host: str) -> Fault:
        """A fault of this kind."""
        low, high = self.amount
        whole = isinstance(low, int) and isinstance(high, int)
        amount = rng.randint(int(low), int(high)) if whole else rng.uniform(low, high)
        # Milliseconds, so that a plan that was written down is the same plan.
        seconds = round(rng.uniform(*self.seconds), 3)
        return Fault(at=round(at, 3), kind=kind, host=host, seconds=seconds, amount=round(amount, 6))


Plan = tuple[Fault, ...]
Undo = Callable[[], None]
Strike = Callable[[Fault], Undo | None]


def random_plan(
    rng: Random, *, kinds: Mapping[str, Spread], hosts: Sequence[str], until: float, every: float, start: float = 0.0
) -> Plan:
    """Faults of all kinds on all hosts, on average one `every` so many seconds from `start` to `until`.

    Kinds take turns in a random order, so that a plan of some length has every one of them.
    """
    plan: list[Fault] = []
    bag: list[str] = []
    at = start
    while (at := at + rng.expovariate(1 / every)) < until:
        if not bag:
            bag = sorted(kinds)
            rng.shuffle(bag)
        kind = bag.pop()
        plan.append(kinds[kind].draw(rng, at=at, kind=kind, host=rng.choice(hosts)))
    return tuple(plan)


async def play(
    plan: Iterable[Fault],
    strikes: Mapping[str, Strike],
    *,
    on_strike: Callable[[Fault], None] = lambda fault: None,
) -> None:
    """Strike as planned, and return when the last fault is undone. Cancelling undoes all of them at once.

    `on_strike` is told of each fault as it begins. Raises LookupError for a kind that nobody can strike.
    """
    ordered = sorted(plan)
    if unknown := sorted({fault.kind for fault in ordered} - set(strikes)):
        raise LookupError(f"expected kinds of fault among {sorted(strikes)}, found {unknown}")
    async with trio.open_nursery() as nursery:
        for fault in ordered:
            await trio.sleep_until(fault.at)
            on_strike(fault)
            if (undo := strikes[fault.kind](fault)) is not None:
                nursery.start_soon(_undo_later, fault, undo)


async def _undo_later(fault: Fault, undo: Undo) -> None:
    try:
        await trio.sleep(fault.seconds)
    finally:
        undo()


def dump_plan(plan: Iterable[Fault]) -> str:
    """A plan as JSON, a fault on each line."""
    lines = (json.dumps(attrs.asdict(fault), separators=(",", ":")) for fault in plan)
    return "[" + ",\n ".join(lines) + "]"


def load_plan(text: str) -> Plan:
    """A plan that `dump_plan` wrote. Raises ValueError or TypeError for anything else."""
    return tuple(Fault(**fields) for fields in json.loads(text))
