"""The Smart Charging profile."""

import json

import pytest

from ocpp_trio import v16
from ocpp_trio.errors import RemoteProtocolError
from ocpp_trio.v16 import smart_charging
from ocpp_trio.wire.codec import codec_of

codec = codec_of(v16.version)
PERIOD = v16.ChargingSchedulePeriod(start_period=0, limit=8.1)
SCHEDULE = v16.ChargingSchedule(charging_rate_unit=v16.ChargingRateUnitType.A, charging_schedule_period=(PERIOD,))


def test_only_the_central_system_sets_and_asks() -> None:
    assert not smart_charging.CHARGE_POINT_REQUESTS
    assert (
        v16.ClearChargingProfileRequest,
        v16.GetCompositeScheduleRequest,
        v16.SetChargingProfileRequest,
    ) == smart_charging.CSMS_REQUESTS


def test_the_one_profile_goes_under_a_plural_name() -> None:
    request = v16.SetChargingProfileRequest(
        connector_id=0,
        cs_charging_profiles=v16.ChargingProfile(
            charging_profile_id=1,
            stack_level=0,
            charging_profile_purpose=v16.ChargingProfilePurposeType.TX_DEFAULT_PROFILE,
            charging_profile_kind=v16.ChargingProfileKindType.RELATIVE,
            charging_schedule=SCHEDULE,
        ),
    )

    assert codec.encode(request) == (
        b'{"connectorId":0,"csChargingProfiles":{"chargingProfileId":1,"stackLevel":0,'
        b'"chargingProfilePurpose":"TxDefaultProfile","chargingProfileKind":"Relative","chargingSchedule":'
        b'{"chargingRateUnit":"A","chargingSchedulePeriod":[{"startPeriod":0,"limit":8.1}]}}}'
    )


def test_a_list_of_profiles_is_none() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(v16.SetChargingProfileRequest, b'{"connectorId":0,"csChargingProfiles":[]}')

    assert (caught.value.code, caught.value.details["path"]) == ("TypeConstraintViolation", "$.csChargingProfiles")


def test_level_0_is_a_filter_like_any_other() -> None:
    assert codec.encode(v16.ClearChargingProfileRequest(stack_level=0)) == b'{"stackLevel":0}'
    assert codec.encode(v16.ClearChargingProfileRequest()) == b"{}"


def test_a_rejected_composite_schedule_is_a_status_alone() -> None:
    response = v16.GetCompositeScheduleResponse(status=v16.GetCompositeScheduleStatus.REJECTED)

    assert codec.encode(response) == b'{"status":"Rejected"}'


@pytest.mark.parametrize(
    ("period", "code", "path"),
    [
        ({"startPeriod": 0, "limit": 8.15}, "PropertyConstraintViolation", "[0].limit"),
        ({"startPeriod": 0, "limit": "8.1"}, "TypeConstraintViolation", "[0].limit"),
        ({"limit": 8.1}, "ProtocolError", "[0].startPeriod"),
        (None, "OccurenceConstraintViolation", ""),
    ],
)
def test_a_faulty_period_is_refused_with_its_place(period: object, code: str, path: str) -> None:
    periods = [] if period is None else [period]
    members = {"chargingRateUnit": "A", "chargingSchedulePeriod": periods}

    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode(
            v16.GetCompositeScheduleResponse, json.dumps({"status": "Accepted", "chargingSchedule": members}).encode()
        )

    assert caught.value.code == code
    assert caught.value.details["path"] == f"$.chargingSchedule.chargingSchedulePeriod{path}"
