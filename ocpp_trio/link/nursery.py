"""A nursery for background tasks whose body's own exception leaves bare."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def open_background() -> AsyncIterator[trio.Nursery]:
    """A nursery that is cancelled when its body ends.

    The body's exception leaves as it was raised, not in a group: the nursery is a detail its author never
    saw. What a background task raises is a bug of ours and leaves as the ExceptionGroup it is.
    """
    body_error: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            try:
                yield nursery
            except BaseException as exc:  # noqa: ASYNC103  # raised again behind the nursery
                if _is_cancellation(exc):
                    raise
                body_error = exc
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        if body_error is None:
            raise
        # Cancelled may give way to the body's own exception; what the tasks themselves raised may not.
        _, failed = group.split(trio.Cancelled)
        if failed is not None:
            raise BaseExceptionGroup("a background task failed beside the body", [body_error, failed]) from None
    if body_error is not None:
        raise body_error


def _is_cancellation(exc: BaseException) -> bool:
    """Cancelled belongs to a scope, so it must travel through the nursery and not around it."""
    if isinstance(exc, BaseExceptionGroup):
        return exc.subgroup(trio.Cancelled) is not None
    return isinstance(exc, trio.Cancelled)
