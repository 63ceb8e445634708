"""What the demo has to have shown, and whether it did: counted on the wire, not believed.

Owns the expectations and the closing table.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from ocpp_trio import Call, Frame, Instrument, Link, v16
from ocpp_trio.backend import Transaction
from ocpp_trio.observe import Counters, Milestones

HEARTBEATS: Final = 4
"""At the least from every station that kept its connection; five fit in."""
HEARTBEATS_AFTER_THE_CUT: Final = 2

_ROWS: Final[tuple[tuple[str, str, Mapping[str, str]], ...]] = (
    ("connections opened", "opens", {}),
    ("calls sent", "call", {"direction": "sent"}),
    ("calls received", "call", {"direction": "received"}),
    ("results sent", "call_result", {"direction": "sent"}),
    ("results received", "call_result", {"direction": "received"}),
    ("errors sent", "call_error", {"direction": "sent"}),
    ("errors received", "call_error", {"direction": "received"}),
    ("heartbeats sent", "heartbeats", {"direction": "sent"}),
    ("heartbeats received", "heartbeats", {"direction": "received"}),
    ("reconnects", "reconnects", {}),
    ("closed as intended", "closes", {"reason": "stopping"}),
    ("closed by the peer", "closes", {"reason": "clean"}),
    ("links cut", "closes", {"reason": "forced"}),
    ("links broken", "closes", {"reason": "transport_error"}),
    ("bad frames", "bad_frames", {}),
    ("timeouts", "timeouts", {}),
    ("replies dropped", "dropped_replies", {}),
    ("handler failures", "handler_failures", {}),
)


class Heard(Instrument):
    """The actions that the CSMS was asked for, by station, in order."""

    def __init__(self) -> None:
        self.actions: dict[str, list[str]] = {}

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        if isinstance(frame, Call):
            self.actions.setdefault(link.identity, []).append(frame.action)


@attrs.frozen
class Check:
    """One expectation: what, what was found, and whether that is good."""

    what: str
    found: str
    good: bool


@attrs.frozen(kw_only=True)
class Evidence:
    """Everything that was counted."""

    stations: Counters
    csms: Counters
    heard: Heard
    transactions: tuple[Transaction, ...]
    milestones: Milestones
    left_open: int
    """Sessions of the CSMS after everything was closed."""

    def checks(self) -> Iterator[Check]:
        """Every expectation in turn."""
        boots = Counter({name: actions.count("BootNotification") for name, actions in self.heard.actions.items()})
        yield _equal("boots by station", dict(sorted(boots.items())), {"CP-1": 1, "CP-2": 2, "CP-3": 1})
        for name in ("CP-1", "CP-3"):
            yield _at_least(f"heartbeats of {name}", self._heartbeats(name), HEARTBEATS)
        yield _at_least("heartbeats of CP-2 after its second boot", self._heartbeats("CP-2"), HEARTBEATS_AFTER_THE_CUT)
        ended = {known.id_tag: known.reason for known in self.transactions if not known.running}
        yield _equal("transactions ended", ended, {"TAG-1": v16.Reason.LOCAL, "TAG-3": v16.Reason.REMOTE})
        for known in self.transactions:
            good = known.energy > 0 and known.readings >= 2
            yield Check(f"transaction {known.transaction_id}", f"{known.energy} Wh, {known.readings} readings", good)
        for side, counters, direction in (("CSMS", self.csms, "sent"), ("station", self.stations, "received")):
            errors = counters.value("call_error", direction=direction, code="NotImplemented")
            yield _equal(f"NotImplemented {direction} by the {side}", errors, 1)
        yield _equal("links cut", self.stations.value("closes", reason="forced"), 1)
        yield _equal("reconnects", self.stations.value("reconnects"), 1)
        for kind in ("call", "call_result", "call_error"):
            for sender, receiver, way in (
                (self.stations, self.csms, "from the stations"),
                (self.csms, self.stations, "from the CSMS"),
            ):
                sent, received = sender.value(kind, direction="sent"), receiver.value(kind, direction="received")
                yield Check(f"{kind} {way}", f"{sent} sent, {received} received", sent == received)
        for trouble in ("timeouts", "dropped_replies", "handler_failures", "bad_frames"):
            yield _equal(trouble, self.stations.value(trouble) + self.csms.value(trouble), 0)
        yield _equal("connections left open", self.left_open, 0)

    def _heartbeats(self, identity: str) -> int:
        """Heartbeats since the last boot of a station."""
        actions = self.heard.actions.get(identity, [])
        boots = [place for place, action in enumerate(actions) if action == "BootNotification"]
        return actions[boots[-1] if boots else 0 :].count("Heartbeat")

    def table(self) -> Iterator[str]:
        """The counters of both sides as lines."""
        yield f"{'':<22}{'stations':>10}{'CSMS':>8}"
        for title, name, labels in _ROWS:
            yield f"{title:<22}{self.stations.value(name, **labels):>10}{self.csms.value(name, **labels):>8}"


def _equal(what: str, found: object, expected: object) -> Check:
    good = found == expected
    return Check(what, f"{found}" if good else f"{found}, expected {expected}", good)


def _at_least(what: str, found: int, expected: int) -> Check:
    good = found >= expected
    return Check(what, f"{found}" if good else f"{found}, expected at least {expected}", good)
