"""The Local Auth List Management profile of OCPP 1.6: identifiers that a Charge Point knows while offline.

Operations are in sections 5.10 and 5.15 of the specification, their messages in section 6.
"""

import attrs

from ocpp_trio.v16.enums import UpdateStatus, UpdateType
from ocpp_trio.v16.types import AuthorizationData
from ocpp_trio.wire.message import Request, Response


@attrs.frozen(kw_only=True)
class GetLocalListVersionResponse(Response):
    """Which list the Charge Point has (sections 5.10 and 6.28)."""

    list_version: int
    """0 if the list is empty, -1 if there can be none."""


@attrs.frozen(kw_only=True)
class GetLocalListVersionRequest(Request["GetLocalListVersionRequest", GetLocalListVersionResponse]):
    """Asks for the version of the local list (sections 5.10 and 6.27)."""


@attrs.frozen(kw_only=True)
class SendLocalListResponse(Response):
    """Whether the list was taken over (sections 5.15 and 6.42)."""

    status: UpdateStatus


@attrs.frozen(kw_only=True)
class SendLocalListRequest(Request["SendLocalListRequest", SendLocalListResponse]):
    """Replaces the local list or changes parts of it (sections 5.15 and 6.41)."""

    list_version: int
    """The version of the list once it is taken over; neither 0 nor -1."""
    local_authorization_list: tuple[AuthorizationData, ...] | None = None
    """No identifier twice, and at most as many as the key SendLocalListMaxLength says."""
    update_type: UpdateType


CHARGE_POINT_REQUESTS = ()
"""What a Charge Point may send: it only answers."""

CSMS_REQUESTS = (GetLocalListVersionRequest, SendLocalListRequest)
"""What a Central System may send."""
