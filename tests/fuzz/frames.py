"""WebSocket frames that break RFC 6455, strain it, or keep it in an odd way."""

import math
import struct
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from ocpp_trio import Limits
from tests.fuzz.cases import NO_CLOSE_FRAME, NO_CODE, RESULT, Case, chosen, mutated, sliced
from tests.fuzz.texts import End
from tests.link.raw_peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

LIMITS: Final = Limits(
    message_size=8192,
    frames_per_message=16,
    inbox=16,
    refusals=16,
    bad_frames=20,
    ping_interval=math.inf,
    upgrades_per_second=1e6,
    upgrade_burst=10**6,
)
"""Messages are small so that a broken limit costs little; the others let ten texts be said at once, and nobody
come too often: no virtual second passes between two cases."""

_BROKEN: Final = frozenset({1002})
_ANY: Final = frozenset({1002, 1003, 1007, 1008, 1009, NO_CODE, NO_CLOSE_FRAME})
_MAY_CLOSE: Final = (*range(1000, 1004), *range(1007, 1014), 3000, 3999, 4000, 4999)
"""1014 is left out: it was registered after RFC 6455, and the engine takes it for a breach."""
_MUST_NOT_CLOSE: Final = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65535)
_BAD_UTF8: Final = (b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe2\x82", b"\xf0\x9f\x98")


def _case(kind: str, *pieces: bytes, **outcome: Any) -> Case:
    return Case(kind=kind, pieces=pieces, **outcome)


def _breach(kind: str, *pieces: bytes) -> Case:
    return _case(kind, *pieces, stays=False, codes=_BROKEN)


def _heartbeat(rng: Random, end: End) -> tuple[str, str, dict[str, frozenset[str]]]:
    """A CALL that every end under test answers, its id, and that it must be answered."""
    i = f"i-{rng.getrandbits(48):x}"
    return f'[2,"{i}","DataTransfer",{{"vendorId":"é站😀"}}]', i, {i: frozenset({RESULT})}


def _lengthened(frame: bytes, wide: int) -> bytes:
    """The length of a short frame in more bytes than it takes."""
    length, rest = frame[1] & 127, frame[2:]
    size = struct.pack("!H" if wide == 126 else "!Q", length)
    return bytes([frame[0], frame[1] & 128 | wide]) + size + rest


def _reserved_opcode(rng: Random, end: End) -> Case:
    return _breach("reserved opcode", end.framer.frame(rng.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), b"{}"))


def _reserved_bits(rng: Random, end: End) -> Case:
    frame = bytearray(end.framer.frame(rng.choice((TEXT, PING, PONG, CLOSE)), b"\x03\xe8[]"))
    frame[0] |= rng.randint(1, 7) << 4
    return _breach("reserved bits", bytes(frame))


def _wrong_mask(rng: Random, end: End) -> Case:
    opcode = rng.choice((TEXT, PING, PONG, CLOSE))
    return _breach("wrong masking", end.framer.frame(opcode, b"\x03\xe8[]", masked=not end.framer.client))


def _long_control(rng: Random, end: End) -> Case:
    opcode, size = rng.choice((PING, PONG, CLOSE)), rng.choice((126, 200, 70_000))
    return _breach("long control frame", end.framer.frame(opcode, b"\x03\xe8" + b"x" * size))


def _fragmented_control(rng: Random, end: End) -> Case:
    return _breach(
        "fragmented control frame", end.framer.frame(rng.choice((PING, PONG, CLOSE)), b"\x03\xe8", fin=False)
    )


def _long_length(rng: Random, end: End) -> Case:
    frame = end.framer.frame(rng.choice((TEXT, PING)), b"[2]")
    return _breach("length in too many bytes", _lengthened(frame, rng.choice((126, 127))))


def _negative_length(rng: Random, end: End) -> Case:
    mask = bytes(4) if end.framer.client else b""
    start = bytes([0x81, 127 | end.framer.client << 7])
    return _breach("length with its highest bit", start + struct.pack("!Q", 1 << 63 | rng.getrandbits(16)) + mask)


