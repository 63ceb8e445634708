"""How a session comes by its leniency, and who hears of every defect that it lets pass."""

import json
import logging
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from ocpp_trio import (
    CallError,
    InvalidResponse,
    Leniency,
    Limits,
    Link,
    Router,
    Settings,
    open_charge_point,
    open_client,
    parse_frame,
    serve_csms,
    v16,
)
from ocpp_trio.link.instrument import Instruments
from ocpp_trio.link.session import open_session
from ocpp_trio.observe import Counters, Logs
from ocpp_trio.testing import CsmsStub, MemoryNetwork, Result, open_transport_pair

BOOT = v16.BootNotificationRequest(charge_point_vendor="V", charge_point_model="M")
STATUS = {"connectorId": "1", "errorCode": "NoError", "status": "Occupied", "mood": "good"}


def make_router(seen):
    router = Router(v16)

    @router.on(v16.StatusNotificationRequest)
    async def status(session, request):
        seen.append(request)
        return v16.StatusNotificationResponse()

    return router


@asynccontextmanager
async def open_csms_session(leniency, instrument, seen):
    """The peer as a bare transport, the CSMS as the session under test."""
    link = Link(identity="CP-1", role="csms", number=1)
    settings = Settings(limits=Limits(), instrument=instrument, new_message_id=lambda: "own-1", leniency=leniency)
    async with (
        open_transport_pair() as (peer, ours, _),
        open_session(ours, make_router(seen), link=link, settings=settings) as session,
    ):
        yield peer, session


async def ask(peer, action, payload):
    await peer.send(json.dumps([2, "q-1", action, payload]))
    return parse_frame(await peer.receive())


def test_settings_are_strict():
    assert Settings().leniency is Leniency.STRICT


async def test_a_strict_session_answers_a_defect_with_an_error(autojump_clock):
    counters = Counters()
    seen: list[v16.StatusNotificationRequest] = []

    async with open_csms_session(Leniency.STRICT, counters, seen) as (peer, _):
        reply = await ask(peer, "StatusNotification", STATUS)

    assert isinstance(reply, CallError)
    assert seen == []
    assert counters.value("leniencies") == 0


async def test_a_lenient_session_hands_a_defective_request_to_its_handler(autojump_clock, caplog):
    counters = Counters()
    seen: list[v16.StatusNotificationRequest] = []
    caplog.set_level(logging.INFO, "ocpp_trio")

    async with open_csms_session(Leniency.ALL, Instruments([counters, Logs()]), seen) as (peer, _):
        reply = await ask(peer, "StatusNotification", STATUS)

    assert (reply.message_id, reply.payload) == ("q-1", b"{}")
    assert (seen[0].connector_id, seen[0].status) == (1, "Occupied")
    assert counters.value("leniencies") == 3
    assert counters.value("leniencies", kind="loose_numbers") == 1
    assert counters.value("leniencies", kind="unknown_enum_values") == 1
    assert counters.value("leniencies", kind="extra_members") == 1
    lines = [record for record in caplog.records if "let pass" in record.getMessage()]
    assert len(lines) == 3
    assert "let pass unknown_enum_values in StatusNotificationRequest at $.status" in caplog.text
    assert {record.identity for record in lines} == {"CP-1"}


async def test_a_log_line_does_not_show_what_was_found(autojump_clock, caplog):
    caplog.set_level(logging.INFO, "ocpp_trio")

    async with open_csms_session(Leniency.ALL, Logs(), []) as (peer, _):
        await ask(peer, "StatusNotification", {**STATUS, "info": "SECRET" * 20})

    assert "$.info" in caplog.text
    assert "SECRET" not in caplog.text


async def test_who_wants_to_hear_of_trouble_only_does_not_hear_of_it(autojump_clock, caplog):
    caplog.set_level(logging.WARNING, "ocpp_trio")

    async with open_csms_session(Leniency.ALL, Logs(), []) as (peer, _):
        await ask(peer, "StatusNotification", STATUS)

    assert caplog.records == []


@pytest.mark.parametrize("leniency", [Leniency.STRICT, Leniency.LOOSE_NUMBERS])
async def test_a_defective_response_is_read_or_ends_the_call(leniency, autojump_clock):
    counters, outcomes = Counters(), []

    async def call(session):
        try:
            outcomes.append(await session.call(v16.GetLocalListVersionRequest()))
        except InvalidResponse as exc:
            outcomes.append(exc)

    async with open_csms_session(leniency, counters, []) as (peer, session), trio.open_nursery() as nursery:
        nursery.start_soon(call, session)
        await peer.receive()
        await peer.send('[3,"own-1",{"listVersion":"7"}]')

    if leniency:
        assert outcomes == [v16.GetLocalListVersionResponse(list_version=7)]
        assert counters.value("leniencies", kind="loose_numbers") == 1
    else:
        assert isinstance(outcomes[0], InvalidResponse)


async def test_both_ends_take_a_leniency(autojump_clock):
    network, heard, told = MemoryNetwork(), Counters(), Counters()
    seen: list[v16.StatusNotificationRequest] = []
    stub = CsmsStub()
    stub.on["BootNotification"] = Result({"status": "Accepted", "currentTime": "2026-11-21T12:00:00", "interval": 300})

    async with trio.open_nursery() as nursery:
        await nursery.start(partial(stub.serve, 9000, listen=network.listen))
        async with open_charge_point(
            "ws://csms:9000",
            "CP-1",
            router=Router(v16),
            boot=BOOT,
            leniency=Leniency.MISSING_OFFSETS,
            instrument=heard,
            dial=network.dial,
        ) as station:
            await station.wait_online()
        serve = partial(
            serve_csms, [make_router(seen)], 9001, leniency=Leniency.ALL, instrument=told, listen=network.listen
        )
        await nursery.start(serve)
        await say_at(network, 9001, json.dumps([2, "q-1", "StatusNotification", STATUS]))
        nursery.cancel_scope.cancel()

    assert heard.value("leniencies", kind="missing_offsets") == 1
    assert told.value("leniencies") == 3
    assert seen[0].status == "Occupied"


async def say_at(network, port, text):
    """Send one frame as a station that is only a transport, and wait for the answer."""
    stream = await network.dial("csms", port)
    async with open_client(
        stream, host="csms", resource="/CP-9", subprotocols=["ocpp1.6"], limits=Limits()
    ) as transport:
        await transport.send(text)
        await transport.receive()
