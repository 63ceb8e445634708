"""The connector and the main controller: status, cable, availability.

Owns what is reported as connector 1 and connector 0. Knows neither transactions nor messages: it says
every change of status to a function it is given.
"""

from collections.abc import Callable
from typing import Final

from ocpp_trio import OcppError
from ocpp_trio.simulator.status import TRANSITIONS
from ocpp_trio.v16 import AvailabilityStatus, AvailabilityType, ChargePointStatus

MAIN: Final = 0
CONNECTOR: Final = 1
IN_TRANSACTION: Final = frozenset(
    {ChargePointStatus.CHARGING, ChargePointStatus.SUSPENDED_EV, ChargePointStatus.SUSPENDED_EVSE}
)


class NotPossible(OcppError):
    """The station cannot do this now; the message says why."""


class Connector:
    """Connector 1, and as connector 0 the charge point as a whole."""

    def __init__(self, tell: Callable[[int, ChargePointStatus], None]) -> None:
        self._tell = tell
        self._operative = {MAIN: True, CONNECTOR: True}
        self.plugged = False
        self.main_status = ChargePointStatus.AVAILABLE
        self.status = ChargePointStatus.AVAILABLE

    @property
    def busy(self) -> bool:
        """Whether a transaction runs here."""
        return self.status in IN_TRANSACTION

    @property
    def operative(self) -> bool:
        """Whether it may be used: the connector and the charge point both have to be operative."""
        return all(self._operative.values())

    def step(self, *statuses: ChargePointStatus) -> None:
        """Go through these statuses. Raises NotPossible at a step that OCPP 1.6 section 4.9 does not have."""
        for status in statuses:
            if status not in TRANSITIONS[self.status]:
                raise NotPossible(f"no way from {self.status.value} to {status.value}")
            self.status = status
            self._tell(CONNECTOR, status)

    def rest(self) -> None:
        """The transaction is over: on to whatever the cable and the availability call for."""
        if not self.operative:
            self.step(ChargePointStatus.UNAVAILABLE)  # directly, not by way of Available
        else:
            self.step(ChargePointStatus.FINISHING if self.plugged else ChargePointStatus.AVAILABLE)
        self.settle()

    def want(self, connector_id: int, wanted: AvailabilityType) -> AvailabilityStatus:
        """Answer a ChangeAvailability (OCPP 1.6 section 5.2); `settle` carries it out.

        During a transaction Inoperative is put off until its end, and Operative takes that back. What is
        wanted of connector 0 is wanted of the connector too.
        """
        if connector_id not in self._operative:
            return AvailabilityStatus.REJECTED
        operative = wanted is AvailabilityType.OPERATIVE
        for number in (MAIN, CONNECTOR) if connector_id == MAIN else (CONNECTOR,):
            self._operative[number] = operative
        return AvailabilityStatus.SCHEDULED if self.busy and not operative else AvailabilityStatus.ACCEPTED

    def settle(self) -> None:
        """Be as available as is wanted, unless a transaction is in the way. Asked twice it does nothing."""
        if self.busy:
            return
        main = ChargePointStatus.AVAILABLE if self._operative[MAIN] else ChargePointStatus.UNAVAILABLE
        if main is not self.main_status:
            self.main_status = main
            self._tell(MAIN, main)
        if self.operative and self.status is ChargePointStatus.UNAVAILABLE:
            self.step(ChargePointStatus.PREPARING if self.plugged else ChargePointStatus.AVAILABLE)
        elif not self.operative and self.status is not ChargePointStatus.UNAVAILABLE:
            self._take_out_of_service()

    def _take_out_of_service(self) -> None:
        if self.status is ChargePointStatus.PREPARING:  # from which there is no direct way
            self.step(ChargePointStatus.FINISHING if self.plugged else ChargePointStatus.AVAILABLE)
        self.step(ChargePointStatus.UNAVAILABLE)
