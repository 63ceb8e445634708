"""A test CA with what it signed, as files: for everything that speaks TLS."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import trustme

from ocpp_trio import client_context, server_context

HOST: Final = "csms"
LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)


class Pki:
    """Two CAs that do not know each other; everybody trusts the first one. Files live under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA(organization_name="Test CA")
        self.stranger = trustme.CA(organization_name="Somebody")
        self.ca_file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(self.ca_file)
        self.stranger_file = folder / "stranger.pem"
        self.stranger.cert_pem.write_to_path(self.stranger_file)
        self._server = self.issue("server", HOST, "127.0.0.1", "localhost")

    def issue(self, name: str, *hosts: str, ca: trustme.CA | None = None, **options: Any) -> Path:
        """A certificate with its key in one file."""
        path = self.folder / f"{name}.pem"
        if not path.exists():
            (ca or self.ca).issue_cert(*hosts, **options).private_key_and_cert_chain_pem.write_to_path(path)
        return path

    def server(self, certificate: Path | None = None, *, client_ca: Path | None = None) -> ssl.SSLContext:
        certificate = certificate or self._server
        return server_context(certificate, certificate, client_ca=client_ca)

    def client(self, certificate: Path | None = None, *, ca: Path | None = None) -> ssl.SSLContext:
        return client_context(ca=ca or self.ca_file, certificate=certificate)

    def station(self, common_name: str, *, ca: trustme.CA | None = None, organization: str = "Operator") -> Path:
        """A charge point's certificate."""
        name = f"station-{common_name}-{organization}-{'ours' if ca is None else 'strange'}"
        return self.issue(name, common_name=common_name, organization_name=organization, ca=ca)
