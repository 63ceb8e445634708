"""The server's side of the handshake: the request, the answer, and what a client may do meanwhile."""

import pytest
import trio

from ocpp_trio import Closed, CloseReason, ConnectionClosed, HandshakeError, Limits, open_server
from tests.link.conftest import Wire
from tests.link.raw_peer import KEY, head, header, request

LIMITS = Limits()
# We accept, the peer is the client.
as_server = pytest.mark.parametrize("side", ["server"])


async def failure(wire: Wire) -> HandshakeError:
    with pytest.raises(HandshakeError) as caught:
        async with open_server(wire.stream, limits=LIMITS):
            raise AssertionError("there is no upgrade")
    await wire.assert_closed()
    return caught.value


@as_server
async def test_a_request_is_read_as_it_was_sent(wire: Wire, autojump_clock):
    offered = {"Sec_WebSocket_Protocol": b"ocpp2.0.1, ocpp1.6"}
    await wire.peer.send(
        request((b"Authorization", b"Basic QQ=="), first_line=b"GET /o/CP%201?a=b HTTP/1.1", **offered)
    )

    async with open_server(wire.stream, limits=LIMITS) as upgrade:
        assert upgrade.path == "/o/CP%201?a=b"
        assert upgrade.subprotocols == ("ocpp2.0.1", "ocpp1.6")
        assert (b"authorization", b"Basic QQ==") in upgrade.headers
        assert upgrade.defect is None

    assert trio.current_time() == 0
    await wire.assert_closed()


@as_server
@pytest.mark.parametrize("subprotocol", ["ocpp1.6", None])
async def test_accepting_answers_101(wire: Wire, subprotocol: str | None, autojump_clock):
    await wire.peer.send(request())

    async with open_server(wire.stream, limits=LIMITS) as upgrade:
        transport = await upgrade.accept(subprotocol)
        answer = await wire.peer.read_head()
        wire.soon(wire.peer.answer_close)

    assert answer.startswith(b"HTTP/1.1 101 ")
    assert (b"ocpp1.6" in answer) == (subprotocol is not None)
    assert transport.subprotocol == subprotocol


@as_server
async def test_rejecting_answers_a_status_and_leaves_the_callers_list_alone(wire: Wire, autojump_clock):
    headers = [(b"Retry-After", b"7")]
    await wire.peer.send(request())

    async with open_server(wire.stream, limits=LIMITS) as upgrade:
        await upgrade.reject(503, headers=headers, body=b"busy")

    assert headers == [(b"Retry-After", b"7")]
    assert trio.current_time() == 0
    answer = await wire.peer.read_head()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert (header(b"Retry-After", answer), header(b"Connection", answer)) == (b"7", b"close")
    assert header(b"Content-Length", answer) == b"4"
    assert wire.peer.unread + await wire.peer.stream.receive_some() == b"busy"
    await wire.assert_closed()


@as_server
@pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp1.6, ocpp2.0.1"])
async def test_accepting_what_was_not_offered_closes_this_connection_only(wire: Wire, subprotocol, autojump_clock):
    await wire.peer.send(request())

    with pytest.raises(ConnectionClosed):
        async with open_server(wire.stream, limits=LIMITS) as upgrade:
            await upgrade.accept(subprotocol)

    await wire.assert_closed()


@as_server
@pytest.mark.parametrize("answer", ["accept", "reject"])
async def test_answering_a_client_that_has_gone(wire: Wire, answer: str, autojump_clock):
    await wire.peer.send(request())

    async with open_server(wire.stream, limits=LIMITS) as upgrade:
        wire.link.reset()
        with pytest.raises(ConnectionClosed):
            await (upgrade.accept("ocpp1.6") if answer == "accept" else upgrade.reject(404))

    assert trio.current_time() == 0
    await wire.assert_closed()


@as_server
async def test_answering_twice_closes_the_connection(wire: Wire, autojump_clock):
    await wire.peer.send(request())

    async with open_server(wire.stream, limits=LIMITS) as upgrade:
        await upgrade.accept("ocpp1.6")
        with pytest.raises(ConnectionClosed):
            await upgrade.reject(404)


@as_server
async def test_an_exception_before_the_answer_leaves_bare(wire: Wire, autojump_clock):
    await wire.peer.send(request())

    with pytest.raises(ValueError, match="a bug in admission"):
        async with open_server(wire.stream, limits=LIMITS):
            raise ValueError("a bug in admission")

    assert trio.current_time() == 0
    await wire.assert_closed()


