"""What stations tell of their firmware, their logs and their security: acknowledged, and written to the log.

Owns the handlers of messages that change nothing in the records. A SignCertificate is refused: this CSMS is no
certificate authority (OCPP 1.6 security white paper, use case A02).
"""

import logging

from ocpp_trio import Router, Session, v16

logger = logging.getLogger(__name__)


def register_notices(router: Router) -> None:
    """Put the handlers on a router. Raises ValueError where one is taken already."""
    router.on(v16.DiagnosticsStatusNotificationRequest)(_diagnostics_status)
    router.on(v16.FirmwareStatusNotificationRequest)(_firmware_status)
    router.on(v16.LogStatusNotificationRequest)(_log_status)
    router.on(v16.SecurityEventNotificationRequest)(_security_event)
    router.on(v16.SignCertificateRequest)(_sign_certificate)
    router.on(v16.SignedFirmwareStatusNotificationRequest)(_signed_firmware_status)


async def _diagnostics_status(
    session: Session, request: v16.DiagnosticsStatusNotificationRequest
) -> v16.DiagnosticsStatusNotificationResponse:
    logger.info("%a: diagnostics %s", session.identity, request.status.value)
    return v16.DiagnosticsStatusNotificationResponse()


async def _firmware_status(
    session: Session, request: v16.FirmwareStatusNotificationRequest
) -> v16.FirmwareStatusNotificationResponse:
    logger.info("%a: firmware %s", session.identity, request.status.value)
    return v16.FirmwareStatusNotificationResponse()


async def _log_status(session: Session, request: v16.LogStatusNotificationRequest) -> v16.LogStatusNotificationResponse:
    logger.info("%a: log %s", session.identity, request.status.value)
    return v16.LogStatusNotificationResponse()


async def _security_event(
    session: Session, request: v16.SecurityEventNotificationRequest
) -> v16.SecurityEventNotificationResponse:
    logger.warning("%a: security event %a", session.identity, request.type)
    return v16.SecurityEventNotificationResponse()


async def _sign_certificate(session: Session, request: v16.SignCertificateRequest) -> v16.SignCertificateResponse:
    return v16.SignCertificateResponse(status=v16.GenericStatusEnumType.REJECTED)


async def _signed_firmware_status(
    session: Session, request: v16.SignedFirmwareStatusNotificationRequest
) -> v16.SignedFirmwareStatusNotificationResponse:
    logger.info("%a: signed firmware %s", session.identity, request.status.value)
    return v16.SignedFirmwareStatusNotificationResponse()
