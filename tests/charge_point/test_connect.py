"""What prevents a connection, told as one kind of error with its reason."""

import ssl

import pytest
import trio
import trio.testing

from ocpp_trio import Closed, CloseReason, HandshakeError, Limits, Refusal, Router, serve_csms, v16
from ocpp_trio.charge_point.connect import open_transport
from ocpp_trio.charge_point.endpoint import Endpoint

ENDPOINT = Endpoint(host="csms", port=9000, resource="/ocpp/CP-1")


def broken_by_tls():
    try:
        raise trio.BrokenResourceError from ssl.SSLError(1, "certificate verify failed")
    except trio.BrokenResourceError as exc:
        return exc


@pytest.mark.parametrize(
    ("error", "reason", "detail"),
    [
        (ConnectionRefusedError("nobody there"), CloseReason.TRANSPORT_ERROR, "nobody there"),
        (OSError("all attempts failed"), CloseReason.TRANSPORT_ERROR, "all attempts failed"),
        (trio.BrokenResourceError("gone"), CloseReason.TRANSPORT_ERROR, "gone"),
        (ssl.SSLError(1, "bad certificate"), CloseReason.TLS_FAILURE, "bad certificate"),
        (broken_by_tls(), CloseReason.TLS_FAILURE, "certificate verify failed"),
    ],
    ids=repr,
)
async def test_a_dial_that_fails_is_told_with_its_reason(error, reason, detail):
    async def dial(host, port):
        raise error

    with pytest.raises(HandshakeError) as failed:
        async with open_transport(ENDPOINT, dial=dial, subprotocol="ocpp1.6", limits=Limits()):
            pytest.fail("there is no transport")

    assert failed.value.closed.reason is reason
    assert detail in failed.value.closed.detail
    assert failed.value.__cause__ is error


async def test_a_dial_that_takes_too_long_is_given_up(autojump_clock):
    async def dial(host, port):
        await trio.sleep_forever()

    with pytest.raises(HandshakeError) as failed:
        async with open_transport(ENDPOINT, dial=dial, subprotocol="ocpp1.6", limits=Limits(handshake_deadline=7)):
            pytest.fail("there is no transport")

    assert failed.value.closed == Closed(CloseReason.TRANSPORT_ERROR, None, "cannot connect within 7 s")
    assert trio.current_time() == 7


async def test_a_bug_in_a_dial_is_no_network_failure():
    async def dial(host, port):
        raise LookupError("a bug")

    with pytest.raises(LookupError):
        async with open_transport(ENDPOINT, dial=dial, subprotocol="ocpp1.6", limits=Limits()):
            pytest.fail("there is no transport")


async def test_an_upgrade_that_is_refused_carries_the_status(ground, autojump_clock):
    async def authenticate(credentials):
        return Refusal(503, headers=[(b"Retry-After", b"17")])

    async with trio.open_nursery() as nursery:
        await nursery.start(
            lambda task_status: serve_csms(
                [Router(v16)], 9000, authenticate=authenticate, listen=ground.network.listen, task_status=task_status
            )
        )

        with pytest.raises(HandshakeError) as failed:
            async with open_transport(ENDPOINT, dial=ground.network.dial, subprotocol="ocpp1.6", limits=Limits()):
                pytest.fail("there is no transport")

        nursery.cancel_scope.cancel()
    assert failed.value.closed.reason is CloseReason.REFUSED
    assert (failed.value.status, failed.value.retry_after) == (503, 17)


async def test_a_transport_speaks_the_subprotocol_that_was_asked_for(ground, autojump_clock):
    async with ground.serving() as port:
        endpoint = Endpoint(host="csms", port=port, resource="/ocpp/CP-1")

        async with open_transport(
            endpoint, dial=ground.network.dial, subprotocol="ocpp1.6", limits=Limits()
        ) as transport:
            assert transport.subprotocol == "ocpp1.6"
