"""Calls to stations that are connected to another node: answered, refused, lost, and never made too late."""

from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from ocpp_trio import (
    CallRejected,
    CallTimeout,
    Closed,
    CloseReason,
    ConnectionClosed,
    ErrorCode,
    LocalProtocolError,
    Router,
    v16,
)
from ocpp_trio.backend import MemoryExchange, NodeSettings
from ocpp_trio.backend.letters import Ask, Failure, read_letter, write_letter
from ocpp_trio.backend.outbox import Outbox
from ocpp_trio.testing import MemoryNetwork
from tests.backend.nodes import Memory
from tests.csms_nodes import Cluster, CsmsNode

RESET = v16.ResetRequest(type=v16.ResetType.SOFT)


class Obedient:
    """What the station does, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.takes = 0.0
        self.network = MemoryNetwork()
        self.router = Router(v16)
        self.router.on(v16.ResetRequest)(self._reset)
        self.router.on(v16.ClearCacheRequest)(self._clear)

    async def _reset(self, session, request: v16.ResetRequest) -> v16.ResetResponse:
        self.asked.append(trio.current_time())
        await trio.sleep(self.takes)
        return v16.ResetResponse(status=v16.ResetStatus.ACCEPTED)

    async def _clear(self, session, request: v16.ClearCacheRequest) -> v16.ClearCacheResponse:
        raise CallRejected(ErrorCode.SECURITY_ERROR, "not you", {"why": "because"})


@pytest.fixture
def server() -> Memory:
    return Memory(MemoryExchange(), settings=NodeSettings(call_deadline=20.0))


@pytest.fixture
async def ground(server, autojump_clock) -> AsyncIterator[tuple[CsmsNode, CsmsNode, Obedient]]:
    """Nodes a and b, and a station at a."""
    cluster, obedient = Cluster(server), Obedient()
    async with (
        cluster.node("a") as a,
        cluster.node("b") as b,
        cluster.station(a, router=obedient.router),
    ):
        obedient.network = cluster.network
        await trio.sleep(0.1)
        yield a, b, obedient


async def test_a_call_to_a_station_of_another_node_is_answered(ground, autojump_clock):
    a, b, obedient = ground

    reply = await b.node.call("CP-1", RESET)

    assert reply == v16.ResetResponse(status=v16.ResetStatus.ACCEPTED)
    assert (b.node.where("CP-1"), a.node.where("CP-1")) == ("a", "a")
    assert (len(obedient.asked), b.node.status().calls) == (1, 0)
    assert await a.node.call("CP-1", RESET) == reply


async def test_the_errors_of_a_session_come_over_as_they_are(ground, autojump_clock):
    _, b, _ = ground

    with pytest.raises(CallRejected) as rejected:
        await b.node.call("CP-1", v16.ClearCacheRequest())
    assert (rejected.value.code, rejected.value.description) == (ErrorCode.SECURITY_ERROR, "not you")
    assert (rejected.value.details, rejected.value.origin) == ({"why": "because"}, "remote")
    with pytest.raises(LocalProtocolError, match="Heartbeat"):
        await b.node.call("CP-1", v16.HeartbeatRequest())
    with pytest.raises(CallRejected, match="NotSupported"):
        await b.node.call("CP-1", v16.UnlockConnectorRequest(connector_id=1))


async def test_a_station_that_is_nowhere_is_not_called(ground, autojump_clock):
    _, b, _ = ground

    with pytest.raises(ConnectionClosed, match="no node says that 'CP-2' is connected to it") as lost:
        await b.node.call("CP-2", RESET)
    assert not lost.value.was_sent


async def test_a_station_that_has_just_left_is_not_called(ground, server, autojump_clock):
    a, b, obedient = ground
    server.exchange.delay = 0.5  # b does not know it yet
    obedient.network.refuse = True
    a.csms.sessions["CP-1"].close(Closed(CloseReason.STOPPING, 1001, "the test is over"))

    with pytest.raises(ConnectionClosed, match="'CP-1' is not connected to that node") as lost:
        await b.node.call("CP-1", RESET)
    assert not lost.value.was_sent


async def test_a_call_whose_node_dies_meanwhile_fails_when_the_node_is_gone(ground, server, autojump_clock):
    _, b, obedient = ground
    obedient.takes = 20
    async with trio.open_nursery() as nursery:

        async def cut() -> None:
            await trio.sleep(1)
            server.exchange.partition("a")

        nursery.start_soon(cut)
        with pytest.raises(ConnectionClosed, match="node 'a', which it was connected to, is gone") as lost:
            await b.node.call("CP-1", RESET)
    assert lost.value.was_sent
    assert 5 <= trio.current_time() <= 7
    assert b.node.status().calls == 0


async def test_the_callers_own_deadline_travels_along(ground, server, autojump_clock):
    """The bus is slow. A call that cannot be answered in time is not made at all."""
    _, b, obedient = ground
    server.exchange.delay = 1.5
    await trio.sleep(10)

    begun = trio.current_time()
    with trio.move_on_after(1) as scope:
        await b.node.call("CP-1", RESET)

    assert scope.cancelled_caught
    assert trio.current_time() == begun + 1
    await trio.sleep(20)
    assert obedient.asked == []


async def test_a_call_that_waited_out_an_outage_is_not_made(ground, server, autojump_clock):
    _, b, obedient = ground
    server.exchange.partition("a")

    with pytest.raises(ConnectionClosed, match="is gone") as lost:
        await b.node.call("CP-1", RESET)
    assert lost.value.was_sent
    await trio.sleep(40)
    server.exchange.heal()
    await trio.sleep(10)

    assert obedient.asked == []
    await b.node.call("CP-1", RESET)
    assert len(obedient.asked) == 1


async def test_a_station_that_never_answers_is_a_timeout(ground, autojump_clock):
    _, b, obedient = ground
    obedient.takes = 24
    begun = trio.current_time()

    with pytest.raises(CallTimeout, match="no reply within 20 s by way of node 'a'"):
        await b.node.call("CP-1", RESET)

    assert trio.current_time() == begun + 20
    assert b.node.status().calls == 0


async def test_a_connection_that_ends_meanwhile_is_told_as_what_it_was(ground, autojump_clock):
    _, b, obedient = ground
    obedient.takes = 15
    async with trio.open_nursery() as nursery:

        async def cut() -> None:
            await trio.sleep(1)
            obedient.network.links[-1].reset()

        nursery.start_soon(cut)
        with pytest.raises(ConnectionClosed) as lost:
            await b.node.call("CP-1", RESET)
    assert (lost.value.reason, lost.value.was_sent) == (CloseReason.TRANSPORT_ERROR, True)


async def test_nothing_is_asked_of_a_bus_that_is_down(ground, server, autojump_clock):
    _, b, obedient = ground
    server.stop()
    await trio.sleep(1)

    with pytest.raises(ConnectionClosed, match="the bus is down: the exchange is out of reach") as lost:
        await b.node.call("CP-1", RESET)
    assert not lost.value.was_sent
    server.start()
    await trio.sleep(3)
    assert obedient.asked == []
    await b.node.call("CP-1", RESET)


async def test_a_letter_that_asks_twice_is_obeyed_once(ground, server, autojump_clock):
    _, b, obedient = ground
    server.exchange.duplicate = 4

    await b.node.call("CP-1", RESET)
    await trio.sleep(5)

    assert len(obedient.asked) == 1


async def test_a_letter_that_comes_again_after_a_silence_is_not_obeyed_again(ground, server, autojump_clock):
    a, _, obedient = ground
    ask = Ask("call-1", "CP-1", "ocpp1.6", "Reset", b'{"type":"Soft"}', 20.0)
    sheet = write_letter(ask, node="z", life="1", number=1, to="a")
    server.exchange.write([sheet])
    await trio.sleep(10)
    assert [peer.name for peer in a.node.status().peers] == ["b"]

    server.exchange.write([sheet])  # the writer had no answer, and is back on a new connection
    await trio.sleep(1)

    assert len(obedient.asked) == 1
    assert a.node.status().duplicates == 1


async def test_a_request_of_another_version_or_of_no_sense_is_refused(ground, server, autojump_clock):
    _, _, obedient = ground
    heard: list[Failure] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(_ear, server, heard)
        asks = [
            Ask("1", "CP-1", "ocpp9.9", "Reset", b"{}", 10.0),
            Ask("2", "CP-1", "ocpp1.6", "Dance", b"{}", 10.0),
            Ask("3", "CP-1", "ocpp1.6", "Reset", b"nonsense", 10.0),
        ]
        for number, ask in enumerate(asks, 1):
            server.exchange.write([write_letter(ask, node="z", life="1", number=number, to="a")])
        await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    assert [(each.call_id, each.error) for each in heard] == [
        ("1", "LocalProtocolError"),
        ("2", "LocalProtocolError"),
        ("3", "ValueError"),
    ]
    assert obedient.asked == []


async def _ear(server, heard, *, task_status):  # noqa: ASYNC128  # the bus calls it
    def take(sheet: bytes, age: float) -> None:
        body = read_letter(sheet).open()
        if isinstance(body, Failure):
            heard.append(body)

    await server.bus("ear").run(Outbox("ear", "1"), take, task_status=task_status)
