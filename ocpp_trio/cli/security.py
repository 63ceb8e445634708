"""What the options about TLS and passwords mean, and what is wrong with them, in one line.

Owns the rules by which options go together. The commands hand the outcome on.
"""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

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
from ocpp_trio.cli.named_files import check_ca, check_pair, read_text


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
            self._complain_of_halves()
            return None
        check_pair("--tls-cert", self.tls_cert, "--tls-key", self.tls_key)
        if self.client_ca is not None:
            check_ca("--client-ca", self.client_ca)
        try:
            context = server_context(self.tls_cert, self.tls_key, client_ca=self.client_ca)
        except OSError as wrong:  # ssl.SSLError is one; what can be wrong with one file was found before
            raise ValueError(f"cannot use the certificates: {wrong}") from None
        if self.passwords is not None and self.client_ca is not None:
            context.verify_mode = ssl.CERT_OPTIONAL  # the authenticators say what is missing
        return context

    def _complain_of_halves(self) -> None:
        pair: dict[str, Path | None] = {"--tls-cert": self.tls_cert, "--tls-key": self.tls_key}
        given = _given(pair | {"--client-ca": self.client_ca})
        if given:
            raise ValueError(f"expected {_and(name for name in pair if name not in given)} beside {_and(given)}")

    def authenticator(self) -> Authenticator | None:
        """Who is let in; None for everybody. Raises ValueError with a sentence."""
        doors: list[Authenticator] = []
        if self.client_ca is not None:
            doors.append(CertificateNames())
        if self.passwords is not None:
            read_text("--passwords", self.passwords)
            try:
                doors.append(PasswordHashes.of_file(self.passwords))
            except (OSError, ValueError) as wrong:
                raise ValueError(f"cannot use --passwords {self.passwords}: {wrong}") from None
        return AttemptLimit(NeverLower(any_of(*doors))) if doors else None


@attrs.frozen(kw_only=True)
class StationSecurity:
    """The options of `ocpp-trio station`."""

    password: str | None = attrs.field(default=None, repr=False)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def context(self, url: str) -> ssl.SSLContext | None:
        """The station's TLS, if any option asks for it. Raises ValueError with a sentence."""
        given = _given({"--ca": self.ca, "--cert": self.cert, "--key": self.key})
        if not given:
            return None
        if urlsplit(url).scheme == "ws":
            raise ValueError(f"expected a wss:// URL with {_and(given)}, found a ws:// URL")
        if self.ca is not None:
            check_ca("--ca", self.ca)
        if self.cert is not None:
            check_pair("--cert", self.cert, "--key", self.key)
        elif self.key is not None:
            raise ValueError("expected --cert beside --key")
        try:
            return client_context(ca=self.ca, certificate=self.cert, key=self.key)
        except OSError as wrong:
            raise ValueError(f"cannot use the certificates: {wrong}") from None

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


def _given(options: Mapping[str, Path | None]) -> list[str]:
    return [name for name, path in options.items() if path is not None]


def _and(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
