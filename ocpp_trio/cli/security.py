"""What the options about TLS and passwords mean, and what is wrong with them, in one line.

Owns the rules by which options go together. The commands hand the outcome on.
"""

import ssl
from pathlib import Path

import attrs

from ocpp_trio import (
    AttemptLimit,
    Authenticator,
    CertificateNames,
    NeverLower,
    PasswordHashes,
    any_of,
    client_context,
    server_context,
)


@attrs.frozen(kw_only=True)
class ServerSecurity:
    """The options of `ocpp-trio csms`."""

    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    passwords: Path | None = None

    def context(self) -> ssl.SSLContext | None:
        """The server's TLS, if there is a certificate. Raises ValueError with a sentence."""
        if self.tls_cert is None or self.tls_key is None:
            if self.tls_cert or self.tls_key or self.client_ca:
                raise ValueError("expected --tls-cert and --tls-key together, and --client-ca with both")
            return None
        try:
            context = server_context(self.tls_cert, self.tls_key, client_ca=self.client_ca)
        except OSError as wrong:  # ssl.SSLError is one
            raise ValueError(f"cannot use the certificates: {_reason(wrong)}") from None
        if self.passwords is not None and self.client_ca is not None:
            context.verify_mode = ssl.CERT_OPTIONAL  # the authenticators say what is missing
        return context

    def authenticator(self) -> Authenticator | None:
        """Who is let in; None for everybody. Raises ValueError with a sentence."""
        doors: list[Authenticator] = []
        if self.client_ca is not None:
            doors.append(CertificateNames())
        if self.passwords is not None:
            try:
                doors.append(PasswordHashes.of_file(self.passwords))
            except (OSError, ValueError) as wrong:
                raise ValueError(f"cannot use {self.passwords}: {_reason(wrong)}") from None
        return AttemptLimit(NeverLower(any_of(*doors))) if doors else None


@attrs.frozen(kw_only=True)
class StationSecurity:
    """The options of `ocpp-trio station`."""

    password: str | None = attrs.field(default=None, repr=False)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext | None:
        """The station's TLS, if any option asks for it. Raises ValueError with a sentence."""
        if self.ca is None and self.cert is None and self.key is None:
            return None
        try:
            return client_context(ca=self.ca, certificate=self.cert, key=self.key)
        except OSError as wrong:
            raise ValueError(f"cannot use the certificates: {_reason(wrong)}") from None

    def key_bytes(self) -> bytes | None:
        """The password as bytes. Raises ValueError."""
        return None if self.password is None else key_of(self.password)


def key_of(text: str) -> bytes:
    """An AuthorizationKey out of 32 to 40 hexadecimal digits, or out of 16 to 20 characters as they are.

    Raises ValueError, which does not show the text.
    """
    if 16 <= len(text) <= 20 and text.isascii():
        return text.encode()
    try:
        if 32 <= len(text) <= 40:
            return bytes.fromhex(text)
    except ValueError:
        pass
    raise ValueError("expected a password of 32 to 40 hexadecimal digits, or of 16 to 20 ASCII characters")


def _reason(wrong: Exception) -> str:
    if isinstance(wrong, OSError) and wrong.filename is not None:
        return f"{wrong.strerror}: {wrong.filename}"
    if isinstance(wrong, OSError) and not isinstance(wrong, ssl.SSLError):
        return wrong.strerror or str(wrong)
    return str(wrong)
