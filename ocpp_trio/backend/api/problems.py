"""What went wrong, as an HTTP status and a body that says what was found and what was expected (RFC 9457).

Owns the shape of every error body of the API.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"


class Problem(Exception):
    """Answers a request with a status. `members` join the body as they are."""

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: object
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.members = members

    def response(self) -> Response:
        """The answer."""
        body: dict[str, Any] = {
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        return Response(msgspec.json.encode(body), self.status, self.headers, MEDIA_TYPE)


async def answer_problem(request: Request, problem: Exception) -> Response:
    """Starlette's handler of a `Problem`."""
    assert isinstance(problem, Problem)
    return problem.response()


async def answer_http_exception(request: Request, exc: Exception) -> Response:
    """Starlette's handler of what its routing raises: no such path, no such method."""
    assert isinstance(exc, HTTPException)
    found = f"{request.method} {request.url.path!r}"
    headers = {**(exc.headers or {})}
    expected = "a path of /api/openapi.json"
    if "Allow" in headers:
        methods = sorted(headers["Allow"].split(", "))  # they come out of a set
        headers["Allow"], expected = ", ".join(methods), " or ".join(methods)
    return Problem(exc.status_code, f"found {found}, expected {expected}", headers=headers).response()


async def answer_bug(request: Request, exc: Exception) -> Response:
    """Starlette's handler of everything else, which it logs and raises again; no internals go out."""
    return Problem(500, "the server failed; its log says more").response()
