"""The Smart Charging profile of OCPP 1.6: limits on power or current over time.

Operations are in sections 5.5, 5.7 and 5.16 of the specification, their messages in section 6, what
profiles mean in section 3.13.
"""

from datetime import datetime

import attrs

from ocpp_trio.v16.enums import (
    ChargingProfilePurposeType,
    ChargingProfileStatus,
    ChargingRateUnitType,
    ClearChargingProfileStatus,
    GetCompositeScheduleStatus,
)
from ocpp_trio.v16.types import ChargingProfile, ChargingSchedule
from ocpp_trio.wire.fields import NonNegative
from ocpp_trio.wire.message import Request, Response


@attrs.frozen(kw_only=True)
class ClearChargingProfileResponse(Response):
    """Whether any profile was cleared (sections 5.5 and 6.14)."""

    status: ClearChargingProfileStatus


@attrs.frozen(kw_only=True)
class ClearChargingProfileRequest(Request["ClearChargingProfileRequest", ClearChargingProfileResponse]):
    """Clears the profiles that match all members given (sections 5.5 and 6.13)."""

    id: int | None = None
    """One profile by its `charging_profile_id`; the other members are ignored then."""
    connector_id: NonNegative | None = None
    """0 is the Charge Point as a whole; absent means any connector."""
    charging_profile_purpose: ChargingProfilePurposeType | None = None
    stack_level: int | None = None
    """0 is a level like any other; absent means any level."""


@attrs.frozen(kw_only=True)
class GetCompositeScheduleResponse(Response):
    """What all profiles together come to (sections 5.7 and 6.22)."""

    status: GetCompositeScheduleStatus
    connector_id: NonNegative | None = None
    schedule_start: datetime | None = None
    """What the periods are relative to; may be absent if rejected."""
    charging_schedule: ChargingSchedule | None = None
    """Without a `start_schedule` of its own."""


@attrs.frozen(kw_only=True)
class GetCompositeScheduleRequest(Request["GetCompositeScheduleRequest", GetCompositeScheduleResponse]):
    """Asks what a connector may draw in the time to come (sections 5.7 and 6.21)."""

    connector_id: NonNegative
    """0 is the grid connection of the Charge Point."""
    duration: int
    """Seconds from now."""
    charging_rate_unit: ChargingRateUnitType | None = None
    """Absent leaves the choice to the Charge Point."""


@attrs.frozen(kw_only=True)
class SetChargingProfileResponse(Response):
    """Whether the profile was taken over (sections 5.16 and 6.44)."""

    status: ChargingProfileStatus


@attrs.frozen(kw_only=True)
class SetChargingProfileRequest(Request["SetChargingProfileRequest", SetChargingProfileResponse]):
    """Gives a Charge Point a charging profile (sections 5.16 and 6.43)."""

    connector_id: NonNegative
    """0 is the Charge Point, or with purpose `TX_DEFAULT_PROFILE` each of its connectors."""
    cs_charging_profiles: ChargingProfile
    """A single profile, whatever the name says."""


CHARGE_POINT_REQUESTS = ()
"""What a Charge Point may send: it only answers."""

CSMS_REQUESTS = (ClearChargingProfileRequest, GetCompositeScheduleRequest, SetChargingProfileRequest)
"""What a Central System may send."""
