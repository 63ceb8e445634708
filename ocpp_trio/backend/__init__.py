"""The first rooms of a ready-made CSMS: every message of a charge point answered, over memory.

    backend = MemoryBackend()
    server = await nursery.start(serve_csms, [backend.router()], 9000)

`backend.stations` and `backend.transactions` are snapshots of what has been reported so far.
"""

from ocpp_trio.backend.ledger import Ledger as Ledger
from ocpp_trio.backend.memory import MemoryBackend as MemoryBackend
from ocpp_trio.backend.memory import VendorHandler as VendorHandler
from ocpp_trio.backend.records import Connector as Connector
from ocpp_trio.backend.records import Station as Station
from ocpp_trio.backend.records import Transaction as Transaction
from ocpp_trio.backend.stations import Stations as Stations
from ocpp_trio.backend.tags import IdTags as IdTags
