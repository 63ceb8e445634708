"""Who reaches whom: named hosts, partitions, crashes, and what is remembered of it all."""

import pytest
import trio
import trio.testing

from ocpp_trio.testing import Conditions, MemoryNetwork, stall_cpu
from ocpp_trio.testing.network import DIAL_PATIENCE, LINKS_BEFORE_SWEEP


@pytest.fixture
def network():
    return MemoryNetwork()


async def _connect(network, station="CP-1"):
    """A station's connection to csms, which listens at a port of its own for it."""
    (listener,) = await network.host("csms").listen(0)
    client = await network.host(station).dial("csms", listener.port)
    return client, await listener.accept()


async def test_same_name_is_the_same_host_and_it_knows_its_links(network, autojump_clock):
    await _connect(network, "CP-1")
    await _connect(network, "CP-2")

    assert network.host("CP-1") is network.host("CP-1")
    assert network.host("CP-1").links == network.links[:1]
    assert network.host("csms").links == network.links
    assert [link.client_host for link in network.links] == ["CP-1", "CP-2"]


async def test_host_listens_by_its_own_name_unless_another_is_given(network, autojump_clock):
    (own,) = await network.host("csms").listen(9000)
    (other,) = await network.host("csms").listen(9000, host="alias")

    assert (own.host, other.host) == ("csms", "alias")


async def test_conditions_of_the_dialling_host_go_before_those_of_the_network(network, autojump_clock):
    network.conditions = Conditions(latency=1)
    network.host("CP-1").conditions = Conditions(latency=4)

    await _connect(network, "CP-1")
    slow = trio.current_time()
    await _connect(network, "CP-2")

    assert (slow, trio.current_time()) == (8, 10)


async def test_one_host_may_be_refused_or_met_with_silence(network, autojump_clock):
    (listener,) = await network.listen(9000)
    network.host("CP-1").refuse = True
    network.host("CP-2").silent = True

    with pytest.raises(ConnectionRefusedError):
        await network.host("CP-1").dial("csms", 9000)
    await network.host("CP-2").dial("csms", 9000)
    await network.host("CP-3").dial("csms", 9000)

    assert (await listener.accept()).peer == "CP-3:2", "its address is its host's name"


async def test_partition_holds_back_what_is_sent_until_it_heals(network, autojump_clock):
    client, server = await _connect(network, "CP-1")
    other, other_server = await _connect(network, "CP-2")

    network.partition("CP-1")
    await client.send_all(b"late")
    await other.send_all(b"in time")
    assert await other_server.receive_some() == b"in time"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_heal_after, 30, network, "CP-1")
        late = await server.receive_some()

    assert (late, trio.current_time()) == (b"late", 30)


async def _heal_after(seconds, network, *hosts):
    await trio.sleep(seconds)
    network.heal(*hosts)


async def test_dial_over_a_partition_waits_for_its_end(network, autojump_clock):
    await network.host("csms").listen(9000)
    network.partition()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(network.host("CP-1").dial, "csms", 9000)
        await trio.sleep(20)
        network.heal()

    assert trio.current_time() == 20
    assert not network.links[0].parted


