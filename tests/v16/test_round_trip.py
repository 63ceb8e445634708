"""Every class of OCPP 1.6 over the wire and back, and damaged on the way."""

import copy
import json
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from functools import cache
from typing import Any

import cattrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.v16 import core, version
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.converter import DefectError, make_converter
from ocpp_trio.wire.message import Payload
from ocpp_trio.wire.reader import reader_of
from ocpp_trio.wire.shape import Member
from ocpp_trio.wire.source import Misfit
from tests.v16.samples import PAYLOADS

pytestmark = pytest.mark.untraced

codec, converter = codec_of(version), make_converter()
every_payload_type = pytest.mark.parametrize("payload_type", PAYLOADS, ids=lambda kind: kind.__name__)
quick = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])

characters = st.characters(exclude_categories=["Cs"])
# What is written has three digits of a second; a day's margin keeps the UTC year between 1 and 9999.
moments = st.datetimes(
    min_value=datetime(1, 1, 3),
    max_value=datetime(9999, 12, 29),
    timezones=st.just(UTC) | st.builds(timezone, st.integers(-1439, 1439).map(lambda m: timedelta(minutes=m))),
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))


def leaves(member: Member) -> st.SearchStrategy[Any]:
    if member.nested:
        return payloads(member.leaf)
    if issubclass(member.leaf, Enum):
        return st.sampled_from(list(member.leaf))
    if member.leaf is str:
        return st.text(characters, max_size=member.max_length)
    if member.leaf is int:
        return st.integers(min_value=member.at_least)
    if member.leaf is float:
        return st.integers(-(10**12), 10**12).map(lambda tenths: tenths / 10) | st.integers(-(2**53), 2**53)
    return {bool: st.booleans(), datetime: moments}[member.leaf]


def values(member: Member) -> st.SearchStrategy[Any]:
    if not member.many:
        return leaves(member)
    return st.lists(leaves(member), min_size=int(member.non_empty), max_size=3).map(tuple)


@cache
def payloads(payload_type: Any) -> st.SearchStrategy[Payload]:
    members = payload_type._shape.members
    return st.fixed_dictionaries(
        {member.name: values(member) for member in members if member.required},
        optional={member.name: values(member) for member in members if not member.required},
    ).map(lambda arguments: payload_type(**arguments))


ODD_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1.0,
    8.15,
    1e300,
    10**30,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "Accepted",
    "accepted",
    "x" * 21,
    "x" * 501,
    "\ud800",
    "2026-11-21T09:30:00",
    "2026-11-21T09:30:00.123000000+02:00",
    [],
    {},
    [None],
    [[]],
    {"a": {}},
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    if not isinstance(value, dict | list):
        return []
    pairs: list[tuple[Any, Any]] = [(value, key) for key in (value if isinstance(value, dict) else range(len(value)))]
    return pairs + [place for container, key in pairs for place in places(container[key])]


@st.composite
def damaged(draw: st.DrawFn, payload_type: Any) -> bytes:
    """The JSON of a payload with up to three changes, of which some leave it as sound as it was."""
    whole = {"payload": json.loads(codec.encode(draw(payloads(payload_type))))}
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(places(whole)))
        match draw(st.sampled_from(["replace", "replace", "delete", "add", "double", "rename"])):
            case "delete" if container is not whole:
                del container[key]
            case "add" if isinstance(container[key], dict):
                container[key][draw(st.sampled_from(["status", "connectorId", "extra", "\ud800"]))] = 1
            case "double" if isinstance(container[key], list):
                container[key] *= 2
            case "rename" if isinstance(container, dict) and container is not whole:
                container[key.upper()] = container.pop(key)
            case _:
                container[key] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
    return json.dumps(whole["payload"]).encode()


def read_fast(payload_type: Any, raw: bytes) -> Any:
    try:
        return reader_of(payload_type)(raw)
    except Misfit:
        return None


def read_slowly(payload_type: Any, raw: bytes) -> Any:
    try:
        return converter.structure(json.loads(raw), payload_type)
    except (cattrs.BaseValidationError, DefectError):
        return None


@every_payload_type
@quick
@given(data=st.data())
def test_what_is_written_reads_back(payload_type: Any, data: st.DataObject) -> None:
    payload = data.draw(payloads(payload_type))

    text = codec.encode(payload)

    assert reader_of(payload_type)(text) == payload
    assert codec.decode(payload_type, text) == payload


@every_payload_type
@quick
@given(data=st.data())
def test_members_keep_the_order_of_the_specification(payload_type: Any, data: st.DataObject) -> None:
    payload = data.draw(payloads(payload_type))

    names = list(json.loads(codec.encode(payload)))

    order = [member.wire_name for member in payload_type._shape.members]
    assert names == [name for name in order if name in names]


@every_payload_type
@quick
@given(data=st.data())
def test_the_fast_and_the_slow_half_agree_on_sound_payloads(payload_type: Any, data: st.DataObject) -> None:
    payload = data.draw(payloads(payload_type))

    text = codec.encode(payload)

    assert read_slowly(payload_type, text) == payload
    assert json.loads(json.dumps(converter.unstructure(payload))) == json.loads(text)


@every_payload_type
@settings(quick, max_examples=60)
@given(data=st.data())
def test_the_fast_and_the_slow_half_agree_on_damaged_payloads(payload_type: Any, data: st.DataObject) -> None:
    raw = data.draw(damaged(payload_type))

    assert read_fast(payload_type, raw) == read_slowly(payload_type, raw)


READ_NOT_SENT = (core.StartTransactionRequest, core.UnlockConnectorRequest, core.RemoteStartTransactionRequest)
"""Connector 0 in these is answered with a status, but never sent."""


@every_payload_type
@quick
@given(data=st.data())
def test_a_damaged_payload_is_read_or_refused_with_a_place(payload_type: Any, data: st.DataObject) -> None:
    raw = data.draw(damaged(payload_type))

    try:
        payload = codec.decode(payload_type, raw)
    except RemoteProtocolError as error:
        assert error.code in version.error_codes.values()
        assert error.details["path"].startswith("$")
        assert str(error).encode()
    else:
        if getattr(payload, "connector_id", None) == 0 and payload_type in READ_NOT_SENT:
            return
        assert codec.decode(payload_type, codec.encode(payload)) == payload


def test_the_generated_damage_is_both_read_and_refused() -> None:
    """The agreement above would be worth nothing if the damage were all of one kind."""
    verdicts = set()

    @settings(max_examples=100, database=None, derandomize=True)
    @given(raw=damaged(core.MeterValuesRequest))
    def look(raw: bytes) -> None:
        verdicts.add(read_fast(core.MeterValuesRequest, raw) is None)

    look()

    assert verdicts == {True, False}
