"""The lifetime of a simulated station: a charge point's connection with a device on it."""

import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import trio

from ocpp_trio import (
    Instrument,
    Limits,
    ReconnectPolicy,
    Router,
    Version,
    open_charge_point,
    v16,
)
from ocpp_trio.simulator import configuration as keys
from ocpp_trio.simulator.answers import Answers
from ocpp_trio.simulator.configuration import Configuration
from ocpp_trio.simulator.device import Device
from ocpp_trio.simulator.meter import Meter

POWER: Final = 11_000
"""W; three phases of 16 A at 230 V."""
BOOT: Final = v16.BootNotificationRequest(charge_point_vendor="ocpp_trio", charge_point_model="Simulator")


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_simulator(
    url: str,
    identity: str,
    *,
    boot: v16.BootNotificationRequest = BOOT,
    version: Version = v16.version,
    configuration: Mapping[str, str] = MappingProxyType({}),
    power: int = POWER,
    meter: int = 0,
    now: Callable[[], datetime] = utc_now,
    reconnect: ReconnectPolicy | None = None,
    limits: Limits | None = None,
    instrument: Instrument | None = None,
    new_message_id: Callable[[], str] | None = None,
    dial: Callable[[str, int], Awaitable[trio.abc.Stream]] = trio.open_tcp_stream,
    rng: random.Random | None = None,
    ssl_context: ssl.SSLContext | None = None,
    password: bytes | None = None,
) -> AsyncIterator[Device]:
    """Simulate a charging station for the time of the body.

    Returns at once; `await device.wait_ready()` waits until the station is registered and has reported its
    status. `power` is what a charging vehicle draws in W, `meter` the first reading of the register in Wh,
    `configuration` overrides values of configuration keys. A CSMS that changes the AuthorizationKey sees the
    station come back with the new one in place of `password`. `version` may be an extended OCPP 1.6, and the
    rest is as for `open_charge_point`.

    A transaction survives the loss of the connection. Messages that fall due meanwhile are logged and lost.
    Leaving the body, also by cancellation, closes the connection and stops the device where it is; stop the
    transaction before if the CSMS is to know. The body's own exception leaves bare.

    Raises ValueError for a bad URL or identity, and for configuration that does not exist.
    """
    device = Device(Configuration(configuration), meter=Meter(meter), power=power, now=now)
    router = Router(version)
    Answers(device).register(router)
    failure: Exception | None = None
    async with open_charge_point(
        url,
        identity,
        router=router,
        boot=boot,
        reconnect=reconnect,
        session_task=device.live_online,
        heartbeat_interval=device.configuration.number(keys.HEARTBEAT_INTERVAL),
        limits=limits,
        instrument=instrument,
        new_message_id=new_message_id,
        dial=dial,
        rng=rng,
        ssl_context=ssl_context,
        password=password,
    ) as station:
        async with trio.open_nursery() as nursery:
            await nursery.start(device.run, station)
            try:
                yield device
            except Exception as exc:
                failure = exc  # raised again outside of the nursery, whose group its author never saw
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure
