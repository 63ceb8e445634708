"""Messages that our own classes refuse to be: what a faulty station or CSMS would say.

Each class has the name of a real message, and so its action; the two versions let sessions of ours send them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from ocpp_trio import Request, Response, Version, v16
from tests.peers.deviations import Fault

NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class NothingResponse(Response):
    """No answer of any content is expected."""


@attrs.frozen(kw_only=True)
class TotallyMadeUpRequest(Request["TotallyMadeUpRequest", NothingResponse]):
    """An action of no specification."""


@attrs.frozen(kw_only=True)
class RemoteStopTransactionRequest(Request["RemoteStopTransactionRequest", NothingResponse]):
    """Of anything but an integer, or of nothing."""

    transaction_id: str | None = None


@attrs.frozen(kw_only=True)
class ResetRequest(Request["ResetRequest", NothingResponse]):
    """Of any type, with an ornament."""

    type: str
    colour: str | None = None


@attrs.frozen(kw_only=True)
class GetConfigurationRequest(Request["GetConfigurationRequest", NothingResponse]):
    """Of keys of any length."""

    key: tuple[str, ...]


CSMS_FAULTS: Final[Mapping[Fault, Request[Any, Any]]] = {
    Fault.UNKNOWN_ACTION: TotallyMadeUpRequest(),
    Fault.NO_HANDLER: v16.ClearCacheRequest(),
    Fault.MISSING_MEMBER: RemoteStopTransactionRequest(),
    Fault.WRONG_TYPE: RemoteStopTransactionRequest(transaction_id="17"),
    Fault.UNKNOWN_VALUE: ResetRequest(type="Medium"),
    Fault.EXTRA_MEMBER: ResetRequest(type="Soft", colour="red"),
    Fault.LONG_TEXT: GetConfigurationRequest(key=("K" * 51,)),
    Fault.BUG: v16.ChangeConfigurationRequest(key="Boom", value="1"),
    Fault.BAD_ANSWER: v16.ChangeConfigurationRequest(key="Liar", value="1"),
    Fault.REFUSAL: v16.ChangeConfigurationRequest(key="Secret", value="1"),
}


@attrs.frozen(kw_only=True)
class AuthorizeRequest(Request["AuthorizeRequest", NothingResponse]):
    """Of a tag of any length, or of none."""

    id_tag: str | None = None
    colour: str | None = None


@attrs.frozen(kw_only=True)
class StatusNotificationRequest(Request["StatusNotificationRequest", NothingResponse]):
    """Of any status."""

    connector_id: int
    error_code: str
    status: str


@attrs.frozen(kw_only=True)
class StartTransactionRequest(Request["StartTransactionRequest", NothingResponse]):
    """On a connector that is text."""

    connector_id: str
    id_tag: str
    meter_start: int
    timestamp: datetime


STATION_FAULTS: Final[Mapping[Fault, Request[Any, Any]]] = {
    Fault.UNKNOWN_ACTION: TotallyMadeUpRequest(),
    Fault.NO_HANDLER: v16.SecurityEventNotificationRequest(type="X", timestamp=NOON),
    Fault.MISSING_MEMBER: AuthorizeRequest(),
    Fault.WRONG_TYPE: StartTransactionRequest(connector_id="1", id_tag="TAG-1", meter_start=1, timestamp=NOON),
    Fault.UNKNOWN_VALUE: StatusNotificationRequest(connector_id=1, error_code="NoError", status="Dreaming"),
    Fault.EXTRA_MEMBER: AuthorizeRequest(id_tag="TAG-1", colour="red"),
    Fault.LONG_TEXT: AuthorizeRequest(id_tag="T" * 21),
    Fault.BUG: v16.DataTransferRequest(vendor_id="Boom"),
    Fault.BAD_ANSWER: v16.DataTransferRequest(vendor_id="Liar"),
    Fault.REFUSAL: v16.DataTransferRequest(vendor_id="Secret"),
}


def _instead(requests: tuple[type[Request[Any, Any]], ...], faults: Mapping[Fault, Request[Any, Any]]) -> Any:
    """The requests of a version, with those of the faults in their place."""
    table = {request.action: request for request in requests}
    return tuple({**table, **{type(fault).action: type(fault) for fault in faults.values()}}.values())


FAULTY_CSMS: Final[Version] = attrs.evolve(v16.version, csms_requests=_instead(v16.version.csms_requests, CSMS_FAULTS))
FAULTY_STATION: Final[Version] = attrs.evolve(
    v16.version, charge_point_requests=_instead(v16.version.charge_point_requests, STATION_FAULTS)
)
