"""How a stream becomes a WebSocket at the client's end, or at either, and every way in which it does not."""

import logging
from contextlib import suppress

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, HandshakeError, Limits, open_client
from tests.link.conftest import Wire, open_end
from tests.link.raw_peer import PING, SeenFrame, head, header, request

NO_CONNECTION = AssertionError("there is no connection")
LIMITS = Limits()

FOUND_TLS = "expected plain HTTP, found TLS: one end has a ws:// URL or port and the other one wss://"


async def failure(wire: Wire) -> HandshakeError:
    """Try to open our end, which raises a bare HandshakeError and lets go of the stream."""
    with pytest.raises(HandshakeError) as caught:
        async with open_end(wire.side, wire.stream, LIMITS):
            raise NO_CONNECTION
    await wire.assert_closed()
    return caught.value


def transport_error(detail: str) -> Closed:
    return Closed(CloseReason.TRANSPORT_ERROR, None, detail)


both_sides = pytest.mark.parametrize("side", ["client", "server"])
as_client = pytest.mark.parametrize("side", ["client"])


@both_sides
async def test_silence_ends_at_the_deadline(wire: Wire, autojump_clock):
    error = await failure(wire)

    assert trio.current_time() == 10
    assert error.closed == transport_error(
        "websocket handshake: no answer within 10 s" if wire.side == "client" else "no upgrade request came"
    )


@both_sides
@pytest.mark.parametrize("how", ["end", "reset", "half"])
async def test_a_peer_that_goes_away_is_noticed_at_once(wire: Wire, how: str, autojump_clock):
    if how == "half":
        await wire.peer.send(b"HTTP/1.1 101 Swit" if wire.side == "client" else request()[:40])
    if how == "reset":
        wire.link.reset()
    else:
        await wire.peer.stream.send_eof()

    error = await failure(wire)

    assert trio.current_time() == 0
    assert error.closed == transport_error(
        "websocket handshake: the server went away" if wire.side == "client" else "no upgrade request came"
    )


@both_sides
@pytest.mark.parametrize(
    ("garbage", "detail"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", FOUND_TLS),
        (b"\x15\x03\x03\x00\x02\x02\x46", FOUND_TLS),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "Bad HTTP message"),
        (bytes(200) + b"\r\n\r\n", "Bad HTTP message"),
    ],
    ids=["tls", "tls alert", "ssh", "zeros"],
)
async def test_garbage_instead_of_http_is_a_protocol_error(
    wire: Wire, garbage: bytes, detail: str, caplog, autojump_clock
):
    caplog.set_level(logging.DEBUG, "ocpp_trio")
    wire.soon(wire.peer.send, garbage)

    error = await failure(wire)

    assert error.closed == Closed(CloseReason.PROTOCOL_ERROR, None, detail)
    assert caplog.messages == [], "the engine did not have to give up"
    if wire.side == "server":
        assert trio.current_time() == 3, "the peer has the close timeout to read the answer"
        assert (await wire.peer.read_head()).startswith(b"HTTP/1.1 400 ")
    else:
        assert trio.current_time() == 0


@both_sides
async def test_a_flood_of_headers_ends_at_the_parsers_limit(wire: Wire, autojump_clock):
    first = b"HTTP/1.1 101 X\r\n" if wire.side == "client" else b"GET /CP-1 HTTP/1.1\r\n"
    wire.soon(wire.peer.send, first, b"X-Flood: 0123456789\r\n" * 3000)

    error = await failure(wire)

    assert error.closed.reason is CloseReason.PROTOCOL_ERROR


@both_sides
async def test_headers_that_the_engine_chokes_on_fail_this_handshake_only(wire: Wire, autojump_clock):
    """wsproto decodes these values as ASCII and lets the UnicodeDecodeError fly."""

    async def choke() -> None:
        if wire.side == "server":
            await wire.peer.send(request(Sec_WebSocket_Protocol=b"\xff"))
        else:
            await wire.peer.send(wire.peer.accept(await wire.peer.read_head(), b"\xff"))

    wire.soon(choke)

    error = await failure(wire)

    assert trio.current_time() == 0
    assert error.closed.reason is CloseReason.TRANSPORT_ERROR


