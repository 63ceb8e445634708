"""A station whose server does not get TLS done: it is told why, in words, and tries again."""

import ssl
from typing import Any

import pytest
import trio

from ocpp_trio import CloseReason, ConnectionState, HandshakeError, Limits
from ocpp_trio.charge_point.connect import open_transport
from ocpp_trio.charge_point.endpoint import Endpoint
from ocpp_trio.testing import MemoryNetwork
from tests.certificates import HOST

ENDPOINT = Endpoint(host=HOST, port=443, resource="/CP-1", tls=True)


async def failure(network: MemoryNetwork, context: ssl.SSLContext, **limits: Any) -> HandshakeError:
    """Try to connect, and fail with every stream closed."""
    with pytest.raises(HandshakeError) as failed:
        async with open_transport(
            ENDPOINT, dial=network.dial, subprotocol="ocpp1.6", limits=Limits(**limits), ssl_context=context
        ):
            pytest.fail("there is no connection")
    for link in network.links:
        with pytest.raises(trio.ClosedResourceError):
            await link.client.receive_some()
    assert failed.value.closed.reason is CloseReason.TLS_FAILURE
    return failed.value


async def answering(network: MemoryNetwork, answer: bytes, *, task_status: trio.TaskStatus[None]) -> None:
    """A server that says this to whatever comes, and closes."""
    (listener,) = await network.listen(443)
    task_status.started()
    stream = await listener.accept()
    await stream.receive_some()
    await stream.send_all(answer)
    await stream.aclose()


async def test_a_silent_server_has_until_the_deadline(pki, autojump_clock):
    network = MemoryNetwork()
    network.silent = True
    await network.listen(443)

    failed = await failure(network, pki.client(), handshake_deadline=7)

    assert failed.closed.detail == "TLS handshake: not done at the deadline"
    assert trio.current_time() == 7


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"", "the peer closed the connection"),
        (b"\x16\x03\x03\x00", "the peer closed the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "expected TLS, found something else"),
        (b"\x00" * 100, "expected TLS, found something else"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "the peer refused: handshake failure"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "the peer refused: protocol version"),
        (b"\x15\x03\x03\x00\x02\x02\x70", "the peer refused: unrecognized name"),
    ],
    ids=["closes", "half a record", "http", "zeros", "no suite", "old version", "unknown name"],
)
async def test_a_server_that_answers_something_else(pki, nursery, answer, detail, autojump_clock):
    network = MemoryNetwork()
    await nursery.start(answering, network, answer)

    failed = await failure(network, pki.client())

    assert failed.closed.detail == f"TLS handshake: {detail}"
    assert failed.__cause__ is not None
    assert trio.current_time() == 0


async def test_a_reset(pki, nursery, autojump_clock):
    network = MemoryNetwork()
    await network.listen(443)

    async def reset():
        await trio.sleep(1)
        network.links[0].reset()

    nursery.start_soon(reset)

    assert (await failure(network, pki.client())).closed.detail.endswith("connection reset by peer")
    assert trio.current_time() == 1


async def test_a_plain_station_at_a_port_with_tls_is_told(ground, autojump_clock):
    """By a server that sends an alert where ours sends a 400."""
    network = MemoryNetwork()
    async with trio.open_nursery() as nursery:
        await nursery.start(answering, network, b"\x15\x03\x01\x00\x02\x02\x46")
        with pytest.raises(HandshakeError, match="expected plain HTTP, found TLS"):
            async with open_transport(ENDPOINT, dial=network.dial, subprotocol="ocpp1.6", limits=Limits()):
                pytest.fail("there is no connection")


@pytest.mark.parametrize("moment", ["dialling", "shaking hands"])
async def test_leaving_in_the_middle_of_it(ground, pki, moment, autojump_clock):
    (listener,) = await ground.network.listen(443)
    async with ground.station_for(443, url="wss://csms/ocpp", ssl_context=pki.client()) as station:
        if moment == "shaking hands":
            stream = await listener.accept()
            assert (await stream.receive_some())[:2] == b"\x16\x03"
            assert station.state is ConnectionState.CONNECTING

    assert trio.current_time() == 0
    assert station.state is ConnectionState.DISCONNECTED
    for link in ground.network.links:
        with pytest.raises(trio.ClosedResourceError):
            await link.client.receive_some()
