"""A fleet loses its CSMS at one moment: when does each policy bring it back?

    python benchmarks/herd.py [--stations 100000] [--picture herd.svg]

A computed model over the policies as implemented: every connection drops within 0.2 s, the server is down
for a while, a refused attempt costs 50 ms. Prints, per policy and outage, the most connects in any second
after the server is back, that as a share of the fleet, and the 99th percentile of the time until a station
is connected again; below it the first 120 s after a 5 s outage, as a line of bars. `--picture` draws the
same as SVG.
"""

import argparse
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ocpp_trio import Backoff, ExponentialBackoff, FleetBackoff, FullJitterBackoff, Ocpp201Backoff

POLICIES: dict[str, Backoff] = {
    "exponential, no jitter": ExponentialBackoff(jitter=0.0),
    "exponential +-20 % (default)": ExponentialBackoff(),
    "full jitter": FullJitterBackoff(),
    "OCPP 2.0.1, 10/5/10": Ocpp201Backoff(),
    "OCPP 2.0.1, 30/5/60": Ocpp201Backoff(wait_minimum=30, random_range=60),
    "fleet, 60 s": FleetBackoff(),
    "fleet, 300 s": FleetBackoff(window=300),
}
OUTAGES = (5.0, 60.0, 600.0)
SKEW = 0.2
REFUSED_COSTS = 0.05
SHOWN_SECONDS = 120
BARS = " ▁▂▃▄▅▆▇█"


def reconnects(policy: Backoff, outage: float, stations: int, rng: random.Random) -> list[float]:
    """The instant at which each station connects again, in seconds after the loss."""
    instants = []
    for _ in range(stations):
        now = rng.uniform(0, SKEW)
        for delay in policy.delays(rng):
            now += delay
            if now >= outage:
                break
            now += REFUSED_COSTS
        instants.append(now)
    return instants


def per_second(instants: Sequence[float], outage: float) -> Counter[int]:
    """Connects per second after the server is back."""
    return Counter(int(instant - outage) for instant in instants)


def bars(counts: Counter[int], peak: int) -> str:
    """Two seconds a character; a full bar is the highest peak of all policies, on a square-root scale."""
    sums = [counts[second] + counts[second + 1] for second in range(0, SHOWN_SECONDS, 2)]
    return "".join(BARS[min(8, -(-int(8 * (total / (2 * peak)) ** 0.5 * 100) // 100))] for total in sums)


def picture(series: dict[str, Counter[int]], peak: int) -> str:
    """One small diagram a policy, all on the same scale."""
    width, height, left, row = 720, 60, 210, 74
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 20}" height="{row * len(series) + 40}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (name, counts) in enumerate(series.items()):
        base = row * number + height + 10
        parts.append(f'<text x="10" y="{base - 20}">{name}</text>')
        parts.append(f'<line x1="{left}" y1="{base}" x2="{left + width}" y2="{base}" stroke="#888"/>')
        for second in range(SHOWN_SECONDS):
            bar = height * (counts[second] / peak) ** 0.5
            x = left + second * width / SHOWN_SECONDS
            parts.append(f'<rect x="{x:.1f}" y="{base - bar:.1f}" width="5" height="{bar:.1f}" fill="#2a6"/>')
    foot = row * len(series) + 28
    parts.append(f'<text x="{left}" y="{foot}">connects per second, 0 to {SHOWN_SECONDS} s after a 5 s outage</text>')
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=100_000)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    stations = arguments.stations
    print(
        f"{f'{stations} stations':28}"
        + "".join(f"{f'down {outage:g} s: peak/s':>24}{'share':>8}{'p99 s':>8}" for outage in OUTAGES)
    )
    after_deploy: dict[str, Counter[int]] = {}
    for name, policy in POLICIES.items():
        cells = ""
        for outage in OUTAGES:
            instants = reconnects(policy, outage, stations, random.Random(1))
            counts = per_second(instants, outage)
            peak = max(counts.values())
            p99 = sorted(instants)[int(stations * 0.99)] - outage
            cells += f"{peak:24}{peak / stations:8.1%}{p99:8.0f}"
            if outage == OUTAGES[0]:
                after_deploy[name] = counts
        print(f"{name:28}" + cells)
    highest = max(max(counts.values()) for counts in after_deploy.values())
    print(f"\nthe first {SHOWN_SECONDS} s after a 5 s outage, two seconds a bar, square-root scale")
    for name, counts in after_deploy.items():
        print(f"{name:30}|{bars(counts, highest)}|")
    if arguments.picture:
        arguments.picture.write_text(picture(after_deploy, highest))


if __name__ == "__main__":
    main()
