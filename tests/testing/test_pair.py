"""Two WebSockets that talk to each other in memory."""

import pytest
import trio

from ocpp_trio import ConnectionClosed, Limits
from ocpp_trio.testing import open_transport_pair


async def test_texts_go_both_ways(autojump_clock):
    async with open_transport_pair() as (client, server, _):
        await client.send("up")
        await server.send("down")
        texts = [await server.receive(), await client.receive()]

    assert texts == ["up", "down"]


async def test_both_ends_agree_on_the_subprotocol_that_was_asked_for(autojump_clock):
    async with open_transport_pair(subprotocol="ocpp2.0.1") as (client, server, _):
        agreed = (client.subprotocol, server.subprotocol)

    assert agreed == ("ocpp2.0.1", "ocpp2.0.1")


async def test_limits_bind_both_ends(autojump_clock):
    async with open_transport_pair(limits=Limits(message_size=10)) as (client, server, _):
        await client.send("x" * 11)
        with pytest.raises(ConnectionClosed) as ended:
            await server.receive()

    assert ended.value.closed.code == 1009


async def test_link_between_them_can_be_harmed(autojump_clock):
    async with open_transport_pair() as (client, server, link):
        link.reset()
        for end in (client, server):
            with pytest.raises(ConnectionClosed):
                await end.receive()


async def test_leaving_takes_no_time_and_leaves_both_closed(autojump_clock):
    async with open_transport_pair() as (client, server, _):
        pass

    assert trio.current_time() == 0
    assert client.closed is not None
    assert server.closed is not None
