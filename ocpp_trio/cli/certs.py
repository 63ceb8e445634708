"""`ocpp-trio certs`: a CA for tests, and certificates that it signed.

Needs trustme. Owns the names of the files.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ocpp_trio.cli.exit_codes import USAGE
from ocpp_trio.cli.terminal import Terminal

_OWNER_ONLY: Final = 0o600


def run(terminal: Terminal, folder: Path, *, hosts: Sequence[str], identity: str) -> int:
    """Write the files; the exit code."""
    try:
        import trustme
    except ModuleNotFoundError:
        terminal.complain("certificates need trustme: pip install 'ocpp-trio[cli]'")
        return USAGE
    try:
        ca = trustme.CA(organization_name="ocpp_trio test CA")
        server = ca.issue_cert(*hosts, common_name=hosts[0], organization_name="ocpp_trio test")
        client = ca.issue_cert(common_name=identity, organization_name="ocpp_trio test")
        files = {
            "ca.pem": [ca.cert_pem.bytes()],
            "server.pem": [blob.bytes() for blob in server.cert_chain_pems],
            "server.key": [server.private_key_pem.bytes()],
            "client.pem": [blob.bytes() for blob in client.cert_chain_pems],
            "client.key": [client.private_key_pem.bytes()],
        }
        folder.mkdir(parents=True, exist_ok=True)
        for path in _write(folder, files):
            terminal.say(str(path))
    except (OSError, ValueError) as wrong:
        terminal.complain(f"cannot make certificates: {wrong}")
        return 1
    return 0


def _write(folder: Path, files: dict[str, list[bytes]]) -> Iterator[Path]:
    """Every file new: a CA that is in use is not replaced by accident."""
    taken = [name for name in files if (folder / name).exists()]
    if taken:
        raise FileExistsError(f"expected a folder without {', '.join(taken)}, found {folder}")
    for name, pieces in files.items():
        path = folder / name
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, _OWNER_ONLY)) as file:
            file.write(b"".join(pieces))
        yield path
