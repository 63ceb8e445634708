"""The payload objects that OCPP 1.6 messages share (section 7 of the specification)."""

from datetime import datetime
from typing import Annotated

import attrs

from ocpp_trio.v16.enums import (
    AuthorizationStatus,
    ChargingProfileKindType,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    Location,
    Measurand,
    Phase,
    ReadingContext,
    RecurrencyKindType,
    UnitOfMeasure,
    ValueFormat,
)
from ocpp_trio.wire.fields import AtLeast, CiString50, CiString500, Decimal1, IdToken, NonNegative, OneOrMore
from ocpp_trio.wire.message import Payload

# A connector of its own, so never 0, which is the Charge Point. Of a peer 0 is read all the same, because an answer
# says more than a CALLERROR: RemoteStartTransaction is Rejected and UnlockConnector NotSupported, and a transaction
# that is reported from there has been charged, but a station that gets a CALLERROR may drop its report.
ConnectorId = Annotated[int, AtLeast(1, read_from=0)]


@attrs.frozen(kw_only=True)
class IdTagInfo(Payload):
    """What the Central System knows about an identifier (section 7.27)."""

    status: AuthorizationStatus
    expiry_date: datetime | None = None
    """When an entry of the authorization cache stops counting; absent means never."""
    parent_id_tag: IdToken | None = None
    """The group of the identifier, at most 20 characters; compared with other parents only."""


@attrs.frozen(kw_only=True)
class AuthorizationData(Payload):
    """An entry of the local authorization list (section 7.1)."""

    id_tag: IdToken
    """At most 20 characters."""
    id_tag_info: IdTagInfo | None = None
    """Required in a full update; absent in a differential one it removes the entry."""


@attrs.frozen(kw_only=True)
class KeyValue(Payload):
    """A configuration key, as GetConfiguration reports it (section 7.29)."""

    key: CiString50
    """At most 50 characters."""
    readonly: bool
    value: CiString500 | None = None
    """Always text, at most 500 characters; absent if the key is known but not set."""


@attrs.frozen(kw_only=True)
class SampledValue(Payload):
    """One measured value (section 7.43)."""

    value: str
    """A decimal number as text, or with `ValueFormat.SIGNED_DATA` a block of hexadecimal digits."""
    context: ReadingContext | None = None
    """Absent means `SAMPLE_PERIODIC`."""
    format: ValueFormat | None = None
    """Absent means `RAW`."""
    measurand: Measurand | None = None
    """Absent means `ENERGY_ACTIVE_IMPORT_REGISTER`."""
    phase: Phase | None = None
    """Absent means an overall value."""
    location: Location | None = None
    """Absent means `OUTLET`."""
    unit: UnitOfMeasure | None = None
    """Absent means `WH` for an energy measurand; leave it out for frequency (hertz is implied)."""


@attrs.frozen(kw_only=True)
class MeterValue(Payload):
    """Values that were all taken at one moment (section 7.33)."""

    timestamp: datetime
    sampled_value: OneOrMore[SampledValue]


@attrs.frozen(kw_only=True)
class ChargingSchedulePeriod(Payload):
    """A limit that holds from its start to the start of the next period (section 7.14)."""

    start_period: int
    """Seconds from the start of the schedule; 0 for the first period."""
    limit: Decimal1
    """In the schedule's unit: ampere per phase or watt in total, at most one decimal digit."""
    number_phases: int | None = None
    """Absent means 3."""


@attrs.frozen(kw_only=True)
class ChargingSchedule(Payload):
    """Limits over time (section 7.13)."""

    duration: int | None = None
    """Seconds; absent means that the last period runs on."""
    start_schedule: datetime | None = None
    """Absent means relative to the start of charging."""
    charging_rate_unit: ChargingRateUnitType
    charging_schedule_period: OneOrMore[ChargingSchedulePeriod]
    """In ascending order of `start_period`."""
    min_charging_rate: Decimal1 | None = None
    """A hint for load balancing, in the schedule's unit, at most one decimal digit."""


@attrs.frozen(kw_only=True)
class ChargingProfile(Payload):
    """A charging schedule with its purpose and validity (section 7.8)."""

    charging_profile_id: int
    """Unique on a Charge Point."""
    transaction_id: int | None = None
    """Only with `TX_PROFILE`."""
    stack_level: NonNegative
    """The higher level wins where profiles of one purpose overlap."""
    charging_profile_purpose: ChargingProfilePurposeType
    charging_profile_kind: ChargingProfileKindType
    recurrency_kind: RecurrencyKindType | None = None
    """Only with `RECURRING`."""
    valid_from: datetime | None = None
    """Absent means from its receipt on."""
    valid_to: datetime | None = None
    """Absent means until it is replaced."""
    charging_schedule: ChargingSchedule
