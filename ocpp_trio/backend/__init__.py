"""A ready-made CSMS: every message of a charge point answered, over a store in memory or in a file.

    backend = MemoryBackend()
    server = await nursery.start(partial(serve_csms, [backend.router()], 9000, instrument=backend.instrument))

`backend.live` is what has been reported lately, `backend.hub` tells of every change, and `backend.store` is what must
not be forgotten.
"""

from ocpp_trio.backend.bus import Bus as Bus
from ocpp_trio.backend.bus import BusStatus as BusStatus
from ocpp_trio.backend.bus import LocalBus as LocalBus
from ocpp_trio.backend.bus import NumberingBus as NumberingBus
from ocpp_trio.backend.disk import RunBlocking as RunBlocking
from ocpp_trio.backend.disk import in_thread as in_thread
from ocpp_trio.backend.events import Change as Change
from ocpp_trio.backend.events import Event as Event
from ocpp_trio.backend.events import Topic as Topic
from ocpp_trio.backend.group_commit import CommitStatistics as CommitStatistics
from ocpp_trio.backend.handlers import Backend as Backend
from ocpp_trio.backend.handlers import VendorHandler as VendorHandler
from ocpp_trio.backend.hub import Hub as Hub
from ocpp_trio.backend.hub import Lost as Lost
from ocpp_trio.backend.hub import Numbered as Numbered
from ocpp_trio.backend.hub import SlowPolicy as SlowPolicy
from ocpp_trio.backend.hub import Subscription as Subscription
from ocpp_trio.backend.hub import SubscriptionDropped as SubscriptionDropped
from ocpp_trio.backend.hub import Tap as Tap
from ocpp_trio.backend.interest import Want as Want
from ocpp_trio.backend.ledger import Ledger as Ledger
from ocpp_trio.backend.live import Freshness as Freshness
from ocpp_trio.backend.live import LiveState as LiveState
from ocpp_trio.backend.memory import MemoryBackend as MemoryBackend
from ocpp_trio.backend.memory_bus import MemoryBus as MemoryBus
from ocpp_trio.backend.memory_bus import MemoryExchange as MemoryExchange
from ocpp_trio.backend.node import Node as Node
from ocpp_trio.backend.node import open_node as open_node
from ocpp_trio.backend.node_ids import claim_ids as claim_ids
from ocpp_trio.backend.node_numbers import NumberConflict as NumberConflict
from ocpp_trio.backend.node_values import NodeSettings as NodeSettings
from ocpp_trio.backend.node_values import NodeStatus as NodeStatus
from ocpp_trio.backend.node_values import PeerStatus as PeerStatus
from ocpp_trio.backend.records import Connector as Connector
from ocpp_trio.backend.records import LogLine as LogLine
from ocpp_trio.backend.records import MeterReading as MeterReading
from ocpp_trio.backend.records import Registration as Registration
from ocpp_trio.backend.records import Station as Station
from ocpp_trio.backend.records import Stopped as Stopped
from ocpp_trio.backend.records import StrayStop as StrayStop
from ocpp_trio.backend.records import Transaction as Transaction
from ocpp_trio.backend.sqlite import SqliteStore as SqliteStore
from ocpp_trio.backend.sqlite import open_sqlite_store as open_sqlite_store
from ocpp_trio.backend.sqlite import remembered_ids as remembered_ids
from ocpp_trio.backend.store import FateUnknown as FateUnknown
from ocpp_trio.backend.store import MemoryStore as MemoryStore
from ocpp_trio.backend.store import Store as Store
from ocpp_trio.backend.store import StoreError as StoreError
from ocpp_trio.backend.tags import IdTags as IdTags
from ocpp_trio.backend.tags import TagPolicy as TagPolicy
from ocpp_trio.backend.transaction_ids import IdRange as IdRange
