"""A CSMS by the book of one test: how it answers, and what it writes down."""

import json

import pytest
import trio

from ocpp_trio import ConnectionClosed
from ocpp_trio.testing import Delayed, Error, Ignore, RecordedFrame, Result

BOOT = '[2,"m-1","BootNotification",{"chargePointVendor":"Acme","chargePointModel":"One"}]'
BEAT = '[2,"m-2","Heartbeat",{}]'
STATUS = '[2,"m-3","StatusNotification",{"connectorId":1}]'


async def _exchange(station, text):
    await station.send(text)
    return json.loads(await station.receive())


async def test_willing_csms_accepts_a_boot_with_its_interval(ground, clock):
    ground.stub.interval = 42

    async with ground.connect() as station:
        kind, message_id, payload = await _exchange(station, BOOT)

    assert (kind, message_id) == (3, "m-1")
    assert (payload["status"], payload["interval"]) == ("Accepted", 42)
    if ground.virtual:
        assert payload["currentTime"] == "2026-01-01T00:00:00Z"


async def test_boot_can_be_answered_with_another_status(ground, clock):
    ground.stub.status = "Pending"

    async with ground.connect() as station:
        *_, payload = await _exchange(station, BOOT)

    assert payload["status"] == "Pending"


async def test_heartbeat_is_answered_with_the_time_and_the_rest_with_an_empty_object(ground, clock):
    async with ground.connect() as station:
        if ground.virtual:
            await trio.sleep(90)
        *_, beat = await _exchange(station, BEAT)
        *_, other = await _exchange(station, STATUS)

    assert list(beat) == ["currentTime"]
    assert other == {}
    if ground.virtual:
        assert beat["currentTime"] == "2026-01-01T00:01:30Z"


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Authorize", {"idTagInfo": {"status": "Accepted"}}),
        ("StartTransaction", {"idTagInfo": {"status": "Accepted"}, "transactionId": 1}),
        ("DataTransfer", {"status": "Accepted"}),
        ("StopTransaction", {}),
        ("MeterValues", {}),
        ("NoSuchThing", {}),
    ],
)
async def test_willing_csms_accepts_whatever_needs_it(ground, clock, action, payload):
    async with ground.connect() as station:
        answer = await _exchange(station, json.dumps([2, "m-1", action, {}]))

    assert answer == [3, "m-1", payload]


async def test_every_transaction_gets_an_id_of_its_own(ground, clock):
    async with ground.connect() as station:
        answers = [await _exchange(station, '[2,"m-1","StartTransaction",{}]') for _ in range(3)]

    assert [answer[2]["transactionId"] for answer in answers] == [1, 2, 3]


async def test_result_may_be_a_payload_or_made_from_the_call(ground, clock):
    ground.stub.on["Heartbeat"] = Result({"currentTime": "never"})
    ground.stub.on["StatusNotification"] = Result(lambda call: {"echo": json.loads(call.payload)})

    async with ground.connect() as station:
        *_, fixed = await _exchange(station, BEAT)
        *_, made = await _exchange(station, STATUS)

    assert fixed == {"currentTime": "never"}
    assert made == {"echo": {"connectorId": 1}}


async def test_error_answers_with_a_callerror(ground, clock):
    ground.stub.on["Heartbeat"] = Error("GenericError", "no time", {"why": "broken"})
    ground.stub.on["StatusNotification"] = Error("NotSupported")

    async with ground.connect() as station:
        full = await _exchange(station, BEAT)
        bare = await _exchange(station, STATUS)

    assert full == [4, "m-2", "GenericError", "no time", {"why": "broken"}]
    assert bare == [4, "m-3", "NotSupported", "", {}]


async def test_ignored_action_gets_no_answer_and_others_do(ground, clock):
    ground.stub.on["Heartbeat"] = Ignore()

    async with ground.connect() as station:
        await station.send(BEAT)
        answer = await _exchange(station, STATUS)

    assert answer[1] == "m-3"
    assert len(ground.stub.received("Heartbeat")) == 1


async def test_chosen_ids_get_no_answer_whatever_their_action(ground, clock):
    ground.stub.ignored_ids.add("m-2")

    async with ground.connect() as station:
        await station.send(BEAT)
        first = await _exchange(station, STATUS)
        second = await _exchange(station, BEAT.replace("m-2", "m-4"))

    assert [first[1], second[1]] == ["m-3", "m-4"]


async def test_delayed_answer_lets_others_pass(ground, clock):
    wait = 5.0 if ground.virtual else 0.05
    ground.stub.on["Heartbeat"] = Delayed(wait, Result({"late": True}))

    async with ground.connect() as station:
        await station.send(BEAT)
        first = await _exchange(station, STATUS)
        ground.assert_now(0)
        second = json.loads(await station.receive())
        ground.assert_now(5)

    assert first[1] == "m-3"
    assert second == [3, "m-2", {"late": True}]


