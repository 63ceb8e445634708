"""OCPP-J texts that are wrong in some way, or right in an odd one."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from random import Random
from typing import Any, Final

import attrs

from ocpp_trio import ErrorCode, Request
from tests.conformance.generate import broken, sound
from tests.conformance.schemas import common
from tests.fuzz.cases import RESULT, SECRET, SILENCE, Case, chosen, mutated
from tests.link.raw_peer import RawPeer

ERRORS: Final = frozenset(ErrorCode) - {ErrorCode.INTERNAL_ERROR, ErrorCode.GENERIC_ERROR}
"""No handler of the end under test fails, and one CALL at a time is no overload."""
_UNKNOWN: Final = frozenset({"NotImplemented", "NotSupported"})
_EITHER: Final = ERRORS | {RESULT}
_ODD: Final = "\x00\x1b[2J\r\n\x7f\u202e\u2028\ufeff\U000e0001é站😀\"\\/'"
_LONGEST: Final = 4000
"""Characters of a payload; the limits of the end under test are small."""
_STOCK: Final = 20
_NO_OBJECT: Final = ("[]", "5", '"{}"', "true", "[{}]", "-0", "1e400", '""')
_NO_ID: Final = ("17", "1.5", "true", "null", "[]", '["i"]', "{}", '{"i":1}', '""', "9" * 400)
_NO_KIND: Final = ("0", "1", "5", "22", "-2", "2.0", "2e0", '"2"', "null", "true", "[]", "{}", "9" * 400)
_NO_NUMBER: Final = ("NaN", "Infinity", "-Infinity", "01", "+1", "0x10", ".5", "1.", "1e")
_REPLIES: Final = (
    *("3", "3,{}", '3,{"listVersion":"x"}', '3,{"currentTime":5}', "3,[]", "3,null", "3,{},{}"),
    *("4", "4,5", '4,"NoSuchCode"', '4,"GenericError",5', '4,"GenericError","",[]', '4,"C","",{},{}'),
    *('3,{"listVersion":1}', '3,{"currentTime":"2026-01-01T00:00:00Z"}'),
)


@attrs.frozen(kw_only=True)
class End:
    """The end under test, as the evil peer knows it."""

    framer: RawPeer
    requests: tuple[type[Request[Any, Any]], ...]
    foreign: tuple[type[Request[Any, Any]], ...]
    pending: str = "nobody-asked"
    """The id of the CALL of the end under test that waits for its reply."""

    def case(self, kind: str, *texts: str, **outcome: Any) -> Case:
        frames = b"".join(self.framer.text(text) for text in texts)
        return Case(kind=kind, pieces=(frames,), **outcome)


def _id(rng: Random) -> str:
    return f"i-{rng.getrandbits(48):x}"


def _call(message_id: str, action: str, payload: str = "{}") -> str:
    return f"[2,{json.dumps(message_id)},{json.dumps(action)},{payload}]"


@cache
def _broken_payloads(action: str) -> tuple[str, ...]:
    complete = sound(common(action), Random(action), complete=True)
    payloads = (json.dumps(each.value) for each in broken(common(action), complete))
    # null counts as an empty object, as some peers of 1.6 send it.
    return tuple(payload for payload in payloads if payload != "null" and len(payload) < _LONGEST)


@cache
def _sound_payloads(action: str) -> tuple[str, ...]:
    """A stock: to make one anew each time would cost more than to play it."""
    rng = Random(action)
    payloads = [json.dumps(sound(common(action), rng)) for _ in range(_STOCK)]
    return tuple(payload for payload in payloads if len(payload) < _LONGEST)


def _sound_call(rng: Random, end: End, message_id: str) -> str:
    action = rng.choice(end.requests).action
    return _call(message_id, action, rng.choice(_sound_payloads(action)))


def _odd_text(rng: Random, length: int) -> str:
    return "".join(rng.choice(_ODD) for _ in range(length))


def _wrong_count(rng: Random, end: End) -> Case:
    i = _id(rng)
    rest = rng.choice(("", ',"Heartbeat"', ',"Heartbeat",{},{}', ',"Heartbeat",{},null,[],{}', ",{}", ",5"))
    return end.case("wrong count of elements", f'[2,"{i}"{rest}]', answers={i: ERRORS})


def _wrong_kind(rng: Random, end: End) -> Case:
    return end.case("wrong message type", f'[{rng.choice(_NO_KIND)},"{_id(rng)}","Heartbeat",{{}}]')


def _wrong_id(rng: Random, end: End) -> Case:
    rest = rng.choice((',"Heartbeat",{}', "", ",{}", ',"GenericError","",{}'))
    return end.case("wrong type of id", f"[{rng.choice('234')},{rng.choice(_NO_ID)}{rest}]")


def _long_id(rng: Random, end: End) -> Case:
    i = _id(rng) + rng.choice("xé\x1b") * rng.choice((37, 300, 1000))
    return end.case("long id", _call(i, "Heartbeat"), answers={i: ERRORS})


def _odd_id(rng: Random, end: End) -> Case:
    i = _id(rng) + _odd_text(rng, 10)
    return end.case("odd id", _call(i, rng.choice(end.requests).action), answers={i: _EITHER})


def _wrong_action(rng: Random, end: End) -> Case:
    i, action = _id(rng), rng.choice(("5", "null", "[]", "{}", "true", '["Heartbeat"]'))
    return end.case("wrong type of action", f'[2,"{i}",{action},{{}}]', answers={i: ERRORS})


def _unknown_action(rng: Random, end: End) -> Case:
    i, known = _id(rng), rng.choice(end.requests).action
    foreign = sorted({each.action for each in end.foreign} - {each.action for each in end.requests})
    action = rng.choice((known.swapcase(), known + " ", "", _odd_text(rng, 20), "A" * 3000, rng.choice(foreign)))
    return end.case("unknown action", _call(i, action, rng.choice(("{}", "null"))), answers={i: _UNKNOWN})


def _wrong_payload(rng: Random, end: End) -> Case:
    i, action = _id(rng), rng.choice(end.requests).action
    return end.case("payload is no object", _call(i, action, rng.choice(_NO_OBJECT)), answers={i: ERRORS})


def _broken_payload(rng: Random, end: End) -> Case:
    i, action = _id(rng), rng.choice(end.requests).action
    payload = rng.choice(_broken_payloads(action))
    return end.case("payload breaks its schema", _call(i, action, payload), answers={i: ERRORS})


def _sound_payload(rng: Random, end: End) -> Case:
    i = _id(rng)
    return end.case("sound CALL", _sound_call(rng, end, i), answers={i: frozenset({RESULT})})


def _spaced(rng: Random, end: End) -> Case:
    i = _id(rng)
    text = _sound_call(rng, end, i).replace('"' + i + '",', f'\t"{i}"\r\n ,  ', 1)
    return end.case("sound CALL with white space", f" \n{text}\t ", answers={i: frozenset({RESULT})})


def _huge_number(rng: Random, end: End) -> Case:
    i, number = _id(rng), rng.choice(("9" * 400, "-" + "9" * 3000, "1e400", "-1e999", "1e-999", str(2**63), str(2**64)))
    member = rng.choice(("connectorId", "meterStop", "transactionId", "retries", "nothing"))
    action = rng.choice(end.requests).action
    return end.case("huge number", _call(i, action, f'{{"{member}":{number}}}'), answers={i: _EITHER})


def _no_number(rng: Random, end: End) -> Case:
    text = _call(_id(rng), "Heartbeat", f'{{"a":{rng.choice(_NO_NUMBER)}}}')
    return end.case("no number of JSON", text)


def _lone_surrogate(rng: Random, end: End) -> Case:
    half = rng.choice((r"\ud800", r"\udfff", r"\ud800\ud800", r"\udc00\ud800"))
    i, where = _id(rng), rng.randrange(3)
    text = (
        f'[2,"{i}{half}","Heartbeat",{{}}]',
        f'[2,"{i}","{half}",{{}}]',
        f'[2,"{i}","Heartbeat",{{"a":"{half}"}}]',
    )[where]
    return end.case("lone surrogate", text)


def _deep(rng: Random, end: End) -> Case:
    i, depth = _id(rng), rng.choice((10, 100, 1000))
    opened, closed = rng.choice((("[", "]"), ('{"a":', "}")))
    nested = opened * depth + ("" if opened == "[" else "0") + closed * depth
    if rng.random() < 0.3:
        return end.case("deep nesting", rng.choice((nested, opened * depth)))
    action = rng.choice(end.requests).action
    return end.case("deep nesting", _call(i, action, f'{{"a":{nested}}}'), answers={i: ERRORS | {SILENCE}})


def _doubled_key(rng: Random, end: End) -> Case:
    i = _id(rng)
    text = _sound_call(rng, end, i)
    payload = text[text.index("{") + 1 : -2]
    doubled = ",".join(filter(None, (payload, payload)))
    return end.case("duplicate keys", text.replace(payload, doubled, 1) if payload else text, answers={i: _EITHER})


def _unknown_reply(rng: Random, end: End) -> Case:
    i = rng.choice((_id(rng), "é" * 1000, _odd_text(rng, 30)))
    text = rng.choice((f"[3,{json.dumps(i)},{{}}]", f'[4,{json.dumps(i)},"GenericError","no",{{}}]'))
    return end.case("reply to nobody", text)


def _reply(rng: Random, end: End) -> Case:
    odd = json.dumps(_odd_text(rng, 20))
    rest = rng.choice((*_REPLIES, f"4,{odd},{odd},{{{odd}:1}}"))
    kind, _, more = rest.partition(",")
    return end.case("reply to a pending CALL", f'[{kind},"{end.pending}"{"," + more if more else ""}]')


def _no_json(rng: Random, end: End) -> Case:
    text = "".join(rng.choice('[]{},:"\\2345.-eEu \n') for _ in range(rng.randrange(40)))
    return end.case("heap of punctuation", "," + text)


def _mutated(rng: Random, end: End) -> Case:
    text = mutated(_sound_call(rng, end, _id(rng)).encode(), rng).decode(errors="replace")
    return end.case("mutated CALL", text, answers=None)


def _long_text(rng: Random, end: End) -> Case:
    i, text = _id(rng), rng.choice("x\x1b站") * rng.choice((300, 1000))
    payload = json.dumps({"vendorId": "v", "data": text})
    return end.case("long text", _call(i, "DataTransfer", payload), answers={i: frozenset({RESULT})})


def _same_id(rng: Random, end: End) -> Case:
    i = _id(rng)
    return end.case("one id twice", _sound_call(rng, end, i), _sound_call(rng, end, i), answers=None)


def _bad_frames(rng: Random, end: End) -> Case:
    texts = [rng.choice(("", "{}", "[]", "hello", "[9]", '"23"')) for _ in range(rng.randint(20, 25))]
    return end.case("bad frames in a row", *texts, stays=False, codes=frozenset({1008}))


def _flood(rng: Random, end: End) -> Case:
    action = rng.choice(end.requests).action
    texts = [_call(f"{_id(rng)}-{number}", action) for number in range(rng.randint(35, 60))]
    return end.case("flood of CALLs", *texts, codes=frozenset({1008}), answers=None)


def _secret(rng: Random, end: End) -> Case:
    """Section 5.3 of the security whitepaper: a new password comes in plain text, or as its hexadecimal digits."""
    i, value = _id(rng), rng.choice((SECRET, SECRET.encode().hex(), SECRET.encode().hex().upper()))
    key = rng.choice(("AuthorizationKey", "authorizationkey", r"Authorization\u004bey"))
    value = rng.choice((value, value * 30, f'x","more":"{value}'))
    members = rng.sample((f'"key":"{key}"', f'"value":"{value}"'), 2)
    text = _call(i, "ChangeConfiguration", "{" + ",".join(members) + "}")
    return end.case("a secret", text, answers={i: _EITHER})


KINDS: Final[Mapping[str, Callable[[Random, End], Case]]] = {
    made.__name__: made
    for made in (
        _wrong_count,
        _wrong_kind,
        _wrong_id,
        _long_id,
        _odd_id,
        _wrong_action,
        _unknown_action,
        _wrong_payload,
        _broken_payload,
        _sound_payload,
        _spaced,
        _huge_number,
        _no_number,
        _lone_surrogate,
        _deep,
        _doubled_key,
        _unknown_reply,
        _reply,
        _no_json,
        _mutated,
        _long_text,
        _same_id,
        _secret,
    )
}
_RARE: Final[Mapping[str, Callable[[Random, End], Case]]] = {"bad frames": _bad_frames, "flood": _flood}


def text_case(rng: Random, end: End) -> Case:
    """A text, or now and then many of them at once."""
    return chosen(_RARE if rng.random() < 0.01 else KINDS, rng, end)
