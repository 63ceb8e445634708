"""The payload objects that messages share."""

from datetime import UTC, datetime

import pytest

from ocpp_trio import v16
from ocpp_trio.wire.codec import codec_of

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
codec = codec_of(v16.version)


def test_a_charging_profile_is_written_in_the_order_of_the_specification() -> None:
    profile = v16.ChargingProfile(
        charging_profile_id=1,
        transaction_id=7,
        stack_level=0,
        charging_profile_purpose=v16.ChargingProfilePurposeType.TX_PROFILE,
        charging_profile_kind=v16.ChargingProfileKindType.RECURRING,
        recurrency_kind=v16.RecurrencyKindType.DAILY,
        valid_from=NOON,
        valid_to=NOON,
        charging_schedule=v16.ChargingSchedule(
            duration=3600,
            start_schedule=NOON,
            charging_rate_unit=v16.ChargingRateUnitType.A,
            charging_schedule_period=(v16.ChargingSchedulePeriod(start_period=0, limit=21.4, number_phases=3),),
            min_charging_rate=6.0,
        ),
    )

    assert codec.encode(profile) == (
        b'{"chargingProfileId":1,"transactionId":7,"stackLevel":0,"chargingProfilePurpose":"TxProfile",'
        b'"chargingProfileKind":"Recurring","recurrencyKind":"Daily","validFrom":"2026-11-21T12:00:00Z",'
        b'"validTo":"2026-11-21T12:00:00Z","chargingSchedule":{"duration":3600,'
        b'"startSchedule":"2026-11-21T12:00:00Z","chargingRateUnit":"A",'
        b'"chargingSchedulePeriod":[{"startPeriod":0,"limit":21.4,"numberPhases":3}],"minChargingRate":6.0}}'
    )


def test_a_sampled_value_is_written_in_the_order_of_the_specification() -> None:
    sampled = v16.SampledValue(
        value="21.4",
        context=v16.ReadingContext.SAMPLE_CLOCK,
        format=v16.ValueFormat.RAW,
        measurand=v16.Measurand.TEMPERATURE,
        phase=v16.Phase.L1_N,
        location=v16.Location.BODY,
        unit=v16.UnitOfMeasure.CELSIUS,
    )

    assert codec.encode(sampled) == (
        b'{"value":"21.4","context":"Sample.Clock","format":"Raw","measurand":"Temperature","phase":"L1-N",'
        b'"location":"Body","unit":"Celsius"}'
    )


def test_a_sampled_value_is_text() -> None:
    with pytest.raises(ValueError, match="SampledValue.value: expected a string, found 21.4"):
        v16.SampledValue(value=21.4)  # type: ignore[arg-type]  # on purpose


def test_a_limit_has_at_most_one_decimal_digit() -> None:
    assert v16.ChargingSchedulePeriod(start_period=0, limit=21.4).limit == 21.4
    with pytest.raises(ValueError, match="ChargingSchedulePeriod.limit: expected a number with at most one decimal"):
        v16.ChargingSchedulePeriod(start_period=0, limit=8.15)


def test_a_schedule_has_a_period() -> None:
    with pytest.raises(ValueError, match="charging_schedule_period: expected a tuple of at least one element"):
        v16.ChargingSchedule(charging_rate_unit=v16.ChargingRateUnitType.W, charging_schedule_period=())


def test_a_meter_value_has_a_sample() -> None:
    with pytest.raises(ValueError, match="MeterValue.sampled_value: expected a tuple of at least one element"):
        v16.MeterValue(timestamp=NOON, sampled_value=())


def test_the_readonly_mark_of_a_key_is_one_word_on_the_wire() -> None:
    key = v16.KeyValue(key="HeartbeatInterval", readonly=False, value="300")

    assert codec.encode(key) == b'{"key":"HeartbeatInterval","readonly":false,"value":"300"}'


def test_a_group_is_an_identifier() -> None:
    with pytest.raises(ValueError, match="IdTagInfo.parent_id_tag: expected a string of at most 20 characters"):
        v16.IdTagInfo(status=v16.AuthorizationStatus.ACCEPTED, parent_id_tag="x" * 21)
