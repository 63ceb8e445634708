from datetime import UTC, datetime

import pytest

from ocpp_trio import v16
from ocpp_trio.backend import Station, Transaction
from tests.operator_ground import Ground

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def station(identity: str, *, online: bool = True) -> Station:
    return Station(identity=identity, last_seen=NOW, online=online)


def transaction(number: int, identity: str = "CP-1", *, running: bool = True) -> Transaction:
    return Transaction(
        transaction_id=number,
        identity=identity,
        connector_id=1,
        id_tag="TAG",
        status=v16.AuthorizationStatus.ACCEPTED,
        meter_start=0,
        started_at=NOW,
        meter=0,
        stopped_at=None if running else NOW,
    )


async def test_one_station_is_shown_with_all_that_belongs_to_it(autojump_clock):
    ground = Ground()
    async with ground.running(), ground.station() as charging, ground.station("CP-2") as other:
        for each, tag in ((charging, "TAG-1"), (other, "TAG-2")):
            status = v16.StatusNotificationRequest(
                connector_id=1,
                error_code=v16.ChargePointErrorCode.NO_ERROR,
                status=v16.ChargePointStatus.CHARGING,
                timestamp=NOW,
            )
            await each.call(status)
            await each.call(v16.StartTransactionRequest(connector_id=1, id_tag=tag, meter_start=7, timestamp=NOW))
            sampled = (v16.SampledValue(value="9", measurand=v16.Measurand.ENERGY_ACTIVE_IMPORT_REGISTER),)
            await each.call(
                v16.MeterValuesRequest(
                    connector_id=1, meter_value=(v16.MeterValue(timestamp=NOW, sampled_value=sampled),)
                )
            )
        answer = await ground.get("/api/stations/CP-1")
        sequence = ground.hub.sequence

    shown = answer.json
    assert (shown["identity"], shown["vendor"], shown["online"], shown["boots"]) == ("CP-1", "Acme", True, 1)
    assert shown["last_seen"].endswith("Z")
    assert [(each["connector_id"], each["status"], each["since"]) for each in shown["connectors"]] == [
        (1, "Charging", "2026-01-01T00:00:00Z")
    ]
    assert [(each["id_tag"], each["meter_start"]) for each in shown["transactions"]] == [("TAG-1", 7)]
    (reading,) = shown["meter_values"]
    assert reading["values"] == [
        {
            "timestamp": "2026-01-01T00:00:00Z",
            "sampledValue": [{"value": "9", "measurand": "Energy.Active.Import.Register"}],
        }
    ]
    assert shown["sequence"] == sequence


async def test_stations_come_by_identity_a_page_at_a_time(autojump_clock):
    ground = Ground()
    async with ground.running():
        for number in (3, 1, 5, 2, 4):
            ground.live.update_station(station(f"CP-{number}"))

        pages, after = [], ""
        while after is not None:
            page = (await ground.get(f"/api/stations?limit=2&after={after}")).json
            pages.append([each["identity"] for each in page["items"]])
            after = page["next"]

    assert pages == [["CP-1", "CP-2"], ["CP-3", "CP-4"], ["CP-5"]]


@pytest.mark.parametrize(("online", "expected"), [("true", ["CP-1"]), ("false", ["CP-2"])])
async def test_stations_that_are_or_are_not_online(autojump_clock, online, expected):
    ground = Ground()
    async with ground.running():
        ground.live.update_station(station("CP-1"))
        ground.live.update_station(station("CP-2", online=False))
        answer = await ground.get(f"/api/stations?online={online}")

    assert [each["identity"] for each in answer.json["items"]] == expected


async def test_transactions_come_by_number_a_page_at_a_time(autojump_clock):
    ground = Ground()
    async with ground.running():
        for number in (10, 9, 100, 8):
            ground.live.update_transaction(transaction(number, f"CP-{number % 2}", running=number != 9))
        first = (await ground.get("/api/transactions?limit=3")).json
        rest = (await ground.get(f"/api/transactions?after={first['next']}")).json
        running = (await ground.get("/api/transactions?running=false")).json
        of_one = (await ground.get("/api/transactions?station=CP-0&running=true")).json

    assert [each["transaction_id"] for each in first["items"]] == [8, 9, 10]
    assert ([each["transaction_id"] for each in rest["items"]], rest["next"]) == ([100], None)
    assert [each["transaction_id"] for each in running["items"]] == [9]
    assert [each["transaction_id"] for each in of_one["items"]] == [8, 10, 100]


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("stations?limit=0", "limit: found '0', expected an integer from 1 to 1000"),
        ("stations?limit=1001", "limit: found '1001', expected an integer from 1 to 1000"),
        ("stations?limit=-1", "limit: found '-1', expected an integer from 1 to 1000"),
        ("stations?limit=%D9%A1", "limit: found '\u0661', expected an integer from 1 to 1000"),
        ("transactions?limit=" + 5000 * "9", f"limit: found '{40 * '9'}', expected an integer from 1 to 1000"),
        ("transactions?after=x", "after: found 'x', expected an integer from 0 to 9007199254740992"),
        ("stations?online=yes", "online: found 'yes', expected true or false"),
    ],
)
async def test_a_parameter_out_of_bounds_is_refused(autojump_clock, query, detail):
    ground = Ground()
    async with ground.running():
        answer = await ground.get(f"/api/{query}")

    assert (answer.status, answer.json["detail"]) == (422, detail)


async def test_counters_are_told_to_prometheus(autojump_clock):
    ground = Ground()
    async with ground.running(), ground.station():
        answer = await ground.get("/metrics")

    lines = answer.body.decode().splitlines()
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert {"ocpp_sessions 1.0", "ocpp_stations_known 1.0", "ocpp_opens_total 1.0"} < set(lines)
    assert 'ocpp_call_total{direction="received"} 1.0' in lines


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/nothing", 404), ("DELETE", "/api/stations", 405), ("PRI", "*", 404)]
)
async def test_what_is_not_there_is_a_problem_like_any_other(autojump_clock, method, path, status):
    ground = Ground()
    async with ground.running():
        answer = await ground.request(method, path)

    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/stations", "GET, HEAD"),
        ("GET", "/api/stations/CP-1/calls/Reset", "POST"),
        ("POST", "/api/openapi.json", "GET, HEAD"),
    ],
)
async def test_another_method_is_answered_with_those_that_are_allowed(autojump_clock, method, path, allowed):
    ground = Ground()
    async with ground.running():
        answer = await ground.request(method, path)

    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    assert answer.json["detail"] == f"found {method} {path!r}, expected {allowed.replace(', ', ' or ')}"


async def test_a_bug_is_a_500_without_its_internals_and_the_server_goes_on(autojump_clock, caplog):
    class Broken(dict[str, object]):
        def __len__(self):
            raise AttributeError("secret")

    ground = Ground(sessions=Broken())
    async with ground.running():
        broken = await ground.get("/metrics")
        ground.sessions = None
        healthy = await ground.get("/metrics")

    assert (broken.status, healthy.status) == (500, 200)
    assert broken.json["detail"] == "the server failed; its log says more"
    assert "AttributeError" in caplog.text
