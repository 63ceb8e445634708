"""What a request says, read within bounds; every refusal names what was found and what was expected."""

from contextlib import aclosing
from typing import Final

import trio
from starlette.requests import ClientDisconnect, Request

from ocpp_trio.backend.api.limits import ApiLimits
from ocpp_trio.backend.api.problems import Problem

DEFAULT_PAGE: Final = 100
_FLAGS: Final = {"true": True, "false": False}


def integer(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    """A whole number of the query."""
    text = request.query_params.get(name)
    if text is None:
        return default
    # As many digits as the bound has: more would only be converted to be refused.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise Problem(422, f"{name}: found {text[:40]!r}, expected an integer from {least} to {most}")
    return int(text)


def flag(request: Request, name: str) -> bool | None:
    """`true` or `false` of the query; None if it says nothing."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if text not in _FLAGS:
        raise Problem(422, f"{name}: found {text[:40]!r}, expected true or false")
    return _FLAGS[text]


async def json_body(request: Request, limits: ApiLimits) -> bytes:
    """The body of a request, not parsed yet.

    Only as application/json: anything else a page of another site could make a visitor's browser send unasked.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, f"found content type {media_type!r}, expected 'application/json'")
    body = bytearray()
    try:
        with trio.fail_after(limits.body_deadline):
            async with aclosing(request.stream()) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) > limits.body_size:
                        raise Problem(413, f"expected a body of at most {limits.body_size} bytes, found more")
    except trio.TooSlowError:
        raise Problem(408, f"expected the body within {limits.body_deadline:g} s, found {len(body)} bytes") from None
    except ClientDisconnect:
        raise Problem(400, f"the body ended after {len(body)} bytes") from None
    return bytes(body)
