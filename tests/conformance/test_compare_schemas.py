"""The tables that the tool prints are those that the tests enforce."""

from random import Random

import pytest

from tests.conformance.generate import broken, sound
from tests.conformance.schemas import DIFFERENCES, PAYLOADS, common
from tests.conformance.sheet import SHEET, Case
from tools.compare_schemas import SAMPLES, Line, _judged, line, main, table_of_rules, table_of_subjects


def test_a_payload_without_differences_is_judged_alike() -> None:
    authorize = line("Authorize")

    assert (authorize.taken_by_both, authorize.refused_by_us_only, authorize.rules_differ) == (SAMPLES, 0, 0)
    assert authorize.rules_alike == 7
    assert authorize.refused_by_both > 10


def test_what_only_we_refuse_is_not_said_to_be_refused_by_both() -> None:
    schema = common("UnlockConnector")
    defects = list(broken(schema, sound(schema, Random(1), complete=True)))

    assert line("UnlockConnector") == Line(
        rules_alike=6,
        taken_by_both=SAMPLES,
        refused_by_both=len(defects) - 2,
        refused_by_us_only=2,  # -1, and a number far below it
        rules_differ=1,
    )


def test_every_rule_that_differs_is_printed_under_its_row() -> None:
    text = "\n".join(table_of_rules())

    for title, entry in DIFFERENCES.items():
        assert f"{entry.row}: {title}: ours " in text
    assert text.count("because: ") == len(DIFFERENCES)


def test_every_row_of_the_sheet_is_printed_with_its_payloads() -> None:
    text = "\n".join(table_of_subjects())

    for name, row in SHEET.items():
        assert f"\n{name}: {row.where}\n" in f"\n{text}"
    for case in (case for row in SHEET.values() for case in row.cases):
        assert f"    {case.change} " in text


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (SHEET["D1"].cases[0], "we take    they take"),
        (SHEET["D2"].cases[1], "we take    they refuse"),
        (SHEET["D4"].cases[0], "we refuse  they take   EMPTY_LISTS takes it"),
        (SHEET["D7"].cases[0], "we take    they take   a constructor refuses it"),
    ],
)
def test_both_sides_are_asked(case: Case, verdict: str) -> None:
    assert _judged(case).endswith(f" {verdict}")


def test_the_tool_prints_a_line_per_payload(capsys: pytest.CaptureFixture[str]) -> None:
    main()

    lines = capsys.readouterr().out.splitlines()
    assert [each.split()[0] for each in lines[1:79]] == sorted(PAYLOADS)
    assert lines[79].startswith("78 payloads ")
