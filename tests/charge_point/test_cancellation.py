"""Every public await of a charge point and of the stub beside it, cancelled at every moment."""

from typing import Final

import pytest
import trio
import trio.testing

from ocpp_trio import ChargePoint, ConnectionClosed, ConnectionState, Limits, Router, Transition, v16
from ocpp_trio.testing import Delayed, Drop, Result
from tests.blow import LONG, SWEPT, TESTS, Blow, awaits, let_flow_later, sweep
from tests.station_ground import Ground

REQUEST: Final = v16.DataTransferRequest(vendor_id="Acme", data="1")
ACCEPTED: Final = Result({"status": "Accepted"})


async def assert_in_order(ground: Ground, station: ChargePoint, *, connections: int = 1) -> None:
    """The station is online, calls are answered, nothing is left over, and nothing was sent twice."""
    await station.wait_online()
    await station.call(REQUEST)
    await trio.testing.wait_all_tasks_blocked()
    inside = station.statistics()
    assert inside.state is ConnectionState.ONLINE
    assert_at_rest(station)
    assert ground.stub.connections == inside.connections == connections
    sent = [frame.elements[1] for frame in ground.stub.received() if frame.elements[0] == 2]
    assert len(sent) == len(set(sent))


def assert_at_rest(station: ChargePoint) -> None:
    inside = station.statistics()
    assert (inside.pending_calls, inside.deadlines) == (0, 0)
    if inside.session is not None:
        session = inside.session
        assert (session.calls_waiting, session.writes_waiting, session.writes_in_flight) == (0, 0, 0)


@pytest.mark.parametrize("seconds", [0, 5])
def test_call(seconds: float):
    async def scenario(blow: Blow) -> None:
        ground = Ground()
        ground.stub.on["DataTransfer"] = Delayed(seconds, ACCEPTED)
        async with ground.open_station() as station:
            await station.wait_online()
            with blow.strikes():
                await station.call(REQUEST)
            inside = station.statistics()
            assert inside.deadlines <= inside.pending_calls <= 1
            await assert_in_order(ground, station)

    assert sweep(scenario) > 7


def most_waiting(station: ChargePoint) -> int:
    session = station.statistics().session
    assert session is not None
    return session.max_calls_waiting


@pytest.mark.parametrize("outstanding", [1, 2], ids=["waits for the slot", "waits for the writer"])
def test_call_behind_another(outstanding: int):
    async def scenario(blow: Blow) -> None:
        ground = Ground()
        limits = Limits(outstanding_calls=outstanding)
        async with ground.open_station(limits=limits) as station, trio.open_nursery() as nursery:
            await station.wait_online()
            ground.network.links[0].stall(server=True)
            nursery.start_soon(station.call, v16.DataTransferRequest(vendor_id="Acme", data=LONG))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(let_flow_later, ground.network.links[0])
            with blow.strikes():
                await station.call(REQUEST)
            await trio.sleep(2)
            waited = most_waiting(station)
            async with trio.open_nursery() as all_slots:
                for _ in range(outstanding):
                    all_slots.start_soon(station.call, REQUEST)
            assert most_waiting(station) == waited, "every slot is free again"
            await assert_in_order(ground, station)

    assert sweep(scenario) > 7


def test_call_while_the_link_is_lost():
    async def scenario(blow: Blow) -> None:
        ground = Ground()
        ground.stub.on["DataTransfer"] = Delayed(5, ACCEPTED)
        async with ground.open_station() as station, trio.open_nursery() as nursery:
            await station.wait_online()
            nursery.start_soon(ground.stub.do, Delayed(1, Drop()))
            with blow.strikes(), pytest.raises(ConnectionClosed):
                await station.call(REQUEST)
            await station.wait_offline()
            assert trio.current_time() == 1.25
            await trio.testing.wait_all_tasks_blocked()
            assert_at_rest(station)
            await assert_in_order(ground, station, connections=2)

    assert sweep(scenario) > 7


def test_wait_online():
    async def scenario(blow: Blow) -> None:
        ground = Ground()
        async with ground.open_station() as station:
            with blow.strikes():
                await station.wait_online()
            await assert_in_order(ground, station)
            assert trio.current_time() == 0.25

    assert sweep(scenario) > 20


def test_wait_offline():
    async def scenario(blow: Blow) -> None:
        ground = Ground()
        async with ground.open_station() as station, trio.open_nursery() as nursery:
            await station.wait_online()
            nursery.start_soon(ground.stub.do, Delayed(1, Drop()))
            with blow.strikes():
                await station.wait_offline()
            await station.wait_offline()
            assert trio.current_time() == 1.25
            await assert_in_order(ground, station, connections=2)

    assert sweep(scenario) >= 5


