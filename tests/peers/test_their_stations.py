"""Charge points of other people against our CSMS."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import attrs
import pytest
import trio

from ocpp_trio import (
    CallRejected,
    CloseReason,
    ConnectionClosed,
    CsmsServer,
    ErrorCode,
    Instrument,
    InvalidResponse,
    Limits,
    Link,
    Registration,
    Request,
    Router,
    Session,
    serve_csms,
    v16,
)
from ocpp_trio.backend import MemoryBackend
from tests.peers.conftest import Wire
from tests.peers.deviations import RIGHT, Fault, code_of
from tests.peers.leash import Peer
from tests.peers.misshapen import CSMS_FAULTS, FAULTY_CSMS

pytestmark = pytest.mark.real

NOON = "2026-01-01T12:00:00Z"
BOOT = {"chargePointVendor": "Acme", "chargePointModel": "One"}


@attrs.define
class Meeting:
    """Our CSMS with the one station that has come to it."""

    server: CsmsServer
    session: Session
    backend: MemoryBackend


@asynccontextmanager
async def meet(
    peer: Peer, wire: Wire, identity: str, *, router: Router | None = None, **options: Any
) -> AsyncIterator[Meeting]:
    """Serve, let the peer connect, and stop serving behind the body."""

    async def take(session: Session) -> None:
        await sessions.send(session)

    sessions, arrivals = trio.open_memory_channel[Session](0)
    backend = MemoryBackend()
    async with trio.open_nursery() as nursery:
        serve = partial(serve_csms, host="127.0.0.1", session_task=take, **wire.our_csms, **options)
        server = await nursery.start(serve, [router or backend.router()], 0)
        url = wire.url("127.0.0.1", server.port) + "/" + quote(identity, safe="")
        event = await peer.connect(identity, url, **wire.their_station)
        assert event["event"] == "open", event
        assert event["subprotocol"] == "ocpp1.6"
        yield Meeting(server, await arrivals.receive(), backend)
        await server.drain(5)


async def test_it_boots_and_beats(peer, wire, identity):
    async with meet(peer, wire, identity) as meeting:
        answer = await peer.call(identity, "BootNotification", **BOOT)
        beat = await peer.call(identity, "Heartbeat")
        registration = meeting.session.registration

    assert (answer["status"], answer["interval"]) == ("Accepted", 300)
    assert beat["currentTime"].endswith("Z")
    assert registration is Registration.ACCEPTED
    station = meeting.backend.live.station(identity)
    assert station is not None
    assert (station.vendor, station.model, station.boots) == ("Acme", "One", 1)
    assert peer.complaints(identity) == []


async def test_it_lives_through_a_transaction(peer, wire, identity):
    async with meet(peer, wire, identity) as meeting:
        tag = await peer.call(identity, "Authorize", idTag="TAG-1")
        await peer.call(
            identity, "StatusNotification", connectorId=1, errorCode="NoError", status="Preparing", timestamp=NOON
        )
        start = await peer.call(
            identity, "StartTransaction", connectorId=1, idTag="TAG-1", meterStart=100, timestamp=NOON
        )
        number = start["transactionId"]
        reading = {"timestamp": NOON, "sampledValue": [{"value": "350.5", "unit": "Wh"}]}
        await peer.call(identity, "MeterValues", connectorId=1, transactionId=number, meterValue=[reading])
        running = meeting.backend.transactions[number]
        stop = await peer.call(
            identity,
            "StopTransaction",
            transactionId=number,
            idTag="TAG-1",
            meterStop=700,
            timestamp=NOON,
            reason="EVDisconnected",
            transactionData=[reading],
        )

    ended = meeting.backend.transactions[number]
    assert tag["idTagInfo"] == start["idTagInfo"] == {"status": "Accepted"}
    assert (running.running, running.meter, running.readings) == (True, 350, 1)
    assert (ended.meter, ended.reason) == (700, v16.Reason.EV_DISCONNECTED)
    assert stop == {"idTagInfo": {"status": "Accepted"}}
    (connector,) = meeting.backend.live.connectors(identity)
    assert (connector.connector_id, connector.status) == (1, v16.ChargePointStatus.PREPARING)
    assert peer.complaints(identity) == []


async def test_it_obeys_the_csms(peer, wire, identity):
    async with meet(peer, wire, identity) as meeting:
        session = meeting.session
        await peer.call(identity, "BootNotification", **BOOT)

        configuration = await session.call(v16.GetConfigurationRequest(key=("HeartbeatInterval", "Nonsense")))
        change = await session.call(v16.ChangeConfigurationRequest(key="HeartbeatInterval", value="60"))
        trigger = await session.call(v16.TriggerMessageRequest(requested_message=v16.MessageTrigger.HEARTBEAT))
        await peer.call_of(identity, "Heartbeat", sent=True)
        started = await session.call(v16.RemoteStartTransactionRequest(id_tag="TAG-1", connector_id=1))
        # Not when the answer has come: the package looks at it in a thread before its caller gets it.
        number = (await peer.wait("charging", identity=identity))["transactionId"]
        foreign = await session.call(v16.RemoteStopTransactionRequest(transaction_id=number + 1))
        stopped = await session.call(v16.RemoteStopTransactionRequest(transaction_id=number))
        stop, _ = await peer.call_of(identity, "StopTransaction", sent=True)
        reset = await session.call(v16.ResetRequest(type=v16.ResetType.SOFT))
        closed = await session.wait_closed()

    known = v16.KeyValue(key="HeartbeatInterval", readonly=False, value="300")
    assert configuration == v16.GetConfigurationResponse(configuration_key=(known,), unknown_key=("Nonsense",))
    assert change.status is v16.ConfigurationStatus.ACCEPTED
    assert trigger.status is v16.TriggerMessageStatus.ACCEPTED
    assert started.status is stopped.status is v16.RemoteStartStopStatus.ACCEPTED
    assert foreign.status is v16.RemoteStartStopStatus.REJECTED
    assert stop["reason"] == "Remote"
    assert meeting.backend.transactions[number].reason is v16.Reason.REMOTE
    assert reset.status is v16.ResetStatus.ACCEPTED
    assert (closed.reason, closed.code, closed.detail) == (CloseReason.CLEAN, 1001, "resetting")
    assert peer.complaints(identity) == []


BROKEN = [
    (Fault.UNKNOWN_ACTION, "TotallyMadeUp", {}),
    (Fault.NO_HANDLER, "FirmwareStatusNotification", {"status": "Idle"}),
    (Fault.MISSING_MEMBER, "Authorize", {}),
    (Fault.WRONG_TYPE, "StatusNotification", {"connectorId": "1", "errorCode": "NoError", "status": "Available"}),
    (Fault.UNKNOWN_VALUE, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Dreaming"}),
    (Fault.EXTRA_MEMBER, "Heartbeat", {"mood": "good"}),
    (Fault.LONG_TEXT, "Authorize", {"idTag": "T" * 21}),
]


async def heartbeat(session: Session, request: v16.HeartbeatRequest) -> v16.HeartbeatResponse:
    return v16.HeartbeatResponse(current_time=datetime(2026, 1, 1, tzinfo=UTC))


async def test_its_mistakes_are_told_and_forgiven(peer, wire, identity):
    """What strict packages would not send goes past them, as from a station without such a package."""

    async def never(session: Session, request: Request[Any, Any]) -> Any:
        raise AssertionError(f"no handler should get {request}")

    router = Router(v16)
    router.on(v16.AuthorizeRequest)(never)
    router.on(v16.StatusNotificationRequest)(never)
    router.on(v16.HeartbeatRequest)(heartbeat)
    async with meet(peer, wire, identity, router=router):
        answers = {
            fault: await peer.exchange(identity, 2, f"x-{number}", action, payload)
            for number, (fault, action, payload) in enumerate(BROKEN)
        }
        beat = await peer.call(identity, "Heartbeat")

    assert {fault: answer[2] for fault, answer in answers.items()} == {fault: RIGHT[fault] for fault, _, _ in BROKEN}
    assert {answer[0] for answer in answers.values()} == {4}
    assert beat["currentTime"]


async def test_errors_of_our_handlers_reach_its_callers(peer, wire, identity, caplog):
    async def misbehave(session: Session, request: v16.DataTransferRequest) -> v16.DataTransferResponse:
        if request.vendor_id == "Boom":
            raise ValueError("this handler has a bug")
        raise CallRejected(ErrorCode.SECURITY_ERROR, "that is not for you", {"level": 3})

    async with meet(peer, wire, identity) as meeting:
        for vendor in ("Boom", "Secret"):
            meeting.backend.on_vendor(vendor)(misbehave)
        bug = await peer.attempt(identity, "DataTransfer", vendorId="Boom")
        refusal = await peer.attempt(identity, "DataTransfer", vendorId="Secret")
        unknown = await peer.call(identity, "DataTransfer", vendorId="Other")

    assert (bug["code"], bug["description"]) == ("InternalError", "the handler failed")
    assert (refusal["code"], refusal["description"]) == ("SecurityError", "that is not for you")
    assert refusal["details"] == {"level": 3}
    assert unknown == {"status": "UnknownVendorId"}
    assert [record.levelno for record in caplog.records if record.name.startswith("ocpp_trio")] == [logging.ERROR]


async def test_its_errors_reach_our_callers(peer, wire, identity):
    async def rejection_of(request: Request[Any, Any]) -> tuple[str, CallRejected]:
        """The code as the peer wrote it, and what our caller gets: the code in the spelling of OCPP 1.6."""
        with pytest.raises(CallRejected) as rejected:
            await meeting.session.call(request)
        _, answer = await peer.call_of(identity, request.action)
        assert rejected.value.origin == "remote"
        assert rejected.value.code == v16.version.spell(answer[2])
        return answer[2], rejected.value

    async with meet(peer, wire, identity, router=Router(FAULTY_CSMS)) as meeting:
        rejections = {fault: await rejection_of(request) for fault, request in CSMS_FAULTS.items()}
        after = await meeting.session.call(v16.ChangeConfigurationRequest(key="HeartbeatInterval", value="60"))

    assert {fault: code for fault, (code, _) in rejections.items()} == {
        fault: code_of(peer.name, fault) for fault in CSMS_FAULTS
    }
    _, refusal = rejections[Fault.REFUSAL]
    assert (refusal.description, refusal.details) == ("that is not for you", {"level": 3})
    assert after.status is v16.ConfigurationStatus.ACCEPTED


async def test_its_answer_outside_the_schema_ends_our_call_only(peer, wire, identity):
    async def answer() -> None:
        _, message_id, *_ = await peer.frame(identity)
        await peer.do("send", identity=identity, text=f'[3,"{message_id}",{{"status":"Perhaps"}}]')

    async with meet(peer, wire, identity) as meeting:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            with pytest.raises(InvalidResponse, match="status"):
                await meeting.session.call(v16.ChangeConfigurationRequest(key="Silent", value="1"))
        closed = meeting.session.closed

    assert closed is None


async def test_each_answers_the_pings_of_the_other(peer, wire, identity):
    class Ear(Instrument):
        def pong_received(self, link: Link, *, seconds: float) -> None:
            heard.set()

    heard = trio.Event()
    async with meet(peer, wire, identity, instrument=Ear(), limits=Limits(ping_interval=0.01)):
        await heard.wait()
        await peer.ping(identity)


async def test_its_close_ends_our_call(peer, wire, identity):
    async def close() -> None:
        await peer.wait("frame", identity=identity, sent=False)
        await peer.do("close", identity=identity, code=3001, reason="done for today")

    async with meet(peer, wire, identity) as meeting:
        session = meeting.session
        async with trio.open_nursery() as nursery:
            nursery.start_soon(close)
            with pytest.raises(ConnectionClosed) as ended:
                await session.call(v16.ChangeConfigurationRequest(key="Silent", value="1"))
        sessions = dict(meeting.server.sessions)

    assert ended.value.was_sent
    closed = ended.value.closed
    assert (closed.reason, closed.code, closed.detail) == (CloseReason.CLEAN, 3001, "done for today")
    assert sessions == {}


async def test_it_learns_why_we_close(peer, wire, identity):
    async with meet(peer, wire, identity) as meeting:
        await peer.call(identity, "Heartbeat")
        await meeting.server.drain(5)
        closed = await peer.wait("closed", identity=identity)

    assert closed["code"] == 1001
