"""The operator API and its dashboard beside a CSMS of the command line, if they were asked for."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from ocpp_trio import CsmsServer
from ocpp_trio.backend import Backend, Node
from ocpp_trio.cli.named_files import read_text
from ocpp_trio.cli.terminal import Terminal
from ocpp_trio.observe import Counters

_NEEDED: Final = frozenset({"starlette", "hypercorn", "h11", "prometheus_client"})


@attrs.frozen
class ApiAccess:
    """Where the API listens, and the token, or None if everybody may use it."""

    port: int
    token: str | None
    link: bool = False
    """Whether the address that is told carries the token. It is behind the #, which no browser sends anywhere."""

    def told(self, host: str, port: int) -> str:
        """What is said of it once it listens."""
        address = f"http://{host}:{port}/"
        if self.link and self.token is not None:
            return f"dashboard on {address}#token={self.token}"
        may = "open to everybody" if self.token is None else "with a token"
        return f"operator API on {address}, {may}; a browser finds the dashboard there"


@attrs.frozen(kw_only=True)
class ApiOptions:
    """What the shell said of the API."""

    port: int | None = None
    token: str | None = None
    token_file: Path | None = None
    everybody: bool = False

    def access(self) -> ApiAccess | None:
        """What is meant; None for no API. Raises ValueError unless who may use it was said in exactly one way."""
        if self.port is None:
            return None
        if not 0 <= self.port <= 65535:
            raise ValueError(f"expected an API port of 0 to 65535, found {self.port}")
        if [self.token is not None, self.token_file is not None, self.everybody].count(True) != 1:
            raise ValueError("expected one of --api-token, --api-token-file and --api-open beside --api-port")
        if self.token_file is not None:
            return ApiAccess(self.port, read_token("--api-token-file", self.token_file))
        return ApiAccess(self.port, None if self.token is None else checked_token("--api-token", self.token))


def read_token(option: str, path: Path) -> str:
    """The token in a file's first line. Raises ValueError if there is none."""
    return checked_token(f"{option} {path}", read_text(option, path).partition("\n")[0].strip())


def checked_token(source: str, token: str) -> str:
    """The token, if it can be one. Raises ValueError, which names where it came from and does not quote it."""
    if not (token and token.isascii() and token.isprintable() and " " not in token):
        raise ValueError(f"{source}: expected a token of printable ASCII characters without spaces, at least one")
    return token


@asynccontextmanager
async def serving_api(
    terminal: Terminal,
    access: ApiAccess | None,
    backend: Backend,
    server: CsmsServer,
    *,
    host: str,
    counters: Counters,
    node: Node | None = None,
    listen: Callable[..., Awaitable[Sequence[trio.abc.Listener[Any]]]] = trio.open_tcp_listeners,
) -> AsyncIterator[bool]:
    """The API for the time of the body; False if it was asked for and cannot be. Leaving closes feeds with 1001."""
    if access is None:
        yield True
        return
    try:
        from ocpp_trio.backend.api import make_api, serve_api

        app = make_api(
            backend.live,
            backend.hub,
            sessions=lambda: server.sessions,
            token=access.token,
            node=node,
            counters=counters,
        )
    except (ModuleNotFoundError, ValueError) as exc:
        terminal.complain(_explained(exc))
        yield False
        return
    async with trio.open_nursery() as nursery:
        working = True
        try:
            api = await nursery.start(partial(serve_api, app, access.port, host=host, listen=listen))
            terminal.say(access.told(host, api.port))
        except OSError as exc:
            terminal.complain(f"cannot listen on {host} port {access.port}: {exc.strerror or exc}")
            working = False
        yield working
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def expiring(backend: Backend) -> AsyncIterator[None]:
    """What is known grows old for the time of the body, whether anybody asks for it or not."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(backend.live.run)
        yield
        nursery.cancel_scope.cancel()


def _explained(exc: Exception) -> str:
    if not isinstance(exc, ModuleNotFoundError):
        return str(exc)
    package = (exc.name or "").partition(".")[0]
    if package not in _NEEDED:
        raise exc
    return f"the API needs {package}: pip install 'ocpp-trio[backend]'"
