"""The Firmware Management profile."""

from datetime import UTC, datetime

from ocpp_trio import v16
from ocpp_trio.v16 import firmware_management
from ocpp_trio.wire.codec import codec_of

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
codec = codec_of(v16.version)


def test_the_charge_point_reports_and_the_central_system_asks() -> None:
    assert (
        v16.DiagnosticsStatusNotificationRequest,
        v16.FirmwareStatusNotificationRequest,
    ) == firmware_management.CHARGE_POINT_REQUESTS
    assert (v16.GetDiagnosticsRequest, v16.UpdateFirmwareRequest) == firmware_management.CSMS_REQUESTS


def test_an_update_is_written_in_the_order_of_the_specification() -> None:
    request = v16.UpdateFirmwareRequest(retry_interval=60, retries=3, retrieve_date=NOON, location="ftp://f/fw.bin")

    assert codec.encode(request) == (
        b'{"location":"ftp://f/fw.bin","retries":3,"retrieveDate":"2026-11-21T12:00:00Z","retryInterval":60}'
    )


def test_a_location_has_no_limit() -> None:
    location = "https://files.example.org/" + "x" * 10_000

    assert v16.GetDiagnosticsRequest(location=location).location == location


def test_nothing_to_upload_is_an_answer_without_a_name() -> None:
    assert codec.encode(v16.GetDiagnosticsResponse()) == b"{}"
