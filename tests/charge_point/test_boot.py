"""Registration as OCPP 1.6 section 4.2 has it: who may say what, and when the next BootNotification is due."""

import json

import pytest
import trio
import trio.testing

from ocpp_trio import ConnectionClosed, ConnectionState, LocalProtocolError, Registration, Router, v16
from ocpp_trio.testing import CloseWith, Delayed, Error, Ignore, Result

REQUEST = v16.DataTransferRequest(vendor_id="org.example")


def answer(status, interval):
    return Result({"status": status, "currentTime": "2026-01-01T00:00:00Z", "interval": interval})


def boots(ground):
    return [boot.at for boot in ground.stub.received("BootNotification")]


def router_that_answers():
    router = Router(v16)

    @router.on(v16.ClearCacheRequest)
    async def clear_cache(session, request):
        return v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)

    return router


def answers(ground):
    return [frame.elements[1] for frame in ground.stub.received() if frame.elements[0] == 3]


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_the_next_boot_waits_for_the_interval_that_was_named(ground, autojump_clock, status):
    ground.stub.on["BootNotification"] = [answer(status, 20), answer(status, 7), answer("Accepted", 10)]

    async with ground.open_station() as station:
        await trio.sleep(26)
        waiting = (station.state, station.registration.value)
        await station.wait_online()

        assert trio.current_time() == 27.25
    assert waiting == (ConnectionState.BOOTING, status)
    assert boots(ground) == [0, 20, 27]


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_an_interval_of_0_leaves_the_wait_to_us(ground, autojump_clock, status):
    ground.stub.on["BootNotification"] = [answer(status, 0), answer("Accepted", 10)]

    async with ground.open_station() as station:
        await station.wait_online()

    assert boots(ground) == [0, 60]


@pytest.mark.parametrize(
    ("behaviour", "again"),
    [(Error("InternalError"), 60), (answer("Perhaps", 5), 60), (Ignore(), 90)],
    ids=["error", "nonsense", "silence"],
)
async def test_without_a_proper_answer_our_own_wait_applies(ground, autojump_clock, behaviour, again):
    ground.stub.on["BootNotification"] = [behaviour, answer("Accepted", 10)]

    async with ground.open_station() as station:
        await station.wait_online()

    assert boots(ground) == [0, again]


async def test_without_a_proper_answer_the_last_interval_applies_again(ground, autojump_clock):
    ground.stub.on["BootNotification"] = [answer("Pending", 20), Error("InternalError"), answer("Accepted", 10)]

    async with ground.open_station() as station:
        await station.wait_online()

    assert boots(ground) == [0, 20, 40]


@pytest.mark.parametrize(("status", "answered"), [("Pending", ["c-1"]), ("Rejected", [])])
async def test_calls_from_the_csms_are_answered_while_pending_and_ignored_while_rejected(
    ground, autojump_clock, status, answered
):
    ground.stub.on["BootNotification"] = [answer(status, 20), answer("Accepted", 10)]

    async with ground.open_station(router=router_that_answers()) as station:
        await trio.sleep(1)
        await ground.stub.call("c-1", "ClearCache", {})
        await trio.sleep(1)
        before = answers(ground)
        await station.wait_online()
        await ground.stub.call("c-2", "ClearCache", {})
        await trio.sleep(1)

    assert before == answered
    assert answers(ground) == [*answered, "c-2"]


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_nothing_but_the_boot_goes_out_before_accepted(ground, autojump_clock, status):
    ground.stub.status = status
    router = router_that_answers()
    refused = []

    @router.on(v16.GetConfigurationRequest)
    async def sneak(session, request):
        with pytest.raises(LocalProtocolError, match=f"while registration is {status}") as error:
            await session.call(REQUEST)
        refused.append(error.value)
        return v16.GetConfigurationResponse()

    async with ground.open_station(router=router) as station:
        await trio.sleep(1)
        with pytest.raises(ConnectionClosed):
            await station.call(REQUEST)
        await ground.stub.call("c-1", "GetConfiguration", {})
        await trio.sleep(1000)

    sent = {frame.elements[2] for frame in ground.stub.received() if frame.elements[0] == 2}
    assert sent == {"BootNotification"}
    assert len(refused) == (1 if status == "Pending" else 0)


