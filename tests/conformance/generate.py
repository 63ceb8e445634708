"""Payloads made from a JSON schema: sound ones, and every way to break one rule of it."""

import copy
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import attrs

from tests.conformance.schemas import Schema

Json = Any

_LETTERS = 'abcXYZ019 _-./:"\\\n\té站😀'
_ONE_OF_EACH_TYPE: Final[tuple[Json, ...]] = (None, True, 1, 1.5, "x", [], {})
ABSENT: Final = object()
"""In place of a value: no such member."""
_MANY: Final = 3
"""Elements of a list at most, and the most characters of a text, but for one that is as long as it may be."""


def sound(schema: Schema, rng: Random, *, complete: bool = False) -> Json:
    """A value that the schema accepts; a complete one has every member there is, and no list is empty."""
    kind = schema["type"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if kind == "object":
        required = schema.get("required", ())
        return {
            name: sound(member, rng, complete=complete)
            for name, member in schema.get("properties", {}).items()
            if complete or name in required or rng.random() < 0.5
        }
    if kind == "array":
        least = max(schema.get("minItems", 0), int(complete))
        return [sound(schema["items"], rng, complete=complete) for _ in range(rng.randint(least, _MANY))]
    if kind == "string":
        return _text(schema, rng)
    if kind == "boolean":
        return rng.random() < 0.5
    whole = rng.choice((0, 1, rng.randint(0, 100_000), rng.randint(0, 2**53)))
    whole = max(whole, schema["minimum"]) if "minimum" in schema else whole * rng.choice((1, -1))
    return whole if kind == "integer" or rng.random() < 0.3 else whole % 10**9 / 10


def _text(schema: Schema, rng: Random) -> str:
    match schema.get("format"):
        case "date-time":
            moment = datetime(2026, 1, 1) + timedelta(seconds=rng.randint(-(10**9), 10**9))
            digits = rng.choice(("", ".5", ".120", ".999999", ".123456000"))
            return moment.isoformat() + digits + rng.choice(("Z", "z", "+02:00", "-09:30", "-00:00"))
        case "uri":
            return f"https://files.example.org/{rng.randint(0, 99)}"
    limit = schema.get("maxLength", 10 * _MANY)
    length = rng.choice((0, min(_MANY, limit), limit))
    return "".join(rng.choice(_LETTERS) for _ in range(length))


_NO_DATE_TIMES: Final = (
    "",
    "21.11.2026 09:30",
    "2026-11-21",
    "2026-11-21T09:30:00",
    "2026-11-21 09:30:00Z",
    "2026-11-21T09:30:00+0200",
    "2026-11-21 09:30:00.5-0330",
    "2026-11-21T09:30:00+02",
    "2026-11-21T09:30Z",
    "2026-13-21T09:30:00Z",
    "2026-11-21T24:00:00Z",
)


@attrs.frozen
class Broken:
    """A value with one rule broken: which keyword, and where."""

    keyword: str
    path: str
    value: Json


def broken(schema: Schema, value: Json, path: str = "$") -> Iterator[Broken]:
    """Every way to break one keyword of the schema in a complete value that it accepts."""
    for wrong in _ONE_OF_EACH_TYPE:
        if not _is_of_type(schema["type"], wrong):
            yield Broken("type", path, wrong)
    yield from (Broken(keyword, path, wrong) for keyword, wrong in _broken_leaf(schema, value))
    if schema["type"] == "object":
        yield Broken("additionalProperties", path, {**value, "extraMember": 1})
        for name in schema.get("required", ()):
            yield Broken("required", f"{path}.{name}", {key: value[key] for key in value if key != name})
        for name, member in schema.get("properties", {}).items():
            for part in broken(member, value[name], f"{path}.{name}"):
                yield Broken(part.keyword, part.path, {**value, name: part.value})
    elif schema["type"] == "array":
        index = len(value) - 1
        for part in broken(schema["items"], value[index], f"{path}[{index}]"):
            yield Broken(part.keyword, part.path, [*value[:index], part.value])


def _broken_leaf(schema: Schema, value: Json) -> Iterator[tuple[str, Json]]:
    if "enum" in schema:
        yield from (("enum", wrong) for wrong in (value + "x", value.swapcase(), "") if wrong not in schema["enum"])
    if "minimum" in schema:
        yield from (("minimum", wrong) for wrong in (schema["minimum"] - 1, -(2**40)))
    if "maxLength" in schema:
        yield "maxLength", "x" * (schema["maxLength"] + 1)
    if schema.get("minItems"):
        yield "minItems", []
    if "multipleOf" in schema:
        yield from (("multipleOf", wrong) for wrong in (8.15, 0.01, -21.45, 0.1 + 0.2))
    if schema.get("format") == "date-time":
        yield from (("format", wrong) for wrong in _NO_DATE_TIMES)


_PYTHON_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def _is_of_type(kind: str, value: Json) -> bool:
    return type(value) in _PYTHON_TYPES[kind]


def replaced(value: Json, path: str, new: Json) -> Json:
    """A copy of a value with something else at a path such as `$.transactionData[].unit`, in the first of each list."""
    value = copy.deepcopy(value)
    holder: Json = {"$": value}
    steps = path.replace("[]", ".0").split(".")
    for step in steps[:-1]:
        holder = holder[int(step) if step == "0" else step]
    if new is ABSENT:
        del holder[steps[-1]]
    else:
        holder[int(steps[-1]) if steps[-1] == "0" else steps[-1]] = new
    return value if steps[1:] else new
