"""The Reservation profile."""

from datetime import UTC, datetime

import pytest

from ocpp_trio import v16
from ocpp_trio.v16 import reservation
from ocpp_trio.wire.codec import codec_of

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
codec = codec_of(v16.version)


def test_only_the_central_system_reserves() -> None:
    assert not reservation.CHARGE_POINT_REQUESTS
    assert (v16.CancelReservationRequest, v16.ReserveNowRequest) == reservation.CSMS_REQUESTS


def test_a_reservation_is_written_in_the_order_of_the_specification() -> None:
    request = v16.ReserveNowRequest(reservation_id=17, id_tag="VIP", expiry_date=NOON, connector_id=0)

    assert codec.encode(request) == (
        b'{"connectorId":0,"expiryDate":"2026-11-21T12:00:00Z","idTag":"VIP","reservationId":17}'
    )


def test_the_group_is_an_identifier() -> None:
    with pytest.raises(ValueError, match="ReserveNowRequest.parent_id_tag: expected a string of at most 20 characters"):
        v16.ReserveNowRequest(connector_id=1, expiry_date=NOON, id_tag="A", parent_id_tag="x" * 21, reservation_id=1)
