"""A peer's certificate as a value, for whoever decides what it is good for."""

import hashlib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Self

import attrs
import trio


@attrs.frozen(kw_only=True)
class PeerCertificate:
    """A certificate that a trusted CA signed for the peer of a connection.

    `common_name` and `organization` are of the subject, and None where it has none or several: two names prove
    neither. `serial_number` is that of the certificate itself, in hexadecimal digits; what OCPP calls a charge
    point's serial number is in the common name (security profile 3). `fingerprint` is SHA-256, in
    hexadecimal digits.
    """

    common_name: str | None
    organization: str | None
    serial_number: str
    issuer: str | None
    """The common name of the CA that signed it."""
    alternative_names: tuple[tuple[str, str], ...] = ()
    """Pairs like ("DNS", "csms.example")."""
    not_before: datetime
    not_after: datetime
    fingerprint: str
    der: bytes = attrs.field(repr=False)

    @classmethod
    def of(cls, stream: trio.abc.Stream) -> Self | None:
        """What the peer of a stream has shown; None without TLS, and where it showed nothing or nobody checked it."""
        if not isinstance(stream, trio.SSLStream):
            return None
        der = stream.getpeercert(binary_form=True)
        shown = stream.getpeercert()  # empty if it was not verified
        if not der or not shown:
            return None
        return cls(
            common_name=_only(shown["subject"], "commonName"),
            organization=_only(shown["subject"], "organizationName"),
            serial_number=shown["serialNumber"],
            issuer=_only(shown["issuer"], "commonName"),
            alternative_names=tuple((str(kind), str(name)) for kind, name in shown.get("subjectAltName", ())),
            not_before=_instant(shown["notBefore"]),
            not_after=_instant(shown["notAfter"]),
            fingerprint=hashlib.sha256(der).hexdigest(),
            der=der,
        )


def _only(name: tuple[tuple[tuple[str, str], ...], ...], attribute: str) -> str | None:
    """The value of an attribute that a distinguished name has once."""
    found = list(_values(name, attribute))
    return found[0] if len(found) == 1 else None


def _values(name: tuple[tuple[tuple[str, str], ...], ...], attribute: str) -> Iterator[str]:
    for part in name:
        for key, value in part:
            if key == attribute:
                yield value


def _instant(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
