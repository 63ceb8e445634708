"""`ocpp-trio csms`: serve charge points and show what they say."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import trio

from ocpp_trio import CsmsServer, Instruments, serve_csms, v16
from ocpp_trio.backend import MemoryBackend
from ocpp_trio.cli.entry import USAGE
from ocpp_trio.cli.security import ServerSecurity
from ocpp_trio.cli.signals import run_until_signal
from ocpp_trio.cli.terminal import Terminal
from ocpp_trio.observe import Logs, Timeline

DRAIN_SECONDS = 5.0
_OPEN: Final = ServerSecurity()


async def run(
    terminal: Terminal,
    *,
    port: int,
    host: str,
    interval: int,
    tags: Sequence[str],
    security: ServerSecurity = _OPEN,
    verbose: bool,
) -> int:
    """Serve until a signal; the exit code."""
    try:
        backend = _backend(tags, interval)
        if not 0 <= port <= 65535:
            raise ValueError(f"expected a port of 0 to 65535, found {port}")
        ssl_context, authenticate = security.context(), security.authenticator()
    except ValueError as wrong:
        terminal.complain(str(wrong))
        return USAGE
    terminal.show_logs(verbose=verbose)
    timeline = Timeline(terminal.say, start=trio.current_time())
    instrument = Instruments([timeline, Logs()]) if verbose else timeline
    serve = partial(
        serve_csms,
        [backend.router()],
        port,
        host=host,
        instrument=instrument,
        ssl_context=ssl_context,
        authenticate=authenticate,
    )

    async def work(stop: trio.Event) -> int:
        async with trio.open_nursery() as nursery:
            server: CsmsServer | None = None
            try:
                server = await nursery.start(serve)
            except OSError as exc:
                terminal.complain(f"cannot listen on {host} port {port}: {exc.strerror or exc}")
            if server is not None:
                terminal.say(f"listening on {host} port {server.port}; Ctrl-C stops")
                await stop.wait()
                terminal.say(closing(len(server.sessions)))
                await server.drain(DRAIN_SECONDS)
        return 1 if server is None else 0

    return await run_until_signal(work)


def closing(number: int) -> str:
    """What is said before the connections are closed."""
    return f"closing {number} connection{'' if number == 1 else 's'}; Ctrl-C again stops at once"


def _backend(tags: Sequence[str], interval: int) -> MemoryBackend:
    for tag in tags:
        v16.AuthorizeRequest(id_tag=tag)  # raises ValueError for one that no station could send
    known = dict.fromkeys(tags, v16.AuthorizationStatus.ACCEPTED)
    return MemoryBackend(tags=known or None, interval=interval)
