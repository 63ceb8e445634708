"""The test kit: run your own charge point or CSMS against the real stack, in memory and in virtual time.

`MemoryNetwork` stands in for TCP under the real WebSocket framing; `CsmsStub` is a CSMS that does what a
test tells it and records every frame with its instant. Under trio's `MockClock` with autojump a test of
hours runs in milliseconds and asserts exact instants.

- A network that fails: `MemoryNetwork`, its `MemoryHost`s, `MemoryListener`s, `MemoryLink`s and `MemoryStream`s;
  `Conditions` of a link, `stall_cpu`, `open_transport_pair` for one connection alone.
- Faults as values: `Fault`, `Plan`, `Spread`, `random_plan`, `play`, `dump_plan`, `load_plan`. `NetworkStrikes` does
  those of `NETWORK_FAULTS`; `WITHOUT_CORRUPTION` leaves out wrong bytes. `Strike` is what a kind of your own is.
- Peers: `CsmsStub` with `Result`, `Error`, `Ignore`, `Delayed`, `CloseWith`, `Drop`, each a `Behaviour`, and its
  `RecordedFrame`s; `ScriptedPeer` that follows a script of `Say`, `Expect`, `Silence`, `Ended`, `Result`, `Error`,
  `CloseWith`, `Drop`, each a `Step`, or raises `ScriptFailed`.
- The wire: `FrameLog` of `LoggedFrame`s, with assertions that print both ends' timeline when they fail.
- Runs that repeat: `run_seeded` and `attempt` (an `Attempt`) give a function a `SeededRun` within `RunBounds`, and a
  `Transcript` of `Event`s afterwards; `check_seeds` runs many and raises `SeedFailed` with the fewest faults needed.
- Runs that are stuck: `Watch` raises `Deadlock`, `Livelock` or `Hang`, each a `Stuck`; `task_tree` shows who waits
  where.

The pytest plugin `ocpp_trio.testing.plugin` has fixtures and markers for all of this.
"""

from ocpp_trio.testing.faults import Fault as Fault
from ocpp_trio.testing.faults import Plan as Plan
from ocpp_trio.testing.faults import Spread as Spread
from ocpp_trio.testing.faults import Strike as Strike
from ocpp_trio.testing.faults import dump_plan as dump_plan
from ocpp_trio.testing.faults import load_plan as load_plan
from ocpp_trio.testing.faults import play as play
from ocpp_trio.testing.faults import random_plan as random_plan
from ocpp_trio.testing.frame_log import FrameLog as FrameLog
from ocpp_trio.testing.frame_log import LoggedFrame as LoggedFrame
from ocpp_trio.testing.link import MemoryLink as MemoryLink
from ocpp_trio.testing.listener import MemoryListener as MemoryListener
from ocpp_trio.testing.network import MemoryHost as MemoryHost
from ocpp_trio.testing.network import MemoryNetwork as MemoryNetwork
from ocpp_trio.testing.network import stall_cpu as stall_cpu
from ocpp_trio.testing.pair import open_transport_pair as open_transport_pair
from ocpp_trio.testing.pipe import Conditions as Conditions
from ocpp_trio.testing.scripted import Ended as Ended
from ocpp_trio.testing.scripted import Expect as Expect
from ocpp_trio.testing.scripted import Say as Say
from ocpp_trio.testing.scripted import ScriptedPeer as ScriptedPeer
from ocpp_trio.testing.scripted import ScriptFailed as ScriptFailed
from ocpp_trio.testing.scripted import Silence as Silence
from ocpp_trio.testing.scripted import Step as Step
from ocpp_trio.testing.seeded import Attempt as Attempt
from ocpp_trio.testing.seeded import RunBounds as RunBounds
from ocpp_trio.testing.seeded import SeededRun as SeededRun
from ocpp_trio.testing.seeded import attempt as attempt
from ocpp_trio.testing.seeded import run_seeded as run_seeded
from ocpp_trio.testing.shrink import SeedFailed as SeedFailed
from ocpp_trio.testing.shrink import check_seeds as check_seeds
from ocpp_trio.testing.stream import MemoryStream as MemoryStream
from ocpp_trio.testing.strikes import NETWORK_FAULTS as NETWORK_FAULTS
from ocpp_trio.testing.strikes import WITHOUT_CORRUPTION as WITHOUT_CORRUPTION
from ocpp_trio.testing.strikes import NetworkStrikes as NetworkStrikes
from ocpp_trio.testing.stub import Behaviour as Behaviour
from ocpp_trio.testing.stub import CloseWith as CloseWith
from ocpp_trio.testing.stub import CsmsStub as CsmsStub
from ocpp_trio.testing.stub import Delayed as Delayed
from ocpp_trio.testing.stub import Drop as Drop
from ocpp_trio.testing.stub import Error as Error
from ocpp_trio.testing.stub import Ignore as Ignore
from ocpp_trio.testing.stub import RecordedFrame as RecordedFrame
from ocpp_trio.testing.stub import Result as Result
from ocpp_trio.testing.task_tree import task_tree as task_tree
from ocpp_trio.testing.transcript import Event as Event
from ocpp_trio.testing.transcript import Transcript as Transcript
from ocpp_trio.testing.watch import Deadlock as Deadlock
from ocpp_trio.testing.watch import Hang as Hang
from ocpp_trio.testing.watch import Livelock as Livelock
from ocpp_trio.testing.watch import Stuck as Stuck
from ocpp_trio.testing.watch import Watch as Watch
