"""`ocpp-trio csms`: serve charge points and show what they say."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import trio

from ocpp_trio import CsmsServer, Instruments, serve_csms, v16
from ocpp_trio.backend import (
    Backend,
    IdRange,
    IdTags,
    MemoryBackend,
    NumberConflict,
    StoreError,
    TagPolicy,
    open_sqlite_store,
)
from ocpp_trio.cli.exit_codes import USAGE
from ocpp_trio.cli.nodes import Membership, NodeOptions, joined
from ocpp_trio.cli.operator import ApiAccess, ApiOptions, expiring, serving_api
from ocpp_trio.cli.security import ServerSecurity
from ocpp_trio.cli.signals import run_until_signal
from ocpp_trio.cli.terminal import Terminal
from ocpp_trio.observe import Counters, Logs, Timeline

DRAIN_SECONDS = 5.0
_OPEN: Final = ServerSecurity()
_NO_API: Final = ApiOptions()
_ALONE: Final = NodeOptions()


async def run(
    terminal: Terminal,
    *,
    port: int,
    host: str,
    interval: int,
    tags: Sequence[str],
    security: ServerSecurity = _OPEN,
    store: Path | None = None,
    api: ApiOptions = _NO_API,
    nodes: NodeOptions = _ALONE,
    verbose: bool,
) -> int:
    """Serve until a signal; the exit code."""
    try:
        known = _known(tags)
        if interval < 0:
            raise ValueError(f"expected an interval of 0 or more seconds, found {interval!r}")
        if not 0 <= port <= 65535:
            raise ValueError(f"expected a port of 0 to 65535, found {port}")
        access, membership = api.access(), nodes.membership(store)
        ssl_context, authenticate = security.context(), security.authenticator()
    except ValueError as wrong:
        terminal.complain(str(wrong))
        return USAGE
    terminal.show_logs(verbose=verbose)
    serve = partial(serve_csms, ssl_context=ssl_context, authenticate=authenticate)

    async def work(stop: trio.Event) -> int:
        try:
            ids = None if membership is None else await membership.ids()
        except (ConnectionError, NumberConflict, StoreError, ValueError) as wrong:
            terminal.complain(str(wrong))
            return 1
        try:
            async with open_backend(store, known, interval, ids) as backend:
                if store is not None:
                    terminal.say(await remembered(store, backend))
                return await _serve(
                    terminal,
                    backend,
                    stop,
                    serve=serve,
                    host=host,
                    port=port,
                    access=access,
                    membership=membership,
                    verbose=verbose,
                )
        except StoreError as wrong:
            terminal.complain(str(wrong))
            return 1

    return await run_until_signal(work)


async def _serve(
    terminal: Terminal,
    backend: Backend,
    stop: trio.Event,
    *,
    serve: Callable[..., Awaitable[None]],
    host: str,
    port: int,
    access: ApiAccess | None,
    membership: Membership | None,
    verbose: bool,
) -> int:
    timeline, counters = Timeline(terminal.say, start=trio.current_time()), Counters()
    instrument = Instruments([timeline, backend.instrument, counters, *([Logs()] if verbose else [])])
    code = 1
    server: CsmsServer | None = None
    async with trio.open_nursery() as nursery:
        try:
            server = await nursery.start(partial(serve, [backend.router()], port, host=host, instrument=instrument))
        except OSError as exc:
            terminal.complain(f"cannot listen on {host} port {port}: {exc.strerror or exc}")
        if server is not None:
            csms = server
            async with (
                joined(membership, backend, lambda: csms.sessions, shown=access is not None) as node,
                serving_api(terminal, access, backend, csms, host=host, counters=counters, node=node) as working,
            ):
                if working:
                    terminal.say(f"listening on {host} port {server.port}; Ctrl-C stops")
                    await stop.wait()
                    terminal.say(closing(len(server.sessions)))
                    code = 0
                await server.drain(DRAIN_SECONDS)
    return code


def closing(number: int) -> str:
    """What is said before the connections are closed."""
    return f"closing {number} connection{'' if number == 1 else 's'}; Ctrl-C again stops at once"


async def remembered(store: Path, backend: Backend) -> str:
    """What is said of a store that was opened."""
    stations, running = len(backend.live.stations()), len(backend.live.transactions())
    tags = len(await backend.store.tags())
    known = f"{tags} tag{' is' if tags == 1 else 's are'} known, any other is refused"
    return (
        f"{store} remembers {stations} station{'' if stations == 1 else 's'}"
        f" and {running} transaction{'' if running == 1 else 's'} that run{'s' if running == 1 else ''}"
        f"; {known if tags else 'no tags are known, so any may charge'}"
    )


@asynccontextmanager
async def open_backend(
    store: Path | None, known: Mapping[str, v16.AuthorizationStatus], interval: int, ids: IdRange | None
) -> AsyncIterator[Backend]:
    """The backend for the time of the body, in which what is known grows old. Raises StoreError."""
    if store is None:
        memory = MemoryBackend(tags=known or None, interval=interval)
        async with expiring(memory):
            yield memory
        return
    async with open_sqlite_store(store, ids=ids) as kept:
        for tag, status in known.items():
            await kept.put_tag(tag, status)
        strict = TagPolicy(unknown=v16.AuthorizationStatus.INVALID)
        backend = Backend(kept, policy=strict if await kept.tags() else TagPolicy(), interval=interval)
        await backend.restore()
        async with expiring(backend):
            yield backend


def _known(tags: Sequence[str]) -> Mapping[str, v16.AuthorizationStatus]:
    """Raises ValueError for one that no station could send, and for two that differ in case only."""
    for tag in tags:
        v16.AuthorizeRequest(id_tag=tag)
    known = dict.fromkeys(tags, v16.AuthorizationStatus.ACCEPTED)
    return IdTags(known).snapshot()
