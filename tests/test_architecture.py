"""The direction of the imports, the one network seam and the names of the files, read from the source with `ast`."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

PACKAGE: Final = "ocpp_trio"
SOURCE: Final = Path(__file__).parents[1] / PACKAGE

# The package itself is the room "ocpp_trio": the public names.
VERSIONS: Final = frozenset({"v16", "v201", "v21"})
PURE: Final = frozenset({"errors", "wire"}) | VERSIONS
CORE: Final = PURE | {"link", "charge_point", "csms", "observe"}
PUBLIC: Final = VERSIONS | {PACKAGE, "observe"}

# Which rooms a room may import besides itself. A room without a row may not exist.
MAY_IMPORT: Final[dict[str, frozenset[str]]] = {
    "errors": frozenset(),
    "wire": frozenset({"errors"}),
    "v16": frozenset({"errors", "wire"}),
    "v201": frozenset({"errors", "wire"}),
    "v21": frozenset({"errors", "wire"}),
    "link": frozenset({"errors", "wire"}),
    "charge_point": frozenset({"errors", "wire", "link"}),
    "csms": frozenset({"errors", "wire", "link"}),
    "observe": frozenset({"errors", "wire", "link"}),
    PACKAGE: CORE,
    "testing": PUBLIC,
    "simulator": PUBLIC,
    "backend": PUBLIC,
    "cli": PUBLIC | {"testing", "simulator", "backend"},
}

# Libraries that only one place may know: the WebSocket engine has one seam, and what an extra installs stays optional.
ONLY_IN: Final[dict[str, tuple[str, ...]]] = {
    "trio_websocket": ("link/transport.py",),
    "wsproto": ("link/transport.py", "link/handshake.py", "link/referee.py", "link/guard.py"),
    "prometheus_client": ("observe/prometheus.py",),
    "coredis": ("backend/",),
    "sqlite3": ("backend/",),
    "starlette": ("backend/api/",),
    "hypercorn": ("backend/api/",),
    "h11": ("backend/api/",),
    "cyclopts": ("cli/",),
    "trustme": ("cli/",),
}

IO: Final = frozenset({"trio", "trio_websocket", "wsproto", "socket", "ssl", "asyncio"})

SAYS_NOTHING: Final = frozenset({"utils", "helpers", "common", "manager", "base"})


class Import(NamedTuple):
    """One imported module or name, written absolutely."""

    line: int
    module: str


def violations(package: Path) -> list[str]:
    """One sentence per broken rule in the tree under `package`, which stands for ocpp_trio."""
    return [
        f"{path.relative_to(package).as_posix()}{found}"
        for path in sorted(package.rglob("*.py"))
        for found in _violations_in(path.relative_to(package), path.read_text(encoding="utf-8"))
    ]


def _violations_in(file: Path, source: str) -> Iterator[str]:
    tree = ast.parse(source)
    if not ast.get_docstring(tree):
        yield ": has no docstring; a module says what it owns and what it must not know"
    for part in (*file.parts[:-1], file.stem):
        if part in SAYS_NOTHING:
            yield f": {part!r} says nothing about what is in it; name the idea"
    room = _room_of_file(file)
    if room not in MAY_IMPORT:
        yield f": the room {room!r} is not in the table of rooms"
        return
    for found in _imports(file, tree):
        for rule in _rules_broken(file, room, found.module):
            yield f":{found.line}: imports {found.module}: {rule}"


def _rules_broken(file: Path, room: str, module: str) -> Iterator[str]:
    target = _room_of_module(module)
    if target is not None and target != room and target not in MAY_IMPORT[room]:
        yield f"{room} may import {_list_of(MAY_IMPORT[room])}"
    library = module.partition(".")[0]
    if library in IO and room in PURE:
        yield f"{room} is pure: neither trio nor I/O"
    if library in ONLY_IN and not file.as_posix().startswith(ONLY_IN[library]):
        yield f"only {' or '.join(ONLY_IN[library])} may import {library}"


def _list_of(rooms: frozenset[str]) -> str:
    return ", ".join(sorted(rooms)) or "no other room"


def _room_of_file(file: Path) -> str:
    if file.as_posix() == "__init__.py":
        return PACKAGE
    return file.parts[0].removesuffix(".py")


def _room_of_module(module: str) -> str | None:
    """The room that `ocpp_trio.a.b` is in; the package itself for a public name; None for other people's modules."""
    package, _, rest = module.partition(".")
    if package != PACKAGE:
        return None
    first = rest.partition(".")[0]
    # `from ocpp_trio import Router` reads like a module ocpp_trio.Router: what is not a room is a public name.
    return first if first in MAY_IMPORT else PACKAGE


