"""The dashboard: files of the package, each at its path, with headers under which a browser takes nothing else.

Owns the paths and the headers. The files hold nothing that is secret, so they need no token; what they show they
fetch from the API, and for that they need one.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_TYPES: Final[Mapping[str, str]] = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_BESIDE: Final = (
    "app.js",
    "calls.js",
    "detail.js",
    "dom.js",
    "feed.js",
    "icon.svg",
    "known.js",
    "power.js",
    "stations.js",
    "style.css",
)
_FILES: Final[Mapping[str, str]] = {"/": "index.html", **{f"/dashboard/{name}": name for name in _BESIDE}}
PAGE_PATHS: Final = frozenset(_FILES)

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing inline, nothing from elsewhere, in nobody's frame, and no text that becomes markup."""
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A browser that kept half of the files of another version would show neither.
    "Cache-Control": "no-store",
}


def page_routes() -> Iterator[Route]:
    """A route for each file, which is read here and now."""
    folder = files("ocpp_trio.backend") / "dashboard"
    for path, name in _FILES.items():
        yield _route(path, (folder / name).read_bytes(), _TYPES[name.rpartition(".")[2]])


def _route(path: str, content: bytes, media_type: str) -> Route:
    async def answer(request: Request) -> Response:
        return Response(content, headers={**_HEADERS, "Content-Type": media_type})

    return Route(path, answer, methods=["GET"])
