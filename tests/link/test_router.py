"""Which handler answers which request."""

from functools import partial
from typing import Any

import attrs
import pytest

from ocpp_trio import Request, Response, Router, Session, v16


async def clear_cache(session: Session, request: v16.ClearCacheRequest) -> v16.ClearCacheResponse:
    return v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)


async def after_clear_cache(
    session: Session, request: v16.ClearCacheRequest, response: v16.ClearCacheResponse
) -> None: ...


@attrs.frozen(kw_only=True)
class ForeignResponse(Response):
    """Of no version that we know."""


@attrs.frozen(kw_only=True)
class ForeignRequest(Request["ForeignRequest", ForeignResponse]):
    """Of no version that we know."""


def test_a_handler_is_found_by_its_request():
    router = Router(v16)

    assert router.on(v16.ClearCacheRequest)(clear_cache) is clear_cache

    assert router.version is v16.version
    assert router.handler(v16.ClearCacheRequest) is clear_cache
    assert router.handler(v16.ResetRequest) is None
    assert router.afterthought(v16.ClearCacheRequest) is None


def test_what_follows_is_found_by_its_request():
    router = Router(v16)

    assert router.after(v16.ClearCacheRequest)(after_clear_cache) is after_clear_cache

    assert router.afterthought(v16.ClearCacheRequest) is after_clear_cache
    assert router.handler(v16.ClearCacheRequest) is None


def test_registering_twice_is_refused_and_names_the_first():
    router = Router(v16)
    router.on(v16.ClearCacheRequest)(clear_cache)
    router.after(v16.ClearCacheRequest)(after_clear_cache)

    with pytest.raises(ValueError, match="ClearCacheRequest is registered already, with clear_cache"):
        router.on(v16.ClearCacheRequest)(clear_cache)
    with pytest.raises(ValueError, match="with after_clear_cache"):
        router.after(v16.ClearCacheRequest)(after_clear_cache)


def test_a_request_of_another_version_is_refused():
    router = Router(v16)
    foreign: Any = clear_cache

    with pytest.raises(ValueError, match="expected a request of ocpp1.6, found ForeignRequest"):
        router.on(ForeignRequest)(foreign)
    with pytest.raises(ValueError, match="expected a request of ocpp1.6, found 'Reset'"):
        router.on("Reset")(foreign)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected a request of ocpp1.6, found ResetResponse"):
        router.on(v16.ResetResponse)(foreign)  # type: ignore[arg-type]


def test_a_handler_must_be_async():
    router = Router(v16)

    def not_async(session: Session, request: v16.ClearCacheRequest) -> v16.ClearCacheResponse:
        return v16.ClearCacheResponse(status=v16.ClearCacheStatus.ACCEPTED)

    with pytest.raises(ValueError, match="expected an async function for ClearCacheRequest, found <function"):
        router.on(v16.ClearCacheRequest)(not_async)  # type: ignore[arg-type]

    assert router.handler(v16.ClearCacheRequest) is None


def test_a_method_and_a_partial_of_an_async_function_are_handlers():
    class Site:
        async def clear_cache(self, session: Session, request: v16.ClearCacheRequest) -> v16.ClearCacheResponse:
            return await clear_cache(session, request)

    router = Router(v16)

    router.on(v16.ClearCacheRequest)(Site().clear_cache)
    router.after(v16.ClearCacheRequest)(partial(after_clear_cache))

    assert router.handler(v16.ClearCacheRequest) is not None


def test_registering_a_partial_twice_says_so():
    router = Router(v16)
    router.on(v16.ClearCacheRequest)(partial(clear_cache))

    with pytest.raises(ValueError, match="ClearCacheRequest is registered already"):
        router.on(v16.ClearCacheRequest)(clear_cache)


def test_routers_share_nothing():
    one, other = Router(v16), Router(v16)

    one.on(v16.ClearCacheRequest)(clear_cache)

    assert other.handler(v16.ClearCacheRequest) is None
