"""What many worlds came to, as text to read. Knows no process and no command line."""

from collections import Counter
from collections.abc import Sequence

from tests.simulation.world import Outcome

_SECTIONS = {
    "outcomes": "how calls of honest ends ended",
    "faults": "faults by kind",
    "losses": "connections of honest stations that ended, by who says so",
    "dropped": "answers that nobody waited for",
    "security": "security events",
}


def table(outcomes: Sequence[Outcome], violations: int) -> str:
    """Sums over all worlds."""
    sums = {name: Counter[str]() for name in _SECTIONS}
    for outcome in outcomes:
        for name, counter in sums.items():
            counter.update(getattr(outcome, name))
    heads = {
        "worlds": len(outcomes),
        "stations": sum(outcome.stations for outcome in outcomes),
        "virtual hours": sum(outcome.hours for outcome in outcomes),
        "station-hours": sum(outcome.station_hours for outcome in outcomes),
        "faults": sums["faults"].total(),
        "kinds of fault": len(sums["faults"]),
        "calls": sum(outcome.calls for outcome in outcomes),
        "reconnects": sum(outcome.reconnects for outcome in outcomes),
        "cancellations": sum(outcome.cancelled for outcome in outcomes),
        "violations": violations,
    }
    lines = [f"{name:<42} {value:>10,.0f}" for name, value in heads.items()]
    for name, counter in sums.items():
        lines += ["", _SECTIONS[name], *(f"  {key:<40} {count:>10,}" for key, count in sorted(counter.items()))]
    return "\n".join(lines)
