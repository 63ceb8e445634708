"""Defects that are known from the field: what is sent, what is made of it, and the leniency that does so."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs

from ocpp_trio import v16
from ocpp_trio.wire.leniency import Leniency
from ocpp_trio.wire.message import Payload

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TEXT = "2026-11-21T12:00:00Z"


@attrs.frozen(kw_only=True)
class KnownDefect:
    """What a station or central system sends, what is made of it, and the leniency that does so."""

    leniency: Leniency
    payload_type: type[Payload]
    members: dict[str, Any]
    path: str
    reads_as: Any


def metered(**sample: Any) -> dict[str, Any]:
    return {"connectorId": 1, "meterValue": [{"timestamp": TEXT, "sampledValue": [sample]}]}


def limited(limit: Any) -> dict[str, Any]:
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
        },
    }


STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
VALUE = "$.meterValue[0].sampledValue[0].value"
LIMIT = "$.csChargingProfiles.chargingSchedule.chargingSchedulePeriod[0].limit"
KNOWN = {
    "a time of day of nowhere": KnownDefect(
        leniency=Leniency.MISSING_OFFSETS,
        payload_type=v16.StatusNotificationRequest,
        members={**STATUS, "timestamp": "2026-11-21T12:00:00"},
        path="$.timestamp",
        reads_as=NOON,
    ),
    "a time of day of nowhere, with milliseconds": KnownDefect(
        leniency=Leniency.MISSING_OFFSETS,
        payload_type=v16.HeartbeatResponse,
        members={"currentTime": "2026-11-21T12:00:00.250"},
        path="$.currentTime",
        reads_as=NOON.replace(microsecond=250_000),
    ),
    "a space between date and time": KnownDefect(
        leniency=Leniency.LOOSE_DATE_TIMES,
        payload_type=v16.StatusNotificationRequest,
        members={**STATUS, "timestamp": "2026-11-21 12:00:00Z"},
        path="$.timestamp",
        reads_as=NOON,
    ),
    "an offset without its colon": KnownDefect(
        leniency=Leniency.LOOSE_DATE_TIMES,
        payload_type=v16.HeartbeatResponse,
        members={"currentTime": "2026-11-21T12:00:00.250+0000"},
        path="$.currentTime",
        reads_as=NOON.replace(microsecond=250_000),
    ),
    "a space between date and time, and an offset without its colon": KnownDefect(
        leniency=Leniency.LOOSE_DATE_TIMES,
        payload_type=v16.HeartbeatResponse,
        members={"currentTime": "2026-11-21 14:00:00+0200"},
        path="$.currentTime",
        reads_as=NOON.astimezone(timezone(timedelta(hours=2))),
    ),
    "an optional text that is null": KnownDefect(
        leniency=Leniency.NULLS,
        payload_type=v16.BootNotificationRequest,
        members={**BOOT, "iccid": None},
        path="$.iccid",
        reads_as=None,
    ),
    "an optional list that is null": KnownDefect(
        leniency=Leniency.NULLS,
        payload_type=v16.GetConfigurationRequest,
        members={"key": None},
        path="$.key",
        reads_as=None,
    ),
    "an optional object that is null": KnownDefect(
        leniency=Leniency.NULLS,
        payload_type=v16.StopTransactionResponse,
        members={"idTagInfo": None},
        path="$.idTagInfo",
        reads_as=None,
    ),
    "an optional member of a nested object that is null": KnownDefect(
        leniency=Leniency.NULLS,
        payload_type=v16.MeterValuesRequest,
        members=metered(value="1", phase=None),
        path="$.meterValue[0].sampledValue[0].phase",
        reads_as=None,
    ),
    "a member of the vendor's own": KnownDefect(
        leniency=Leniency.EXTRA_MEMBERS,
        payload_type=v16.HeartbeatRequest,
        members={"uptime": 5},
        path="$.uptime",
        reads_as=v16.HeartbeatRequest(),
    ),
    "a member of the vendor's own in a nested object": KnownDefect(
        leniency=Leniency.EXTRA_MEMBERS,
        payload_type=v16.MeterValuesRequest,
        members=metered(value="1", quality="good"),
        path="$.meterValue[0].sampledValue[0].quality",
        reads_as=v16.SampledValue(value="1"),
    ),
    "an identifier of a card with a long number": KnownDefect(
        leniency=Leniency.LONG_STRINGS,
        payload_type=v16.AuthorizeRequest,
        members={"idTag": "x" * 21},
        path="$.idTag",
        reads_as="x" * 21,
    ),
    "a long name among keys": KnownDefect(
        leniency=Leniency.LONG_STRINGS,
        payload_type=v16.GetConfigurationRequest,
        members={"key": ["A", "x" * 60]},
        path="$.key[1]",
        reads_as="x" * 60,
    ),
    "a metered value that is a number": KnownDefect(
        leniency=Leniency.LOOSE_NUMBERS,
        payload_type=v16.MeterValuesRequest,
        members=metered(value=230.1),
        path=VALUE,
        reads_as="230.1",
    ),
    "a metered value that is a whole number": KnownDefect(
        leniency=Leniency.LOOSE_NUMBERS,
        payload_type=v16.MeterValuesRequest,
        members=metered(value=154350),
        path=VALUE,
        reads_as="154350",
    ),
    "a connector that is text": KnownDefect(
        leniency=Leniency.LOOSE_NUMBERS,
        payload_type=v16.StatusNotificationRequest,
        members={**STATUS, "connectorId": "1"},
        path="$.connectorId",
        reads_as=1,
    ),
    "a limit that is text": KnownDefect(
        leniency=Leniency.LOOSE_NUMBERS,
        payload_type=v16.SetChargingProfileRequest,
        members={"connectorId": 1, "csChargingProfiles": limited("16.5")},
        path=LIMIT,
        reads_as=16.5,
    ),
    "an interval with a fraction of zero": KnownDefect(
        leniency=Leniency.LOOSE_NUMBERS,
        payload_type=v16.BootNotificationResponse,
        members={"status": "Accepted", "currentTime": TEXT, "interval": 300.0},
        path="$.interval",
        reads_as=300,
    ),
    "an interval that is text with a fraction of zero": KnownDefect(
        leniency=Leniency.LOOSE_NUMBERS,
        payload_type=v16.BootNotificationResponse,
        members={"status": "Accepted", "currentTime": TEXT, "interval": "300.0"},
        path="$.interval",
        reads_as=300,
    ),
    "a status of OCPP 1.5": KnownDefect(
        leniency=Leniency.UNKNOWN_ENUM_VALUES,
        payload_type=v16.StatusNotificationRequest,
        members={**STATUS, "status": "Occupied"},
        path="$.status",
        reads_as="Occupied",
    ),
    "a value in the wrong case": KnownDefect(
        leniency=Leniency.UNKNOWN_ENUM_VALUES,
        payload_type=v16.MeterValuesRequest,
        members=metered(value="1", unit="KWh"),
        path="$.meterValue[0].sampledValue[0].unit",
        reads_as="KWh",
    ),
    "transaction data without a sample": KnownDefect(
        leniency=Leniency.EMPTY_LISTS,
        payload_type=v16.StopTransactionRequest,
        members={
            "meterStop": 1,
            "timestamp": TEXT,
            "transactionId": 1,
            "transactionData": [{"timestamp": TEXT, "sampledValue": []}],
        },
        path="$.transactionData[0].sampledValue",
        reads_as=(),
    ),
    "meter values without any": KnownDefect(
        leniency=Leniency.EMPTY_LISTS,
        payload_type=v16.MeterValuesRequest,
        members={"connectorId": 1, "meterValue": []},
        path="$.meterValue",
        reads_as=(),
    ),
}
