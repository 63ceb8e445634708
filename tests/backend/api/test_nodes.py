"""The operator API of one node among others: calls to their stations, and what it says of the bus."""

from collections.abc import AsyncIterator

import pytest
import trio

from ocpp_trio import CallRejected, ErrorCode, Router, v16
from ocpp_trio.backend import MemoryExchange, NodeSettings
from tests.backend.nodes import Memory
from tests.csms_nodes import SHOWN, Cluster, CsmsNode

CALLS = "/api/stations/CP-1/calls"
HARD = {"type": "Hard"}


class Ground:
    """Nodes a and b on one bus, and a station at a that takes its time."""

    def __init__(self) -> None:
        self.server = Memory(MemoryExchange(), settings=NodeSettings(call_deadline=20.0))
        self.cluster = Cluster(self.server)
        self.asked: list[v16.ResetRequest] = []
        self.takes = 0.0
        self.router = Router(v16)
        self.router.on(v16.ResetRequest)(self._reset)
        self.router.on(v16.ClearCacheRequest)(self._clear)
        self.a: CsmsNode
        self.b: CsmsNode

    async def _reset(self, session, request: v16.ResetRequest) -> v16.ResetResponse:
        self.asked.append(request)
        await trio.sleep(self.takes)
        return v16.ResetResponse(status=v16.ResetStatus.ACCEPTED)

    async def _clear(self, session, request: v16.ClearCacheRequest) -> v16.ClearCacheResponse:
        raise CallRejected(ErrorCode.SECURITY_ERROR, "not you", {"why": "because"})

    async def post(self, action: str, body: object):
        """To b, which does not have the station."""
        return await self.cluster.request(self.b, "POST", f"{CALLS}/{action}", body)

    async def health(self, at: CsmsNode):
        answer = await self.cluster.request(at, "GET", "/health")
        return answer.status, answer.json


@pytest.fixture
async def ground(autojump_clock) -> AsyncIterator[Ground]:
    ground = Ground()
    async with (
        ground.cluster.node("a") as ground.a,
        ground.cluster.node("b", always=SHOWN) as ground.b,
        ground.cluster.station(ground.a, router=ground.router),
    ):
        await trio.sleep(0.1)
        yield ground


async def test_a_call_reaches_a_station_of_another_node_and_its_reply_comes_back(ground, autojump_clock):
    answer = await ground.post("Reset", HARD)

    assert ground.b.csms.sessions == {}
    assert ground.asked == [v16.ResetRequest(type=v16.ResetType.HARD)]
    assert (answer.status, answer.json) == (200, {"status": "Accepted"})
    assert answer.headers["content-type"] == "application/json"


async def test_what_is_no_call_is_refused_before_the_bus_sees_it(ground, autojump_clock):
    written = ground.b.node.status().written

    answers = [await ground.post("Reset", {"type": "Cold"}), await ground.post("Heartbeat", {})]

    assert [answer.status for answer in answers] == [422, 404]
    assert (answers[0].json["path"], ground.asked) == ("$.type", [])
    assert ground.b.node.status().written == written


async def test_the_error_of_a_station_of_another_node_is_told_as_it_is(ground, autojump_clock):
    answer = await ground.post("ClearCache", {})

    assert (answer.status, answer.json["error"], answer.json["code"]) == (502, "CallRejected", "SecurityError")
    assert answer.json["details"] == {"why": "because"}


async def test_a_node_that_dies_meanwhile_is_a_problem_that_names_it(ground, autojump_clock):
    ground.takes = 20
    async with trio.open_nursery() as nursery:

        async def cut() -> None:
            await trio.sleep(1)
            ground.server.exchange.partition("a")

        nursery.start_soon(cut)
        answer = await ground.post("Reset", HARD)

    assert (answer.status, answer.json["error"], answer.json["was_sent"]) == (503, "ConnectionClosed", True)
    assert "node 'a', which it was connected to, is gone" in answer.json["detail"]
    assert trio.current_time() <= 7
    again = await ground.post("Reset", HARD)
    assert (again.status, again.json["error"], len(ground.asked)) == (409, "NotConnected", 1)


async def test_a_station_of_another_node_that_does_not_reply_in_time_is_a_timeout(ground, autojump_clock):
    ground.takes, before = 25, trio.current_time()
    answer = await ground.post("Reset", HARD)

    assert (answer.status, answer.json["error"]) == (504, "CallTimeout")
    assert "by way of node 'a'" in answer.json["detail"]
    assert trio.current_time() == before + 20


async def test_without_the_bus_a_call_to_another_node_fails_at_once_and_one_of_our_own_does_not(ground, autojump_clock):
    ground.server.stop()
    await trio.sleep(0.1)
    before = trio.current_time()

    far = await ground.post("Reset", HARD)
    near = await ground.cluster.request(ground.a, "POST", f"{CALLS}/Reset", HARD)

    assert (far.status, far.json["was_sent"], near.status) == (503, False, 200)
    assert "the bus is down" in far.json["detail"]
    assert (len(ground.asked), trio.current_time()) == (1, before)


async def test_a_station_that_no_node_has_heard_of_is_not_found(ground, autojump_clock):
    answer = await ground.cluster.request(ground.b, "POST", "/api/stations/CP-2/calls/Reset", HARD)

    assert answer.status == 404


async def test_health_says_whether_the_bus_works_and_stays_200(ground, autojump_clock):
    assert await ground.health(ground.b) == (200, {"status": "ok", "bus": "up"})
    ground.server.stop()
    await trio.sleep(0.1)
    assert await ground.health(ground.b) == (200, {"status": "degraded", "bus": "down"})
    ground.server.start()
    await trio.sleep(2)
    assert await ground.health(ground.b) == (200, {"status": "ok", "bus": "up"})