async def test_list_is_used_up_one_by_one_and_its_last_one_stays(ground, clock):
    ground.stub.on["Heartbeat"] = [Result({"n": 1}), Error("GenericError"), Result({"n": 3})]

    async with ground.connect() as station:
        answers = [await _exchange(station, BEAT) for _ in range(4)]

    assert [answer[2] for answer in answers] == [{"n": 1}, "GenericError", {"n": 3}, {"n": 3}]


async def test_empty_list_answers_as_if_there_were_none(ground, clock):
    ground.stub.on["StatusNotification"] = []

    async with ground.connect() as station:
        answer = await _exchange(station, STATUS)

    assert answer == [3, "m-3", {}]


async def test_every_frame_is_recorded_with_its_instant(ground, clock):
    """Written out once in full; `elements` is the same as JSON."""
    async with ground.connect() as station:
        if ground.virtual:
            await trio.sleep(3)
        await _exchange(station, STATUS)
        await station.send("no OCPP at all")
        await ground.stub.wait_received(2)

    if ground.virtual:
        assert ground.stub.frames == [
            RecordedFrame(3.0, 1, "received", STATUS),
            RecordedFrame(3.0, 1, "sent", '[3,"m-3",{}]'),
            RecordedFrame(3.0, 1, "received", "no OCPP at all"),
        ]
    assert [frame.text for frame in ground.stub.received()] == [STATUS, "no OCPP at all"]
    assert [frame.elements for frame in ground.stub.sent()] == [[3, "m-3", {}]]


@pytest.mark.parametrize("text", ["{}", "[]", "7", "[2]", '[2,"m",["Heartbeat"],{}]', '[3,"m",{}]'])
async def test_frames_of_an_action_are_found_among_whatever_else_came(ground, clock, text):
    async with ground.connect() as station:
        await station.send(text)
        await _exchange(station, BEAT)

    assert [frame.text for frame in ground.stub.received("Heartbeat")] == [BEAT]


async def test_frames_can_be_waited_for_all_of_them_or_those_of_one_action(ground, clock):
    async with ground.connect() as station, trio.open_nursery() as nursery:
        for text in (BOOT, BEAT, BEAT):
            nursery.start_soon(station.send, text)
        all_of_them = await ground.stub.wait_received(3)
        beats = await ground.stub.wait_received(2, "Heartbeat")
        already_there = await ground.stub.wait_received(1)

    assert sorted(frame.text for frame in all_of_them) == sorted([BOOT, BEAT, BEAT])
    assert [frame.text for frame in beats] == [BEAT, BEAT]
    assert already_there[:3] == all_of_them


async def test_any_text_can_be_sent_and_a_call_is_only_a_text(ground, clock):
    async with ground.connect() as station:
        await ground.stub.send("{not OCPP")
        await ground.stub.call("c-1", "Reset", {"type": "Soft"})
        texts = [await station.receive(), await station.receive()]

    assert texts == ["{not OCPP", '[2,"c-1","Reset",{"type":"Soft"}]']
    assert [frame.text for frame in ground.stub.sent()] == texts


async def test_newest_connection_is_meant_unless_another_is_named(ground, clock):
    async with ground.serve() as port, ground.dial(port) as first, ground.dial(port) as second:
        await ground.stub.send("to the newest")
        await ground.stub.send("to the first", connection=1)
        texts = [await first.receive(), await second.receive()]

    assert texts == ["to the first", "to the newest"]
    assert [frame.connection for frame in ground.stub.frames] == [2, 1]
    assert ground.stub.connections == 2


async def test_sending_where_there_is_no_connection_says_so(ground, clock):
    with pytest.raises(LookupError, match="expected a connection of 1 to 0, found 0"):
        await ground.stub.send("x")
    with pytest.raises(LookupError, match="expected a connection of 1 to 0, found 3"):
        await ground.stub.do(Ignore(), connection=3)

    assert ground.stub.frames == []


async def test_what_could_not_be_sent_is_not_recorded(ground, clock):
    async with ground.connect():
        pass

    with pytest.raises(ConnectionClosed):
        await ground.stub.send("too late")

    assert ground.stub.frames == []


@pytest.mark.parametrize("behaviour", [Result(), Error("GenericError")])
async def test_answer_needs_a_call(ground, clock, behaviour):
    async with ground.connect():
        with pytest.raises(ValueError, match=f"expected a CALL to answer with {behaviour.__class__.__name__}"):
            await ground.stub.do(behaviour)


async def test_a_send_that_was_cancelled_is_not_recorded_as_sent(ground, clock):
    async with ground.connect() as station:
        await _exchange(station, BOOT)
        before = ground.stub.sent()
        with trio.CancelScope() as scope:
            scope.cancel()
            await ground.stub.send("[]")
        after = ground.stub.sent()

    assert scope.cancelled_caught
    assert after == before