def _lone_continuation(rng: Random, end: End) -> Case:
    return _breach("continuation of nothing", end.framer.frame(CONTINUATION, b"[]", fin=rng.random() < 0.5))


def _text_in_text(rng: Random, end: End) -> Case:
    start = end.framer.frame(TEXT, b"[", fin=False)
    opcode = rng.choice((TEXT, BINARY))
    return _breach("message within a message", start, end.framer.frame(opcode, b"]", fin=rng.random() < 0.5))


def _ping(rng: Random, end: End) -> Case:
    payloads = tuple(rng.randbytes(rng.choice((0, 1, 125))) for _ in range(rng.randint(1, 8)))
    return _case("ping", b"".join(end.framer.frame(PING, each) for each in payloads), pongs=payloads)


def _pong(rng: Random, end: End) -> Case:
    return _case("pong that nobody waits for", end.framer.frame(PONG, rng.randbytes(rng.choice((0, 4, 125)))))


def _binary(rng: Random, end: End) -> Case:
    payload = rng.choice((b"", b"[]", rng.randbytes(300)))
    frame = end.framer.frame(BINARY, payload, fin=rng.random() < 0.5)
    return _case("binary message", frame, stays=False, codes=frozenset({1003}))


def _bad_utf8(rng: Random, end: End) -> Case:
    bad = rng.choice(_BAD_UTF8)
    data = b"[" + bad + b"]"
    at = rng.randrange(len(data))
    first, second = end.framer.frame(TEXT, data[:at], fin=False), end.framer.frame(CONTINUATION, data[at:])
    pieces = rng.choice(((end.framer.frame(TEXT, data),), (first, second), (first + second,)))
    return _case("text that is not UTF-8", *pieces, stays=False, codes=frozenset({1007}))


def _fragments(rng: Random, end: End) -> Case:
    """A CALL in pieces that cut characters in half, with control frames in between."""
    text, _, answers = _heartbeat(rng, end)
    data, pongs, frames = sliced(text.encode(), rng, 8), [], []
    for number, piece in enumerate(data):
        opcode = CONTINUATION if number else TEXT
        frames.append(end.framer.frame(opcode, piece, fin=number == len(data) - 1))
        if rng.random() < 0.5:
            pongs.append(rng.randbytes(rng.randrange(20)))
            frames.append(end.framer.frame(PING, pongs[-1]))
    pieces = rng.choice((frames, [b"".join(frames)]))
    return _case("CALL in fragments", *pieces, answers=answers, pongs=tuple(pongs))


def _slow(rng: Random, end: End) -> Case:
    text, _, answers = _heartbeat(rng, end)
    return _case("CALL delivered in slices", *sliced(end.framer.text(text), rng, 12), answers=answers)


def _byte_by_byte(rng: Random, end: End) -> Case:
    text, _, answers = _heartbeat(rng, end)
    frame = end.framer.text(text)
    return _case("CALL byte by byte", *(frame[at : at + 1] for at in range(len(frame))), answers=answers)


def _many_fragments(rng: Random, end: End) -> Case:
    piece = rng.choice((b"", b" "))
    middle = end.framer.frame(CONTINUATION, piece, fin=False) * rng.choice((16, 17, 200))
    frames = end.framer.frame(TEXT, piece, fin=False) + middle
    return _case("too many fragments", frames, stays=False, codes=frozenset({1008}))


