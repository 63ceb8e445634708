"""The station's own messages, one after the other in the order of what they tell.

Owns the queue between the device, which never waits for the network, and the connection. It is no
outbox: what cannot be delivered when its turn comes is logged and gone.
"""

import logging
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import attrs
import trio

from ocpp_trio import (
    CallFailed,
    CallRejected,
    CallTimeout,
    ChargePoint,
    ConnectionClosed,
    InvalidResponse,
    LocalProtocolError,
    Request,
    Response,
    v16,
)

logger = logging.getLogger(__name__)

ResponseT = TypeVar("ResponseT", bound=Response)

REPORTS_WAITING: Final = 64
"""A station that reports more than this while one call is unanswered has a CSMS that does not answer."""


@attrs.define(eq=False)
class Report(Generic[ResponseT]):
    """A message in the queue. `conclude` gets the response, or why there is none."""

    make: Callable[[], Request[Any, ResponseT] | None]
    conclude: Callable[[ResponseT | CallFailed], None] | None = None
    done: trio.Event = attrs.field(factory=trio.Event, init=False)


class Reports:
    """A queue of reports, and the task that delivers them."""

    def __init__(self) -> None:
        # Nobody waits to put: the device goes on while the network does not. What does not fit is logged.
        self._to_send, self._waiting = trio.open_memory_channel[Report[Any]](REPORTS_WAITING)
        self._last: Report[Any] | None = None

    def put(self, report: Report[Any]) -> None:
        """Queue a report. Its `make` is called when its turn comes; None then means that it is moot."""
        try:
            self._to_send.send_nowait(report)
        except trio.WouldBlock:
            logger.warning("a report is lost: %d are waiting already", REPORTS_WAITING)
            _conclude(report, CallFailed("too many reports are waiting"))
        else:
            self._last = report

    async def wait_delivered(self) -> None:
        """Wait until everything that is queued now has been answered, or lost. Cancelling takes nothing back."""
        if self._last is not None:
            await self._last.done.wait()

    async def run(self, station: ChargePoint) -> None:
        """Deliver reports until cancelled."""
        async for report in self._waiting:
            await _deliver(report, station)


async def _deliver(report: Report[ResponseT], station: ChargePoint) -> None:
    request = report.make()
    if request is None:
        report.done.set()
        return
    try:
        answer = await station.call(request)
    except LocalProtocolError as forbidden:  # the CSMS may have withdrawn the registration
        logger.warning("%r: %s was not delivered: %s", station.identity, request.action, forbidden)
        _conclude(report, CallFailed(str(forbidden)))
    except CallFailed as failure:
        # The status is reported anew with every connection, so one that is missed offline is not lost.
        repeated = isinstance(request, v16.StatusNotificationRequest) and isinstance(failure, ConnectionClosed)
        level = logging.DEBUG if repeated else logging.WARNING
        logger.log(level, "%r: %s %s: %s", station.identity, request.action, _outcome(failure), failure)
        _conclude(report, failure)
    else:
        _conclude(report, answer)


def _outcome(failure: CallFailed) -> str:
    """What is certain about a message without a response."""
    if isinstance(failure, CallRejected):
        return "was rejected"
    if isinstance(failure, InvalidResponse):
        return "was answered, but not as it should be"
    if isinstance(failure, CallTimeout) or (isinstance(failure, ConnectionClosed) and failure.was_sent):
        return "got no answer"
    return "was not delivered"


def _conclude(report: Report[ResponseT], answer: ResponseT | CallFailed) -> None:
    if report.conclude is not None:
        report.conclude(answer)
    report.done.set()
