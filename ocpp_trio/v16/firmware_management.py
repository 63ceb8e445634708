"""The Firmware Management profile of OCPP 1.6: firmware comes in, diagnostics go out.

Operations are in sections 4.4, 4.5, 5.9 and 5.19 of the specification, their messages in section 6.
"""

from datetime import datetime

import attrs

from ocpp_trio.v16.enums import DiagnosticsStatus, FirmwareStatus
from ocpp_trio.wire.fields import CiString255
from ocpp_trio.wire.message import Request, Response


@attrs.frozen(kw_only=True)
class DiagnosticsStatusNotificationResponse(Response):
    """Confirms receipt and nothing else (sections 4.4 and 6.18)."""


@attrs.frozen(kw_only=True)
class DiagnosticsStatusNotificationRequest(
    Request["DiagnosticsStatusNotificationRequest", DiagnosticsStatusNotificationResponse]
):
    """Reports how the upload of diagnostics goes (sections 4.4 and 6.17)."""

    status: DiagnosticsStatus


@attrs.frozen(kw_only=True)
class FirmwareStatusNotificationResponse(Response):
    """Confirms receipt and nothing else (sections 4.5 and 6.20)."""


@attrs.frozen(kw_only=True)
class FirmwareStatusNotificationRequest(
    Request["FirmwareStatusNotificationRequest", FirmwareStatusNotificationResponse]
):
    """Reports how the update of the firmware goes (sections 4.5 and 6.19)."""

    status: FirmwareStatus


@attrs.frozen(kw_only=True)
class GetDiagnosticsResponse(Response):
    """The name of the file that will be uploaded (sections 5.9 and 6.26)."""

    file_name: CiString255 | None = None
    """At most 255 characters; absent if there is nothing to upload."""


@attrs.frozen(kw_only=True)
class GetDiagnosticsRequest(Request["GetDiagnosticsRequest", GetDiagnosticsResponse]):
    """Asks a Charge Point to upload its diagnostics (sections 5.9 and 6.25)."""

    location: str
    """URI of the directory to upload to; OCPP sets it no limit."""
    retries: int | None = None
    """How often to try again after a failure."""
    retry_interval: int | None = None
    """Seconds."""
    start_time: datetime | None = None
    """The oldest entry to include."""
    stop_time: datetime | None = None
    """The newest entry to include."""


@attrs.frozen(kw_only=True)
class UpdateFirmwareResponse(Response):
    """Confirms receipt and nothing else (sections 5.19 and 6.56)."""


@attrs.frozen(kw_only=True)
class UpdateFirmwareRequest(Request["UpdateFirmwareRequest", UpdateFirmwareResponse]):
    """Asks a Charge Point to fetch and install firmware (sections 5.19 and 6.55)."""

    location: str
    """URI of the firmware; OCPP sets it no limit."""
    retries: int | None = None
    """How often to try again after a failure."""
    retrieve_date: datetime
    """The earliest moment of the download."""
    retry_interval: int | None = None
    """Seconds."""


CHARGE_POINT_REQUESTS = (DiagnosticsStatusNotificationRequest, FirmwareStatusNotificationRequest)
"""What a Charge Point may send."""

CSMS_REQUESTS = (GetDiagnosticsRequest, UpdateFirmwareRequest)
"""What a Central System may send."""
