"""The Remote Trigger profile of OCPP 1.6: the Central System asks for a message (section 5.17)."""

import attrs

from ocpp_trio.v16.enums import MessageTrigger, TriggerMessageStatus
from ocpp_trio.wire.fields import NonNegative
from ocpp_trio.wire.message import Request, Response


@attrs.frozen(kw_only=True)
class TriggerMessageResponse(Response):
    """Whether the message will follow; it does so after this answer (sections 5.17 and 6.52)."""

    status: TriggerMessageStatus


@attrs.frozen(kw_only=True)
class TriggerMessageRequest(Request["TriggerMessageRequest", TriggerMessageResponse]):
    """Asks a Charge Point to send a message of its own (sections 5.17 and 6.51)."""

    requested_message: MessageTrigger
    connector_id: NonNegative | None = None
    """Only where the message is about a connector; 0 asks for the Charge Point's own status."""


CHARGE_POINT_REQUESTS = ()
"""What a Charge Point may send: the messages asked for belong to other profiles."""

CSMS_REQUESTS = (TriggerMessageRequest,)
"""What a Central System may send."""
