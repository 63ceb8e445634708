"""What an evil CSMS says to an upgrade request."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from tests.fuzz.cases import REFUSED, SECRET, TAKEN, Reply, chosen, mutated, sliced
from tests.link.raw_peer import RawPeer, head

_TAKEN: Final = frozenset({TAKEN})
_REFUSED: Final = frozenset({REFUSED})
_EITHER: Final = _TAKEN | _REFUSED
_PEER: Final = RawPeer(None, client=False)


def _reply(kind: str, rng: Random, data: bytes, right: frozenset[str], *, cut: bool = False) -> Reply:
    pieces = (data,) if rng.random() < 0.7 else sliced(data, rng)
    return Reply(kind=kind, pieces=pieces, right=right, cut=cut)


def _sound(rng: Random, asked: bytes) -> Reply:
    lines = _PEER.accept(asked).split(b"\r\n")
    lines[0] = rng.choice((lines[0], b"HTTP/1.1 101 ", b"HTTP/1.1 101 Fine \xc3\xbc"))
    middle = [line.replace(b": ", rng.choice((b":", b":   ", b": "))) for line in lines[1:-2]]
    rng.shuffle(middle)
    return _reply("sound answer", rng, b"\r\n".join([lines[0], *middle, b"", b""]), _TAKEN)


def _status(rng: Random, asked: bytes) -> Reply:
    status = rng.choice((b"200", b"301", b"400", b"401", b"403", b"404", b"426", b"500", b"503", b"599"))
    retry = rng.choice((b"0", b"3", b"-1", b"99999999999", b"Wed, 21 Oct 2026 07:28:00 GMT", b"\xff", b"x" * 300))
    secret = (b"WWW-Authenticate", b'Basic realm="' + SECRET.encode() + b'"')
    body = rng.choice((b"", b"no", b"x" * 5000))
    more = rng.choice(([], [(b"Content-Length", b"%d" % len(body))], [(b"Content-Length", b"9" * 30)]))
    data = head(b"HTTP/1.1 " + status + b" No", (b"Retry-After", retry), secret, *more) + body
    return _reply("refusal", rng, data, _REFUSED, cut=rng.random() < 0.5)


def _no_agreement(rng: Random, asked: bytes) -> Reply:
    agreed = rng.choice((None, b"ocpp2.0.1", b"OCPP1.6", b"", b"ocpp1.6, ocpp1.6", b"\xff"))
    return _reply("no subprotocol that was offered", rng, _PEER.accept(asked, agreed), _REFUSED)


def _wrong_accept(rng: Random, asked: bytes) -> Reply:
    data = _PEER.accept(asked)
    before, name, after = data.partition(b"Sec-WebSocket-Accept: ")
    value, rest = after.split(b"\r\n", 1)
    wrong = rng.choice((b"", value.swapcase(), value[:-1], b"\xff", value + b", " + value))
    return _reply("wrong accept key", rng, before + name + wrong + b"\r\n" + rest, _REFUSED)


def _missing(rng: Random, asked: bytes) -> Reply:
    name = rng.choice((b"Upgrade", b"Connection", b"Sec-WebSocket-Accept"))
    lines = [line for line in _PEER.accept(asked).split(b"\r\n") if not line.startswith(name + b":")]
    return _reply("missing header", rng, b"\r\n".join(lines), _REFUSED)


def _extension(rng: Random, asked: bytes) -> Reply:
    offered = rng.choice((b"permessage-deflate", b"x-other; a=1", b"\xff"))
    data = _PEER.accept(asked)[:-2] + b"Sec-WebSocket-Extensions: " + offered + b"\r\n\r\n"
    return _reply("extension that nobody offered", rng, data, _REFUSED)


def _huge(rng: Random, asked: bytes) -> Reply:
    data = head(b"HTTP/1.1 101 Switching Protocols", (b"X-Huge", b"x" * 70_000))
    return _reply("huge headers", rng, data, _REFUSED)


def _endless(rng: Random, asked: bytes) -> Reply:
    data = _PEER.accept(asked)
    return _reply(
        "answer that does not end", rng, data[: rng.randrange(len(data) - 2)], _REFUSED, cut=rng.random() < 0.5
    )


def _not_http(rng: Random, asked: bytes) -> Reply:
    data = rng.choice((b"", rng.randbytes(200), asked, b"HTTP/1.1", b"\x15\x03\x01\x00\x02\x02\x28", b"\r\n" * 30))
    return _reply("no HTTP", rng, data, _REFUSED, cut=rng.random() < 0.5)


def _interim(rng: Random, asked: bytes) -> Reply:
    interim = head(b"HTTP/1.1 " + rng.choice((b"100 Continue", b"103 Early Hints"))) * rng.randint(1, 5)
    return _reply("interim answers first", rng, interim + _PEER.accept(asked), _EITHER)


def _mutated(rng: Random, asked: bytes) -> Reply:
    return _reply("mutated answer", rng, mutated(_PEER.accept(asked), rng), _EITHER)


REPLIES: Final[Mapping[str, Callable[[Random, bytes], Reply]]] = {
    made.__name__: made
    for made in (
        _sound,
        _status,
        _no_agreement,
        _wrong_accept,
        _missing,
        _extension,
        _huge,
        _endless,
        _not_http,
        _interim,
        _mutated,
    )
}


def reply_case(rng: Random, asked: bytes) -> Reply:
    """An answer to an upgrade request, or what comes in place of one."""
    return chosen(REPLIES, rng, asked)
