"""The gate before a station is accepted (OCPP 1.6 section 4.2), by itself and in a session."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import trio
import trio.testing

from ocpp_trio import LocalProtocolError, Registration, Router, Session, v16
from ocpp_trio.link.registration import ChargePointGate, CsmsGate, Gate, Verdict
from tests.link.conftest import Lone, open_lone

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEARTBEAT = {"currentTime": "2026-01-01T00:00:00Z"}
STATUSES = ["Accepted", "Pending", "Rejected"]


@pytest.mark.parametrize("kind", [Gate, ChargePointGate, CsmsGate])
def test_the_status_of_a_boot_reply_is_the_registration(kind: type[Gate]):
    gate = kind("BootNotification")
    assert gate.registration is Registration.UNKNOWN

    for status in STATUSES:
        gate.note_boot(status)
        assert gate.registration.value == status
    gate.note_boot("Perhaps")
    assert gate.registration is Registration.UNKNOWN


@pytest.mark.parametrize("kind", [Gate, ChargePointGate, CsmsGate])
def test_a_reset_forgets_registration_and_triggers(kind: type[Gate]):
    gate = kind("BootNotification", Registration.PENDING, {"Heartbeat"})

    gate.reset()

    assert gate.registration is Registration.UNKNOWN
    assert gate.triggered == set()


def test_the_plain_gate_lets_everything_pass():
    gate = Gate("BootNotification", Registration.REJECTED)

    assert gate.may_send("Heartbeat")
    assert gate.judge("Heartbeat") is Verdict.PASS


@pytest.mark.parametrize(
    ("registration", "boot", "triggered", "other", "verdict"),
    [
        (Registration.UNKNOWN, True, False, False, Verdict.PASS),
        (Registration.PENDING, True, True, False, Verdict.PASS),
        (Registration.REJECTED, True, False, False, Verdict.IGNORE),
        (Registration.ACCEPTED, True, True, True, Verdict.PASS),
    ],
)
def test_what_a_station_may_say_and_hear(registration, boot, triggered, other, verdict):
    gate = ChargePointGate("BootNotification", registration, {"Heartbeat"})

    assert [gate.may_send(action) for action in ("BootNotification", "Heartbeat", "Authorize")] == [
        boot,
        triggered,
        other,
    ]
    assert gate.judge("Reset") is verdict


@pytest.mark.parametrize(
    ("registration", "triggered", "other"),
    [
        (Registration.UNKNOWN, Verdict.PASS, Verdict.PASS),
        (Registration.PENDING, Verdict.PASS, Verdict.REFUSE),
        (Registration.REJECTED, Verdict.REFUSE, Verdict.REFUSE),
        (Registration.ACCEPTED, Verdict.PASS, Verdict.PASS),
    ],
)
def test_what_a_csms_takes_from_a_station(registration, triggered, other):
    gate = CsmsGate("BootNotification", registration, {"Heartbeat"})

    assert gate.judge("BootNotification") is Verdict.PASS
    assert gate.judge("Heartbeat") is triggered
    assert gate.judge("Authorize") is other
    assert gate.may_send("Reset"), "the station answers while pending"


def test_a_boot_reply_forgets_what_was_triggered_before():
    gate = ChargePointGate("BootNotification", Registration.PENDING)
    gate.note_trigger("Heartbeat")
    assert gate.may_send("Heartbeat")

    gate.note_boot("Pending")

    assert not gate.may_send("Heartbeat")


@asynccontextmanager
async def station(router: Router | None = None) -> AsyncIterator[Lone]:
    async with open_lone("charge_point", router, gate=ChargePointGate("BootNotification")) as end:
        yield end


async def boot(end: Lone, status: str) -> None:
    """Boot the station, the peer answers with a status."""

    async def answer() -> None:
        call = await end.hear()
        assert call[2] == "BootNotification"
        await end.say(3, call[1], {"status": status, "interval": 300, **HEARTBEAT})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        await end.session.call(BOOT)


async def test_a_station_calls_nothing_but_boot_before_it_is_accepted(autojump_clock):
    async with station() as end:
        for status in ("Unknown", "Pending", "Rejected"):
            if status != "Unknown":
                await boot(end, status)
            with pytest.raises(LocalProtocolError, match=f"cannot send Heartbeat while registration is {status}"):
                await end.session.call(v16.HeartbeatRequest())
            assert end.session.registration.value == status
        await boot(end, "Accepted")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(end.session.call, v16.HeartbeatRequest())
            call = await end.hear()
            assert call[2] == "Heartbeat"
            await end.say(3, call[1], HEARTBEAT)


async def test_a_caller_that_waits_for_the_slot_meets_the_gate_again(autojump_clock):
    async def refused(session: Session) -> None:
        with pytest.raises(LocalProtocolError, match="while registration is Rejected"):
            await session.call(v16.HeartbeatRequest())

    async with station() as end, trio.open_nursery() as nursery:
        await boot(end, "Accepted")
        nursery.start_soon(end.session.call, BOOT)
        call = await end.hear()
        nursery.start_soon(refused, end.session)
        await trio.testing.wait_all_tasks_blocked()

        await end.say(3, call[1], {"status": "Rejected", "interval": 300, **HEARTBEAT})


async def test_a_rejected_station_is_silent_and_a_pending_one_answers(autojump_clock):
    async with station() as end:
        await boot(end, "Rejected")
        await end.say(2, "p-1", "Reset", {"type": "Soft"})
        await end.peer.send('[2,"p-2","Unheard",{}]')
        await trio.testing.wait_all_tasks_blocked()

        await boot(end, "Pending")
        await end.say(2, "p-3", "Reset", {"type": "Soft"})

        assert (await end.hear())[:3] == [4, "p-3", "NotSupported"]


@pytest.mark.parametrize("status", list(v16.TriggerMessageStatus))
async def test_an_accepted_trigger_permits_its_message_while_pending(status, autojump_clock):
    router = Router(v16)

    @router.on(v16.TriggerMessageRequest)
    async def trigger(session: Session, request: v16.TriggerMessageRequest) -> v16.TriggerMessageResponse:
        return v16.TriggerMessageResponse(status=status)

    @router.after(v16.TriggerMessageRequest)
    async def follow(session, request: v16.TriggerMessageRequest, response: v16.TriggerMessageResponse) -> None:
        if response.status is v16.TriggerMessageStatus.ACCEPTED:
            await session.call(v16.HeartbeatRequest())
        with pytest.raises(LocalProtocolError):
            await session.call(v16.AuthorizeRequest(id_tag="TAG"))

    async with station(router) as end:
        await boot(end, "Pending")
        await end.say(2, "p-1", "TriggerMessage", {"requestedMessage": "Heartbeat"})
        assert await end.hear() == [3, "p-1", {"status": status.value}]
        if status is v16.TriggerMessageStatus.ACCEPTED:
            call = await end.hear()
            assert call[2] == "Heartbeat"
            await end.say(3, call[1], HEARTBEAT)
        await trio.testing.wait_all_tasks_blocked()

        assert end.recorder.named("failed") == []


def csms_router(status: v16.RegistrationStatus) -> Router:
    router = Router(v16)

    @router.on(v16.BootNotificationRequest)
    async def boot(session: Session, request: v16.BootNotificationRequest) -> v16.BootNotificationResponse:
        return v16.BootNotificationResponse(status=status, current_time=NOW, interval=300)

    @router.on(v16.HeartbeatRequest)
    async def heartbeat(session: Session, request: v16.HeartbeatRequest) -> v16.HeartbeatResponse:
        return v16.HeartbeatResponse(current_time=NOW)

    return router


@pytest.mark.parametrize("status", STATUSES)
async def test_a_csms_holds_back_whom_it_did_not_accept(status: str, autojump_clock):
    refused = [4, "SecurityError", "Heartbeat before BootNotification was accepted", {}]
    router = csms_router(v16.RegistrationStatus(status))
    async with open_lone("csms", router, gate=CsmsGate("BootNotification")) as end:
        await end.say(2, "p-1", "Heartbeat", {})
        assert (await end.hear())[0] == 3, "an identity that this process never booted passes"
        await end.say(2, "p-2", "BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "One"})
        assert (await end.hear())[2]["status"] == status
        await end.say(2, "p-3", "Heartbeat", {})

        kind, _, *rest = await end.hear()

        assert [kind, *rest] == (refused if status != "Accepted" else [3, HEARTBEAT])
        assert end.session.registration.value == status


async def test_a_csms_takes_what_it_triggered_from_a_pending_station(autojump_clock):
    router = csms_router(v16.RegistrationStatus.PENDING)
    async with open_lone("csms", router, gate=CsmsGate("BootNotification", Registration.PENDING)) as end:
        async with trio.open_nursery() as nursery:
            trigger = v16.TriggerMessageRequest(requested_message=v16.MessageTrigger.HEARTBEAT)
            nursery.start_soon(end.session.call, trigger)
            await end.say(3, (await end.hear())[1], {"status": "Accepted"})
        await end.say(2, "p-1", "Heartbeat", {})

        assert await end.hear() == [3, "p-1", HEARTBEAT]


async def test_an_unknown_action_is_not_implemented_even_before_registration(autojump_clock):
    async with open_lone("csms", gate=CsmsGate("BootNotification", Registration.PENDING)) as end:
        await end.say(2, "p-1", "Brew", {})

        assert (await end.hear())[2] == "NotImplemented"
