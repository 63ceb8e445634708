"""The commands and their arguments. Owns what the shell sees; what a command does is in its own module."""

import importlib.metadata
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ocpp_trio.cli import certs, csms, demo, operator, station, tail
from ocpp_trio.cli import password as passwords_file
from ocpp_trio.cli.exit_codes import USAGE
from ocpp_trio.cli.nodes import NodeOptions
from ocpp_trio.cli.operator import ApiOptions
from ocpp_trio.cli.security import ServerSecurity, StationSecurity
from ocpp_trio.cli.terminal import Terminal

Verbose = Annotated[bool, Parameter(name=["--verbose", "-v"], negative="")]
# Whoever runs ps sees an argument; the environment is the process's own.
Password = Annotated[str | None, Parameter(env_var="OCPP_TRIO_PASSWORD", show_default=False)]
Token = Annotated[str | None, Parameter(env_var="OCPP_TRIO_API_TOKEN", show_default=False)]


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
    api_port: int | None = None,
    api_token: Token = None,
    api_token_file: Path | None = None,
    api_open: Annotated[bool, Parameter(negative="")] = False,
    redis: Annotated[str | None, Parameter(show_default=False)] = None,
    node: str | None = None,
    verbose: Verbose = False,
) -> int:
    """Serve charge points until Ctrl-C, and show what they say.

    Without --passwords and --client-ca everybody is let in; with both either will do, until a station has come with a
    certificate: then only that.

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
    api_port
        TCP port of the operator API (HTTP, on the same address); 0 takes a free one. Without it there is none.
    api_token
        What users of the API have to show. Better in the environment or in a file.
    api_token_file
        File with the token in its first line.
    api_open
        Let everybody use the API who can reach its port.
    redis
        Redis or Valkey server over which several nodes know each other's stations: redis://host:6379/0, rediss://…
        or unix:///path. It has to run when a node starts for the first time, and may fail later. Each node needs a
        --store of its own.
    node
        This node's name among them, the same at every start: it decides about the transaction ids, and the store
        remembers them.
    verbose
        Log every frame to stderr.
    """
    security = ServerSecurity(tls_cert=tls_cert, tls_key=tls_key, client_ca=client_ca, passwords=passwords)
    api = ApiOptions(
        port=api_port,
        # The environment may hold one for other commands: what was said here counts.
        token=None if api_open or api_token_file is not None else api_token,
        token_file=api_token_file,
        everybody=api_open,
    )
    return await csms.run(
        Terminal(sys.stdout, sys.stderr),
        port=port,
        host=host,
        interval=interval,
        tags=tag,
        security=security,
        store=store,
        api=api,
        nodes=NodeOptions(redis=redis, name=node),
        verbose=verbose,
    )


@app.command(name="tail")
async def _tail(
    url: str,
    /,
    *,
    topic: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    station: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    token: Token = None,
    token_file: Path | None = None,
) -> int:
    """Show what changes at a CSMS until Ctrl-C: first what is known, then every change, a line each.

    Parameters
    ----------
    url
        Where its operator API is, like http://127.0.0.1:8080.
    topic
        stations, connectors, transactions, meter_values or log; give several. Without any all of them.
    station
        A charge point's identity; give several. Without any all of them.
    token
        The API's token. Better in the environment or in a file.
    token_file
        File with the token in its first line.
    """
    terminal = Terminal(sys.stdout, sys.stderr)
    try:
        token = token if token_file is None else operator.read_token("--token-file", token_file)
    except ValueError as wrong:
        terminal.complain(str(wrong))
        return USAGE
    return await tail.run(terminal, url, token=token, topics=topic, stations=station)


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