@pytest.mark.parametrize("whole", [False, True], ids=["receive", "subscription"])
def test_transitions(whole: bool):
    """Who was cancelled while receiving goes on with the next change; a subscription that was left harms nobody."""
    expected = [
        ConnectionState.CONNECTING,
        ConnectionState.BOOTING,
        ConnectionState.RESUMING,
        ConnectionState.ONLINE,
    ]

    async def read(changes: trio.MemoryReceiveChannel[Transition], seen: list[ConnectionState]) -> None:
        while len(seen) < len(expected):
            seen.append((await changes.receive()).state)

    async def scenario(blow: Blow) -> None:
        ground = Ground()
        async with ground.open_station() as station:
            seen: list[ConnectionState] = []
            if whole:
                with blow.strikes(), station.transitions() as changes:
                    await read(changes, seen)
                assert seen == expected[: len(seen)]
            else:
                with station.transitions() as changes:
                    with blow.strikes():
                        await read(changes, seen)
                    await read(changes, seen)
                assert seen == expected
            await assert_in_order(ground, station)

    assert sweep(scenario) > 20


@pytest.mark.parametrize("fault", ["", "refuse", "silent"])
def test_a_whole_charge_point(fault: str):
    """The scope around everything: dial, upgrade, boot, calls, and the way out. The next station finds no trace."""

    async def scenario(blow: Blow) -> None:
        ground = Ground()
        ground.stub.on["DataTransfer"] = Delayed(5, ACCEPTED)
        async with ground.serving() as port:
            await trio.testing.wait_all_tasks_blocked()
            before = trio.lowlevel.current_statistics().tasks_living
            opened: list[ChargePoint] = []
            if fault:
                setattr(ground.network, fault, True)
            with blow.strikes():
                async with ground.station_for(port) as station, trio.open_nursery() as nursery:
                    opened.append(station)
                    if not fault:
                        await station.wait_online()
                        nursery.start_soon(station.call, REQUEST)
                    await trio.sleep(6)
            for station in opened:
                assert station.state is ConnectionState.DISCONNECTED
                assert_at_rest(station)
            await trio.sleep(60)
            assert trio.lowlevel.current_statistics().tasks_living == before
            ground.network.refuse = ground.network.silent = False
            async with ground.station_for(port) as station:
                await station.wait_online()
                await station.call(REQUEST)
                assert_at_rest(station)

    assert sweep(scenario) >= (10 if fault else 50)


def test_stub_wait_received():
    async def scenario(blow: Blow) -> None:
        ground = Ground()
        async with ground.open_station() as station, trio.open_nursery() as nursery:
            await station.wait_online()
            for _ in range(3):
                nursery.start_soon(station.call, REQUEST)
            with blow.strikes():
                await ground.stub.wait_received(3, "DataTransfer")
            assert len(await ground.stub.wait_received(3, "DataTransfer")) == 3
            await assert_in_order(ground, station)

    assert sweep(scenario) > 7


@pytest.mark.parametrize(("text", "blows"), [("short", 1), (LONG, 2)], ids=["short", "long"])
def test_stub_send(text: str, blows: int):
    """What the station sees is the whole frame or nothing; a frame that was torn costs the link, and only the link."""

    async def scenario(blow: Blow) -> None:
        ground, seen = Ground(), []
        router = Router(v16)

        @router.on(v16.DataTransferRequest)
        async def transfer(session, request):
            seen.append(request.data)
            return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED)

        async with ground.open_station(router=router) as station, trio.open_nursery() as nursery:
            await station.wait_online()
            ground.network.links[0].stall(client=True)
            nursery.start_soon(let_flow_later, ground.network.links[0])
            with blow.strikes():
                await ground.stub.call("c-1", "DataTransfer", {"vendorId": "Acme", "data": text})
            await trio.sleep(5)
            try:
                await ground.stub.call("c-2", "DataTransfer", {"vendorId": "Acme", "data": "next"})
            except ConnectionClosed:
                await station.wait_offline()
                await station.wait_online()
                await ground.stub.call("c-2", "DataTransfer", {"vendorId": "Acme", "data": "next"})
            await assert_in_order(ground, station, connections=ground.stub.connections)
            assert seen in ([text, "next"], ["next"])
            assert ground.stub.connections == 1 or seen == ["next"]

    assert sweep(scenario) >= blows


def test_all_that_can_be_awaited_is_swept():
    assert sorted(awaits()) == sorted(SWEPT)
    for file, test in SWEPT.values():
        assert f"\ndef {test}(" in (TESTS / file).read_text(encoding="utf-8"), f"{file} has no {test}"
