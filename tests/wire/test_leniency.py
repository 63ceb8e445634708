"""Defects that are known from the field: refused by a strict codec, read by a lenient one, each by its own flag."""

import json
import pickle
from typing import Any

import attrs
import pytest

from ocpp_trio import v16
from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.wire.codec import Codec, codec_of
from ocpp_trio.wire.converter import FAILURES_KEPT
from ocpp_trio.wire.leniency import Allowance, Leniency, second_reading
from ocpp_trio.wire.message import Payload
from ocpp_trio.wire.shape import Member
from tests.wire.known_defects import KNOWN, LIMIT, NOON, STATUS, TEXT, VALUE, KnownDefect, limited, metered

every_known_defect = pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)


def read(leniency: Leniency, payload_type: type[Payload], members: object) -> tuple[Payload, list[Allowance]]:
    allowances: list[Allowance] = []
    codec = codec_of(v16.version, leniency)
    return codec.decode(payload_type, json.dumps(members).encode(), note=allowances.append), allowances


def at(payload: Any, path: str) -> Any:
    """The value at a path of the JSON text, such as `$.a[0].b`; the object itself for a member it does not have."""
    for step in path.replace("[", ".").replace("]", "").split(".")[1:]:
        if step.isdigit():
            payload = payload[int(step)]
        else:
            names = [member.name for member in payload._shape.members if member.wire_name == step]
            payload = getattr(payload, names[0]) if names else payload
    return payload


@every_known_defect
def test_a_strict_codec_refuses_it(known: KnownDefect) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(Leniency.STRICT, known.payload_type, known.members)

    assert caught.value.details["path"] == known.path


@every_known_defect
def test_its_own_leniency_reads_it(known: KnownDefect) -> None:
    payload, allowances = read(known.leniency, known.payload_type, known.members)

    assert type(payload) is known.payload_type
    value = at(payload, known.path)
    assert value == known.reads_as
    assert type(value) is type(known.reads_as)
    assert [(each.leniency, each.path) for each in allowances] == [(known.leniency, known.path)]
    assert {each.payload_type for each in allowances} == {known.payload_type.__name__}


@every_known_defect
def test_no_other_leniency_reads_it(known: KnownDefect) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(Leniency.ALL & ~known.leniency, known.payload_type, known.members)

    assert caught.value.details["path"] == known.path


def test_every_leniency_is_for_a_known_defect() -> None:
    assert {known.leniency for known in KNOWN.values()} == set(Leniency)
    assert Leniency.ALL == ~Leniency.STRICT


def test_a_sound_payload_is_read_as_ever() -> None:
    codec = codec_of(v16.version, Leniency.ALL)
    told: list[Allowance] = []

    request = codec.decode(v16.AuthorizeRequest, b'{"idTag":"A"}', note=told.append)

    assert request == v16.AuthorizeRequest(id_tag="A")
    assert told == []


def test_all_defects_of_a_payload_are_let_pass_and_told() -> None:
    members = {
        "connectorId": "1",
        "transactionId": None,
        "meterValue": [
            {"timestamp": "2026-11-21T12:00:00", "sampledValue": []},
            {"timestamp": TEXT, "sampledValue": [{"value": 1.5, "unit": "kwh", "more": 1}, {"value": "2"}]},
        ],
    }

    request, allowances = read(Leniency.ALL, v16.MeterValuesRequest, members)

    assert isinstance(request, v16.MeterValuesRequest)
    assert request.meter_value[0].timestamp == NOON
    assert request.meter_value[1].sampled_value[1] == v16.SampledValue(value="2")
    assert sorted((each.kind, each.path) for each in allowances) == [
        ("empty_lists", "$.meterValue[0].sampledValue"),
        ("extra_members", "$.meterValue[1].sampledValue[0].more"),
        ("loose_numbers", "$.connectorId"),
        ("loose_numbers", "$.meterValue[1].sampledValue[0].value"),
        ("missing_offsets", "$.meterValue[0].timestamp"),
        ("nulls", "$.transactionId"),
        ("unknown_enum_values", "$.meterValue[1].sampledValue[0].unit"),
    ]


def test_a_space_between_date_and_time_of_nowhere_takes_two_leniencies() -> None:
    members = {"currentTime": "2026-11-21 12:00:00"}
    both = Leniency.LOOSE_DATE_TIMES | Leniency.MISSING_OFFSETS

    response, allowances = read(both, v16.HeartbeatResponse, members)

    assert response == v16.HeartbeatResponse(current_time=NOON)
    assert [(each.kind, each.found) for each in allowances] == [
        ("missing_offsets", "'2026-11-21 12:00:00'"),
        ("loose_date_times", "'2026-11-21 12:00:00'"),
    ]
    for one in (Leniency.LOOSE_DATE_TIMES, Leniency.MISSING_OFFSETS):
        with pytest.raises(RemoteProtocolError) as caught:
            read(Leniency.ALL & ~one, v16.HeartbeatResponse, members)
        assert caught.value.details["path"] == "$.currentTime"


