"""The commands and their arguments. Owns what the shell sees; what a command does is in its own module."""

import importlib.metadata
import sys
from typing import Annotated

from cyclopts import App, Parameter

from ocpp_trio.cli import csms, demo, station
from ocpp_trio.cli.terminal import Terminal

Verbose = Annotated[bool, Parameter(name=["--verbose", "-v"], negative="")]


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
    verbose: Verbose = False,
) -> int:
    """Serve charge points until Ctrl-C, and show what they say.

    Parameters
    ----------
    port
        TCP port; 0 takes a free one.
    host
        Address to listen on; 0.0.0.0 for all of them. There is no authentication.
    interval
        Heartbeat interval in seconds.
    tag
        An id tag that may charge; give several. Without any every tag may.
    verbose
        Log every frame to stderr.
    """
    return await csms.run(
        Terminal(sys.stdout, sys.stderr), port=port, host=host, interval=interval, tags=tag, verbose=verbose
    )


@app.command(name="station")
async def _station(url: str, identity: str, /, *, start: str | None = None, verbose: Verbose = False) -> int:
    """Be a charging station until Ctrl-C.

    Parameters
    ----------
    url
        Where the CSMS is, like ws://127.0.0.1:9000/ocpp.
    identity
        The charge point's identity, like CP-1.
    start
        Plug a vehicle in and present this id tag.
    verbose
        Log every frame to stderr.
    """
    return await station.run(Terminal(sys.stdout, sys.stderr), url, identity, start=start, verbose=verbose)


@app.command(name="demo")
async def _demo() -> int:
    """Watch a CSMS and three charging stations for about 20 seconds."""
    return await demo.run(Terminal(sys.stdout, sys.stderr))
