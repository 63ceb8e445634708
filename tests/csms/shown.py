"""Credentials for the tests of authenticators."""

from datetime import UTC, datetime
from typing import Any

from ocpp_trio import Acceptance, Credentials, PeerCertificate, Refusal

ADDRESS = "192.0.2.1:40000"


def shown(
    identity: str = "CP-1", password: bytes | None = None, *, peer: str = ADDRESS, tls: bool = False, **options: Any
) -> Credentials:
    return Credentials(
        identity=identity,
        path=f"/{identity}",
        subprotocols=("ocpp1.6",),
        headers=(),
        peer=peer,
        password=password,
        tls=tls or "certificate" in options,
        **options,
    )


def certificate(common_name: str | None, organization: str | None = "Operator") -> PeerCertificate:
    return PeerCertificate(
        common_name=common_name,
        organization=organization,
        serial_number="01",
        issuer="Test CA",
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=datetime(2036, 1, 1, tzinfo=UTC),
        fingerprint="00" * 32,
        der=b"",
    )


def detail_of(verdict: Acceptance | Refusal) -> str:
    """What a refusal says; fails for an acceptance."""
    assert isinstance(verdict, Refusal)
    return verdict.detail


def status_of(verdict: Acceptance | Refusal) -> int | None:
    """The status of a refusal."""
    return verdict.status if isinstance(verdict, Refusal) else None
