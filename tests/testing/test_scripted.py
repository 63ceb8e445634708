"""A scripted peer says what its script says, and anything else than it expects is a failure that tells the story."""

import json
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
import trio.testing

from ocpp_trio import Limits, ReconnectPolicy, Router, open_charge_point, open_client, serve_csms, v16
from ocpp_trio.testing import (
    CloseWith,
    Delayed,
    Drop,
    Ended,
    Error,
    Expect,
    Ignore,
    MemoryNetwork,
    Result,
    Say,
    ScriptedPeer,
    ScriptFailed,
    Silence,
    Step,
)
from ocpp_trio.testing.stub import EPOCH

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
ACCEPTED = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 10}
BOOTS = (Expect("BootNotification"), Result(ACCEPTED))


@asynccontextmanager
async def _station(peer):
    """A real station at a scripted CSMS."""
    network = MemoryNetwork()
    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(peer.serve, 0, listen=network.listen))
        async with open_charge_point(
            f"ws://csms:{port}/",
            "CP-1",
            router=Router(v16),
            boot=BOOT,
            dial=network.dial,
            reconnect=ReconnectPolicy(),
            new_message_id=iter(f"m-{number}" for number in range(1, 100)).__next__,
        ) as station:
            yield station
        nursery.cancel_scope.cancel()


async def _fails(peer, match):
    """The script fails with this sentence."""
    with pytest.RaisesGroup(
        pytest.RaisesExc(ScriptFailed, match=match), flatten_subgroups=True, allow_unwrapped=True
    ) as failed:
        async with _station(peer):
            await trio.sleep(600)
    error: BaseException = failed.value
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


async def test_script_is_played_to_its_last_step_at_exact_instants(autojump_clock):
    peer = ScriptedPeer(
        [
            Expect(
                "BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "One"}, at=0, message_id="m-1"
            ),
            Result(ACCEPTED),
            Silence(10),
            Expect("Heartbeat", {}, at=10),
            Result({"currentTime": "2026-01-01T00:00:10Z"}),
            Say([2, "c-1", "Nonsense", {}]),
            Expect("error", {"code": "NotImplemented"}, at=10, message_id="c-1"),
            Say('[2,"c-2","Reset",{"type":"Soft"}]'),
            Expect("error", {"code": "NotSupported"}),
            Drop(),
        ],
        [*BOOTS, CloseWith(1001)],
        [Expect("BootNotification"), Error("GenericError"), Ended(at=60)],
    )

    with trio.move_on_after(40):
        async with _station(peer):
            await peer.wait_done()

    assert [frame.connection for frame in peer.frames].count(1) == 8
    assert peer.frames[2].text == '[2,"m-2","Heartbeat",{}]'
    assert peer.frames[-1].text.startswith('[4,"m-4","GenericError"')


async def test_other_frame_than_expected_fails_with_the_story(autojump_clock):
    peer = ScriptedPeer([*BOOTS, Expect("StatusNotification")])

    story = await _fails(
        peer,
        r"connection 1, step 3: expected Expect\(what='StatusNotification'\), "
        r"found \[2,\"m-2\",\"Heartbeat\",\{\}\] at 10 s",
    )

    assert '       0.000  #1  heard  [2,"m-1","BootNotification"' in story
    assert '       0.000  #1  said   [3,"m-1",' in story


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (Expect("Heartbeat", at=9), "Heartbeat"),
        (Expect("Heartbeat", {"extra": 1}), "Heartbeat"),
        (Expect("Heartbeat", message_id="m-7"), "Heartbeat"),
        (Expect("Heartbeat", text="something else"), "Heartbeat"),
        (Silence(11), "Heartbeat"),
        (Ended(), "Heartbeat"),
    ],
)
async def test_every_part_of_an_expectation_counts(autojump_clock, step, found):
    await _fails(ScriptedPeer([*BOOTS, step]), rf"step 3: expected .*, found .*{found}")


async def test_frame_after_the_last_step_is_too_much(autojump_clock):
    await _fails(ScriptedPeer([*BOOTS]), r"connection 1: expected nothing more, found .*Heartbeat")


async def test_connection_without_a_script_is_too_much(autojump_clock):
    await _fails(ScriptedPeer([*BOOTS, Drop()]), "expected 1 connections, found one more")


async def test_answer_without_a_call_is_the_scripts_own_fault(autojump_clock):
    await _fails(ScriptedPeer([Result({})]), "step 1: expected Result.*, found no CALL to answer")


