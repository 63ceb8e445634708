"""Which status of a connector may follow which (OCPP 1.6 section 4.9).

The table of the specification as data; what is not in it does not happen.
"""

from collections.abc import Mapping
from typing import Final

from ocpp_trio.v16 import ChargePointStatus

_S = ChargePointStatus
TRANSITIONS: Final[Mapping[ChargePointStatus, Mapping[ChargePointStatus, str]]] = {
    _S.AVAILABLE: {
        _S.PREPARING: "A2",
        _S.CHARGING: "A3",
        _S.SUSPENDED_EV: "A4",
        _S.SUSPENDED_EVSE: "A5",
        _S.RESERVED: "A7",
        _S.UNAVAILABLE: "A8",
        _S.FAULTED: "A9",
    },
    _S.PREPARING: {
        _S.AVAILABLE: "B1",
        _S.CHARGING: "B3",
        _S.SUSPENDED_EV: "B4",
        _S.SUSPENDED_EVSE: "B5",
        _S.FINISHING: "B6",
        _S.FAULTED: "B9",
    },
    _S.CHARGING: {
        _S.AVAILABLE: "C1",
        _S.SUSPENDED_EV: "C4",
        _S.SUSPENDED_EVSE: "C5",
        _S.FINISHING: "C6",
        _S.UNAVAILABLE: "C8",
        _S.FAULTED: "C9",
    },
    _S.SUSPENDED_EV: {
        _S.AVAILABLE: "D1",
        _S.CHARGING: "D3",
        _S.SUSPENDED_EVSE: "D5",
        _S.FINISHING: "D6",
        _S.UNAVAILABLE: "D8",
        _S.FAULTED: "D9",
    },
    _S.SUSPENDED_EVSE: {
        _S.AVAILABLE: "E1",
        _S.CHARGING: "E3",
        _S.SUSPENDED_EV: "E4",
        _S.FINISHING: "E6",
        _S.UNAVAILABLE: "E8",
        _S.FAULTED: "E9",
    },
    _S.FINISHING: {
        _S.AVAILABLE: "F1",
        _S.PREPARING: "F2",
        _S.UNAVAILABLE: "F8",
        _S.FAULTED: "F9",
    },
    _S.RESERVED: {
        _S.AVAILABLE: "G1",
        _S.PREPARING: "G2",
        _S.UNAVAILABLE: "G8",
        _S.FAULTED: "G9",
    },
    _S.UNAVAILABLE: {
        _S.AVAILABLE: "H1",
        _S.PREPARING: "H2",
        _S.CHARGING: "H3",
        _S.SUSPENDED_EV: "H4",
        _S.SUSPENDED_EVSE: "H5",
        _S.FAULTED: "H9",
    },
    _S.FAULTED: {
        _S.AVAILABLE: "I1",
        _S.PREPARING: "I2",
        _S.CHARGING: "I3",
        _S.SUSPENDED_EV: "I4",
        _S.SUSPENDED_EVSE: "I5",
        _S.FINISHING: "I6",
        _S.RESERVED: "I7",
        _S.UNAVAILABLE: "I8",
    },
}
"""From a status to its successors, each with the label that the specification gives the step."""
