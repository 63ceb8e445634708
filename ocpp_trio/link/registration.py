"""Whether a station is registered, and what may be said before it is (OCPP 1.6 section 4.2).

Owns the gate of a session. It outlives the session: registration belongs to the boot, not to the socket.
"""

from enum import Enum
from typing import Final

import attrs


class Registration(Enum):
    """The last answer to a BootNotification; UNKNOWN before there was one."""

    UNKNOWN = "Unknown"
    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


class Verdict(Enum):
    """What to do with an incoming CALL."""

    PASS = "pass"
    REFUSE = "refuse"
    IGNORE = "ignore"


@attrs.define(eq=False)
class Gate:
    """What may be called while a station is not accepted. This base lets everything pass.

    `triggered` holds the actions that a TriggerMessage permitted since the last boot reply.
    """

    boot_action: str
    registration: Registration = Registration.UNKNOWN
    triggered: set[str] = attrs.Factory(set)

    def reset(self) -> None:
        """The station boots again: what was said before no longer counts."""
        self.registration = Registration.UNKNOWN
        self.triggered.clear()

    def note_boot(self, status: str) -> None:
        """A BootNotification was answered with this status."""
        self.registration = _BY_STATUS.get(status, Registration.UNKNOWN)
        self.triggered.clear()

    def note_trigger(self, action: str) -> None:
        """A TriggerMessage for this action was accepted."""
        self.triggered.add(action)

    def may_send(self, action: str) -> bool:
        """Whether this end may send a CALL of this action now."""
        return True

    def judge(self, action: str) -> Verdict:
        """What to do with a CALL of this action from the peer."""
        return Verdict.PASS

    def _permitted(self, action: str) -> bool:
        return action == self.boot_action or (self.registration is Registration.PENDING and action in self.triggered)


class ChargePointGate(Gate):
    """The station's side: before Accepted only BootNotification and triggered messages go out.

    While Rejected, calls from the CSMS get no answer at all.
    """

    def may_send(self, action: str) -> bool:
        return self.registration is Registration.ACCEPTED or self._permitted(action)

    def judge(self, action: str) -> Verdict:
        return Verdict.IGNORE if self.registration is Registration.REJECTED else Verdict.PASS


class CsmsGate(Gate):
    """The CSMS's side: only a station that was answered Pending or Rejected is held back.

    One that this process has never booted passes, so that a restarted CSMS does not refuse its fleet.
    """

    def judge(self, action: str) -> Verdict:
        held_back = self.registration in (Registration.PENDING, Registration.REJECTED)
        return Verdict.REFUSE if held_back and not self._permitted(action) else Verdict.PASS


_BY_STATUS: Final = {registration.value: registration for registration in Registration}
