"""Our charge points against CSMSs of other people."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import trio

from ocpp_trio import (
    CallRejected,
    ChargePoint,
    CloseReason,
    ConnectionClosed,
    ConnectionState,
    ExponentialBackoff,
    Instrument,
    InvalidResponse,
    Limits,
    Link,
    ReconnectPolicy,
    Request,
    Router,
    open_charge_point,
    v16,
)
from ocpp_trio.simulator import open_simulator
from ocpp_trio.simulator.device import Device
from tests.peers.conftest import Wire, serving
from tests.peers.deviations import RIGHT, Fault, code_of
from tests.peers.leash import Peer
from tests.peers.misshapen import FAULTY_STATION, STATION_FAULTS

pytestmark = pytest.mark.real

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
AT_ONCE = ReconnectPolicy(backoff=ExponentialBackoff(initial=0.01), resume_delay=0.01)


@asynccontextmanager
async def open_station(
    peer: Peer, wire: Wire, identity: str, *, router: Router | None = None, **options: Any
) -> AsyncIterator[ChargePoint]:
    """A charge point of ours with the peer, online."""
    async with (
        serving(peer, wire) as url,
        open_charge_point(
            url, identity, router=router or Router(v16), boot=BOOT, reconnect=AT_ONCE, **wire.our_station, **options
        ) as station,
    ):
        assert (await peer.wait("open", identity=identity))["subprotocol"] == "ocpp1.6"
        await station.wait_online()
        yield station


@asynccontextmanager
async def open_device(peer: Peer, wire: Wire, identity: str) -> AsyncIterator[Device]:
    """A simulated charging station of ours with the peer, ready for a driver."""
    async with (
        serving(peer, wire) as url,
        open_simulator(url, identity, boot=BOOT, reconnect=AT_ONCE, meter=1000, **wire.our_station) as device,
    ):
        await device.wait_ready()
        yield device


async def test_we_boot_and_beat(peer, wire, identity):
    async with open_station(peer, wire, identity) as station:
        beat = await station.call(v16.HeartbeatRequest())
        boot, answer = await peer.call_of(identity, "BootNotification")
        interval = station.statistics().heartbeat_interval

    assert boot == {"chargePointVendor": "Acme", "chargePointModel": "One"}
    assert answer[2]["status"] == "Accepted"
    assert interval == answer[2]["interval"] == 300
    assert beat.current_time.tzinfo is not None
    assert peer.complaints(identity) == []


async def test_we_live_through_a_transaction(peer, wire, identity):
    async with open_device(peer, wire, identity) as device:
        refused = await device.present("THIEF")
        await device.plug_in()
        started = await device.present("TAG-1")
        assert device.transaction is not None
        await device.station.call(
            v16.MeterValuesRequest(
                connector_id=1,
                transaction_id=device.transaction.transaction_id,
                meter_value=(v16.MeterValue(timestamp=NOON, sampled_value=(v16.SampledValue(value="1000.5"),)),),
            )
        )
        await device.stop(v16.Reason.LOCAL, id_tag="TAG-1")
        await device.unplug()
        start, begun = await peer.call_of(identity, "StartTransaction")
        values, _ = await peer.call_of(identity, "MeterValues")
        stop, ended = await peer.call_of(identity, "StopTransaction")
        statuses = [(await peer.call_of(identity, "StatusNotification"))[0]["status"] for _ in range(2)]

    assert (refused, started) == (False, True)
    assert (start["idTag"], start["meterStart"]) == ("TAG-1", 1000)
    assert values["transactionId"] == stop["transactionId"] == begun[2]["transactionId"]
    assert (stop["reason"], stop["idTag"]) == ("Local", "TAG-1")
    assert ended[0] == 3
    assert statuses == ["Finishing", "Available"]
    assert peer.complaints(identity) == []


async def test_we_obey_their_csms(peer, wire, identity):
    async with open_device(peer, wire, identity) as device:
        await device.plug_in()
        everything = await peer.call(identity, "GetConfiguration")
        some = await peer.call(identity, "GetConfiguration", key=["HeartbeatInterval", "Nonsense"])
        change = await peer.call(identity, "ChangeConfiguration", key="HeartbeatInterval", value="60")
        trigger = await peer.call(identity, "TriggerMessage", requestedMessage="MeterValues", connectorId=1)
        values, _ = await peer.call_of(identity, "MeterValues")
        started = await peer.call(identity, "RemoteStartTransaction", idTag="TAG-1", connectorId=1)
        _, begun = await peer.call_of(identity, "StartTransaction")
        number = begun[2]["transactionId"]
        foreign = await peer.call(identity, "RemoteStopTransaction", transactionId=number + 1)
        stopped = await peer.call(identity, "RemoteStopTransaction", transactionId=number)
        stop, _ = await peer.call_of(identity, "StopTransaction")
        interval = device.station.statistics().heartbeat_interval

    assert len(everything["configurationKey"]) == 21  # all but the one that is write-only
    assert some["configurationKey"] == [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]
    assert some["unknownKey"] == ["Nonsense"]
    assert interval == 60
    assert values["meterValue"][0]["sampledValue"][0]["context"] == "Trigger"
    assert {answer["status"] for answer in (change, trigger, started, stopped)} == {"Accepted"}
    assert foreign["status"] == "Rejected"
    assert (stop["transactionId"], stop["reason"]) == (number, "Remote")
    assert peer.complaints(identity) == []


async def test_a_reset_ends_the_transaction_and_boots_again(peer, wire, identity):
    async with open_device(peer, wire, identity) as device:
        await device.plug_in()
        await device.start("TAG-1")
        reset = await peer.call(identity, "Reset", type="Soft")
        stop, _ = await peer.call_of(identity, "StopTransaction")
        closed = await peer.wait("closed", identity=identity)
        boot, _ = await peer.call_of(identity, "BootNotification")
        await device.wait_ready()

    assert reset == {"status": "Accepted"}
    assert stop["reason"] == "SoftReset"
    assert closed["code"] == 1001
    assert boot["chargePointVendor"] == "Acme"
    assert peer.complaints(identity) == []


BROKEN = [
    (Fault.UNKNOWN_ACTION, "TotallyMadeUp", {}),
    (Fault.NO_HANDLER, "GetLocalListVersion", {}),
    (Fault.MISSING_MEMBER, "Reset", {}),
    (Fault.WRONG_TYPE, "RemoteStopTransaction", {"transactionId": "17"}),
    (Fault.UNKNOWN_VALUE, "Reset", {"type": "Medium"}),
    (Fault.EXTRA_MEMBER, "ClearCache", {"colour": "red"}),
    (Fault.LONG_TEXT, "ChangeConfiguration", {"key": "K" * 51, "value": "1"}),
]


async def test_their_mistakes_are_told_and_forgiven(peer, wire, identity):
    async with open_device(peer, wire, identity):
        answers = {
            fault: await peer.exchange(identity, 2, f"x-{number}", action, payload)
            for number, (fault, action, payload) in enumerate(BROKEN)
        }
        too_many = await peer.attempt(identity, "GetConfiguration", key=["HeartbeatInterval"] * 51)
        after = await peer.call(identity, "ClearCache")

    assert {fault: answer[2] for fault, answer in answers.items()} == {fault: RIGHT[fault] for fault, _, _ in BROKEN}
    assert {answer[0] for answer in answers.values()} == {4}
    assert too_many["code"] == "OccurenceConstraintViolation"
    assert after == {"status": "Rejected"}


async def test_their_errors_reach_our_callers(peer, wire, identity):
    async def rejection_of(request: Request[Any, Any]) -> tuple[str, CallRejected]:
        """The code as the peer wrote it, and what our caller gets: the code in the spelling of OCPP 1.6."""
        with pytest.raises(CallRejected) as rejected:
            await station.call(request)
        _, answer = await peer.call_of(identity, request.action)
        assert rejected.value.origin == "remote"
        assert rejected.value.code == v16.version.spell(answer[2])
        return answer[2], rejected.value

    async with open_station(peer, wire, identity, router=Router(FAULTY_STATION)) as station:
        rejections = {fault: await rejection_of(request) for fault, request in STATION_FAULTS.items()}
        beat = await station.call(v16.HeartbeatRequest())

    assert {fault: code for fault, (code, _) in rejections.items()} == {
        fault: code_of(peer.name, fault) for fault in STATION_FAULTS
    }
    _, refusal = rejections[Fault.REFUSAL]
    assert (refusal.description, refusal.details) == ("that is not for you", {"level": 3})
    assert beat.current_time.tzinfo is not None


async def test_their_answer_outside_the_schema_ends_our_call_only(peer, wire, identity):
    async def answer() -> None:
        while (call := await peer.frame(identity))[2] != "DataTransfer":
            pass
        await peer.do("send", identity=identity, text=f'[3,"{call[1]}",{{"status":"Perhaps"}}]')

    async with open_station(peer, wire, identity) as station, trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        with pytest.raises(InvalidResponse, match="status"):
            await station.call(v16.DataTransferRequest(vendor_id="Silent"))
        online = station.online

    assert online


async def test_each_answers_the_pings_of_the_other(peer, wire, identity):
    class Ear(Instrument):
        def pong_received(self, link: Link, *, seconds: float) -> None:
            heard.set()

    heard = trio.Event()
    async with open_station(peer, wire, identity, instrument=Ear(), limits=Limits(ping_interval=0.01)):
        await heard.wait()
        await peer.ping(identity)


async def test_their_close_ends_our_call_and_we_come_back(peer, wire, identity):
    async def close() -> None:
        while (await peer.frame(identity))[2] != "DataTransfer":
            pass
        await peer.do("close", identity=identity, code=3001, reason="done for today")

    async with open_station(peer, wire, identity) as station, trio.open_nursery() as nursery:
        nursery.start_soon(close)
        with pytest.raises(ConnectionClosed) as ended:
            await station.call(v16.DataTransferRequest(vendor_id="Silent"))
        await station.wait_online()
        again = await station.call(v16.HeartbeatRequest())

    closed = ended.value.closed
    assert ended.value.was_sent
    assert (closed.reason, closed.code, closed.detail) == (CloseReason.CLEAN, 3001, "done for today")
    assert again.current_time.tzinfo is not None


async def test_they_learn_that_we_leave(peer, wire, identity):
    async with serving(peer, wire) as url:
        async with open_charge_point(
            url, identity, router=Router(v16), boot=BOOT, reconnect=AT_ONCE, **wire.our_station
        ) as station:
            await station.wait_online()
        closed = await peer.wait("closed", identity=identity)

    assert closed["code"] == 1000
    assert station.state is ConnectionState.DISCONNECTED
