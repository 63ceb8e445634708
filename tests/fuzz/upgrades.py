"""Upgrade requests for a server, and answers to one for a station."""

import base64
import struct
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from tests.fuzz.cases import SECRET, Upgrade, chosen, mutated, sliced
from tests.link.raw_peer import RawPeer, request

_SECRET: Final = SECRET.encode()
_YES: Final = frozenset({101})
_BAD: Final = frozenset({400})
_REFUSED: Final = frozenset({400, 401})
"""A password that is broken, or another identity's."""
_NEVER: Final = frozenset({400, 401, 404, 405, 426, 431, 501, 505})
_TLS_HELLO: Final = b"\x16\x03\x01\x00\x20\x01\x00\x00\x1c\x03\x03"
_ODD_BYTES: Final = (b"\x00", b"\x1b[2J", b"\r", b"\n", b"\x7f", b"\xff", "\u202e".encode(), b"\x0b")
_GOOD_PATHS: Final = (b"/%s", b"/ocpp/%s", b"//%s", b"/a/b/c/%s?x=1/2", b"/%%C3%%BC%s", b"/%s%%2F..%%2F", b"/%s+%%20x")
_BAD_PATHS: Final = (b"/", b"/ocpp/%s/", b"/%s%%", b"/%s%%zz", b"/%s%%4", b"/%%FF%s", b"/%%00%s", b"/%s%%0D%%0A")
_MORE_BAD_PATHS: Final = (b"/%%1B%s", b"/%%E2%%80%%AE%s", b"/" + b"x" * 49, b"/" + b"%%C3%%BC" * 49, b"/%%ED%%A0%%80")


def _one(kind: str, rng: Random, data: bytes, statuses: frozenset[int], **more: Any) -> Upgrade:
    pieces = (data,) if rng.random() < 0.7 else sliced(data, rng)
    return Upgrade(kind=kind, pieces=pieces, statuses=statuses, **more)


