"""Boot is accepted, heartbeats follow at the interval that the CSMS named."""

import trio

from ocpp_trio import CloseReason, ConnectionState


async def test_happy_path_boot_then_heartbeat(ground, clock):
    ground.stub.interval = ground.interval

    async with ground.open_station() as station:
        await station.wait_online()
        ground.assert_now(0.25)  # boot reply at 0, then the resume delay
        after_boot = station.statistics()
        await trio.sleep(ground.interval * 3)
        beaten = station.statistics()

    frames = [frame.elements for frame in ground.stub.frames]
    assert frames[0] == [2, "m-1", "BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "One"}]
    assert frames[1][:2] == [3, "m-1"]
    assert frames[1][2]["status"] == "Accepted"
    assert frames[1][2]["interval"] == ground.interval
    assert frames[2] == [2, "m-2", "Heartbeat", {}]
    assert frames[3][:2] == [3, "m-2"]
    beats = ground.stub.received("Heartbeat")
    assert len(beats) == (3 if ground.virtual else len(beats)) >= 2
    if ground.virtual:
        assert [beat.at for beat in beats] == [10, 20, 30]

    for snapshot in (after_boot, beaten):
        assert snapshot.state is ConnectionState.ONLINE
        ground.assert_idle(snapshot)
    assert station.state is ConnectionState.DISCONNECTED
    assert ground.counters.value("call", direction="sent") == 1 + len(beats)
    assert ground.counters.value("heartbeats", direction="sent") == len(beats)
    assert ground.counters.value("call_result", direction="received") == 1 + len(beats)
    assert ground.counters.value("timeouts") == 0
    assert ground.counters.value("closes", reason=CloseReason.STOPPING) == 1