def test_of_very_many_defects_all_are_let_pass_and_some_are_told() -> None:
    samples = [{"value": number, "a": 1, "b": 2} for number in range(100)]
    members = {"connectorId": 1, "meterValue": [{"timestamp": TEXT, "sampledValue": samples}]}

    request, allowances = read(Leniency.ALL, v16.MeterValuesRequest, members)

    assert isinstance(request, v16.MeterValuesRequest)
    assert [sample.value for sample in request.meter_value[0].sampled_value] == [str(n) for n in range(100)]
    assert {each.kind for each in allowances} == {"extra_members", "loose_numbers"}
    assert len(allowances) == 3 * FAILURES_KEPT


def test_an_allowance_says_what_was_expected_and_found() -> None:
    _, allowances = read(Leniency.ALL, v16.HeartbeatResponse, {"currentTime": "2026-11-21T12:00:00"})

    assert allowances == [
        Allowance(
            payload_type="HeartbeatResponse",
            leniency=Leniency.MISSING_OFFSETS,
            path="$.currentTime",
            expected="a date-time with a time zone",
            found="'2026-11-21T12:00:00'",
        )
    ]


@pytest.mark.parametrize(
    ("payload_type", "members", "code", "path"),
    [
        (v16.AuthorizeRequest, {}, "ProtocolError", "$.idTag"),
        (v16.AuthorizeRequest, {"idTag": None}, "TypeConstraintViolation", "$.idTag"),
        (v16.AuthorizeRequest, {"idTag": True}, "TypeConstraintViolation", "$.idTag"),
        (v16.AuthorizeRequest, {"idTag": ["A"]}, "TypeConstraintViolation", "$.idTag"),
        (v16.AuthorizeRequest, {"idTag": "\ud800"}, "PropertyConstraintViolation", "$.idTag"),
        (v16.AuthorizeRequest, {"idTag": float("nan")}, "FormationViolation", "$"),
        (v16.HeartbeatRequest, {"uptime": float("inf")}, "FormationViolation", "$"),
        (v16.AuthorizeRequest, [], "TypeConstraintViolation", "$"),
        (v16.GetConfigurationRequest, {"key": ["A", None]}, "TypeConstraintViolation", "$.key[1]"),
        (v16.GetConfigurationRequest, {"key": "A"}, "TypeConstraintViolation", "$.key"),
        (v16.ResetRequest, {"type": 1}, "TypeConstraintViolation", "$.type"),
        (v16.ResetRequest, {"type": "\udc00"}, "PropertyConstraintViolation", "$.type"),
        (v16.UnlockConnectorRequest, {"connectorId": -1}, "PropertyConstraintViolation", "$.connectorId"),
        (v16.UnlockConnectorRequest, {"connectorId": "-1"}, "PropertyConstraintViolation", "$.connectorId"),
        (v16.UnlockConnectorRequest, {"connectorId": 1.5}, "TypeConstraintViolation", "$.connectorId"),
        (v16.UnlockConnectorRequest, {"connectorId": "1.5"}, "TypeConstraintViolation", "$.connectorId"),
        (v16.UnlockConnectorRequest, {"connectorId": ""}, "TypeConstraintViolation", "$.connectorId"),
        (v16.UnlockConnectorRequest, {"connectorId": "one"}, "TypeConstraintViolation", "$.connectorId"),
        (v16.UnlockConnectorRequest, {"connectorId": "1e3"}, "TypeConstraintViolation", "$.connectorId"),
        (v16.UnlockConnectorRequest, {"connectorId": "9" * 5000}, "TypeConstraintViolation", "$.connectorId"),
        (v16.UnlockConnectorRequest, {"connectorId": True}, "TypeConstraintViolation", "$.connectorId"),
        (v16.HeartbeatResponse, {"currentTime": 5}, "TypeConstraintViolation", "$.currentTime"),
        (v16.HeartbeatResponse, {"currentTime": "noon"}, "PropertyConstraintViolation", "$.currentTime"),
        (v16.HeartbeatResponse, {"currentTime": "2026-11-21"}, "PropertyConstraintViolation", "$.currentTime"),
        (v16.HeartbeatResponse, {"currentTime": "21.11.2026 12:00"}, "PropertyConstraintViolation", "$.currentTime"),
        (v16.HeartbeatResponse, {"currentTime": "2026-11-21T12:00+02"}, "PropertyConstraintViolation", "$.currentTime"),
        (
            v16.SetChargingProfileRequest,
            {"connectorId": 1, "csChargingProfiles": limited("8.15")},
            "PropertyConstraintViolation",
            LIMIT,
        ),
    ],
)
def test_what_no_leniency_is_for_is_refused_as_ever(
    payload_type: type[Payload], members: object, code: str, path: str
) -> None:
    for leniency in (Leniency.STRICT, Leniency.ALL):
        with pytest.raises(RemoteProtocolError) as caught:
            read(leniency, payload_type, members)
        assert caught.value.details["path"] == path
        if leniency is Leniency.ALL:
            assert caught.value.code == code