def _oversize(rng: Random, end: End) -> Case:
    size = LIMITS.message_size + rng.choice((1, 2, 10_000))
    character = rng.choice(("x", "é", "😀"))
    data = (character * size).encode()[: size - size % 4 + 4]
    at = rng.randrange(1, len(data) // 4) * 4
    halves = end.framer.frame(TEXT, data[:at], fin=False) + end.framer.frame(CONTINUATION, data[at:])
    pieces = rng.choice((end.framer.frame(TEXT, data), halves, end.framer.frame(TEXT, data) * 2))
    return _case("oversize message", pieces, stays=False, codes=frozenset({1009}))


def _just_fits(rng: Random, end: End) -> Case:
    text, _, answers = _heartbeat(rng, end)
    padding = " " * (LIMITS.message_size - len(text.encode()))
    return _case("message of exactly the limit", end.framer.text(text + padding), answers=answers)


def _close(rng: Random, end: End) -> Case:
    code, reason = rng.choice(_MAY_CLOSE), rng.choice((b"", b"bye", "é站\u202e\x1b[2J".encode(), b"x" * 123))
    more = rng.choice((b"", end.framer.frame(PING, b"late"), end.framer.text("[]"), rng.randbytes(20)))
    return _case("close", end.framer.close(code, reason) + more, stays=False, codes=frozenset({code}))


def _empty_close(rng: Random, end: End) -> Case:
    return _case("close without a code", end.framer.frame(CLOSE), stays=False, codes=frozenset({NO_CODE, 1000}))


def _half_code(rng: Random, end: End) -> Case:
    return _breach("close with half a code", end.framer.frame(CLOSE, rng.randbytes(1)))


def _wrong_code(rng: Random, end: End) -> Case:
    return _breach("close with a code that must not be sent", end.framer.close(rng.choice(_MUST_NOT_CLOSE)))


def _bad_reason(rng: Random, end: End) -> Case:
    frame = end.framer.close(1000, b"so" + rng.choice(_BAD_UTF8))
    return _case("close with a reason that is not UTF-8", frame, stays=False, codes=frozenset({1002, 1007}))


def _cut_short(rng: Random, end: End) -> Case:
    frame = end.framer.text(_heartbeat(rng, end)[0])
    piece = frame[: rng.randrange(len(frame))]
    return _case("end of TCP within a frame", piece, stays=False, codes=frozenset({NO_CLOSE_FRAME}), cut=True)


def _lie(rng: Random, end: End) -> Case:
    """Announces more than it sends: waiting for the rest is right, for as long as the peer is there."""
    mask = bytes(4) if end.framer.client else b""
    length = rng.choice((1 << 20, 1 << 32, (1 << 63) - 1))
    start = bytes([0x81, 127 | end.framer.client << 7]) + struct.pack("!Q", length)
    data = b"x" * rng.choice((0, 100, LIMITS.message_size + 1))
    # The probe behind it is read as its payload, and that is not UTF-8.
    codes = frozenset({1007, 1009} if len(data) > LIMITS.message_size else {1007, 1009, NO_CLOSE_FRAME})
    return _case("length that never comes", start + mask + data, stays=False, codes=codes, may_wait=True)


def _garbage(rng: Random, end: End) -> Case:
    return _case("garbage", *sliced(rng.randbytes(rng.randint(1, 300)), rng), **_WHATEVER)


def _mutated(rng: Random, end: End) -> Case:
    frames = end.framer.text(_heartbeat(rng, end)[0]) + end.framer.frame(PING, b"x")
    return _case("mutated frames", *sliced(mutated(frames, rng), rng), **_WHATEVER)


_WHATEVER: Final[Mapping[str, Any]] = {"codes": _ANY | set(_MAY_CLOSE), "answers": None, "may_wait": True}

KINDS: Final[Mapping[str, Callable[[Random, End], Case]]] = {
    made.__name__: made
    for made in (
        _reserved_opcode,
        _reserved_bits,
        _wrong_mask,
        _long_control,
        _fragmented_control,
        _long_length,
        _negative_length,
        _lone_continuation,
        _text_in_text,
        _ping,
        _pong,
        _binary,
        _bad_utf8,
        _fragments,
        _slow,
        _byte_by_byte,
        _many_fragments,
        _oversize,
        _just_fits,
        _close,
        _empty_close,
        _half_code,
        _wrong_code,
        _bad_reason,
        _cut_short,
        _lie,
        _garbage,
        _mutated,
    )
}


def frame_case(rng: Random, end: End) -> Case:
    """Frames of one kind."""
    return chosen(KINDS, rng, end)
