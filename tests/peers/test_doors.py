"""Who is not let in over wss, at their doors and at ours; who is, is in all the other tests of this folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import pytest
import trio

from ocpp_trio import (
    Closed,
    CloseReason,
    ConnectionState,
    CsmsServer,
    ReconnectPolicy,
    Router,
    open_charge_point,
    serve_csms,
    v16,
)
from tests.peers.conftest import PASSWORD, Wire, serving

pytestmark = pytest.mark.real

WRONG = {"none": None, "another": b"not it", "a byte less": PASSWORD[:-1], "up to a colon": PASSWORD.partition(b":")[0]}
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")


@asynccontextmanager
async def our_csms(wire: Wire) -> AsyncIterator[CsmsServer]:
    async with trio.open_nursery() as nursery:
        serve = partial(serve_csms, host="127.0.0.1", **wire.our_csms)
        yield await nursery.start(serve, [Router(v16)], 0)
        nursery.cancel_scope.cancel()


async def refusal_of(url: str, **options: Any) -> tuple[Closed, float]:
    """Let a station of ours try once: how that ended, and the wait until it tries again."""
    async with open_charge_point(url, "CP-1", router=Router(v16), boot=BOOT, **options) as station:
        with station.transitions() as changes:
            while station.state is not ConnectionState.BACKING_OFF:
                await changes.receive()
        statistics = station.statistics()
    assert statistics.closed is not None
    assert statistics.current_backoff is not None
    return statistics.closed, statistics.current_backoff


@pytest.mark.parametrize("password", WRONG.values(), ids=WRONG)
async def test_their_station_without_the_password_is_refused(peer, wss, password):
    async with our_csms(wss) as server:
        options = {**wss.their_station, "password": password and password.hex()}
        refused = await peer.connect("CP-1", wss.url("127.0.0.1", server.port) + "/CP-1", **options)
        sessions = dict(server.sessions)

    assert (refused["event"], refused["status"]) == ("refused", 401)
    assert sessions == {}


async def test_their_station_that_trusts_another_ca_turns_away(peer, wss, pki):
    async with our_csms(wss) as server:
        options = {**wss.their_station, "ca": str(pki.stranger_file)}
        refused = await peer.connect("CP-1", wss.url("127.0.0.1", server.port) + "/CP-1", **options)

    assert (refused["event"], refused["status"]) == ("refused", None)
    assert "certificate" in refused["detail"]


@pytest.mark.parametrize("password", WRONG.values(), ids=WRONG)
async def test_our_station_without_the_password_waits_a_minute(peer, wss, password):
    async with serving(peer, wss) as url:
        closed, wait = await refusal_of(url, **{**wss.our_station, "password": password})

    assert (closed.reason, closed.status) == (CloseReason.REFUSED, 401)
    assert wait >= ReconnectPolicy().denied_wait


async def test_our_station_that_trusts_another_ca_turns_away(peer, wss, pki):
    context = pki.client(ca=pki.stranger_file)
    async with serving(peer, wss) as url:
        closed, _ = await refusal_of(url, **{**wss.our_station, "ssl_context": context})

    assert closed.reason is CloseReason.TLS_FAILURE
    assert "certificate" in closed.detail


async def test_our_station_turns_away_from_a_csms_of_another_name(peer, wss, pki):
    certificate = str(pki.issue("elsewhere", "elsewhere.example"))
    async with serving(peer, attrs.evolve(wss, their_csms={"cert": certificate, "key": certificate})) as url:
        closed, _ = await refusal_of(url, **wss.our_station)

    assert closed.reason is CloseReason.TLS_FAILURE
    assert "localhost" in closed.detail
