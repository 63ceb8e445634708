import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import (
    CallRejected,
    CallTimeout,
    Closed,
    CloseReason,
    ConnectionClosed,
    InvalidResponse,
    Limits,
    LocalProtocolError,
    Router,
    open_client,
    v16,
)
from ocpp_trio.backend.api import ApiLimits
from tests.operator_ground import Ground

RESET = "/api/stations/CP-1/calls/Reset"
HARD = {"type": "Hard"}
LOST = Closed(CloseReason.TRANSPORT_ERROR, 1006, "cut")


@attrs.define
class Seat:
    """Stands where a session does: answers a call, or raises."""

    outcome: Any
    version: Any = v16.version
    calls: list[Any] = attrs.Factory(list)

    async def call(self, request):
        self.calls.append(request)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if self.outcome is None:
            await trio.sleep_forever()
        return self.outcome


@asynccontextmanager
async def seated(outcome: Any = None, **limits: Any) -> AsyncIterator[tuple[Ground, Seat]]:
    """An API to which CP-1 is the one station."""
    seat = Seat(outcome)
    ground = Ground(sessions={"CP-1": seat}, limits=ApiLimits(**limits))
    async with ground.running():
        yield ground, seat


async def test_a_call_reaches_the_station_and_its_reply_comes_back_as_on_the_wire(autojump_clock):
    router, asked = Router(v16), []

    @router.on(v16.GetConfigurationRequest)
    async def configuration(session, request):
        asked.append(request)
        entry = v16.KeyValue(key="HeartbeatInterval", readonly=False, value="300")
        return v16.GetConfigurationResponse(configuration_key=(entry,))

    ground = Ground()
    async with ground.running(), ground.station(router=router):
        answer = await ground.request("POST", "/api/stations/CP-1/calls/GetConfiguration", {"key": ["A"]})

    assert asked == [v16.GetConfigurationRequest(key=("A",))]
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]}


