"""The rows of the sheet, held against both sides: each payload is read by them and by us, and written by a person."""

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from ocpp_trio import Leniency, Payload
from tests.conformance.schemas import DIFFERENCES, they_take
from tests.conformance.sheet import BEYOND_RULES, SHEET, Case, read

CASES = [pytest.param(case, id=f"{name} {case.change}") for name, row in SHEET.items() for case in row.cases]
every_case = pytest.mark.parametrize("case", CASES)


@every_case
def test_both_sides_say_what_the_row_says(case: Case) -> None:
    assert they_take(case.payload, case.text) is case.theirs
    assert (read(case.payload, case.text) is not None) is case.ours


@every_case
def test_only_the_leniency_of_the_row_reads_what_is_refused(case: Case) -> None:
    assert (read(case.payload, case.text, case.leniency) is not None) is (case.ours or bool(case.leniency))
    assert (read(case.payload, case.text, Leniency.ALL & ~case.leniency) is not None) is case.ours


@every_case
def test_a_person_may_write_what_the_row_says(case: Case) -> None:
    payload = read(case.payload, case.text, Leniency.ALL)

    if payload is None:  # then it is the constructor's own tests that show it
        assert not case.sent
    else:
        assert constructible(payload) is case.sent


def constructible(payload: Payload) -> bool:
    """Whether a payload and all its parts pass the check of their constructors."""
    try:
        for part in parts(payload):
            attrs.evolve(part)
    except ValueError:
        return False
    return True


def parts(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for item in value:
            yield from parts(item)
    elif isinstance(value, Payload):
        yield value
        for member in value._shape.members:
            yield from parts(getattr(value, member.name))


def test_the_ten_rows_of_the_specification_s_list_come_first() -> None:
    assert list(SHEET) == [*(f"D{number}" for number in range(1, 11)), "locations", "edges"]


@pytest.mark.parametrize("name", SHEET)
def test_a_row_is_whole(name: str) -> None:
    row = SHEET[name]

    assert all((row.where, row.specification, row.schemas, row.ours, row.reason, row.cases))


@pytest.mark.parametrize("name", [name for name in SHEET if name != BEYOND_RULES])
def test_a_row_with_a_payload_that_is_judged_differently_has_rules_that_differ(name: str) -> None:
    """The rules are compared without any payload, so the two tables hold each other to account."""
    judged = {case.payload for case in SHEET[name].cases if case.ours is not case.theirs}
    ruled = {payload for entry in DIFFERENCES.values() if entry.row == name for payload in entry.places}

    assert judged <= ruled
    assert bool(judged) is bool(ruled)


def test_every_difference_of_rules_belongs_to_a_row() -> None:
    assert {entry.row for entry in DIFFERENCES.values()} <= SHEET.keys()
