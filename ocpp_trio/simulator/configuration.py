"""Configuration keys: what there is, what may be written, and what is written (OCPP 1.6 section 9).

Owns the values. What a key does is the business of whoever reads it. A key that the device has no use
for is read-only, with the value that describes what the device does.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

import attrs
import trio

from ocpp_trio import v16

AUTHORIZE_REMOTE: Final = "AuthorizeRemoteTxRequests"
AUTHORIZATION_KEY: Final = "AuthorizationKey"
CONNECTION_TIME_OUT: Final = "ConnectionTimeOut"
GET_CONFIGURATION_MAX_KEYS: Final = "GetConfigurationMaxKeys"
HEARTBEAT_INTERVAL: Final = "HeartbeatInterval"
METER_VALUES_SAMPLED_DATA: Final = "MeterValuesSampledData"
METER_VALUE_SAMPLE_INTERVAL: Final = "MeterValueSampleInterval"
STOP_ON_EV_SIDE_DISCONNECT: Final = "StopTransactionOnEVSideDisconnect"
STOP_ON_INVALID_ID: Final = "StopTransactionOnInvalidId"

METERED: Final = (v16.Measurand.ENERGY_ACTIVE_IMPORT_REGISTER, v16.Measurand.POWER_ACTIVE_IMPORT)
"""What the meter of a simulated station can measure."""
LONGEST: Final = 2**31 - 1
"""Seconds; what fits the 32 bits that peers give an integer."""


class Access(Enum):
    """What the CSMS may do with a key."""

    READ = auto()
    READ_WRITE = auto()
    WRITE = auto()


Normalize = Callable[[str], str]


@attrs.frozen
class Key:
    """A key and its value at the factory.

    `normalize` makes of a new value what is kept, and raises ValueError for one that the key cannot have.
    """

    name: str
    default: str
    access: Access = Access.READ
    normalize: Normalize = str


def boolean(text: str) -> str:
    """true or false, in any case (OCPP 1.6 section 9)."""
    lowered = text.strip().lower()
    if lowered not in ("true", "false"):
        raise ValueError(f"expected true or false, found {text!r}")
    return lowered


def seconds(text: str) -> str:
    """A decimal integer that is not negative."""
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdecimal() and len(stripped) <= len(str(LONGEST))):
        raise ValueError(f"expected a number of seconds, found {text!r}")
    number = int(stripped)
    if number > LONGEST:
        raise ValueError(f"expected at most {LONGEST}, found {text!r}")
    return str(number)


def measurands(text: str) -> str:
    """A comma-separated list of what the meter measures; one that it does not spoils the list."""
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    known = {measurand.value.casefold(): measurand.value for measurand in METERED}
    unknown = [name for name in names if name.casefold() not in known]
    if unknown:
        raise ValueError(f"expected measurands out of {sorted(known.values())}, found {unknown}")
    return ",".join(dict.fromkeys(known[name.casefold()] for name in names))


def hexadecimal_key(text: str) -> str:
    """16 to 20 bytes as hexadecimal digits, as an AuthorizationKey is written."""
    if not 32 <= len(text) <= 40 or len(text) % 2 or not all(digit in "0123456789abcdefABCDEF" for digit in text):
        raise ValueError("expected 32 to 40 hexadecimal digits")
    return text


KEYS: Final = (
    Key(AUTHORIZATION_KEY, "", Access.WRITE, hexadecimal_key),
    Key(AUTHORIZE_REMOTE, "false", Access.READ_WRITE, boolean),
    Key("ClockAlignedDataInterval", "0"),
    Key(CONNECTION_TIME_OUT, "60", Access.READ_WRITE, seconds),
    Key("ConnectorPhaseRotation", "0.Unknown,1.Unknown"),
    Key(GET_CONFIGURATION_MAX_KEYS, "50"),
    Key(HEARTBEAT_INTERVAL, "86400", Access.READ_WRITE, seconds),
    Key("LocalAuthorizeOffline", "false"),
    Key("LocalPreAuthorize", "false"),
    Key("MeterValuesAlignedData", ""),
    Key(METER_VALUES_SAMPLED_DATA, METERED[0].value, Access.READ_WRITE, measurands),
    Key(METER_VALUE_SAMPLE_INTERVAL, "60", Access.READ_WRITE, seconds),
    Key("NumberOfConnectors", "1"),
    Key("ResetRetries", "0"),
    Key(STOP_ON_EV_SIDE_DISCONNECT, "true", Access.READ_WRITE, boolean),
    Key(STOP_ON_INVALID_ID, "true", Access.READ_WRITE, boolean),
    Key("StopTxnAlignedData", ""),
    Key("StopTxnSampledData", ""),
    Key("SupportedFeatureProfiles", "Core,RemoteTrigger"),
    Key("TransactionMessageAttempts", "1"),
    Key("TransactionMessageRetryInterval", "0"),
    Key("UnlockConnectorOnEVSideDisconnect", "true"),
)
"""Every key that the Core profile requires, and the one secret."""


class Configuration:
    """Values by key; names are compared without regard to case.

    `initial` overrides values of the factory. Raises ValueError where the CSMS could not have set it.
    """

    def __init__(self, initial: Mapping[str, str] = MappingProxyType({})) -> None:
        self._keys = {key.name.casefold(): key for key in KEYS}
        self._values = {key.name: key.default for key in KEYS}
        self._changed = trio.Event()
        for name, value in initial.items():
            status = self.change(name, value)
            if status is not v16.ConfigurationStatus.ACCEPTED:
                raise ValueError(f"cannot set {name} to {value!r}: {status.value}")

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys.values())

    def key(self, name: str) -> Key | None:
        """The key of this name, if there is one."""
        return self._keys.get(name.casefold())

    def text(self, name: str) -> str:
        """A value as it is written. Raises KeyError for a name that is not a key's."""
        return self._values[self._keys[name.casefold()].name]

    def number(self, name: str) -> int:
        """A value as an integer."""
        return int(self.text(name))

    def flag(self, name: str) -> bool:
        """A value as a boolean."""
        return self.text(name) == "true"

    def sampled(self) -> tuple[v16.Measurand, ...]:
        """What goes into sampled meter values."""
        return tuple(v16.Measurand(name) for name in self.text(METER_VALUES_SAMPLED_DATA).split(",") if name)

    def change(self, name: str, value: str) -> v16.ConfigurationStatus:
        """What a ChangeConfiguration does (OCPP 1.6 section 5.3): everything here takes effect at once."""
        key = self.key(name)
        if key is None:
            return v16.ConfigurationStatus.NOT_SUPPORTED
        if key.access is Access.READ:
            return v16.ConfigurationStatus.REJECTED
        try:
            self.put(name, value)
        except ValueError:
            return v16.ConfigurationStatus.REJECTED
        return v16.ConfigurationStatus.ACCEPTED

    def put(self, name: str, value: str) -> None:
        """Set a value from inside the station. Raises ValueError where `change` would not accept it."""
        key = self.key(name)
        if key is None:
            raise ValueError(f"expected a configuration key, found {name!r}")
        self._values[key.name] = key.normalize(value)
        self._changed.set()
        self._changed = trio.Event()

    def shown(self, key: Key) -> v16.KeyValue:
        """A key as GetConfiguration shows it: what can only be written has no value to show."""
        secret = key.access is Access.WRITE
        return v16.KeyValue(
            key=key.name,
            readonly=key.access is Access.READ,
            value=None if secret else self._values[key.name],
        )

    async def wait_changed(self) -> None:
        """Wait for the next change of any value."""
        await self._changed.wait()