@both_sides
async def test_cancelling_a_handshake_ends_at_once(wire: Wire, autojump_clock):
    with trio.move_on_after(1) as scope:
        async with open_end(wire.side, wire.stream, LIMITS):
            raise NO_CONNECTION

    assert scope.cancelled_caught
    assert trio.current_time() == 1
    await wire.assert_closed()


@as_client
async def test_the_request_says_what_it_is_asked_to(wire: Wire, autojump_clock):
    headers = [(b"Authorization", b"Basic Q1A6cHc=")]
    wire.soon(wire.peer.shake_hands)

    async with open_client(
        wire.stream,
        host="csms.example:8080",
        resource="/ocpp/CP%201",
        subprotocols=["ocpp2.0.1", "ocpp1.6"],
        headers=headers,
        limits=LIMITS,
    ) as transport:
        wire.soon(wire.peer.answer_close)

        assert transport.subprotocol == "ocpp1.6"
    assert headers == [(b"Authorization", b"Basic Q1A6cHc=")]


@as_client
async def test_the_request_on_the_wire(wire: Wire, autojump_clock):
    wire.soon(failure, wire)

    sent = await wire.peer.read_head()

    assert sent.startswith(b"GET /CP-1 HTTP/1.1\r\n")
    assert header(b"Host", sent) == b"csms"
    assert header(b"Sec-WebSocket-Protocol", sent) == b"ocpp1.6"
    assert b"Sec-WebSocket-Extensions" not in sent, "compression is never offered"


@as_client
@pytest.mark.parametrize("status", [200, 301, 401, 403, 404, 426, 500, 503])
@pytest.mark.parametrize(
    ("body", "words"),
    [(b"Content-Length: 0\r\n\r\n", ""), (b"Content-Length: 2\r\n\r\nno", ": no"), (b"\r\n", "")],
    ids=["empty", "words", "unbounded"],
)
async def test_a_refusal_says_its_status(wire: Wire, status: int, body: bytes, words: str, autojump_clock):
    async def refuse() -> None:
        await wire.peer.read_head()
        await wire.peer.send(b"HTTP/1.1 %d No\r\n" % status, body)
        if body == b"\r\n":
            await wire.peer.stream.send_eof()

    wire.soon(refuse)

    error = await failure(wire)

    assert trio.current_time() == 0
    assert (error.status, error.retry_after) == (status, None)
    assert error.closed == Closed(CloseReason.REFUSED, None, f"HTTP status {status}{words}")
    assert await wire.peer.stream.receive_some() == b"", "nothing follows the request"


