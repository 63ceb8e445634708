"""The ground that tests of a charge point stand on."""

from tests.station_ground import ground as ground
from tests.station_ground import new_ground as new_ground
