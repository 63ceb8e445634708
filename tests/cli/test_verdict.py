"""Every expectation of the demo can fail."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from ocpp_trio import Call, Link, v16
from ocpp_trio.backend import Transaction
from ocpp_trio.cli.verdict import Evidence, Heard
from ocpp_trio.observe import Counters, Milestones

AT = datetime(2026, 1, 1, tzinfo=UTC)


def transaction(number: int, tag: str, reason: v16.Reason | None) -> Transaction:
    return Transaction(
        transaction_id=number,
        identity="CP",
        connector_id=1,
        id_tag=tag,
        status=v16.AuthorizationStatus.ACCEPTED,
        meter_start=0,
        started_at=AT,
        meter=100,
        readings=2,
        stopped_at=AT if reason else None,
        reason=reason,
    )


class Counted(Counters):
    """Counts to order."""

    def __init__(self, **counts: int) -> None:
        super().__init__()
        self.counts = counts

    def value(self, name: str, **labels: str) -> int:
        return self.counts.get("_".join([name, *labels.values()]), 0)


def good() -> Evidence:
    heard = Heard()
    boot, beat = "BootNotification", "Heartbeat"
    heard.actions = {
        "CP-1": [boot, *[beat] * 4],
        "CP-2": [boot, *[beat] * 9, boot, beat, beat],
        "CP-3": [boot, *[beat] * 5],
    }
    return Evidence(
        stations=Counted(call_error_received_NotImplemented=1, closes_forced=1, reconnects=1),
        csms=Counted(call_error_sent_NotImplemented=1),
        heard=heard,
        transactions=(transaction(1, "TAG-1", v16.Reason.LOCAL), transaction(2, "TAG-3", v16.Reason.REMOTE)),
        milestones=Milestones(),
        left_open=0,
    )


def missing(evidence: Evidence) -> list[str]:
    return [check.what for check in evidence.checks() if not check.good]


def test_good_evidence_is_good():
    assert missing(good()) == []


def _heard(**actions: list[str]) -> Callable[[Evidence], Evidence]:
    def change(evidence: Evidence) -> Evidence:
        heard = Heard()
        heard.actions = {**evidence.heard.actions, **{name.replace("_", "-"): said for name, said in actions.items()}}
        return attrs.evolve(evidence, heard=heard)

    return change


def _counted(side: str, **counts: int) -> Callable[[Evidence], Evidence]:
    def change(evidence: Evidence) -> Evidence:
        changed: Any = {side: Counted(**{**getattr(evidence, side).counts, **counts})}
        return attrs.evolve(evidence, **changed)

    return change


def _second(change: Callable[[Transaction], Transaction]) -> Callable[[Evidence], Evidence]:
    return lambda evidence: attrs.evolve(
        evidence, transactions=(evidence.transactions[0], change(evidence.transactions[1]))
    )


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_heard(CP_1=["Heartbeat"] * 4), ["boots by station"]),
        (_heard(CP_1=["BootNotification", *["Heartbeat"] * 3]), ["heartbeats of CP-1"]),
        (_heard(CP_3=["BootNotification"]), ["heartbeats of CP-3"]),
        (
            _heard(CP_2=["BootNotification", "Heartbeat", "Heartbeat", "BootNotification", "Heartbeat"]),
            ["heartbeats of CP-2 after its second boot"],
        ),
        (_second(lambda known: attrs.evolve(known, stopped_at=None)), ["transactions ended"]),
        (_second(lambda known: attrs.evolve(known, reason=v16.Reason.OTHER)), ["transactions ended"]),
        (_second(lambda known: attrs.evolve(known, meter=0)), ["transaction 2"]),
        (_second(lambda known: attrs.evolve(known, readings=1)), ["transaction 2"]),
        (_counted("csms", call_error_sent_NotImplemented=0), ["NotImplemented sent by the CSMS"]),
        (_counted("stations", call_error_received_NotImplemented=2), ["NotImplemented received by the station"]),
        (_counted("stations", closes_forced=0), ["links cut"]),
        (_counted("stations", reconnects=0), ["reconnects"]),
        (_counted("stations", call_sent=1), ["call from the stations"]),
        (_counted("stations", call_result_received=1), ["call_result from the CSMS"]),
        (_counted("csms", call_error_received=1), ["call_error from the stations"]),
        (_counted("csms", timeouts=1), ["timeouts"]),
        (_counted("stations", dropped_replies=1), ["dropped_replies"]),
        (_counted("csms", handler_failures=1), ["handler_failures"]),
        (_counted("stations", bad_frames=1), ["bad_frames"]),
        (lambda evidence: attrs.evolve(evidence, left_open=1), ["connections left open"]),
    ],
)
def test_what_is_missing_is_named(spoil, expected):
    assert missing(spoil(good())) == expected


def test_the_table_has_a_column_for_each_side():
    lines = list(attrs.evolve(good(), csms=Counted(opens=12)).table())

    assert lines[0].split() == ["stations", "CSMS"]
    assert lines[1].split() == ["connections", "opened", "0", "12"]
    assert len({len(line) for line in lines}) == 1


def test_calls_are_heard_by_station_and_in_order():
    heard = Heard()
    for identity, action in [("CP-1", "BootNotification"), ("CP-2", "Heartbeat"), ("CP-1", "Heartbeat")]:
        frame = Call("m-1", action, b"{}")
        heard.frame_received(Link(identity=identity, role="csms", number=1), frame, action=action, text="")

    assert heard.actions == {"CP-1": ["BootNotification", "Heartbeat"], "CP-2": ["Heartbeat"]}