async def test_after_a_loss_nothing_goes_out_until_accepted_again(ground, autojump_clock):
    ground.stub.on["BootNotification"] = [answer("Accepted", 300), Delayed(10, answer("Accepted", 300))]
    router = Router(v16)
    refused = []

    @router.on(v16.ClearCacheRequest)
    async def sneak(session, request):
        with pytest.raises(LocalProtocolError, match="while registration is Unknown") as error:
            await session.call(REQUEST)
        refused.append(error.value)
        return v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)

    async with ground.open_station(router=router) as station:
        await station.wait_online()
        station.drop_link()
        await trio.sleep(5)
        await ground.stub.call("c-1", "ClearCache", {})
        await trio.sleep(1)

    assert len(refused) == 1
    assert ground.stub.received("DataTransfer") == []


async def test_a_triggered_message_goes_out_while_pending(ground, autojump_clock):
    ground.stub.on["BootNotification"] = answer("Pending", 100)
    ground.stub.on["Heartbeat"] = Result({"currentTime": "2026-01-01T00:00:00Z"})
    router = Router(v16)

    @router.on(v16.TriggerMessageRequest)
    async def trigger(session, request):
        return v16.TriggerMessageResponse(status=v16.TriggerMessageStatus.ACCEPTED)

    @router.after(v16.TriggerMessageRequest)
    async def send(session, request, response):
        await session.call(v16.HeartbeatRequest())

    async with ground.open_station(router=router):
        await trio.sleep(5)
        await ground.stub.call("c-1", "TriggerMessage", {"requestedMessage": "Heartbeat"})
        await trio.sleep(5)

    assert [json.loads(f.text)[2] for f in ground.stub.received() if f.elements[0] == 2] == [
        "BootNotification",
        "Heartbeat",
    ]


async def test_a_triggered_boot_does_not_wait(ground, autojump_clock):
    ground.stub.on["BootNotification"] = [answer("Pending", 100), answer("Accepted", 10)]

    async with ground.open_station() as station:
        await trio.sleep(5)
        station.boot_now()
        await station.wait_online()

        assert trio.current_time() == 5.25
    assert boots(ground) == [0, 5]


async def test_a_trigger_while_a_boot_is_in_flight_is_not_lost(ground, autojump_clock):
    """Sent at 0, answered Pending at 2; triggered at 1: the next goes out at 2 and the one after that waits again."""
    pending = answer("Pending", 100)
    ground.stub.on["BootNotification"] = [Delayed(2, pending), pending, answer("Accepted", 10)]

    async with ground.open_station() as station:
        await trio.sleep(1)
        station.boot_now()
        station.boot_now()
        await station.wait_online()

    assert boots(ground) == [0, 2, 102]


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
async def test_reconnecting_does_not_shorten_the_wait(ground, autojump_clock, status):
    """The wait belongs to the boot; a CSMS that rejects and closes must not be asked again at once."""
    ground.stub.on["BootNotification"] = [answer(status, 20), answer("Accepted", 10)]

    async with ground.open_station(router=router_that_answers()) as station:
        await trio.sleep(5)
        await ground.stub.do(CloseWith(1000))
        await trio.sleep(1)
        between = (ground.stub.connections, station.state, station.registration.value)
        await ground.stub.call("c-1", "ClearCache", {})
        await trio.sleep(1)
        answered = answers(ground)
        await station.wait_online()

    assert between == (2, ConnectionState.BOOTING, status)
    assert answered == (["c-1"] if status == "Pending" else [])
    assert boots(ground) == [0, 20]


async def test_a_wait_that_is_over_when_the_link_is_back_is_over(ground, autojump_clock):
    ground.stub.on["BootNotification"] = [answer("Rejected", 20), answer("Accepted", 10)]

    async with ground.open_station() as station:
        await trio.sleep(5)
        ground.network.refuse = True
        station.drop_link()
        await trio.sleep(20)
        ground.network.refuse = False
        await station.wait_online()

    assert boots(ground) == [0, 5 + 0.5 + 1 + 2 + 4 + 8 + 16]


async def test_a_wait_of_our_own_ends_with_the_connection(ground, autojump_clock):
    """Nobody asked us to wait: perhaps it is another CSMS that answers now."""
    ground.stub.on["BootNotification"] = [Error("InternalError"), answer("Accepted", 10)]

    async with ground.open_station() as station:
        await trio.sleep(5)
        station.drop_link()
        await station.wait_online()

    assert boots(ground) == [0, 5.5]


async def test_a_reboot_boots_at_once_whatever_was_said_before(ground, autojump_clock):
    ground.stub.on["BootNotification"] = [answer("Rejected", 1000), answer("Accepted", 10)]

    async with ground.open_station() as station:
        await trio.sleep(5)
        station.reboot()
        await station.wait_online()

        assert station.registration is Registration.ACCEPTED
    assert boots(ground) == [0, 5]
