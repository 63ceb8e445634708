"""The rows that are about TCP, on real sockets and the real clock."""

import socket
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from ocpp_trio import CloseReason, ConnectionClosed, HandshakeError, Limits, open_client, open_server
from ocpp_trio.link.sockets import peer_address
from tests.link.conftest import Side, open_end
from tests.link.raw_peer import BINARY, RawPeer, SeenFrame, head, request

pytestmark = pytest.mark.real
# The close timeout is short where a test has to wait for it, because here the seconds really pass.
QUICK = Limits(close_timeout=0.05, message_size=100)


@pytest.fixture
async def socket_pair() -> AsyncIterator[tuple[trio.SocketStream, trio.SocketStream]]:
    """The two ends of a TCP connection: the one that dialled comes first."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        dialled = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        async with dialled, await listener.accept() as accepted:
            yield dialled, accepted


@pytest.fixture
def ends(side: Side, socket_pair: tuple[trio.SocketStream, trio.SocketStream]) -> tuple[trio.SocketStream, RawPeer]:
    """Our end and the peer's."""
    ours, theirs = socket_pair if side == "client" else reversed(socket_pair)
    return ours, RawPeer(theirs, client=side == "server")


def reset(stream: trio.SocketStream) -> None:
    """Close with a TCP reset instead of a FIN."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    stream.socket.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="a Linux option")
async def test_the_kernel_gives_up_on_a_cut_cable(side: Side, ends, nursery):
    stream, peer = ends
    nursery.start_soon(peer.shake_hands)

    async with open_end(side, stream, Limits(tcp_user_timeout=12.5, close_timeout=0.05)):
        assert stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 12_500


async def test_a_peer_that_hangs_up_during_the_handshake_is_noticed_at_once(side: Side, ends):
    stream, peer = ends
    await peer.stream.aclose()

    with pytest.raises(HandshakeError) as caught:
        async with open_end(side, stream, Limits()):
            raise AssertionError("there is no connection")

    assert caught.value.closed.reason is CloseReason.TRANSPORT_ERROR
    assert stream.socket.fileno() == -1


async def test_a_reset_during_the_handshake_is_noticed_at_once(side: Side, ends):
    stream, peer = ends
    reset(peer.stream)

    with pytest.raises(HandshakeError) as caught:
        async with open_end(side, stream, Limits()):
            raise AssertionError("there is no connection")

    assert caught.value.closed.reason is CloseReason.TRANSPORT_ERROR
    assert stream.socket.fileno() == -1


async def test_a_close_frame_over_an_open_tcp_connection_holds_nobody(side: Side, ends, nursery):
    stream, peer = ends
    nursery.start_soon(peer.shake_hands)

    async with open_end(side, stream, Limits()) as transport:
        await peer.send(peer.close(1000))
        with pytest.raises(ConnectionClosed):
            await transport.receive()

    assert [frame.code for frame in await peer.frames()] == [1000]
    assert stream.socket.fileno() == -1


@pytest.mark.parametrize(("defect", "code"), [("oversize", 1009), ("binary", 1003), ("utf8", 1007), ("opcode", 1002)])
async def test_a_violation_ends_with_one_close_frame_and_a_closed_socket(
    side: Side, ends, defect: str, code: int, nursery
):
    stream, peer = ends
    nursery.start_soon(peer.shake_hands)
    bad = {
        "oversize": peer.text("a" * 101),
        "binary": peer.frame(BINARY, b"x"),
        "utf8": peer.frame(1, b"\xff"),
        "opcode": peer.frame(3),
    }[defect]

    async with open_end(side, stream, QUICK) as transport:
        await peer.send(bad)
        with pytest.raises(ConnectionClosed) as caught:
            await transport.receive()

    assert caught.value.closed.code == code
    assert [frame.code for frame in await peer.frames()] == [code]
    assert stream.socket.fileno() == -1


async def test_last_words_survive_what_the_peer_still_sends(side: Side, ends, nursery):
    """Closing TCP over unread data resets it, and a reset eats what the peer has not read yet."""
    stream, peer = ends
    nursery.start_soon(peer.shake_hands)

    seen: list[SeenFrame] = []

    async def talk_on() -> None:
        for _ in range(50):
            await peer.send(b"x" * 1000)
        seen.extend(await peer.frames())
        await peer.stream.aclose()

    async with open_end(side, stream, Limits(message_size=100)) as transport:
        await peer.send(peer.text("a" * 101))
        with pytest.raises(ConnectionClosed):
            await transport.receive()
        nursery.start_soon(talk_on)

    assert [frame.code for frame in seen] == [1009]


async def test_a_reset_before_the_answer_to_an_upgrade_closes_the_connection(socket_pair):
    dialled, accepted = socket_pair
    await dialled.send_all(request())

    async with open_server(accepted, limits=QUICK) as upgrade:
        reset(dialled)
        await trio.testing.wait_all_tasks_blocked(0.01)
        with pytest.raises(ConnectionClosed) as caught:
            await upgrade.accept("ocpp1.6")

    assert caught.value.reason is CloseReason.TRANSPORT_ERROR


async def test_a_dead_socket_has_no_address(socket_pair):
    dialled, accepted = socket_pair
    host, port = dialled.socket.getsockname()
    assert peer_address(accepted) == f"{host}:{port}"
    reset(dialled)
    accepted.socket.close()

    assert peer_address(accepted) == ""


async def test_a_refused_upgrade_reaches_the_client_whole(socket_pair, nursery):
    dialled, accepted = socket_pair

    async def refuse() -> None:
        async with open_server(accepted, limits=QUICK) as upgrade:
            await upgrade.reject(503, headers=[(b"Retry-After", b"7")], body=b"busy")

    nursery.start_soon(refuse)
    with pytest.raises(HandshakeError) as caught:
        async with open_client(dialled, host="csms", resource="/CP-1", subprotocols=["ocpp1.6"], limits=QUICK):
            raise AssertionError("there is no connection")

    assert (caught.value.status, caught.value.retry_after) == (503, 7)


async def test_silence_ends_at_the_handshake_deadline(side: Side, ends):
    stream, _ = ends

    with pytest.raises(HandshakeError, match="transport_error"):
        async with open_end(side, stream, Limits(handshake_deadline=0.05, close_timeout=0.05)):
            raise AssertionError("there is no connection")


async def test_an_http_request_that_is_no_upgrade_gets_its_405_whole(socket_pair, nursery):
    dialled, accepted = socket_pair
    peer = RawPeer(dialled, client=True)
    post = head(b"POST /CP-1 HTTP/1.1", (b"Host", b"csms"), (b"Content-Length", b"90000"))
    answers: list[bytes] = []

    async def insist() -> None:
        await peer.send(post, b"x" * 90_000)
        answers.append(await peer.read_head())
        await dialled.aclose()

    nursery.start_soon(insist)
    with pytest.raises(HandshakeError):
        async with open_server(accepted, limits=Limits()):
            raise AssertionError("there is no connection")

    (answer,) = answers
    assert answer.startswith(b"HTTP/1.1 405 ")


async def test_the_peer_of_a_unix_socket_has_no_address():
    ours, theirs = trio.socket.socketpair()
    with theirs:
        async with trio.SocketStream(ours) as stream:
            assert peer_address(stream) == ""
