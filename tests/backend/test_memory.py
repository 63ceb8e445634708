"""The backend behind a real server, asked by a station over memory."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import trio

from ocpp_trio import ChargePoint, Router, open_charge_point, serve_csms, v16
from ocpp_trio.backend import Freshness, MemoryBackend, Station
from ocpp_trio.testing import MemoryNetwork
from ocpp_trio.wire.codec import codec_of

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
S = v16.AuthorizationStatus


def now() -> datetime:
    return EPOCH + timedelta(seconds=trio.current_time())


def start_request(**more: Any) -> v16.StartTransactionRequest:
    return v16.StartTransactionRequest(
        **{"connector_id": 1, "id_tag": "TAG-1", "meter_start": 0, "timestamp": EPOCH, **more}
    )


@asynccontextmanager
async def open_station(backend: MemoryBackend) -> AsyncIterator[ChargePoint]:
    network = MemoryNetwork()
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve_csms, [backend.router()], 9000, listen=network.listen, instrument=backend.instrument)
        )
        async with open_charge_point(
            "ws://memory:9000/ocpp", "CP-1", router=Router(v16), boot=BOOT, dial=network.dial
        ) as station:
            await station.wait_online()
            yield station
        nursery.cancel_scope.cancel()


def test_every_message_of_a_charge_point_has_a_handler():
    router = MemoryBackend().router()

    assert [r for r in v16.version.charge_point_requests if router.handler(r) is None] == []


def test_a_router_that_has_a_handler_already_is_refused():
    backend = MemoryBackend()

    with pytest.raises(ValueError, match="AuthorizeRequest is registered already"):
        backend.register(backend.router())


def test_an_interval_is_not_negative():
    with pytest.raises(ValueError, match="expected an interval of 0 or more seconds, found -1"):
        MemoryBackend(interval=-1)


async def test_boot_and_heartbeats_at_the_interval_it_names(autojump_clock):
    backend = MemoryBackend(interval=10, now=now)
    async with open_station(backend) as station:
        assert station.statistics().heartbeat_interval == 10
        await trio.sleep(25)

        known = backend.live.station("CP-1")
    gone = backend.live.station("CP-1")

    assert known == Station(
        identity="CP-1", last_seen=EPOCH + timedelta(seconds=20), online=True, vendor="Acme", model="One", boots=1
    )
    assert gone == attrs.evolve(known, online=False)


async def test_a_heartbeat_is_answered_with_the_time(autojump_clock):
    async with open_station(MemoryBackend(now=now)) as station:
        await trio.sleep(4.75)
        response = await station.call(v16.HeartbeatRequest())

    assert response.current_time == EPOCH + timedelta(seconds=5)


async def test_without_a_clock_of_its_own_it_tells_the_time_of_the_wall(autojump_clock):
    before = datetime.now(UTC)
    async with open_station(MemoryBackend()) as station:
        response = await station.call(v16.HeartbeatRequest())

    assert before - timedelta(seconds=1) <= response.current_time <= datetime.now(UTC)


async def test_authorize_follows_the_list(autojump_clock):
    async with open_station(MemoryBackend(tags={"TAG-1": S.ACCEPTED, "TAG-2": S.EXPIRED})) as station:
        answers = [await station.call(v16.AuthorizeRequest(id_tag=tag)) for tag in ("tag-1", "TAG-2", "TAG-3")]

    assert [answer.id_tag_info.status for answer in answers] == [S.ACCEPTED, S.EXPIRED, S.INVALID]


async def test_a_transaction_from_start_to_stop(autojump_clock):
    backend = MemoryBackend(now=now)
    reading = v16.MeterValue(timestamp=EPOCH, sampled_value=(v16.SampledValue(value="50"),))
    async with open_station(backend) as station:
        started = await station.call(start_request())
        number = started.transaction_id
        await station.call(v16.MeterValuesRequest(connector_id=1, transaction_id=number, meter_value=(reading,)))
        between = backend.transactions[number]
        stop = v16.StopTransactionRequest(transaction_id=number, meter_stop=80, timestamp=now(), id_tag="TAG-1")
        stopped = await station.call(stop)

    assert started == v16.StartTransactionResponse(transaction_id=1, id_tag_info=v16.IdTagInfo(status=S.ACCEPTED))
    assert (between.identity, between.running, between.energy, between.readings) == ("CP-1", True, 50, 1)
    assert stopped.id_tag_info == v16.IdTagInfo(status=S.ACCEPTED)
    assert (backend.transactions[1].running, backend.transactions[1].energy) == (False, 80)


async def test_a_refused_tag_has_a_transaction_id_all_the_same(autojump_clock):
    async with open_station(MemoryBackend(tags={})) as station:
        started = await station.call(start_request())

    assert (started.transaction_id, started.id_tag_info.status) == (1, S.INVALID)


async def test_a_start_at_connector_0_is_answered_like_any_other(autojump_clock):
    """A station that got a CALLERROR might drop the report, and the energy is out (OCPP 1.6 section 4.8)."""
    backend = MemoryBackend()
    members = {"connectorId": 0, "idTag": "TAG-1", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}
    request = codec_of(v16.version).decode(v16.StartTransactionRequest, json.dumps(members).encode())
    handler: Any = backend.router().handler(v16.StartTransactionRequest)  # a station of ours would not send it
    started = await handler(SimpleNamespace(identity="CP-1"), request)
    async with open_station(backend) as station:
        stop = v16.StopTransactionRequest(transaction_id=started.transaction_id, meter_stop=80, timestamp=EPOCH)
        await station.call(stop)

    assert (started.transaction_id, started.id_tag_info.status) == (1, S.ACCEPTED)
    assert (backend.transactions[1].connector_id, backend.transactions[1].energy) == (0, 80)


async def test_a_repeated_start_has_the_same_answer(autojump_clock):
    async with open_station(MemoryBackend(concurrent=False)) as station:
        first = await station.call(start_request())
        again = await station.call(start_request())

    assert first == again
    assert first.id_tag_info.status is S.ACCEPTED


@pytest.mark.parametrize(("concurrent", "status"), [(True, S.ACCEPTED), (False, S.CONCURRENT_TX)])
async def test_a_tag_that_charges_already_may_be_refused_a_second_time(autojump_clock, concurrent, status):
    async with open_station(MemoryBackend(concurrent=concurrent)) as station:
        await station.call(start_request())
        authorized = await station.call(v16.AuthorizeRequest(id_tag="TAG-1"))
        second = await station.call(start_request(connector_id=2, id_tag="tag-1"))

    assert authorized.id_tag_info.status is S.ACCEPTED  # the tag may be wanted for the stop
    assert second.id_tag_info.status is status


async def test_a_blocked_tag_is_blocked_rather_than_concurrent(autojump_clock):
    async with open_station(MemoryBackend(tags={"T": S.BLOCKED}, concurrent=False)) as station:
        await station.call(start_request(id_tag="T"))
        second = await station.call(start_request(id_tag="T", connector_id=2))

    assert second.id_tag_info.status is S.BLOCKED


@pytest.mark.parametrize("transaction_id", [-1, 99])
async def test_a_stop_of_an_unknown_transaction_is_answered_like_any_other(autojump_clock, caplog, transaction_id):
    caplog.set_level("INFO")
    backend = MemoryBackend()
    async with open_station(backend) as station:
        stop = v16.StopTransactionRequest(transaction_id=transaction_id, meter_stop=80, timestamp=EPOCH)
        response = await station.call(stop)

    assert response == v16.StopTransactionResponse()  # no idTag, so no idTagInfo
    assert f"'CP-1' stopped transaction {transaction_id}, which does not run here" in caplog.text


async def test_status_notifications_are_kept_by_connector(autojump_clock):
    backend = MemoryBackend(now=now)
    async with open_station(backend) as station:
        for connector_id, status in [(0, "Available"), (1, "Preparing"), (1, "Charging")]:
            await station.call(
                v16.StatusNotificationRequest(
                    connector_id=connector_id,
                    error_code=v16.ChargePointErrorCode.NO_ERROR,
                    status=v16.ChargePointStatus(status),
                )
            )

    statuses = [(connector.connector_id, connector.status.value) for connector in backend.live.connectors("CP-1")]
    assert statuses == [(0, "Available"), (1, "Charging")]


async def test_it_forgets_what_nobody_tells_again(autojump_clock):
    backend = MemoryBackend(freshness=Freshness(connectors=60))
    async with open_station(backend) as station:
        await station.call(
            v16.StatusNotificationRequest(
                connector_id=1,
                error_code=v16.ChargePointErrorCode.NO_ERROR,
                status=v16.ChargePointStatus.AVAILABLE,
            )
        )
        await trio.sleep(59)
        assert len(backend.live.connectors()) == 1
        await trio.sleep(1)
        assert backend.live.connectors() == ()


async def test_data_transfer_goes_to_the_handler_of_its_vendor(autojump_clock):
    backend = MemoryBackend()

    @backend.on_vendor("org.example")
    async def transfer(session, request):
        return v16.DataTransferResponse(
            status=v16.DataTransferStatus.ACCEPTED, data=f"{session.identity}: {request.data}"
        )

    async with open_station(backend) as station:
        known = await station.call(v16.DataTransferRequest(vendor_id="ORG.example", data="hello"))
        unknown = await station.call(v16.DataTransferRequest(vendor_id="org.other"))

    assert known == v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED, data="CP-1: hello")
    assert unknown == v16.DataTransferResponse(status=v16.DataTransferStatus.UNKNOWN_VENDOR_ID)


def test_a_vendor_has_one_handler():
    backend = MemoryBackend()

    async def handler(session, request):
        raise NotImplementedError

    backend.on_vendor("org.example")(handler)

    with pytest.raises(ValueError, match="vendor 'ORG.EXAMPLE' is registered already"):
        backend.on_vendor("ORG.EXAMPLE")(handler)
