"""The test kit: run your own charge point or CSMS against the real stack, in memory and in virtual time.

`MemoryNetwork` stands in for TCP under the real WebSocket framing; `CsmsStub` is a CSMS that does what a
test tells it and records every frame with its instant. Under trio's `MockClock` with autojump a test of
hours runs in milliseconds and asserts exact instants.
"""

from ocpp_trio.testing.network import MemoryLink as MemoryLink
from ocpp_trio.testing.network import MemoryListener as MemoryListener
from ocpp_trio.testing.network import MemoryNetwork as MemoryNetwork
from ocpp_trio.testing.network import MemoryStream as MemoryStream
from ocpp_trio.testing.pair import open_transport_pair as open_transport_pair
from ocpp_trio.testing.stub import CloseWith as CloseWith
from ocpp_trio.testing.stub import CsmsStub as CsmsStub
from ocpp_trio.testing.stub import Delayed as Delayed
from ocpp_trio.testing.stub import Drop as Drop
from ocpp_trio.testing.stub import Error as Error
from ocpp_trio.testing.stub import Ignore as Ignore
from ocpp_trio.testing.stub import RecordedFrame as RecordedFrame
from ocpp_trio.testing.stub import Result as Result