def test_a_refusal_names_a_defect_that_is_not_let_pass() -> None:
    """The first by order is let pass, so that the second is the one to answer with."""
    members = {**STATUS, "uptime": 5, "status": "Occupied"}

    with pytest.raises(RemoteProtocolError) as caught:
        read(Leniency.EXTRA_MEMBERS, v16.StatusNotificationRequest, members)

    assert (caught.value.code, caught.value.details["path"]) == ("PropertyConstraintViolation", "$.status")


def test_nothing_is_told_of_a_payload_that_is_refused() -> None:
    told: list[Allowance] = []

    with pytest.raises(RemoteProtocolError):
        codec_of(v16.version, Leniency.NULLS).decode(
            v16.StatusNotificationRequest, json.dumps({**STATUS, "info": None, "more": 1}).encode(), note=told.append
        )

    assert told == []


def test_what_was_read_is_a_payload_like_any_other() -> None:
    request, _ = read(Leniency.ALL, v16.StatusNotificationRequest, {**STATUS, "status": "Occupied", "info": None})
    again, _ = read(Leniency.ALL, v16.StatusNotificationRequest, {**STATUS, "status": "Occupied"})

    assert request == again
    assert hash(request) == hash(again)
    assert pickle.loads(pickle.dumps(request)) == request
    assert repr(request).startswith("StatusNotificationRequest(connector_id=1, ")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request.info = "x"  # type: ignore[attr-defined]  # on purpose


REFUSED = {
    (
        v16.StatusNotificationRequest,
        "$.status",
    ): "StatusNotificationRequest.status: expected a ChargePointStatus (AVA",
    (v16.MeterValuesRequest, "$.meterValue[0].sampledValue[0].unit"): (
        "MeterValuesRequest.meter_value[0].sampled_value[0].unit: expected a UnitOfMeasure (WH, "
    ),
    (v16.AuthorizeRequest, "$.idTag"): "AuthorizeRequest.id_tag: expected a string of at most 20 characters, found 'xx",
    (v16.GetConfigurationRequest, "$.key[1]"): "GetConfigurationRequest.key[1]: expected a string of at most 50 char",
    (v16.MeterValuesRequest, "$.meterValue"): (
        "MeterValuesRequest.meter_value: expected a tuple of at least one element, found ()"
    ),
    (v16.StopTransactionRequest, "$.transactionData[0].sampledValue"): (
        "StopTransactionRequest.transaction_data[0].sampled_value: expected a tuple of at least one element, found ()"
    ),
}
"""How it is said that a payload is not written, by what was read leniently and where."""


@every_known_defect
@pytest.mark.parametrize("leniency", [Leniency.STRICT, Leniency.ALL])
def test_what_still_breaks_a_rule_is_not_sent_on(known: KnownDefect, leniency: Leniency) -> None:
    """Whether the codec is strict or lenient: leniency is for what comes in."""
    payload, _ = read(known.leniency, known.payload_type, known.members)
    codec = codec_of(v16.version, leniency)
    message = REFUSED.get((known.payload_type, known.path))

    if message is None:
        assert codec.decode(known.payload_type, codec.encode(payload)) == payload
        assert known.leniency not in (Leniency.UNKNOWN_ENUM_VALUES, Leniency.LONG_STRINGS, Leniency.EMPTY_LISTS)
    else:
        with pytest.raises(ValueError, match="expected") as caught:
            codec.encode(payload)
        assert str(caught.value).startswith(message)