async def test_link_that_comes_to_be_behind_a_partition_is_parted(network, autojump_clock):
    await network.host("csms").listen(9000)
    network.conditions = Conditions(latency=2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(network.host("CP-1").dial, "csms", 9000)
        await trio.sleep(1)  # the dial is on its way
        network.partition("CP-1")

    assert network.links[0].parted


async def test_dial_over_a_long_partition_times_out(network, autojump_clock):
    await network.host("csms").listen(9000)
    network.partition("csms")

    with pytest.raises(TimeoutError, match="nobody answers at csms"):
        await network.host("CP-1").dial("csms", 9000)

    assert trio.current_time() == DIAL_PATIENCE
    assert network.links == []


async def test_hosts_on_the_same_side_of_a_partition_reach_each_other(network, autojump_clock):
    network.partition("CP-1", "csms")

    await _connect(network, "CP-1")

    assert not network.links[0].parted


async def test_healing_one_partition_leaves_the_other(network, autojump_clock):
    await _connect(network, "CP-1")
    await _connect(network, "CP-2")
    network.partition("CP-1")
    network.partition("CP-2")

    network.heal("CP-1")
    one = [link.parted for link in network.links]
    network.heal()

    assert one == [False, True]
    assert [link.parted for link in network.links] == [False, False]


async def test_links_are_dropped_all_or_those_of_one_host(network, autojump_clock):
    for station in ("CP-1", "CP-2", "CP-3"):
        await _connect(network, station)

    network.drop_links("CP-2")
    one = [link.over for link in network.links]
    network.drop_links()

    assert one == [False, True, False]
    assert network.live_links == []


async def test_crashed_host_frees_its_ports_and_tells_only_the_other_ends(network, autojump_clock):
    csms = network.host("csms")
    (listener,) = await csms.listen(9000)
    client = await network.host("CP-1").dial("csms", 9000)
    await listener.accept()
    waiting = await network.host("CP-2").dial("csms", 9000)  # in the backlog

    csms.crash()
    for stream in (client, waiting):
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
    with pytest.raises(ConnectionRefusedError):
        await network.dial("csms", 9000)
    with trio.move_on_after(600) as for_ever:
        await listener.accept()
    (again,) = await csms.listen(9000)
    await listener.aclose()  # the dead one gives nothing free any more
    await network.dial("csms", 9000)

    assert for_ever.cancelled_caught
    assert await again.accept()


async def test_crash_of_a_station_leaves_the_listeners_alone(network, autojump_clock):
    (listener,) = await network.listen(9000)
    await network.host("CP-1").dial("csms", 9000)

    network.host("CP-1").crash()
    await network.host("CP-2").dial("csms", 9000)

    assert [link.over for link in network.links] == [True, False]
    assert listener.port == 9000


async def test_taps_are_told_of_every_write_even_of_what_is_lost(network, autojump_clock):
    told = []
    client, server = await _connect(network)
    network.taps.append(lambda link, direction, data: told.append((link.number, direction, data)))

    await client.send_all(b"up")
    await server.send_all(b"down")
    network.links[0].cut()
    await client.send_all(b"lost")

    assert told == [(1, "up", b"up"), (1, "down", b"down"), (1, "up", b"lost")]


async def test_other_taps_may_take_the_place_of_those_there_are(network, autojump_clock):
    """Also for connections that came to be before."""
    told = []
    client, _ = await _connect(network)
    network.taps = [lambda link, direction, data: told.append(data)]

    await client.send_all(b"up")
    network.taps = []
    await client.send_all(b"more")

    assert told == [b"up"]


async def test_network_without_history_forgets_what_is_over(autojump_clock):
    network = MemoryNetwork(history=False)
    (listener,) = await network.listen(9000)

    for _ in range(3 * LINKS_BEFORE_SWEEP):
        client = await network.dial("csms", 9000)
        server = await listener.accept()
        await client.aclose()
        await server.aclose()

    assert len(network.links) <= LINKS_BEFORE_SWEEP
    assert network.links[-1].number == 3 * LINKS_BEFORE_SWEEP


async def test_cpu_stall_lets_a_deadline_race_the_result(network, autojump_clock):
    client, server = await _connect(network)
    got = []

    async def read():
        with trio.move_on_after(5) as deadline:
            got.append(await server.receive_some())
        got.append(deadline.cancelled_caught)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        await client.send_all(b"in time")
        stall_cpu(10)

    assert trio.current_time() == 10
    assert got == [b"in time", False]


async def test_cpu_stalls_need_a_virtual_clock():
    with pytest.raises(TypeError, match="expected to run under a MockClock"):
        stall_cpu(1)