@pytest.mark.parametrize(
    ("outcome", "status", "members"),
    [
        (
            CallRejected("NotSupported", "no", {"a": 1}, origin="remote"),
            502,
            {"error": "CallRejected", "code": "NotSupported", "description": "no", "details": {"a": 1}},
        ),
        (InvalidResponse("bad"), 502, {"error": "InvalidResponse"}),
        (CallTimeout("late"), 504, {"error": "CallTimeout"}),
        (ConnectionClosed(LOST, was_sent=True), 503, {"error": "ConnectionClosed", "was_sent": True}),
        (ConnectionClosed(LOST), 503, {"error": "ConnectionClosed", "was_sent": False}),
        (LocalProtocolError("pending"), 409, {"error": "LocalProtocolError"}),
        (ValueError("half a pair"), 422, {"error": "InvalidPayload"}),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_how_a_call_ended_is_a_status(autojump_clock, outcome, status, members):
    async with seated(outcome) as (ground, _):
        answer = await ground.request("POST", RESET, HARD)

    problem = answer.json
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert problem["status"] == status
    assert {name: problem[name] for name in members} == members
    assert str(outcome) in problem["detail"]


async def test_a_call_that_gets_no_turn_ends_at_the_deadline(autojump_clock):
    async with seated(call_deadline=60) as (ground, seat):
        answer = await ground.request("POST", RESET, HARD)

        assert trio.current_time() == 60
    assert seat.calls == [v16.ResetRequest(type=v16.ResetType.HARD)]
    assert (answer.status, answer.json["error"]) == (504, "CallTimeout")


@pytest.mark.parametrize(
    ("body", "status", "path", "expected", "found"),
    [
        ('{"type":"Cold"}', 422, "$.type", "one of Hard, Soft", "'Cold'"),
        ("{}", 422, "$.type", "one of Hard, Soft", "nothing"),
        ("[]", 422, "$", "an object", "[]"),
        ("{", 400, "$", "JSON", "text that is none: Input data was truncated"),
        ("", 400, "$", "JSON", "text that is none: Input data was truncated"),
        ("{type: 1}", 400, "$", "JSON", "text that is none: JSON is malformed: object keys must be strings (byte 1)"),
        ("1" * 5000, 422, "$", "numbers and nesting of a sane length", "Number out of range"),
    ],
)
async def test_a_payload_that_does_not_fit_is_refused_by_its_wire_path(
    autojump_clock, body, status, path, expected, found
):
    async with seated() as (ground, seat):
        answer = await ground.request("POST", RESET, body.encode(), **{"Content-Type": "application/json"})

    problem = answer.json
    assert (answer.status, problem["path"], problem["expected"]) == (status, path, expected)
    assert problem["found"] == found
    assert problem["detail"] == f"{path}: expected {expected}, found {found}"
    assert seat.calls == []


@pytest.mark.parametrize("action", ["Nonsense", "Heartbeat", "reset"])
async def test_an_action_that_a_central_system_cannot_send_is_not_found(autojump_clock, action):
    async with seated() as (ground, _):
        answer = await ground.request("POST", f"/api/stations/CP-1/calls/{action}", {})

    assert answer.status == 404
    assert "Reset" in answer.json["expected"]
    assert repr(action) in answer.json["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_a_body_that_any_page_could_make_a_browser_send_is_refused(autojump_clock, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    async with seated() as (ground, seat):
        answer = await ground.request("POST", RESET, b'{"type":"Hard"}', **headers)

    assert (answer.status, seat.calls) == (415, [])


async def test_a_body_beyond_the_limit_is_refused(autojump_clock):
    async with seated(body_size=100) as (ground, _):
        answer = await ground.request("POST", RESET, b" " * 1_000_000, **{"Content-Type": "application/json"})

    assert (answer.status, answer.json["detail"]) == (413, "expected a body of at most 100 bytes, found more")


async def test_a_body_that_does_not_come_is_not_waited_for(autojump_clock):
    ground = Ground()
    async with ground.running(), ground.station():
        stream = await ground.dial("127.0.0.1", ground.api.port)
        before = trio.current_time()
        head = f"POST {RESET} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {ground.token}\r\n"
        await stream.send_all(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode())
        answer = await stream.receive_some()

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert trio.current_time() == before + 10
        await stream.aclose()


async def test_a_station_nobody_heard_of_is_told_from_one_that_is_away(autojump_clock):
    ground = Ground()
    async with ground.running():
        never = await ground.request("POST", RESET, HARD)
        async with ground.station():
            pass
        away = await ground.request("POST", RESET, HARD)

    assert (never.status, away.status) == (404, 409)
    assert away.json["error"] == "NotConnected"


@pytest.mark.parametrize(
    ("reply", "status", "error"),
    [
        ('[4,"{id}","GenericError","busy",{{}}]', 502, "CallRejected"),
        ('[3,"{id}",{{"status":"Perhaps"}}]', 502, "InvalidResponse"),
        (None, 504, "CallTimeout"),
        ("close", 503, "ConnectionClosed"),
    ],
)
async def test_what_a_station_does_to_a_call_is_told(autojump_clock, reply, status, error):
    ground = Ground(ocpp_limits=Limits(call_timeout=20))
    async with (
        ground.running(),
        open_client(
            await ground.dial("127.0.0.1", ground.csms.port),
            host="csms",
            resource="/ocpp/CP-1",
            subprotocols=["ocpp1.6"],
            limits=Limits(),
        ) as station,
    ):
        answers = []

        async def ask():
            answers.append(await ground.request("POST", RESET, HARD))

        await trio.testing.wait_all_tasks_blocked()
        async with trio.open_nursery() as asking:
            asking.start_soon(ask)
            message_id = json.loads(await station.receive())[1]
            if reply == "close":
                ground.network.links[0].reset()
            elif reply is not None:
                await station.send(reply.format(id=message_id))

    assert (answers[0].status, answers[0].json["error"]) == (status, error)
    if reply is None:
        assert trio.current_time() == 20