@as_server
@pytest.mark.parametrize(
    ("upgrade_request", "status"),
    [
        (request(first_line=b"POST /CP-1 HTTP/1.1"), 405),
        (request(Connection=None), 400),
        (request(Connection=b"keep-alive"), 400),
        (request(Upgrade=b"h2c"), 400),
        (request(Sec_WebSocket_Key=None), 400),
        (request(Sec_WebSocket_Version=None), 400),
        (request(Sec_WebSocket_Version=b"8"), 426),
        (request(Host=None), 400),
        (head(b"GET / HTTP/1.1", (b"Host", b"csms")), 400),
    ],
)
async def test_http_that_is_no_upgrade_is_refused(wire: Wire, upgrade_request: bytes, status: int, autojump_clock):
    await wire.peer.send(upgrade_request)

    error = await failure(wire)

    assert error.closed.reason is CloseReason.PROTOCOL_ERROR
    assert trio.current_time() == 3
    answer = await wire.peer.read_head()
    assert answer.startswith(b"HTTP/1.1 %d " % status)


@as_server
@pytest.mark.parametrize(
    ("upgrade_request", "defect"),
    [
        (request(first_line=b"GET /CP-1 HTTP/1.0"), "expected HTTP/1.1"),
        (request((b"Sec-WebSocket-Key", KEY)), "expected one Sec-WebSocket-Key, found 2"),
        (request(Sec_WebSocket_Key=b"c2hvcnQ="), "expected a Sec-WebSocket-Key of 16 bytes in base64"),
        (request(Sec_WebSocket_Key=b"not base64!"), "expected a Sec-WebSocket-Key of 16 bytes in base64"),
        (request(Sec_WebSocket_Key=b""), "expected a Sec-WebSocket-Key of 16 bytes in base64"),
    ],
)
async def test_a_defect_that_the_engine_overlooks_is_reported(wire: Wire, upgrade_request, defect, autojump_clock):
    await wire.peer.send(upgrade_request)

    async with open_server(wire.stream, limits=LIMITS) as upgrade:
        assert upgrade.defect == defect


@as_server
async def test_a_request_that_drips_in_is_read(wire: Wire, autojump_clock):
    async def drip() -> None:
        for byte in request():
            await trio.sleep(0.01)
            await wire.peer.send(bytes([byte]))

    wire.soon(drip)

    async with open_server(wire.stream, limits=LIMITS) as upgrade:
        assert upgrade.path == "/CP-1"
        assert upgrade.defect is None


@as_server
async def test_a_request_that_drips_in_too_slowly_ends_at_the_deadline(wire: Wire, autojump_clock):
    async def drip() -> None:
        for byte in request()[:19]:  # the next one would come at the deadline
            await trio.sleep(0.5)
            await wire.peer.send(bytes([byte]))

    wire.soon(drip)

    await failure(wire)

    assert trio.current_time() == 10


TOO_EARLY = Closed(CloseReason.PROTOCOL_ERROR, 1002, "expected silence until the upgrade is answered")


@as_server
async def test_a_client_that_does_not_wait_for_the_answer_breaks_the_protocol(wire: Wire, autojump_clock):
    """RFC 6455 section 4.1. Whatever it sends meanwhile would pile up for as long as admission takes."""
    await wire.peer.send(request())

    async with open_server(wire.stream, limits=LIMITS) as upgrade:
        with trio.move_on_after(1) as scope:
            await wire.peer.send(bytes(1_000_000))
        assert scope.cancelled_caught, "nobody reads it"
        transport = await upgrade.accept("ocpp1.6")
        with pytest.raises(ConnectionClosed) as caught:
            await transport.receive()

    assert caught.value.closed == TOO_EARLY
    assert trio.current_time() == 1 + 3
    assert (await wire.peer.read_head()).startswith(b"HTTP/1.1 101 ")
    assert [frame.code for frame in await wire.peer.frames()] == [1002]


@as_server
async def test_a_frame_right_behind_the_request_is_not_lost_in_silence(wire: Wire, autojump_clock):
    await wire.peer.send(request(), wire.peer.text("hello"))

    async with open_server(wire.stream, limits=LIMITS) as upgrade:
        transport = await upgrade.accept("ocpp1.6")
        with pytest.raises(ConnectionClosed) as caught:
            await transport.receive()

    assert caught.value.closed == TOO_EARLY
    await wire.peer.read_head()
    assert [frame.code for frame in await wire.peer.frames()] == [1002]


@as_server
async def test_a_client_that_does_not_wait_can_still_be_rejected(wire: Wire, autojump_clock):
    await wire.peer.send(request())

    async with open_server(wire.stream, limits=LIMITS) as upgrade:
        await wire.peer.send(b"x")
        await trio.sleep(1)
        await upgrade.reject(404)

    assert (await wire.peer.read_head()).startswith(b"HTTP/1.1 404 ")
    await wire.assert_closed()
