"""How big the simulated worlds are, and how bad. Values only."""

from typing import Final

from ocpp_trio import Limits
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
CALM: Final = Scenario(
    stations=20,
    duration=24 * 3600.0,
    kinds={},
    gives_up=0.0,
    call_every=1200.0,
    heartbeat=1800,
    limits=Limits(ping_interval=600.0),
)
"""Twenty station-days in which nothing goes wrong."""


def station_hours(scenario: Scenario) -> float:
    """The size of a scenario."""
    return scenario.stations * scenario.duration / 3600