@as_client
@pytest.mark.parametrize(
    ("pieces", "seconds"),
    [
        ([b"Content-Length: 10\r\n\r\n", b"stay ", b"away\n"], 2),
        ([b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nstay \r\n", b"4\r\naway\r\n0\r\n\r\n"], 2),
        ([b"Content-Length: 400\r\n\r\nstay ", b"away"], 3),
        ([b"\r\nstay away"], 3),
        ([b"Transfer-Encoding: chunked\r\n\r\n9\r\nstay away\r\n", b"nonsense\r\n"], 1),
    ],
    ids=["whole", "chunks", "not enough", "no length", "broken"],
)
async def test_the_words_of_a_refusal_may_come_after_its_head(
    wire: Wire, pieces: list[bytes], seconds: float, autojump_clock
):
    """Such a body is waited for as long as a goodbye, and what has come by then is told."""

    async def refuse() -> None:
        first, *rest = pieces
        await wire.peer.send(b"HTTP/1.1 403 No\r\n", first)
        for piece in rest:
            await trio.sleep(1)
            await wire.peer.send(piece)

    wire.soon(refuse)

    error = await failure(wire)

    assert trio.current_time() == seconds
    assert (error.status, error.explanation) == (403, "stay away")
    assert str(error) == "refused: HTTP status 403: stay away"


@as_client
async def test_of_a_refusal_without_end_only_the_beginning_is_read(wire: Wire, autojump_clock):
    sent = 0

    async def refuse() -> None:
        nonlocal sent
        await wire.peer.send(b"HTTP/1.1 403 No\r\n\r\n")
        with suppress(trio.BrokenResourceError):
            while True:
                await wire.peer.send(b"no " * 1000)
                await trio.sleep(0.01)
                sent += 1

    wire.soon(refuse)

    error = await failure(wire)

    assert trio.current_time() == 0
    assert error.explanation == ("no " * 67)[:199] + "…"
    await trio.sleep(1)
    assert sent == 1


@as_client
async def test_cancelling_the_wait_for_the_words_ends_at_once(wire: Wire, autojump_clock):
    wire.soon(wire.peer.send, b"HTTP/1.1 403 No\r\n\r\nno")

    with trio.move_on_after(1) as scope:
        async with open_end(wire.side, wire.stream, LIMITS):
            raise NO_CONNECTION

    assert scope.cancelled_caught
    assert trio.current_time() == 1
    await wire.assert_closed()
    assert (await wire.peer.read_head()).startswith(b"GET "), "and nothing follows the request"
    assert (wire.peer.unread, await wire.peer.stream.receive_some()) == (b"", b"")


@as_client
async def test_a_refusal_that_quotes_our_password_does_not_make_it_known(wire: Wire, autojump_clock):
    async def refuse() -> None:
        request = await wire.peer.read_head()
        echo = b"denied: Authorization: " + header(b"Authorization", request)
        await wire.peer.send(b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n" % len(echo), echo)

    wire.soon(refuse)

    with pytest.raises(HandshakeError) as caught:
        async with open_client(
            wire.stream,
            host="csms",
            resource="/CP-1",
            subprotocols=["ocpp1.6"],
            headers=[(b"Authorization", b"Basic Q1AtMTpwYXNzd29yZA==")],
            limits=LIMITS,
        ):
            raise NO_CONNECTION

    assert caught.value.explanation == "denied: Authorization: Basic ***"


@as_client
@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"7", 7), (b"0", 0), (b"999999999", 86400), (b"Wed, 21 Oct 2026 07:28:00 GMT", None), (b"-5", None), (b"", None)],
)
async def test_retry_after_is_read_in_seconds(wire: Wire, value: bytes, seconds: float | None, autojump_clock):
    wire.soon(wire.peer.send, head(b"HTTP/1.1 503 Busy", (b"Retry-After", value)))

    error = await failure(wire)

    assert (error.status, error.retry_after) == (503, seconds)


@as_client
async def test_an_informational_answer_is_a_refusal(wire: Wire, autojump_clock):
    wire.soon(wire.peer.send, head(b"HTTP/1.1 103 Early Hints"))

    assert (await failure(wire)).status == 103


@as_client
async def test_no_subprotocol_is_no_session(wire: Wire, autojump_clock):
    async def agree_on_nothing() -> None:
        await wire.peer.send(wire.peer.accept(await wire.peer.read_head(), None))

    wire.soon(agree_on_nothing)

    error = await failure(wire)

    assert error.closed == Closed(CloseReason.PROTOCOL_ERROR, 1002, "the server agreed on no subprotocol")
    assert trio.current_time() == 3
    assert [frame.code for frame in await wire.peer.frames()] == [1002]


@as_client
async def test_a_subprotocol_that_was_not_offered_is_no_session(wire: Wire, autojump_clock):
    async def agree_on_another() -> None:
        await wire.peer.send(wire.peer.accept(await wire.peer.read_head(), b"ocpp2.0.1"))

    wire.soon(agree_on_another)

    error = await failure(wire)

    assert error.closed == Closed(CloseReason.PROTOCOL_ERROR, None, "unrecognized subprotocol ocpp2.0.1")
    assert trio.current_time() == 0
    assert await wire.peer.frames() == []


@as_client
async def test_a_wrong_accept_key_is_no_session(wire: Wire, autojump_clock):
    wire.soon(wire.peer.send, wire.peer.accept(request()))

    error = await failure(wire)

    assert error.closed == Closed(CloseReason.PROTOCOL_ERROR, None, "Bad accept token")
    assert trio.current_time() == 0


@as_client
async def test_frames_right_behind_the_answer_are_not_lost(wire: Wire, autojump_clock):
    async def hurry() -> None:
        answer = wire.peer.accept(await wire.peer.read_head())
        await wire.peer.send(answer, wire.peer.text("1"), wire.peer.frame(PING, b"p"), wire.peer.text("2"))

    wire.soon(hurry)

    async with open_end("client", wire.stream, LIMITS) as transport:
        assert [await transport.receive(), await transport.receive()] == ["1", "2"]
        assert await wire.peer.next_frame() == SeenFrame(10, b"p")
        wire.soon(wire.peer.answer_close)
