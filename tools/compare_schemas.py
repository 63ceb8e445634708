"""How our messages of OCPP 1.6 compare with the official JSON schemas, as a table.

    python -m tools.compare_schemas

One line per payload: how many rules both sides have in common, how many generated payloads both accept, how
many payloads with one broken rule both refuse, and where we differ on purpose. The schemas are those that
the `ocpp` package ships. What is printed here is enforced in `tests/conformance`.
"""

import json
import textwrap
from random import Random

from ocpp_trio import RemoteProtocolError, v16
from ocpp_trio.wire.codec import codec_of
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

SAMPLES = 60
_codec = codec_of(v16.version)


def we_take(name: str, text: str) -> bool:
    """Whether our codec accepts a payload."""
    try:
        _codec.decode(PAYLOADS[name], text.encode())
    except RemoteProtocolError:
        return False
    return True


def line(name: str) -> tuple[str, int, int, int, int]:
    """A payload's line of the table: rules in common, sound payloads taken, broken ones refused, differences."""
    ours, theirs = dict(rules_of_class(PAYLOADS[name])), dict(rules_of_schema(official(name)))
    differing = differences(ours, theirs)
    rng, schema = Random(f"ocpp1.6 {name}"), common(name)
    texts = [json.dumps(sound(schema, rng)) for _ in range(SAMPLES)]
    defects = [json.dumps(each.value) for each in broken(schema, sound(schema, rng, complete=True))]
    taken = sum(they_take(name, text) and we_take(name, text) for text in texts)
    # Where we are the stricter side the schema takes what is broken; that is a difference, and shown as one.
    refused = sum(not we_take(name, text) for text in defects)
    return name, len(ours.keys() | theirs.keys()) - len(differing), taken, refused, len(differing)


def main() -> None:
    lines = [line(name) for name in sorted(PAYLOADS)]
    print(f"{'payload':42}{'rules alike':>12}{'taken by both':>15}{'refused':>9}{'differences':>13}")
    for name, alike, taken, refused, differing in lines:
        print(f"{name:42}{alike:12}{taken:15}{refused:9}{differing or '':>13}")
    totals = [sum(row[column] for row in lines) for column in range(1, 5)]  # type: ignore[misc]  # numbers all
    print(f"{f'{len(lines)} payloads':42}{totals[0]:12}{totals[1]:15}{totals[2]:9}{totals[3]:13}\n")
    for title, entry in DIFFERENCES.items():
        shown = [sorted(side) if isinstance(side, frozenset) else side for side in (entry.ours, entry.theirs)]
        if isinstance(entry.ours, frozenset):
            shown = [f"with {', '.join(sorted(entry.ours - entry.theirs))}", "without"]
        print(f"{title}: ours {shown[0]}, theirs {shown[1]}")
        print(textwrap.indent("\n".join(f"{name} {rule}" for name, rule in entry.places.items()), "    "))
        print(textwrap.fill(entry.reason, 110, initial_indent="  because ", subsequent_indent="  "))


if __name__ == "__main__":
    main()
