"""How big the simulated worlds are, and how bad. Values only."""

from typing import Final

import attrs

from ocpp_trio import Limits
from ocpp_trio.testing import NETWORK_FAULTS, Fault
from tests.simulation.cancelling import CANCELLATIONS
from tests.simulation.peers import HEAVY_FAULTS, PEER_FAULTS
from tests.simulation.world import Scenario

STORM: Final = Scenario(stations=3, duration=1800.0, fault_every=8.0)
"""Short and violent: every kind of fault a few times within a few seconds of real time."""
LONG: Final = Scenario(
    stations=6,
    duration=12.2 * 3600.0,
    fault_every=17.0,
    call_every=600.0,
    heartbeat=900,
    limits=Limits(ping_interval=120.0),
)
"""Sparse as a fleet is: what takes the time is messages, and what is to be seen is faults. 35 an hour and station."""
SHORT: Final = attrs.evolve(
    LONG,
    duration=18.3 * 3600.0,
    fault_every=90.0,
    call_every=1800.0,
    heartbeat=3600,
    limits=Limits(ping_interval=600.0),
)
"""More hours, and less in each of them: for the suite."""
HUNT: Final = attrs.evolve(LONG, stations=3, duration=4 * 3600.0, call_every=120.0)
"""The twelve station-hours in which a broken variant has to be caught."""
CALM: Final = Scenario(
    stations=20,
    duration=24 * 3600.0,
    kinds={},
    gives_up=0.0,
    call_every=1200.0,
    heartbeat=1800,
    limits=Limits(ping_interval=600.0),
    calm=True,
)
"""Twenty station-days in which nothing goes wrong."""


TALK: Final = attrs.evolve(CALM, stations=3, duration=3600.0, call_every=20.0)
"""Nothing goes wrong, and everybody talks."""
FLOODS: Final = attrs.evolve(
    CALM,
    stations=4,
    duration=3600.0,
    fault_every=10.0,
    kinds={
        kind: PEER_FAULTS[kind] for kind in ("garbage", "half an upgrade", "flood", "deaf flood", "bad frames", "liar")
    },
)
"""Bad peers beside stations of which they are no business."""
FLIPPED: Final = attrs.evolve(
    CALM,
    stations=5,
    duration=3600.0,
    fault_every=5.0,
    call_every=60.0,
    kinds={kind: NETWORK_FAULTS[kind] for kind in ("flipped byte upwards", "flipped byte downwards")},
    victims=2,
)
"""Wrong bytes on the links of two stations: they make another frame of what was written. The others are judged."""
TWINS: Final = attrs.evolve(
    CALM, stations=3, duration=2 * 3600.0, fault_every=60.0, kinds={"twin": PEER_FAULTS["twin"]}, proof=False
)
"""Nobody proves who it is, so no second connection may take the place of a session that is alive."""
UNPROVEN: Final = attrs.evolve(
    STORM,
    duration=3600.0,
    fault_every=15.0,
    proof=False,
    limits=Limits(upgrades_per_second=0.1, upgrade_burst=2),
)
"""A storm in which nobody proves who it is, and the CSMS takes one upgrade in ten seconds."""
CANCELS: Final = Scenario(
    stations=3,
    duration=1200.0,
    fault_every=2.0,
    call_every=5.0,
    kinds={
        **CANCELLATIONS,
        **{kind: NETWORK_FAULTS[kind] for kind in ("latency", "partial writes", "slow reader", "stall of both")},
    },
)
"""Somebody is always being cancelled, mostly while something is under way."""
INSIDE: Final = attrs.evolve(
    CALM,
    stations=6,
    duration=1.5 * 3600.0,
    fault_every=60.0,
    call_every=40.0,
    heartbeat=20,
    kinds={"cancelled inside": CANCELLATIONS["cancelled inside"]},
    victims=3,
)
"""The tasks of three stations are cancelled by somebody who has no right to; the others are no business of his."""
HEAVY: Final = attrs.evolve(
    CALM,
    stations=2,
    duration=1200.0,
    fault_every=60.0,
    call_every=300.0,
    limits=Limits(message_size=16 * 1024),
    kinds=HEAVY_FAULTS,
    traced=True,
)
"""Peers that would fill the memory of a CSMS, beside stations of which they are no business."""
RESTART: Final = attrs.evolve(
    CALM,
    stations=60,
    duration=900.0,
    call_every=300.0,
    plan=(Fault(at=300.0, kind="server crash", seconds=60.0),),
    calm=False,
)
"""A CSMS dies and is back a minute later."""


def station_hours(scenario: Scenario) -> float:
    """The size of a scenario."""
    return scenario.stations * scenario.duration / 3600