def _get(path: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1"


def _name(rng: Random) -> bytes:
    return b"E-%x" % rng.getrandbits(48)


def _credentials(rng: Random) -> tuple[bytes, bytes]:
    """A secret in every spelling a header may have."""
    pair = b"CP-1:" + _SECRET
    value = rng.choice(
        (
            b"Basic " + base64.b64encode(pair),
            b"basic  " + base64.b64encode(pair).rstrip(b"="),
            b"Basic " + pair,
            b"Basic " + base64.b64encode(b"CP-1:" + _SECRET.hex().encode()),
            b"Bearer " + _SECRET,
            b"Digest username=CP-1, response=" + _SECRET.hex().encode(),
            _SECRET,
        )
    )
    return rng.choice((b"Authorization", b"AUTHORIZATION", b"Proxy-Authorization", b"Cookie")), value


def _sound(rng: Random) -> Upgrade:
    path = rng.choice(_GOOD_PATHS).replace(b"%s", _name(rng)).replace(b"%%", b"%")
    more = [(b"X-Odd", b'a, b;c="d"')] * rng.randrange(3)
    return _one("sound request", rng, request(*more, first_line=_get(path)), _YES)


def _password(rng: Random) -> Upgrade:
    """Its own, another's, or a broken one."""
    name = _name(rng)
    own = (b"Authorization", b"Basic " + base64.b64encode(name + b":" + _SECRET))
    data = request(rng.choice((own, _credentials(rng))), first_line=_get(b"/" + name))
    return _one("request with a password", rng, data, _YES if own[1] in data else _YES | _REFUSED)


def _wrong_password(rng: Random) -> Upgrade:
    """One that is hashed and compared; zeros at the end are part of it."""
    name, wrong = _name(rng), rng.choice((_SECRET + b"\0", _SECRET[:-1], b"\0" + _SECRET, b"", rng.randbytes(20)))
    header = (b"Authorization", b"Basic " + base64.b64encode(name + b":" + wrong))
    data = request(header, first_line=_get(b"/" + name))
    return _one("request with a wrong password", rng, data, frozenset({401}))


def _no_path(rng: Random) -> Upgrade:
    """Good HTTP, and nothing whose last segment could be an identity."""
    target = rng.choice((b"*", b"http://csms/%s", b"%s", b"?%s", b"csms:80/%s")).replace(b"%s", _name(rng))
    return _one("target that is no path", rng, request(_credentials(rng), first_line=_get(target)), _BAD)


def _spelling(rng: Random) -> Upgrade:
    lines = request(first_line=_get(b"/" + _name(rng))).split(b"\r\n")
    headers = [line.partition(b": ") for line in lines[1:-2]]
    rng.shuffle(headers)
    spelt = [
        rng.choice((name.upper(), name.lower())) + b":" + b" " * rng.randrange(4) + value for name, _, value in headers
    ]
    return _one("headers spelt oddly", rng, b"\r\n".join([lines[0], *spelt, b"", b""]), _YES)


def _bad_path(rng: Random) -> Upgrade:
    path = rng.choice(_BAD_PATHS + _MORE_BAD_PATHS).replace(b"%s", _name(rng)).replace(b"%%", b"%")
    return _one("path without a good identity", rng, request(first_line=_get(path)), frozenset({404}))


def _odd_target(rng: Random) -> Upgrade:
    odd = rng.choice((b"", b"/a b", b"/" + rng.choice(_ODD_BYTES), b"/x" * 20_000, b"\xff\xfe"))
    return _one("target that is none", rng, request(_credentials(rng), first_line=_get(odd)), _NEVER, dropped=True)


def _missing(rng: Random) -> Upgrade:
    name = rng.choice(("Host", "Connection", "Upgrade", "Sec_WebSocket_Version", "Sec_WebSocket_Key"))
    missing: dict[str, Any] = {name: None}
    return _one("missing header", rng, request(_credentials(rng), **missing), _BAD)


def _doubled(rng: Random) -> Upgrade:
    name, value = rng.choice(((b"Host", b"other"), (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ==")))
    return _one("doubled header", rng, request((name, value), first_line=_get(b"/" + _name(rng))), _BAD)


def _bad_key(rng: Random) -> Upgrade:
    key = rng.choice((b"", b"x", b"=" * 24, base64.b64encode(rng.randbytes(15)), base64.b64encode(b"x" * 17), b"%"))
    return _one("bad key", rng, request(Sec_WebSocket_Key=key, first_line=_get(b"/" + _name(rng))), _BAD)


def _version(rng: Random) -> Upgrade:
    version = rng.choice((b"8", b"0", b"12", b"14", b"013", b"13, 8", b"", b"x" * 300, b"-13"))
    return _one("wrong version", rng, request(Sec_WebSocket_Version=version), frozenset({400, 426}))


def _odd_header(rng: Random) -> Upgrade:
    odd = rng.choice(_ODD_BYTES)
    secret_name, secret = _credentials(rng)
    name, value = rng.choice(
        (
            *((b"X-" + odd, b"v"), (b"", b"v"), (b"a b", b"v"), (b"X", b"a" + odd), (b"Host:", b"")),
            *((secret_name, secret + odd), (secret_name + odd, secret), (b"Sec-WebSocket-Protocol", secret + b"\xff")),
        )
    )
    statuses = _YES | _NEVER
    return _one(
        "odd bytes in a header", rng, request((name, value), first_line=_get(b"/" + _name(rng))), statuses, dropped=True
    )


def _odd_value(rng: Random) -> Upgrade:
    name = rng.choice(("Host", "Sec_WebSocket_Protocol", "Connection", "Upgrade", "Sec_WebSocket_Key"))
    value = rng.choice((b"\xff", b"xn--" + b"a" * 80, b"..", b"", b",,,", b"a" * 300, b"\xc3\xbc"))
    data = request(first_line=_get(b"/" + _name(rng)), **{name: value})
    return _one("odd value of a header", rng, data, _YES | _NEVER, dropped=True)


def _huge(rng: Random) -> Upgrade:
    more = rng.choice(([(b"X-Huge", b"x" * 70_000)], [(b"X-%d" % number, b"y" * 90) for number in range(1000)]))
    return _one("huge headers", rng, request(*more), _NEVER, dropped=True)


def _endless(rng: Random) -> Upgrade:
    """A header that never ends: the handshake deadline ends it."""
    data = request(_credentials(rng))[: -rng.randint(1, 150)]
    return _one("request that does not end", rng, data, frozenset(), dropped=True, cut=rng.random() < 0.5)


def _pipelined(rng: Random) -> Upgrade:
    """RFC 6455 section 4.1: nothing comes before the answer. In one piece, or it might come behind it."""
    framer = RawPeer(None, client=True)
    more = rng.choice((framer.text('[2,"i","Heartbeat",{}]'), framer.frame(9, b"x"), b"x", rng.randbytes(50) + b"."))
    data = request(first_line=_get(b"/" + _name(rng))) + more
    statuses = _BAD | _YES
    return Upgrade(kind="bytes before the answer", pieces=(data,), statuses=statuses, dropped=True, session=False)


def _other_http(rng: Random) -> Upgrade:
    path = b"/" + _name(rng)
    data = rng.choice(
        (
            request(first_line=b"GET " + path + b" HTTP/1.0"),
            request(first_line=b"POST " + path + b" HTTP/1.1"),
            request((b"Content-Length", b"5"), first_line=b"PUT " + path + b" HTTP/1.1") + b"hello",
            request(first_line=b"GET " + path),
            request(first_line=b"GET " + path + b" HTTP/3.0"),
            request(first_line=b"OPTIONS * HTTP/1.1"),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 9,
            b"GET / HTTP/1.1\r\nHost: csms\r\n\r\n",
        )
    )
    return _one("other HTTP", rng, data, _NEVER, dropped=True)


def _not_http(rng: Random) -> Upgrade:
    hello = _TLS_HELLO + struct.pack("!H", 0x0303) + rng.randbytes(100)
    data = rng.choice(
        (hello, b"\x80\x2e\x01\x00\x02" + rng.randbytes(40), b"SSH-2.0-x\r\n", b"\r\n" * 50, rng.randbytes(200))
    )
    return _one("TLS or other protocols", rng, data, _BAD, dropped=True, cut=rng.random() < 0.3)


def _no_subprotocol(rng: Random) -> Upgrade:
    offered = rng.choice((None, b"ocpp2.0.1", b"OCPP1.6", b"ocpp1.6x, mqtt"))
    data = request(first_line=_get(b"/" + _name(rng)), Sec_WebSocket_Protocol=offered)
    return _one("no common subprotocol", rng, data, _YES)


def _mutated(rng: Random) -> Upgrade:
    data = mutated(request(_credentials(rng), first_line=_get(b"/" + _name(rng))), rng)
    return _one("mutated request", rng, data, _YES | _NEVER, dropped=True)


REQUESTS: Final[Mapping[str, Callable[[Random], Upgrade]]] = {
    made.__name__: made
    for made in (
        _sound,
        _password,
        _wrong_password,
        _no_path,
        _spelling,
        _bad_path,
        _odd_target,
        _missing,
        _doubled,
        _bad_key,
        _version,
        _odd_header,
        _odd_value,
        _huge,
        _endless,
        _pipelined,
        _other_http,
        _not_http,
        _no_subprotocol,
        _mutated,
    )
}


def upgrade_case(rng: Random) -> Upgrade:
    """An upgrade request, or what comes in place of one."""
    return chosen(REQUESTS, rng)
