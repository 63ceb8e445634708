"""Worked exchanges against a session: a frame as received, and what must come of it.

Each line of `exchanges.jsonl` is authored for this project. `direction` says who sends `frame`, so the
session under test is the other end; `state` is its precondition, and set up by the entry of that name in
`station.STATES`. A charge point answers by its state; what a central system answers is the line's decision.
Lines of other versions are left out, and counted, so that they cannot be forgotten.
"""

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from ocpp_trio import (
    CallFailed,
    CallTimeout,
    Instrument,
    Limits,
    Link,
    Router,
    Settings,
    v16,
)
from ocpp_trio.link.registration import ChargePointGate, CsmsGate
from ocpp_trio.link.session import open_session
from ocpp_trio.testing import open_transport_pair
from ocpp_trio.wire.codec import codec_of
from tests.conformance.station import HANDLERS, STATES

LINES = [json.loads(line) for line in (Path(__file__).parent / "exchanges.jsonl").read_text().splitlines()]
COVERED = [line for line in LINES if line["version"] == "1.6"]
START = v16.StartTransactionRequest(
    connector_id=1, id_tag="A", meter_start=0, timestamp=datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
)


class Quiet(Instrument):
    """Remembers what a session made of frames that are not answered."""

    def __init__(self):
        self.refused, self.dropped = [], []

    def frame_refused(self, link, description, *, text):
        self.refused.append(description)

    def reply_dropped(self, link, match, *, message_id, action, frame):
        self.dropped.append((match.value, message_id))


@asynccontextmanager
async def open_peer_and_session(line, ids, instrument):
    """The sender as a bare WebSocket, the receiver as the session under test."""
    settings = Settings(limits=Limits(call_timeout=20), instrument=instrument, new_message_id=lambda: ids.pop(0))
    link = Link(identity="CP-1", role="csms" if line["direction"] == "CP>CS" else "charge_point", number=1)
    async with open_transport_pair() as (client, server, _):
        ours, peer = (server, client) if link.role == "csms" else (client, server)
        router, gate = _router(line, link.role), _gate(line, link.role)
        async with open_session(ours, router, link=link, settings=settings, gate=gate) as session:
            yield peer, session


def _gate(line, role):
    gate = (CsmsGate if role == "csms" else ChargePointGate)("BootNotification")
    registration = STATES[line["state"]].registration
    if registration is not None:
        gate.note_boot(registration)
    return gate


def _router(line, role):
    router = Router(v16)
    requests = v16.version.charge_point_requests if role == "csms" else HANDLERS
    for request_type in requests:
        if request_type not in STATES[line["state"]].unsupported:
            router.on(request_type)(_central_system(line) if role == "csms" else _charge_point(line))
    return router


def _charge_point(line):
    async def handle(session, request):
        return HANDLERS[type(request)](STATES[line["state"]], request)

    return handle


def _central_system(line):
    codec = codec_of(v16.version)

    async def handle(session, request):
        if "in progress" in line["state"]:
            await trio.sleep(10)
        payload = line["expect"].get("reply", (3, "", {"currentTime": "2026-11-21T09:30:00Z"}))[2]
        return codec.decode(type(request).response, json.dumps(payload).encode())

    return handle


async def _receive_or_none(peer):
    with trio.move_on_after(5):
        return json.loads(await peer.receive())
    return None


OWN_CALLS = {
    "CALL old-1 timed out": ("old-1", v16.HeartbeatRequest()),
    "CALL hb-9 Heartbeat pending": ("hb-9", v16.HeartbeatRequest()),
    "CALL hb-10 pending": ("hb-10", v16.HeartbeatRequest()),
    "CALL t-1 StartTransaction pending": ("t-1", START),
    "CP has an open StartTransaction CALL": ("own-1", START),
    "CP has own open CALL with id 1, cache implemented": ("1", v16.HeartbeatRequest()),
}
"""The session's own CALL that a state speaks of: its id and its request."""


@pytest.mark.parametrize("line", COVERED, ids=lambda line: f"{line['id']}: {line['title']}")
async def test_exchange(line, autojump_clock):
    instrument, outcomes = Quiet(), []
    own = OWN_CALLS.get(line["state"])
    ids = [own[0]] if own else []

    async def call(session, request):
        try:
            outcomes.append(await session.call(request))
        except CallFailed as exc:
            outcomes.append(exc)

    async with open_peer_and_session(line, ids, instrument) as (peer, session), trio.open_nursery() as nursery:
        if own is not None:
            nursery.start_soon(call, session, own[1])
            assert json.loads(await peer.receive())[1] == own[0]
            if "timed out" in line["state"]:
                await trio.sleep(20)
        if "in progress" in line["state"]:
            await peer.send(line["frame"])
        await peer.send(line["frame"])
        reply = await _receive_or_none(peer)
        closed = session.closed
        nursery.cancel_scope.cancel()

    _check(line, reply, outcomes, instrument)
    assert closed is None


def _check(line, reply, outcomes, instrument):
    expect = line["expect"]
    match expect["class"]:
        case "CALLRESULT":
            assert reply[:2] == [3, _id_of(line)]
            if "reply" in expect:
                assert reply == expect["reply"]
        case "CALLERROR":
            assert reply[:3] == [4, _id_of(line), expect["code"]]
            assert type(reply[3]) is str
            assert type(reply[4]) is dict
        case "IGNORE":
            assert reply is None
            assert instrument.refused or instrument.dropped
        case "NO_ANSWER":
            assert reply is None
        case "LOCAL_ERROR":
            assert reply is None
            (error,) = outcomes
            assert isinstance(error, CallFailed)
            assert not isinstance(error, CallTimeout)
            assert getattr(error, "code", None) == expect.get("code")


def _id_of(line):
    return json.loads(line["frame"])[1]


def test_lines_of_other_versions_are_left_out():
    left_out = [line["id"] for line in LINES if line not in COVERED]

    assert left_out == ["n01", "n02", "n03", "n04", "n06"]
    assert len(COVERED) == 95


def test_every_state_is_set_up_and_every_setup_is_a_state():
    assert STATES.keys() == {line["state"] for line in COVERED}
    assert OWN_CALLS.keys() <= STATES.keys()


def test_every_handler_of_the_charge_point_is_asked():
    incoming = {line["frame"].split('"')[3] for line in COVERED if line["expect"]["class"] == "CALLRESULT"}

    assert {request_type.action for request_type in HANDLERS} <= incoming
