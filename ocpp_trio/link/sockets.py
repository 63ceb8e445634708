"""What is below the WebSocket: a TCP socket, perhaps under TLS, or no socket at all."""

import math
import socket
from contextlib import suppress

import trio

from ocpp_trio.link.limits import Limits


def tune(stream: trio.abc.Stream, limits: Limits) -> None:
    """Let the kernel give up on a cut cable: without this a half-open write blocks for many minutes."""
    tcp = _below_tls(stream)
    if isinstance(tcp, trio.SocketStream) and hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, math.ceil(limits.tcp_user_timeout * 1000))


def _below_tls(stream: trio.abc.Stream) -> trio.abc.Stream:
    while isinstance(stream, trio.SSLStream):
        stream = stream.transport_stream
    return stream


def peer_address(stream: trio.abc.Stream) -> str:
    """`host:port` of a socket's peer, or what the stream calls itself; "" if it is already gone."""
    stream = _below_tls(stream)
    if not isinstance(stream, trio.SocketStream):
        return str(getattr(stream, "peer", ""))
    try:
        address = stream.socket.getpeername()
    except OSError:
        return ""
    match address:
        case (host, port, *_):
            return f"{host}:{port}"
    return str(address)  # a Unix socket's, which is mostly empty
