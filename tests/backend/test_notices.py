"""What changes nothing in the records is acknowledged all the same, and a security event is told."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import trio

from ocpp_trio import Request, Router, open_charge_point, serve_csms, v16
from ocpp_trio.backend import MemoryBackend
from ocpp_trio.testing import MemoryNetwork

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
EVENT = v16.SecurityEventNotificationRequest(type="Tamper\nDetection", timestamp=datetime(2026, 1, 1, tzinfo=UTC))
NOTICES = [
    v16.DiagnosticsStatusNotificationRequest(status=v16.DiagnosticsStatus.UPLOADED),
    v16.FirmwareStatusNotificationRequest(status=v16.FirmwareStatus.INSTALLED),
    v16.LogStatusNotificationRequest(status=v16.UploadLogStatusEnumType.IDLE),
    v16.SignedFirmwareStatusNotificationRequest(status=v16.FirmwareStatusEnumType.INSTALLED, request_id=7),
    EVENT,
]


async def ask(request: Request[Any, Any]) -> object:
    """The answer of a new CSMS."""
    network = MemoryNetwork()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_csms, [MemoryBackend().router()], 9000, listen=network.listen))
        async with open_charge_point(
            "ws://memory:9000/ocpp", "CP-1", router=Router(v16), boot=BOOT, dial=network.dial
        ) as station:
            await station.wait_online()
            answer = await station.call(request)
        nursery.cancel_scope.cancel()
    return answer


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: type(notice).__name__)
async def test_notice_is_acknowledged(notice, autojump_clock):
    assert await ask(notice) == notice.response()


async def test_security_event_is_logged_and_its_text_escaped(autojump_clock, caplog):
    await ask(EVENT)

    assert r"'CP-1': security event 'Tamper\nDetection'" in caplog.text


async def test_certificate_is_not_signed(autojump_clock):
    answer = await ask(v16.SignCertificateRequest(csr="-----BEGIN CERTIFICATE REQUEST-----"))

    assert answer == v16.SignCertificateResponse(status=v16.GenericStatusEnumType.REJECTED)
