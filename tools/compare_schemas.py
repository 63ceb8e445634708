"""How our messages of OCPP 1.6 compare with the official JSON schemas, as tables.

    python -m tools.compare_schemas

Three tables. One line per payload: how many rules are alike, how many generated payloads both sides take, how
many payloads with one broken rule both refuse and how many only we do, and how many rules differ. Then the rules
that differ. Then the subjects on which specification and schemas differ, with payloads that show it and what
either side says of them. Both sides are asked here and now; the schemas are those that the `ocpp` package
ships. What is printed here is enforced in `tests/conformance`.
"""

import json
import textwrap
from collections.abc import Iterator
from random import Random

import attrs

from tests.conformance.generate import broken, sound
from tests.conformance.schemas import (
    DIFFERENCES,
    PAYLOADS,
    common,
    differences,
    official,
    rules_of_class,
    rules_of_schema,
    they_take,
)
from tests.conformance.sheet import SHEET, Case, read

SAMPLES = 60
WIDTH = 110


@attrs.frozen(kw_only=True)
class Line:
    """What the comparison of one payload came to."""

    rules_alike: int
    taken_by_both: int
    refused_by_both: int
    refused_by_us_only: int
    rules_differ: int


def line(name: str) -> Line:
    """Compare the rules of a payload, and have both sides judge payloads made from its schema."""
    ours, theirs = dict(rules_of_class(PAYLOADS[name])), dict(rules_of_schema(official(name)))
    differing = differences(ours, theirs)
    rng, schema = Random(f"ocpp1.6 {name}"), common(name)
    texts = [json.dumps(sound(schema, rng)) for _ in range(SAMPLES)]
    defects = [json.dumps(each.value) for each in broken(schema, sound(schema, rng, complete=True))]
    refused = [they_take(name, text) for text in defects if read(name, text) is None]
    return Line(
        rules_alike=len(ours.keys() | theirs.keys()) - len(differing),
        taken_by_both=sum(they_take(name, text) and read(name, text) is not None for text in texts),
        refused_by_both=refused.count(False),
        refused_by_us_only=refused.count(True),
        rules_differ=len(differing),
    )


def table_of_payloads() -> Iterator[str]:
    """A line per payload, and their sums."""
    titles = [field.name.replace("_", " ") for field in attrs.fields(Line)]
    yield f"{'payload':42}" + "".join(f"{title:>20}" for title in titles)
    lines = {name: attrs.astuple(line(name)) for name in sorted(PAYLOADS)}
    sums = tuple(map(sum, zip(*lines.values(), strict=True)))
    for name, numbers in {**lines, f"{len(lines)} payloads": sums}.items():
        yield f"{name:42}" + "".join(f"{number or '':>20}" for number in numbers)


def table_of_rules() -> Iterator[str]:
    """The rules that differ, where they are and why."""
    for title, entry in DIFFERENCES.items():
        shown = [entry.ours, entry.theirs]
        if isinstance(entry.ours, frozenset):
            shown = [f"with {', '.join(sorted(entry.ours - entry.theirs))}", "without"]
        yield f"{entry.row}: {title}: ours {shown[0]}, theirs {shown[1]}"
        yield from (f"    {name} {rule}" for name, rule in entry.places.items())
        yield _filled("because", entry.reason)


def table_of_subjects() -> Iterator[str]:
    """What specification and schemas say differently, and the payloads that show it."""
    for name, row in SHEET.items():
        yield f"{name}: {row.where}"
        yield _filled("specification", row.specification)
        yield _filled("schemas", row.schemas)
        yield _filled("ours", row.ours)
        yield _filled("because", row.reason)
        yield from (_judged(case) for case in row.cases)


def _judged(case: Case) -> str:
    ours = "take" if read(case.payload, case.text) is not None else "refuse"
    theirs = "take" if they_take(case.payload, case.text) else "refuse"
    lenient = case.leniency and read(case.payload, case.text, case.leniency) is not None
    notes = [f"{case.leniency.name} takes it"] if lenient else []
    notes += ["a constructor refuses it"] if case.ours and not case.sent else []
    return f"    {case.change:84} we {ours:7} they {theirs:7}{', '.join(notes)}".rstrip()


def _filled(title: str, text: str) -> str:
    return textwrap.fill(f"{title}: {text}", WIDTH, initial_indent="  ", subsequent_indent="    ")


def main() -> None:
    for table in (table_of_payloads, table_of_rules, table_of_subjects):
        print("\n".join(table()), end="\n\n")


if __name__ == "__main__":
    main()
