"""OCPP 1.6 as a value: who may say what, and how its errors are spelt."""

from typing import Final

from ocpp_trio.errors import ErrorCode
from ocpp_trio.v16 import (
    core,
    firmware_management,
    local_auth_list_management,
    remote_trigger,
    reservation,
    security,
    smart_charging,
)
from ocpp_trio.v16.core import BootNotificationRequest, HeartbeatRequest
from ocpp_trio.v16.enums import TriggerMessageStatus
from ocpp_trio.v16.remote_trigger import TriggerMessageRequest, TriggerMessageResponse
from ocpp_trio.v16.security import ExtendedTriggerMessageRequest, ExtendedTriggerMessageResponse
from ocpp_trio.v16.security_enums import MessageTriggerEnumType, TriggerMessageStatusEnumType
from ocpp_trio.wire.message import Defect, Version


def _triggered_action(request: TriggerMessageRequest, response: TriggerMessageResponse) -> str | None:
    """The values of MessageTrigger are action names; only an accepted request permits one."""
    return request.requested_message.value if response.status is TriggerMessageStatus.ACCEPTED else None


_EXTENDED_ACTIONS: Final = {
    MessageTriggerEnumType.FIRMWARE_STATUS_NOTIFICATION: security.SignedFirmwareStatusNotificationRequest.action,
    MessageTriggerEnumType.SIGN_CHARGE_POINT_CERTIFICATE: security.SignCertificateRequest.action,
}
"""The triggers of the security white paper, section 6.16, whose value is not the name of the action."""


def _extended_triggered_action(
    request: ExtendedTriggerMessageRequest, response: ExtendedTriggerMessageResponse
) -> str | None:
    if response.status is not TriggerMessageStatusEnumType.ACCEPTED:
        return None
    return _EXTENDED_ACTIONS.get(request.requested_message, request.requested_message.value)


version: Final = Version(
    subprotocol="ocpp1.6",
    charge_point_requests=(
        *core.CHARGE_POINT_REQUESTS,
        *firmware_management.CHARGE_POINT_REQUESTS,
        *local_auth_list_management.CHARGE_POINT_REQUESTS,
        *remote_trigger.CHARGE_POINT_REQUESTS,
        *reservation.CHARGE_POINT_REQUESTS,
        *smart_charging.CHARGE_POINT_REQUESTS,
        *security.CHARGE_POINT_REQUESTS,
    ),
    csms_requests=(
        *core.CSMS_REQUESTS,
        *firmware_management.CSMS_REQUESTS,
        *local_auth_list_management.CSMS_REQUESTS,
        *remote_trigger.CSMS_REQUESTS,
        *reservation.CSMS_REQUESTS,
        *smart_charging.CSMS_REQUESTS,
        *security.CSMS_REQUESTS,
    ),
    boot=BootNotificationRequest,
    heartbeat=HeartbeatRequest,
    # OCPP-J 1.6 section 4.2.3 names the codes and leaves some defects open: a CALL whose id is still in
    # progress and one too many at a time are GenericError, and "incomplete" is read as a missing member.
    error_codes={
        Defect.MALFORMED: ErrorCode.FORMATION_VIOLATION,
        Defect.DUPLICATE_ID: ErrorCode.GENERIC_ERROR,
        Defect.UNKNOWN_ACTION: ErrorCode.NOT_IMPLEMENTED,
        Defect.NO_HANDLER: ErrorCode.NOT_SUPPORTED,
        Defect.NOT_ACCEPTED: ErrorCode.SECURITY_ERROR,
        Defect.MISSING_MEMBER: ErrorCode.PROTOCOL_ERROR,
        Defect.EXTRA_MEMBER: ErrorCode.FORMATION_VIOLATION,
        Defect.WRONG_TYPE: ErrorCode.TYPE_CONSTRAINT_VIOLATION,
        Defect.WRONG_CARDINALITY: ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
        Defect.UNKNOWN_ENUM_VALUE: ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
        Defect.BAD_VALUE: ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
        Defect.HANDLER_FAILED: ErrorCode.INTERNAL_ERROR,
        Defect.OVERLOADED: ErrorCode.GENERIC_ERROR,
    },
    spellings={
        ErrorCode.FORMAT_VIOLATION.value: ErrorCode.FORMATION_VIOLATION,
        ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION.value: ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
    },
    triggers={
        TriggerMessageRequest: _triggered_action,
        ExtendedTriggerMessageRequest: _extended_triggered_action,
    },
)
"""OCPP 1.6-J with the security extension."""
