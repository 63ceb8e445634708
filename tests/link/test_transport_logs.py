"""What the engine itself writes to a log about a peer."""

import logging

import pytest
import trio

from ocpp_trio import Closed, CloseReason, ConnectionClosed, HandshakeError, Limits, open_client, open_server
from tests.link.conftest import Wire, memory_link
from tests.link.raw_peer import RawPeer, request


async def test_a_close_reason_does_not_reach_the_log_of_the_engine_as_it_came(wire: Wire, caplog, autojump_clock):
    caplog.set_level(logging.DEBUG)
    reason = "forged\r\nline \x1b[2J \u202e"
    async with wire.open() as transport:
        await wire.peer.send(wire.peer.close(1000, reason.encode()))

        with pytest.raises(ConnectionClosed) as caught:
            await transport.receive()

    assert caught.value.closed == transport.closed == Closed(CloseReason.CLEAN, 1000, reason)
    assert {record.name for record in caplog.records} == {"trio-websocket"}
    assert [record.getMessage() for record in caplog.records if not record.getMessage().isprintable()] == []
    (echo,) = await wire.peer.frames()
    assert echo.code == 1000


async def test_a_subprotocol_that_nobody_offered_is_escaped_too(caplog, autojump_clock):
    caplog.set_level(logging.DEBUG)
    link = await memory_link()
    peer = RawPeer(link.server, client=False)

    async def answer() -> None:
        await peer.send(peer.accept(await peer.read_head(), b"ocp\x1e\x1b[2J1.6"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        with pytest.raises(HandshakeError) as refused:
            async with open_client(
                link.client, host="csms", resource="/CP-1", subprotocols=["ocpp1.6"], limits=Limits()
            ):
                pass

    assert "unrecognized subprotocol" in refused.value.closed.detail
    assert "unrecognized subprotocol" in caplog.text
    assert [text for text in caplog.messages if not text.isprintable()] == []


async def test_what_the_engine_cannot_read_is_not_quoted(caplog, autojump_clock):
    """A password may stand anywhere in a request, also in a header that is not read as one."""
    caplog.set_level(logging.DEBUG)
    link = await memory_link()
    await link.client.send_all(request(Sec_WebSocket_Protocol=b"\xff Authorization: Basic c2VjcmV0"))

    with pytest.raises(HandshakeError, match="no upgrade request came"):
        async with open_server(link.server, limits=Limits()):
            pass

    assert "websocket engine gave up: UnicodeDecodeError" in caplog.messages
    assert "c2VjcmV0" not in caplog.text
