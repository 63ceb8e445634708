"""OCPP on trio: charge points and CSMSs with structured concurrency.

The public names. `ocpp_trio.v16` carries the messages of OCPP 1.6, `ocpp_trio.observe` instruments,
`ocpp_trio.testing` the test kit.
"""

from ocpp_trio.charge_point.backoff import Backoff as Backoff
from ocpp_trio.charge_point.backoff import ExponentialBackoff as ExponentialBackoff
from ocpp_trio.charge_point.backoff import FleetBackoff as FleetBackoff
from ocpp_trio.charge_point.backoff import FullJitterBackoff as FullJitterBackoff
from ocpp_trio.charge_point.backoff import Ocpp201Backoff as Ocpp201Backoff
from ocpp_trio.charge_point.backoff import ReconnectPolicy as ReconnectPolicy
from ocpp_trio.charge_point.client import ChargePoint as ChargePoint
from ocpp_trio.charge_point.client import ChargePointStatistics as ChargePointStatistics
from ocpp_trio.charge_point.opening import open_charge_point as open_charge_point
from ocpp_trio.csms.authentication import Acceptance as Acceptance
from ocpp_trio.csms.authentication import Authenticator as Authenticator
from ocpp_trio.csms.authentication import Credentials as Credentials
from ocpp_trio.csms.authentication import Refusal as Refusal
from ocpp_trio.csms.server import CsmsServer as CsmsServer
from ocpp_trio.csms.server import CsmsStatistics as CsmsStatistics
from ocpp_trio.csms.server import serve_csms as serve_csms
from ocpp_trio.errors import CallFailed as CallFailed
from ocpp_trio.errors import CallRejected as CallRejected
from ocpp_trio.errors import CallTimeout as CallTimeout
from ocpp_trio.errors import Closed as Closed
from ocpp_trio.errors import CloseReason as CloseReason
from ocpp_trio.errors import ConnectionClosed as ConnectionClosed
from ocpp_trio.errors import ErrorCode as ErrorCode
from ocpp_trio.errors import HandshakeError as HandshakeError
from ocpp_trio.errors import InvalidResponse as InvalidResponse
from ocpp_trio.errors import LocalProtocolError as LocalProtocolError
from ocpp_trio.errors import OcppError as OcppError
from ocpp_trio.errors import ProtocolError as ProtocolError
from ocpp_trio.errors import RemoteProtocolError as RemoteProtocolError
from ocpp_trio.link.instrument import CallReport as CallReport
from ocpp_trio.link.instrument import Instrument as Instrument
from ocpp_trio.link.instrument import Instruments as Instruments
from ocpp_trio.link.instrument import Link as Link
from ocpp_trio.link.lifecycle import ConnectionState as ConnectionState
from ocpp_trio.link.lifecycle import Transition as Transition
from ocpp_trio.link.limits import Limits as Limits
from ocpp_trio.link.registration import Registration as Registration
from ocpp_trio.link.router import Router as Router
from ocpp_trio.link.session import Session as Session
from ocpp_trio.link.session import SessionStatistics as SessionStatistics
from ocpp_trio.link.settings import Settings as Settings
from ocpp_trio.link.tally import SessionCounters as SessionCounters
from ocpp_trio.link.transport import Transport as Transport
from ocpp_trio.link.transport import Upgrade as Upgrade
from ocpp_trio.link.transport import open_client as open_client
from ocpp_trio.link.transport import open_server as open_server
from ocpp_trio.wire.correlation import Match as Match
from ocpp_trio.wire.frames import Call as Call
from ocpp_trio.wire.frames import CallError as CallError
from ocpp_trio.wire.frames import CallResult as CallResult
from ocpp_trio.wire.frames import Frame as Frame
from ocpp_trio.wire.frames import FrameError as FrameError
from ocpp_trio.wire.frames import parse_frame as parse_frame
from ocpp_trio.wire.leniency import Allowance as Allowance
from ocpp_trio.wire.leniency import Leniency as Leniency
from ocpp_trio.wire.message import Defect as Defect
from ocpp_trio.wire.message import Payload as Payload
from ocpp_trio.wire.message import Request as Request
from ocpp_trio.wire.message import Response as Response
from ocpp_trio.wire.message import Version as Version
