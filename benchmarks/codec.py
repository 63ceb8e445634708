"""What reading and writing a payload costs, beside three others, interleaved in one run.

    python benchmarks/codec.py [--rounds 30]

Prints microseconds per payload (the fastest of all rounds) and ratios. `ocpp` is the PyPI package's full
path (JSON, schema validation, snake_case, dataclass); `struct` a strict msgspec Struct of the same shape,
which is the limit of what Python can do; `json` the standard library without any validation.

`in` reads and validates. `out` validates and writes: `encode` checks every rule of the payload again, that of
one decimal digit but for the last bit of the double.
A Struct and `json` validate nothing when they write, and a Struct writes what is unset as null.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from ocpp import v16 as other
from ocpp.charge_point import camel_to_snake_case, remove_nones, snake_to_camel_case
from ocpp.messages import Call
from ocpp.messages import _validate_payload as validate_payload

from ocpp_trio import Request, v16
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.reader import strict_type
from ocpp_trio.wire.shape import Member

CODEC = codec_of(v16.version)
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def twin_of(payload_type: type) -> type[msgspec.Struct]:
    """The strict Struct that a person would write, with date-times as msgspec reads them."""
    members = payload_type._shape.members  # type: ignore[attr-defined]  # set by Payload
    return msgspec.defstruct(
        payload_type.__name__,
        [(m.name, _type_of(m)) if m.required else (m.name, _type_of(m), None) for m in members],
        rename={m.name: m.wire_name for m in members},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )


def _type_of(member: Member) -> Any:  # noqa: ANN401  # type expressions have no type
    if member.leaf is not datetime and not member.nested:
        return strict_type(member)
    leaf: Any = twin_of(member.leaf) if member.nested else Annotated[datetime, msgspec.Meta(tz=True)]
    return tuple[leaf, ...] if member.many else leaf


def samples() -> dict[str, Request[Any, Any]]:
    """One payload of each size that matters."""
    sampled = tuple(
        v16.SampledValue(
            value=f"{230 + number}.1",
            context=v16.ReadingContext.SAMPLE_PERIODIC,
            format=v16.ValueFormat.RAW,
            measurand=v16.Measurand.VOLTAGE,
            phase=v16.Phase.L1_N,
            location=v16.Location.OUTLET,
            unit=v16.UnitOfMeasure.V,
        )
        for number in range(6)
    )
    periods = tuple(
        v16.ChargingSchedulePeriod(start_period=3600 * hour, limit=8.0 + hour / 10, number_phases=3)
        for hour in range(24)
    )
    profile = v16.ChargingProfile(
        charging_profile_id=1,
        stack_level=0,
        charging_profile_purpose=v16.ChargingProfilePurposeType.TX_PROFILE,
        charging_profile_kind=v16.ChargingProfileKindType.RELATIVE,
        charging_schedule=v16.ChargingSchedule(
            duration=86400, charging_rate_unit=v16.ChargingRateUnitType.A, charging_schedule_period=periods
        ),
    )
    return {
        "Heartbeat": v16.HeartbeatRequest(),
        "BootNotification": v16.BootNotificationRequest(
            charge_point_vendor="Acme", charge_point_model="W22", charge_point_serial_number="SN-1", iccid="8931"
        ),
        "MeterValues 2 x 6": v16.MeterValuesRequest(
            connector_id=1,
            transaction_id=9001,
            meter_value=(v16.MeterValue(timestamp=NOW, sampled_value=sampled),) * 2,
        ),
        "SetChargingProfile 24 periods": v16.SetChargingProfileRequest(connector_id=1, cs_charging_profiles=profile),
    }


def inbound(request: Request[Any, Any], text: bytes) -> dict[str, Callable[[], object]]:
    """Decode and validate."""
    struct = msgspec.json.Decoder(twin_of(type(request)))
    action = type(request).action
    payload_class = getattr(other.call, action)

    def by_package() -> object:
        payload = json.loads(text)
        validate_payload(Call("1", action, payload), "1.6")
        return payload_class(**camel_to_snake_case(payload))

    return {
        "ocpp_trio": lambda: CODEC.decode(type(request), text),
        "struct": lambda: struct.decode(text),
        "json": lambda: json.loads(text),
        "ocpp": by_package,
    }


def outbound(request: Request[Any, Any], text: bytes) -> dict[str, Callable[[], object]]:
    """Validate and encode."""
    struct = msgspec.json.Decoder(twin_of(type(request))).decode(text)
    encoder = msgspec.json.Encoder()
    action = type(request).action
    theirs = getattr(other.call, action)(**camel_to_snake_case(json.loads(text)))
    loose = json.loads(text)

    def by_package() -> object:
        payload = snake_to_camel_case(remove_nones(asdict(theirs)))
        validate_payload(Call("1", action, payload), "1.6")
        return json.dumps(payload, separators=(",", ":"))

    return {
        "ocpp_trio": lambda: CODEC.encode(request),
        "struct": lambda: encoder.encode(struct),
        "json": lambda: json.dumps(loose, separators=(",", ":")),
        "ocpp": by_package,
    }


def measure(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Microseconds of each, the fastest of interleaved rounds."""
    best = dict.fromkeys(contenders, float("inf"))
    repeats = {name: _repeats(function) for name, function in contenders.items()}
    for _ in range(rounds):
        for name, function in contenders.items():
            best[name] = min(best[name], _once(function, repeats[name]))
    return best


def _repeats(function: Callable[[], object]) -> int:
    return max(1, int(2_000 / _once(function, 1)))


def _once(function: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - start) / repeats * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    print(
        f"{'us per payload':34}{'ocpp_trio':>10}{'struct':>10}{'json':>10}{'ocpp':>10}{'x struct':>10}{'ocpp / us':>10}"
    )
    for direction, contenders in (("in", inbound), ("out", outbound)):
        for name, request in samples().items():
            best = measure(contenders(request, CODEC.encode(request)), rounds)
            ours = best["ocpp_trio"]
            cells = "".join(f"{best[who]:10.2f}" for who in ("ocpp_trio", "struct", "json", "ocpp"))
            ratios = f"{ours / best['struct']:10.2f}{best['ocpp'] / ours:10.1f}"
            print(f"{direction:6}{name:28}{cells}{ratios}")


if __name__ == "__main__":
    main()