async def test_end_is_not_what_a_frame_was_expected_for(autojump_clock):
    peer = ScriptedPeer([*BOOTS, Say("[]"), *[Say("[]")] * 30, Expect("Heartbeat", at=10)])

    await _fails(peer, "step [0-9]+: expected .*, found the end of the connection")


async def test_each_connection_answers_its_own_call(autojump_clock):
    """Two stations at once: what the second one asks is nothing that the first one is told."""
    network, told = MemoryNetwork(), []
    script: list[Step] = [Expect("BootNotification"), Silence(5), Result(ACCEPTED)]
    peer = ScriptedPeer(script, script)

    async def boot(name):
        stream = await network.dial("csms", 9000)
        async with open_client(
            stream, host="csms", resource=f"/{name}", subprotocols=["ocpp1.6"], limits=Limits()
        ) as station:
            await station.send(f'[2,"{name}","BootNotification",{{}}]')
            told.append((name, json.loads(await station.receive())[1]))

    async with trio.open_nursery() as nursery:
        await nursery.start(partial(peer.serve, 9000, listen=network.listen))
        async with trio.open_nursery() as stations:
            stations.start_soon(boot, "first")
            await trio.sleep(1)
            stations.start_soon(boot, "second")
        nursery.cancel_scope.cancel()

    assert told == [("first", "first"), ("second", "second")]


async def test_answer_is_to_a_call_of_the_same_connection(autojump_clock):
    peer = ScriptedPeer([Expect("BootNotification"), Drop()], [Result(ACCEPTED)])

    await _fails(peer, r"^connection 2, step 1: expected Result.*, found no CALL to answer at")


async def test_stream_without_an_upgrade_is_a_failure_of_the_script(autojump_clock):
    network, peer = MemoryNetwork(), ScriptedPeer(BOOTS)

    with pytest.RaisesGroup(
        pytest.RaisesExc(ScriptFailed, match="^expected an upgrade, found .*no upgrade request came"),
        flatten_subgroups=True,
    ):
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(peer.serve, 9000, listen=network.listen))
            await (await network.dial("csms", 9000)).aclose()


async def test_peer_can_be_the_station(autojump_clock):
    network = MemoryNetwork()
    router = Router(v16)

    @router.on(v16.BootNotificationRequest)
    async def boot(session, request):
        return _accepted()

    peer = ScriptedPeer(
        [
            Say([2, "m-1", "BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "One"}]),
            Expect("result", message_id="m-1", at=0),
            Say([2, "m-2", "Heartbeat", {}]),
            Expect("error", {"code": "NotSupported"}),
        ]
    )
    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_csms, [router], 9000, listen=network.listen))
        await peer.connect(await network.dial("csms", 9000), resource="/ocpp/CP-1")
        nursery.cancel_scope.cancel()

    assert server.port == 9000
    await peer.wait_done()


async def test_station_sees_the_end_it_expects(autojump_clock):
    network = MemoryNetwork()
    peer = ScriptedPeer([Say("[]"), *[Say("no OCPP")] * 9, Ended(1008, at=0)])

    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_csms, [Router(v16)], 9000, listen=network.listen))
        await peer.connect(await network.dial("csms", 9000))
        nursery.cancel_scope.cancel()

    assert len(peer.frames) == 10


async def test_end_with_another_code_is_not_the_one(autojump_clock):
    network = MemoryNetwork()
    peer = ScriptedPeer([*[Say("no OCPP")] * 10, Ended(1000)])

    with pytest.RaisesGroup(pytest.RaisesExc(ScriptFailed, match="found an end with 1008")):
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serve_csms, [Router(v16)], 9000, listen=network.listen))
            await peer.connect(await network.dial("csms", 9000))


def _accepted():
    return v16.BootNotificationResponse(status=v16.RegistrationStatus.ACCEPTED, current_time=EPOCH, interval=300)


@pytest.mark.parametrize("step", [Delayed(3, Drop()), Ignore(), "Heartbeat", [2, "c-1", "Reset", {}], None])
def test_what_is_no_step_is_refused_before_anybody_connects(step):
    with pytest.raises(ValueError, match=r"^connection 2, step 2: expected a step of a script, found ") as refused:
        ScriptedPeer([*BOOTS], [Expect("BootNotification"), step])

    assert str(refused.value).endswith(repr(step))


@pytest.mark.parametrize("script", [Expect("BootNotification"), "BootNotification", None])
def test_steps_that_are_in_no_list_are_refused(script):
    with pytest.raises(ValueError, match=r"^connection 1: expected a list of steps, found "):
        ScriptedPeer(script)
