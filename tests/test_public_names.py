"""The public names are a promise: they change here first, on purpose, and in the changelog."""

import ast
from pathlib import Path

import ocpp_trio

INIT = Path(__file__).parents[1] / "ocpp_trio" / "__init__.py"

EXPECTED = [
    "Acceptance",
    "Allowance",
    "AttemptLimit",
    "Authenticator",
    "Backoff",
    "Call",
    "CallError",
    "CallFailed",
    "CallRejected",
    "CallReport",
    "CallResult",
    "CallTimeout",
    "CertificateNames",
    "ChargePoint",
    "ChargePointStatistics",
    "CloseReason",
    "Closed",
    "Codec",
    "ConnectionClosed",
    "ConnectionState",
    "Credentials",
    "CsmsServer",
    "CsmsStatistics",
    "Defect",
    "ErrorCode",
    "ExponentialBackoff",
    "FleetBackoff",
    "Frame",
    "FrameError",
    "FullJitterBackoff",
    "HandshakeError",
    "Instrument",
    "Instruments",
    "InvalidResponse",
    "Leniency",
    "Limits",
    "Link",
    "LocalProtocolError",
    "Match",
    "NeverLower",
    "Ocpp201Backoff",
    "OcppError",
    "PasswordHashes",
    "Payload",
    "PeerCertificate",
    "ProtocolError",
    "ReconnectPolicy",
    "Refusal",
    "Registration",
    "RemoteProtocolError",
    "Request",
    "Response",
    "Router",
    "SecurityEvent",
    "SecurityEventKind",
    "Session",
    "SessionCounters",
    "SessionStatistics",
    "Settings",
    "TextSink",
    "TextStream",
    "Transition",
    "Transport",
    "Upgrade",
    "Version",
    "any_of",
    "client_context",
    "codec_of",
    "hash_password",
    "json_schema_of",
    "make_converter",
    "open_charge_point",
    "open_client",
    "open_server",
    "parse_frame",
    "serve_csms",
    "server_context",
]


def exported() -> list[str]:
    """The names that the package exports as `X as X`, in the order of the file."""
    imports = [node for node in ast.parse(INIT.read_text()).body if isinstance(node, ast.ImportFrom)]
    return [alias.name for node in imports for alias in node.names if alias.asname == alias.name]


def test_the_public_names_are_these():
    assert sorted(exported()) == EXPECTED


def test_every_public_name_is_there():
    assert [name for name in exported() if not hasattr(ocpp_trio, name)] == []


def test_the_package_holds_its_docstring_and_exports_and_nothing_else():
    docstring, *rest = ast.parse(INIT.read_text()).body

    assert isinstance(docstring, ast.Expr)
    assert [ast.unparse(node) for node in rest if not isinstance(node, ast.ImportFrom)] == []
    # Anything else is invisible to a type checker, which takes only `X as X` for an export.
    not_exported = [
        ast.unparse(alias) for node in rest for alias in getattr(node, "names", []) if alias.asname != alias.name
    ]
    assert not_exported == []