def _imports(file: Path, tree: ast.Module) -> Iterator[Import]:
    """Every import of the file, also those inside functions and under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(file, node)
            # Only what is imported from the package itself may be a room; further down the module is enough.
            names = [f"{origin}.{alias.name}" for alias in node.names] if origin == PACKAGE else [origin]
            yield from (Import(node.lineno, name) for name in names)


def _origin(file: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    folder = [PACKAGE, *file.parts[:-1]]
    base = folder[: len(folder) - (node.level - 1)]
    return ".".join([*base, *([node.module] if node.module else [])])


def test_ocpp_trio_keeps_to_the_rooms():
    found = violations(SOURCE)

    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        (
            "link/session.py",
            "from ocpp_trio.csms.server import serve_csms",
            "link/session.py:2: imports ocpp_trio.csms.server: link may import errors, wire",
        ),
        (
            "link/session.py",
            "from ..csms import server",
            "link/session.py:2: imports ocpp_trio.csms: link may import errors, wire",
        ),
        (
            "link/session.py",
            "from ocpp_trio import Router",
            "link/session.py:2: imports ocpp_trio.Router: link may import errors, wire",
        ),
        (
            "link/session.py",
            "def late():\n    from ocpp_trio import testing",
            "link/session.py:3: imports ocpp_trio.testing: link may import errors, wire",
        ),
        (
            "errors.py",
            "import ocpp_trio.wire.frames",
            "errors.py:2: imports ocpp_trio.wire.frames: errors may import no other room",
        ),
        (
            "simulator/station.py",
            "from ocpp_trio.link.session import Session",
            "simulator/station.py:2: imports ocpp_trio.link.session: "
            "simulator may import observe, ocpp_trio, v16, v201, v21",
        ),
        (
            "simulator/station.py",
            "from ocpp_trio import link",
            "simulator/station.py:2: imports ocpp_trio.link: simulator may import observe, ocpp_trio, v16, v201, v21",
        ),
        ("wire/codec.py", "import trio", "wire/codec.py:2: imports trio: wire is pure: neither trio nor I/O"),
        (
            "v16/core.py",
            "from socket import socket",
            "v16/core.py:2: imports socket: v16 is pure: neither trio nor I/O",
        ),
        (
            "link/connection.py",
            "from wsproto.events import Ping",
            "link/connection.py:2: imports wsproto.events: only link/transport.py or link/handshake.py or "
            "link/referee.py or link/guard.py may import wsproto",
        ),
        (
            "csms/server.py",
            "import trio_websocket",
            "csms/server.py:2: imports trio_websocket: only link/transport.py may import trio_websocket",
        ),
        (
            "link/utils.py",
            "",
            "link/utils.py: 'utils' says nothing about what is in it; name the idea",
        ),
        (
            "csms/common/names.py",
            "",
            "csms/common/names.py: 'common' says nothing about what is in it; name the idea",
        ),
        ("attic/old.py", "", "attic/old.py: the room 'attic' is not in the table of rooms"),
    ],
)
def test_a_violation_is_named_with_its_rule(tmp_path: Path, file: str, source: str, expected: str):
    write(tmp_path, file, f'"""A docstring."""\n{source}\n')

    assert violations(tmp_path) == [expected]


def test_a_module_without_a_docstring_is_reported(tmp_path: Path):
    write(tmp_path, "csms/server.py", "import trio\n")

    assert violations(tmp_path) == [
        "csms/server.py: has no docstring; a module says what it owns and what it must not know"
    ]


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("__init__.py", "from ocpp_trio.csms.server import serve_csms as serve_csms"),
        ("v16/core.py", "from ocpp_trio.wire.message import Request"),
        ("v16/core.py", "from .types import IdTag"),
        ("link/transport.py", "import socket, ssl, trio, trio_websocket, wsproto"),
        ("link/session.py", "from ..errors import OcppError"),
        ("observe/prometheus.py", "import prometheus_client"),
        ("simulator/station.py", "from ocpp_trio import Router, open_charge_point, v16"),
        ("backend/handlers.py", "from ocpp_trio.v16 import BootNotificationRequest"),
        ("cli/demo.py", "import cyclopts\nfrom ocpp_trio.simulator import Station"),
    ],
)
def test_what_is_allowed_is_not_reported(tmp_path: Path, file: str, source: str):
    write(tmp_path, file, f'"""A docstring."""\n{source}\n')

    assert violations(tmp_path) == []


def write(package: Path, file: str, source: str) -> None:
    path = package / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
