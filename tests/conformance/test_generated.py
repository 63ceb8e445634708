"""Every message of OCPP 1.6 made from its official schema, sound and broken, before both judges.

What the schema accepts we accept, and carry there and back without loss; what breaks one rule of the
schema both refuse. The few differences are entries of a table, and each of them is shown here to be one.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

import pytest

from ocpp_trio import ErrorCode, RemoteProtocolError, v16
from ocpp_trio.wire.codec import codec_of
from tests.conformance.generate import broken, replaced, sound
from tests.conformance.schemas import (
    DIFFERENCES,
    PAYLOADS,
    Difference,
    common,
    official,
    rules_of_schema,
    they_take,
)

SAMPLES = 60
codec = codec_of(v16.version)
every_payload = pytest.mark.parametrize("name", sorted(PAYLOADS))
CODES = {
    "required": ErrorCode.PROTOCOL_ERROR,
    "additionalProperties": ErrorCode.FORMATION_VIOLATION,
    "type": ErrorCode.TYPE_CONSTRAINT_VIOLATION,
    "minItems": ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
    "enum": ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    "maxLength": ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    "minimum": ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    "multipleOf": ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    "format": ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
}


def rng_of(name: str) -> Random:
    """The same payloads in every run, and others for every message."""
    return Random(f"ocpp1.6 {name}")


def refusal(name: str, text: str) -> RemoteProtocolError | None:
    try:
        codec.decode(PAYLOADS[name], text.encode())
    except RemoteProtocolError as error:
        return error
    return None


def same(before: Any, after: Any) -> bool:
    """Whether two JSON values mean the same: 10 is 10.0, and date-times are instants to the millisecond."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(same(before[name], after[name]) for name in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(same, before, after))
    if isinstance(before, str) and isinstance(after, str) and before != after:
        return moment(before) == moment(after) is not None
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def moment(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000) if instant.tzinfo else None


READ_NOT_SENT = frozenset({"RemoteStartTransaction", "StartTransaction", "UnlockConnector"})
"""Connector 0 there is answered with a status, but never sent (row D7)."""


@every_payload
def test_sound_payloads_are_taken_by_both_and_come_back_unchanged(name: str) -> None:
    rng, schema = rng_of(name), common(name)

    for number in range(SAMPLES):
        value = sound(schema, rng, complete=number == 0)
        text = json.dumps(value, ensure_ascii=number % 2 == 0)

        assert they_take(name, text), text
        payload = codec.decode(PAYLOADS[name], text.encode())
        if name in READ_NOT_SENT and payload.connector_id == 0:  # type: ignore[attr-defined]  # these three have one
            with pytest.raises(ValueError, match=r"connector_id: expected an integer of at least 1, found 0"):
                codec.encode(payload)
            continue
        written = codec.encode(payload).decode()
        assert same(value, json.loads(written)), (text, written)
        assert they_take(name, written), written


@every_payload
def test_payloads_with_one_rule_broken_are_refused_by_both(name: str) -> None:
    rng, schema = rng_of(name), common(name)
    relaxed = {entry.places[name] for entry in DIFFERENCES.values() if name in entry.places}

    for _ in range(3):
        for defect in broken(schema, sound(schema, rng, complete=True)):
            text = json.dumps(defect.value)
            rule = f"{unindexed(defect.path)} {defect.keyword}"

            error = refusal(name, text)
            assert error is not None, (defect.keyword, text)
            assert error.code == CODES[defect.keyword], (defect.keyword, text, str(error))
            assert not they_take(name, text) or rule in relaxed, (defect.keyword, text)


def unindexed(path: str) -> str:
    return "".join(character for character in path if not character.isdigit())


def places(entry: Difference) -> list[tuple[str, str]]:
    return [(name, rule.partition(" ")[0]) for name, rule in entry.places.items()]


@pytest.mark.parametrize("entry", DIFFERENCES.values(), ids=DIFFERENCES)
def test_an_intended_difference_is_one(entry: Difference) -> None:
    for name, path in places(entry):
        value = sound(common(name), rng_of(name), complete=True)
        text = json.dumps(replaced(value, path, entry.example))

        assert they_take(name, text) is (entry.refused_by == "ours"), text
        assert (refusal(name, text) is None) is (entry.refused_by == "theirs"), text


def test_an_integer_with_a_fraction_of_zero_is_none_on_either_side() -> None:
    """Draft 6 of JSON Schema would take 1.0; on the wire an integer has no fraction."""
    text = '{"connectorId":1.0}'

    assert not they_take("UnlockConnector", text)
    assert refusal("UnlockConnector", text) is not None


def test_the_defects_are_of_every_kind() -> None:
    """The agreement would be worth nothing if the generator passed over a keyword."""
    kinds: Counter[str] = Counter()
    for name in PAYLOADS:
        kinds.update(defect.keyword for defect in broken(common(name), sound(common(name), Random(1), complete=True)))

    assert kinds.keys() == CODES.keys()
    assert min(kinds.values()) >= 7, kinds
    assert kinds.total() > 2500


def test_every_rule_of_every_schema_is_broken() -> None:
    """But for the format of a location, which is one of the differences."""
    kept = []
    for name in PAYLOADS:
        complete = sound(common(name), Random(1), complete=True)
        seen = {f"{unindexed(defect.path)} {defect.keyword}" for defect in broken(common(name), complete)}
        kept += [f"{name} {rule}" for rule in rules_to_break(name) if rule not in seen]

    assert sorted(kept) == ["GetDiagnostics $.location format", "UpdateFirmware $.location format"]


def rules_to_break(name: str) -> Iterator[str]:
    for rule, value in rules_of_schema(official(name)):
        path, _, keyword = rule.rpartition(" ")
        if keyword == "closed":
            yield f"{path} additionalProperties"
        elif keyword == "type":
            yield rule
            if value in ("date-time", "uri"):
                yield f"{path} format"
        elif value:
            yield rule


def test_the_sound_payloads_are_not_all_alike() -> None:
    schema, rng = common("StopTransaction"), Random(2)
    values = [sound(schema, rng) for _ in range(200)]

    assert {len(value) for value in values} >= {3, 4, 5, 6}
    assert {len(value.get("transactionData", "none")) for value in values} == {0, 1, 2, 3, 4}
    assert any(value["meterStop"] < 0 for value in values)


def test_the_same_seed_makes_the_same_payloads() -> None:
    schema = common("SetChargingProfile")

    assert [sound(schema, Random(3)) for _ in range(2)] == [sound(schema, Random(3))] * 2


@pytest.mark.parametrize(
    ("before", "after", "equal"),
    [
        (10, 10.0, True),
        (10, 11, False),
        (1, True, False),
        ("a", "b", False),
        ("2026-11-21T10:00:00+01:00", "2026-11-21T09:00:00Z", True),
        ("2026-11-21T10:00:00.1234Z", "2026-11-21T10:00:00.123Z", True),
        ("2026-11-21T10:00:00.124Z", "2026-11-21T10:00:00.123Z", False),
        ({"a": [1]}, {"a": [1.0]}, True),
        ({"a": 1}, {"b": 1}, False),
        ([1], [1, 1], False),
    ],
)
def test_what_counts_as_unchanged(before: Any, after: Any, equal: bool) -> None:
    assert same(before, after) is equal