def test_a_part_that_was_read_leniently_is_not_sent_on_in_a_message_of_a_person_s() -> None:
    request, _ = read(Leniency.ALL, v16.MeterValuesRequest, metered(value="1", unit="KWh"))
    assert isinstance(request, v16.MeterValuesRequest)

    stop = v16.StopTransactionRequest(
        meter_stop=1, timestamp=NOON, transaction_id=1, transaction_data=(*request.meter_value,)
    )

    with pytest.raises(ValueError, match=r"^StopTransactionRequest.transaction_data\[0\].sampled_value\[0\].unit: "):
        codec_of(v16.version).encode(stop)


@pytest.mark.parametrize(
    ("number", "connector_id"),
    [("0.0", 0), ("2.0", 2), ("1e3", 1000), ("9007199254740992.0", 2**53), ('"007"', 7), ('"+5.0"', 5)],
)
def test_loose_numbers_are_read_as_integers_as_far_as_doubles_count(number: str, connector_id: int) -> None:
    raw = b'{"connectorId":%b}' % number.encode()

    request = codec_of(v16.version, Leniency.LOOSE_NUMBERS).decode(v16.UnlockConnectorRequest, raw)

    assert (request.connector_id, type(request.connector_id)) == (connector_id, int)


@pytest.mark.parametrize("number", ["1e300", "-1e300", "9007199254740994.0", "1e400", "1.5", '"1e5"', '"0x1"', '" 1"'])
def test_a_loose_number_that_nobody_has_counted_is_refused(number: str) -> None:
    raw = b'{"connectorId":%b}' % number.encode()

    with pytest.raises(RemoteProtocolError) as caught:
        codec_of(v16.version, Leniency.ALL).decode(v16.UnlockConnectorRequest, raw)

    assert (caught.value.code, caught.value.details["path"]) == ("TypeConstraintViolation", "$.connectorId")


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("1e5", "100000.0"),
        ("-0.0", "-0.0"),
        ("230.10", "230.1"),
        ("0.0001", "0.0001"),
        ("1e15", "1000000000000000.0"),
        ("12345678901234567890", "12345678901234567890"),
    ],
)
def test_a_number_is_read_as_text_without_an_exponent(number: str, value: str) -> None:
    raw = json.dumps(metered(value="V")).replace('"V"', number).encode()

    request = codec_of(v16.version, Leniency.LOOSE_NUMBERS).decode(v16.MeterValuesRequest, raw)

    assert request.meter_value[0].sampled_value[0].value == value


@pytest.mark.parametrize("number", ["1e16", "1e300", "1e-5", "1e400", "true", "null"])
def test_a_number_whose_text_would_have_an_exponent_is_refused(number: str) -> None:
    raw = json.dumps(metered(value="V")).replace('"V"', number).encode()

    with pytest.raises(RemoteProtocolError) as caught:
        codec_of(v16.version, Leniency.ALL).decode(v16.MeterValuesRequest, raw)

    assert (caught.value.code, caught.value.details["path"]) == ("TypeConstraintViolation", VALUE)


def test_a_constructor_is_as_strict_as_ever() -> None:
    with pytest.raises(ValueError, match="AuthorizeRequest.id_tag"):
        v16.AuthorizeRequest(id_tag="x" * 21)


def test_a_number_may_become_text_that_is_too_long() -> None:
    digits = 10**24

    request, allowances = read(Leniency.LOOSE_NUMBERS | Leniency.LONG_STRINGS, v16.AuthorizeRequest, {"idTag": digits})

    assert [(each.kind, each.path) for each in allowances] == [
        ("long_strings", "$.idTag"),
        ("loose_numbers", "$.idTag"),
    ]
    assert request == read(Leniency.LONG_STRINGS, v16.AuthorizeRequest, {"idTag": str(digits)})[0]
    with pytest.raises(RemoteProtocolError):
        read(Leniency.LOOSE_NUMBERS, v16.AuthorizeRequest, {"idTag": digits})


def test_each_leniency_of_a_version_has_one_codec() -> None:
    assert codec_of(v16.version) is codec_of(v16.version, Leniency.STRICT)
    assert codec_of(v16.version, Leniency.NULLS) is codec_of(v16.version, Leniency.NULLS)
    assert codec_of(v16.version, Leniency.NULLS) is not codec_of(v16.version)
    assert codec_of(v16.version, Leniency.NULLS).leniency is Leniency.NULLS


def test_a_codec_is_strict_unless_told_otherwise() -> None:
    assert Codec(v16.version).leniency is Leniency.STRICT


def test_there_is_no_second_reading_of_what_is_no_leaf_at_all() -> None:
    member = Member(name="a", wire_name="a", leaf=bool, required=True, many=False)

    assert second_reading(member, "true") == (Leniency.STRICT, "true")
    assert second_reading(member, 1) == (Leniency.STRICT, 1)
