"""Worked exchanges against a session: a frame as received, and what must come of it.

Each line of `exchanges.jsonl` is authored for this project. `direction` says who sends `frame`, so the
session under test is the other end; `state` is its precondition. Lines of other versions and of actions
that have no message class yet are left out, and counted, so that they cannot be forgotten.
"""

import json
import re
from contextlib import asynccontextmanager
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
from ocpp_trio.link.instrument import Role
from ocpp_trio.link.registration import ChargePointGate, CsmsGate
from ocpp_trio.link.session import open_session
from ocpp_trio.testing import open_transport_pair
from ocpp_trio.wire.codec import codec_of

LINES = [json.loads(line) for line in (Path(__file__).parent / "exchanges.jsonl").read_text().splitlines()]
ACTIONS = {t.action: t for t in v16.version.charge_point_requests + v16.version.csms_requests}
NO_ACTION = {"MakeCoffee", "heartbeat", "Heartbeat.req", "NotifyPeriodicEventStream"}
"""Actions that no version 1.6 has; the lines are about just that."""
OTHER_ACTIONS = re.compile(r'^\[2,"[^"]+","(\w+)"')
RECEIVER: dict[str, Role] = {"CP>CS": "csms", "CS>CP": "charge_point"}
WITHOUT_HANDLER = {"f12", "f28"}
"""Lines whose charge point does not support the action's profile."""


def _is_covered(line):
    action = OTHER_ACTIONS.match(line["frame"])
    return line["version"] == "1.6" and (action is None or action[1] in ACTIONS.keys() | NO_ACTION)


COVERED = [line for line in LINES if _is_covered(line)]


class Quiet(Instrument):
    """Remembers what a session made of frames that are not answered."""

    def __init__(self):
        self.refused, self.dropped = [], []

    def frame_refused(self, link, description, *, text):
        self.refused.append(description)

    def reply_dropped(self, link, match, *, message_id):
        self.dropped.append((match.value, message_id))


@asynccontextmanager
async def open_peer_and_session(line, ids, instrument):
    """The sender as a bare WebSocket, the receiver as the session under test."""
    role = RECEIVER[line["direction"]]
    settings = Settings(limits=Limits(call_timeout=20), instrument=instrument, new_message_id=lambda: ids.pop(0))
    link = Link(identity="CP-1", role=role, number=1)
    async with open_transport_pair() as (client, server, _):
        ours, peer = (server, client) if role == "csms" else (client, server)
        router, gate = _router(line, role), _gate(line, role)
        async with open_session(ours, router, link=link, settings=settings, gate=gate) as session:
            yield peer, session


def _gate(line, role):
    gate = (CsmsGate if role == "csms" else ChargePointGate)("BootNotification")
    state = re.match(r"pending|rejected|booting", line["state"])
    if state is None:
        gate.note_boot("Accepted")
    elif state[0] != "booting":
        gate.note_boot(state[0].capitalize())
    return gate


def _router(line, role):
    """Every request that this role may get has a handler that gives the answer of the line."""
    router, codec = Router(v16), codec_of(v16.version)
    incoming = v16.version.charge_point_requests if role == "csms" else v16.version.csms_requests

    async def handle(session, request):
        reply = line["expect"].get("reply")
        payload = json.dumps(reply[2]).encode() if reply else _any_payload(type(request).action)
        if line["id"] == "f34":
            await trio.sleep(10)
        return codec.decode(type(request).response, payload)

    for request_type in incoming:
        if line["id"] not in WITHOUT_HANDLER:
            router.on(request_type)(handle)
    return router


def _any_payload(action):
    return b'{"currentTime":"2026-11-21T09:30:00Z"}' if action == "Heartbeat" else b"{}"


async def _receive_or_none(peer):
    with trio.move_on_after(5):
        return json.loads(await peer.receive())
    return None


def _own_call(line):
    """The session's own CALL that the state speaks of: its id and its request."""
    state = re.search(r"(?:CALL |with id )(\S+)", line["state"])
    if state is None or line["id"] in ("f34", "f35"):
        return ("own-1", v16.HeartbeatRequest()) if line["id"] == "f35" else None
    return state[1], v16.HeartbeatRequest()


@pytest.mark.parametrize("line", COVERED, ids=lambda line: f"{line['id']}: {line['title']}")
async def test_exchange(line, autojump_clock):
    instrument, outcomes = Quiet(), []
    own = _own_call(line)
    ids = [own[0]] if own else []

    async def call(session):
        try:
            outcomes.append(await session.call(own[1]))
        except CallFailed as exc:
            outcomes.append(exc)

    async with open_peer_and_session(line, ids, instrument) as (peer, session), trio.open_nursery() as nursery:
        if own is not None:
            nursery.start_soon(call, session)
            assert json.loads(await peer.receive())[1] == own[0]
            if "timed out" in line["state"]:
                await trio.sleep(20)
        if line["id"] == "f34":
            await peer.send('[2,"dup-1","Heartbeat",{}]')
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


def test_lines_that_are_left_out_are_these():
    left_out = [line["id"] for line in LINES if line not in COVERED]

    assert [line_id for line_id in left_out if line_id.startswith("n")] == ["n01", "n02", "n03", "n04", "n06"]
    assert len(COVERED) + len(left_out) == len(LINES) == 100
