"""The Reservation profile of OCPP 1.6: a connector is kept for an identifier.

Operations are in sections 5.1 and 5.13 of the specification, their messages in section 6.
"""

from datetime import datetime

import attrs

from ocpp_trio.v16.enums import CancelReservationStatus, ReservationStatus
from ocpp_trio.wire.fields import IdToken, NonNegative
from ocpp_trio.wire.message import Request, Response


@attrs.frozen(kw_only=True)
class CancelReservationResponse(Response):
    """Whether there was such a reservation (sections 5.1 and 6.6)."""

    status: CancelReservationStatus


@attrs.frozen(kw_only=True)
class CancelReservationRequest(Request["CancelReservationRequest", CancelReservationResponse]):
    """Takes back a reservation (sections 5.1 and 6.5)."""

    reservation_id: int


@attrs.frozen(kw_only=True)
class ReserveNowResponse(Response):
    """Whether the connector is reserved, and if not why (sections 5.13 and 6.38)."""

    status: ReservationStatus


@attrs.frozen(kw_only=True)
class ReserveNowRequest(Request["ReserveNowRequest", ReserveNowResponse]):
    """Keeps a connector for an identifier (sections 5.13 and 6.37)."""

    connector_id: NonNegative
    """0 is any connector of the Charge Point."""
    expiry_date: datetime
    """When the reservation ends by itself."""
    id_tag: IdToken
    """At most 20 characters."""
    parent_id_tag: IdToken | None = None
    """The group that may use the reservation too, at most 20 characters."""
    reservation_id: int
    """One that exists already is replaced."""


CHARGE_POINT_REQUESTS = ()
"""What a Charge Point may send: it only answers."""

CSMS_REQUESTS = (CancelReservationRequest, ReserveNowRequest)
"""What a Central System may send."""
