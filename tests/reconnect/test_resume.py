"""Between the boot reply and the first word: the resume delay, to the instant."""

import pytest
import trio
import trio.testing

from ocpp_trio import ConnectionClosed, ConnectionState, ExponentialBackoff, ReconnectPolicy, v16
from ocpp_trio.testing import Result

REQUEST = v16.DataTransferRequest(vendor_id="org.example")


def policy(resume_delay):
    return ReconnectPolicy(backoff=ExponentialBackoff(initial=0.5, jitter=0), resume_delay=resume_delay)


async def test_send_allowed_after_resume_delay(ground, autojump_clock):
    ground.stub.on["DataTransfer"] = Result({"status": "Accepted"})

    async with ground.open_station() as station:
        await station.wait_online()
        station.drop_link()
        await trio.sleep(0.5 + 0.25 - 1e-6)
        resuming = (station.state, station.can_send)
        with pytest.raises(ConnectionClosed) as refused:
            await station.call(REQUEST)
        await station.wait_online()
        allowed_at = trio.current_time()
        await station.call(REQUEST)

    assert resuming == (ConnectionState.RESUMING, False)
    assert refused.value.was_sent is False
    assert allowed_at == 0.25 + 0.5 + 0.25
    assert [frame.at for frame in ground.stub.received("DataTransfer")] == [allowed_at]


@pytest.mark.parametrize("resume_delay", [0, 0.75, 12])
async def test_resume_delay_policy_respected(ground, autojump_clock, resume_delay):
    async with ground.open_station(reconnect=policy(resume_delay)) as station:
        for _ in range(2):
            await station.wait_online()
            station.drop_link()
            await trio.testing.wait_all_tasks_blocked()
        await station.wait_online()

    attempts = ground.milestones.of("CP-1")
    assert [attempt.online - attempt.boot_accepted for attempt in attempts] == [resume_delay] * 3


@pytest.mark.parametrize(
    ("interval", "resume_delay", "first"), [(1, 0.25, 1), (10, 0.25, 10), (1, 5, 5), (5, 5, 5), (0, 5, None)]
)
async def test_first_heartbeat_after_resume_delay(ground, autojump_clock, interval, resume_delay, first):
    """At the boot reply + max(interval, resume delay), after the first connection and after every other."""
    ground.stub.interval = interval

    async with ground.open_station(reconnect=policy(resume_delay)) as station:
        await station.wait_online()
        await trio.sleep(20)
        station.drop_link()
        await station.wait_online()
        await trio.sleep(20)

    for attempt in ground.milestones.of("CP-1"):
        expected = None if first is None else attempt.boot_accepted + first
        assert attempt.first_heartbeat == expected


@pytest.mark.parametrize("order", range(20))
async def test_a_link_lost_while_resuming_never_comes_online(ground, autojump_clock, order):
    ground.stub.close_after = 0.25

    async with ground.open_station() as station:
        await trio.sleep(30)

        assert station.statistics().seconds_online == 0
        assert station.state is not ConnectionState.ONLINE
    assert all(attempt.online in (None, attempt.lost) for attempt in ground.milestones)
