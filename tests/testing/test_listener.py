"""Hosts and ports in memory: who gets which connection, what is taken, what is refused."""

import errno

import pytest
import trio
import trio.testing

from ocpp_trio.testing import MemoryNetwork
from ocpp_trio.testing.network import BACKLOG, FIRST_FREE_PORT


@pytest.fixture
def network():
    return MemoryNetwork()


async def test_port_0_takes_one_that_is_free(network, autojump_clock):
    await network.listen(FIRST_FREE_PORT + 1)

    ports = [(await network.listen(0))[0].port for _ in range(3)]

    assert ports == [FIRST_FREE_PORT, FIRST_FREE_PORT + 2, FIRST_FREE_PORT + 3]


async def test_taken_port_is_an_os_error(network, autojump_clock):
    await network.listen(9000)

    with pytest.raises(OSError, match="port 9000 is taken") as taken:
        await network.listen(9000)

    assert taken.value.errno == errno.EADDRINUSE


async def test_closing_frees_the_port(network, autojump_clock):
    (first,) = await network.listen(9000)

    await first.aclose()
    (second,) = await network.listen(9000)
    await first.aclose()  # once more: the port is the second one's now

    await network.dial("csms", 9000)
    assert await second.accept()


async def test_named_host_is_preferred_and_every_other_goes_to_the_listener_without_one(network, autojump_clock):
    (anyone,) = await network.listen(9000)
    (named,) = await network.listen(9000, host="csms-1")

    at_named = await network.dial("csms-1", 9000)
    at_anyone = await network.dial("csms-2", 9000)
    await at_named.send_all(b"named")
    await at_anyone.send_all(b"anyone")

    assert await (await named.accept()).receive_some() == b"named"
    assert await (await anyone.accept()).receive_some() == b"anyone"


async def test_dial_is_refused_where_nobody_listens(network, autojump_clock):
    await network.listen(9000, host="csms-1")

    for host, port in [("csms-1", 9001), ("csms-2", 9000)]:
        with pytest.raises(ConnectionRefusedError, match=f"nobody listens on {host}:{port}"):
            await network.dial(host, port)

    assert network.links == []


async def test_network_can_refuse_every_dial_and_stop_refusing(network, autojump_clock):
    await network.listen(9000)

    network.refuse = True
    with pytest.raises(ConnectionRefusedError):
        await network.dial("csms", 9000)
    network.refuse = False
    await network.dial("csms", 9000)

    assert len(network.links) == 1


async def test_silent_network_connects_and_nobody_accepts(network, autojump_clock):
    (listener,) = await network.listen(9000)

    network.silent = True
    stream = await network.dial("csms", 9000)
    await stream.send_all(b"hello?")
    with trio.move_on_after(60) as waiting:
        await listener.accept()

    assert waiting.cancelled_caught
    assert len(network.links) == 1


async def test_ends_know_each_other_by_name_and_the_link_knows_both(network, autojump_clock):
    (listener,) = await network.listen(9000)

    first = await network.dial("csms", 9000)
    await network.dial("csms", 9000)
    accepted = [await listener.accept() for _ in range(2)]

    assert first.peer == "csms:9000"
    assert [stream.peer for stream in accepted] == ["memory:1", "memory:2"]
    assert network.links[0].client is first
    assert [link.server for link in network.links] == accepted
    assert [link.port for link in network.links] == [9000, 9000]


async def _fill_backlog(network):
    for _ in range(BACKLOG):
        await network.dial("csms", 9000)


async def test_dial_that_is_given_up_in_a_full_backlog_leaves_no_link(network, autojump_clock):
    await network.listen(9000)
    await _fill_backlog(network)

    with trio.move_on_after(5):
        await network.dial("csms", 9000)

    assert len(network.links) == BACKLOG + 1
    assert len(network.live_links) == BACKLOG


async def test_dial_waits_while_the_backlog_is_full(network, autojump_clock):
    (listener,) = await network.listen(9000)
    connected_at = []

    async def dial():
        await network.dial("csms", 9000)
        connected_at.append(trio.current_time())

    await _fill_backlog(network)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(dial)
        await trio.sleep(4)
        await listener.accept()

    assert connected_at == [4]


async def test_closing_refuses_the_dial_that_waits_and_resets_who_was_not_accepted(network, autojump_clock):
    (listener,) = await network.listen(9000)

    async def dial():
        with pytest.raises(ConnectionRefusedError, match="nobody listens on port 9000 any more"):
            await network.dial("csms", 9000)

    accepted = await network.dial("csms", 9000)
    await listener.accept()
    await _fill_backlog(network)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(dial)
        await trio.sleep(1)
        await listener.aclose()

    assert network.live_links == network.links[:1]
    with pytest.raises(trio.BrokenResourceError):
        await network.links[1].client.receive_some()
    await accepted.send_all(b"goes on")


async def test_closing_wakes_who_accepts(network, autojump_clock):
    (listener,) = await network.listen(9000)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_expect_closed, listener)
        await trio.testing.wait_all_tasks_blocked()
        await listener.aclose()


async def _expect_closed(listener):
    with pytest.raises(trio.ClosedResourceError, match="this listener was closed"):
        await listener.accept()


async def test_closed_listener_accepts_nobody(network, autojump_clock):
    (listener,) = await network.listen(9000)

    await listener.aclose()

    with pytest.raises(trio.ClosedResourceError):
        await listener.accept()
