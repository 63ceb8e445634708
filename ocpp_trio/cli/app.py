"""The commands and their arguments. Owns what the shell sees; what a command does is in its own module."""

import importlib.metadata
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ocpp_trio.cli import certs, csms, demo, station
from ocpp_trio.cli import password as passwords_file
from ocpp_trio.cli.security import ServerSecurity, StationSecurity
from ocpp_trio.cli.terminal import Terminal

Verbose = Annotated[bool, Parameter(name=["--verbose", "-v"], negative="")]
# Whoever runs ps sees an argument; the environment is the process's own.
Password = Annotated[str | None, Parameter(env_var="OCPP_TRIO_PASSWORD", show_default=False)]


def _version() -> str:
    try:
        return importlib.metadata.version("ocpp-trio")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


app = App(
    name="ocpp-trio",
    help="OCPP on trio: run a central system or a charging station.",
    version=_version,
    backend="trio",
    # The exit code is the caller's to use: SystemExit in a nursery would arrive in a group.
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
    help_formatter="plain",
)


@app.command(name="csms")
async def _csms(
    *,
    port: int = 9000,
    host: str = "127.0.0.1",
    interval: int = 300,
    tag: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    store: Path | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    client_ca: Path | None = None,
    passwords: Path | None = None,
    verbose: Verbose = False,
) -> int:
    """Serve charge points until Ctrl-C, and show what they say.

    Without --passwords and --client-ca everybody is let in; with both, either of the two is enough.

    Parameters
    ----------
    port
        TCP port; 0 takes a free one.
    host
        Address to listen on; 0.0.0.0 for all of them.
    interval
        Heartbeat interval in seconds.
    tag
        An id tag that may charge; give several. Without any every tag may. A store keeps the tags that it was given.
    store
        File in which transactions, tags and stations survive a restart. Without it nothing does.
    tls_cert
        PEM file with the server's certificate chain: stations connect with wss://.
    tls_key
        PEM file with its private key.
    client_ca
        PEM file with a CA: stations show a certificate of it whose common name is their identity.
    passwords
        File with a line identity:hash for each station; `ocpp-trio password` makes them.
    verbose
        Log every frame to stderr.
    """
    security = ServerSecurity(tls_cert=tls_cert, tls_key=tls_key, client_ca=client_ca, passwords=passwords)
    return await csms.run(
        Terminal(sys.stdout, sys.stderr),
        port=port,
        host=host,
        interval=interval,
        tags=tag,
        security=security,
        store=store,
        verbose=verbose,
    )


@app.command(name="station")
async def _station(
    url: str,
    identity: str,
    /,
    *,
    start: str | None = None,
    password: Password = None,
    ca: Path | None = None,
    cert: Path | None = None,
    key: Path | None = None,
    verbose: Verbose = False,
) -> int:
    """Be a charging station until Ctrl-C.

    Parameters
    ----------
    url
        Where the CSMS is, like ws://127.0.0.1:9000/ocpp or wss://csms.example/ocpp.
    identity
        The charge point's identity, like CP-1.
    start
        Plug a vehicle in and present this id tag.
    password
        The AuthorizationKey: 32 to 40 hexadecimal digits, or 16 to 20 characters. Better in the environment.
    ca
        PEM file with the CAs to trust instead of the system's.
    cert
        PEM file with the station's own certificate.
    key
        PEM file with its private key.
    verbose
        Log every frame to stderr.
    """
    security = StationSecurity(password=password, ca=ca, cert=cert, key=key)
    return await station.run(
        Terminal(sys.stdout, sys.stderr), url, identity, start=start, security=security, verbose=verbose
    )


@app.command(name="password")
def _password(identity: str, /, *, password: Password = None) -> int:
    """Make a line for the file that `ocpp-trio csms --passwords` reads.

    Parameters
    ----------
    identity
        The charge point's identity, like CP-1.
    password
        Its AuthorizationKey: 32 to 40 hexadecimal digits, or 16 to 20 characters. Without it a new one is made, and
        told on stderr.
    """
    return passwords_file.run(Terminal(sys.stdout, sys.stderr), identity, password=password)


@app.command(name="certs")
def _certs(
    folder: Path,
    /,
    *,
    host: Annotated[tuple[str, ...], Parameter(negative="")] = ("localhost", "127.0.0.1"),
    identity: str = "CP-1",
) -> int:
    """Make a CA for tests with a server's and a station's certificate: ca.pem, server.pem, server.key, client.pem …

    Parameters
    ----------
    folder
        Where to; made if it is not there.
    host
        A name or address of the CSMS; give several.
    identity
        The charge point's identity: the common name of its certificate.
    """
    return certs.run(Terminal(sys.stdout, sys.stderr), folder, hosts=host, identity=identity)


@app.command(name="demo")
async def _demo() -> int:
    """Watch a CSMS and three charging stations for about 20 seconds."""
    return await demo.run(Terminal(sys.stdout, sys.stderr))
