"""A charging station as a device: one connector, a meter, transactions, configuration.

    async with open_simulator("ws://127.0.0.1:9000/ocpp", "CP-1") as device:
        await device.wait_ready()
        await device.plug_in()
        await device.present("TAG-1")

It answers every request of a Central System. An offline queue of transaction messages is not part of it.
"""

from ocpp_trio.simulator.configuration import Configuration as Configuration
from ocpp_trio.simulator.connector import NotPossible as NotPossible
from ocpp_trio.simulator.device import Device as Device
from ocpp_trio.simulator.meter import Meter as Meter
from ocpp_trio.simulator.opening import open_simulator as open_simulator
from ocpp_trio.simulator.status import TRANSITIONS as TRANSITIONS
from ocpp_trio.simulator.transaction import Transaction as Transaction
