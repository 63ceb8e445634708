"""Status and availability of the connector and of the charge point."""

import pytest

from ocpp_trio.simulator import NotPossible
from ocpp_trio.simulator.connector import Connector
from ocpp_trio.v16 import AvailabilityStatus, AvailabilityType
from ocpp_trio.v16 import ChargePointStatus as S

IN, OUT = AvailabilityType.OPERATIVE, AvailabilityType.INOPERATIVE


@pytest.fixture
def told() -> list[tuple[int, S]]:
    return []


@pytest.fixture
def connector(told) -> Connector:
    return Connector(lambda connector_id, status: told.append((connector_id, status)))


def test_a_step_that_is_not_in_the_table_is_not_possible(connector, told):
    with pytest.raises(NotPossible, match="no way from Available to Finishing"):
        connector.step(S.FINISHING)

    assert (connector.status, told) == (S.AVAILABLE, [])


@pytest.mark.parametrize(
    ("plugged", "path", "expected"),
    [
        (False, [], [(1, S.UNAVAILABLE)]),
        (False, [S.PREPARING], [(1, S.AVAILABLE), (1, S.UNAVAILABLE)]),
        (True, [S.PREPARING], [(1, S.FINISHING), (1, S.UNAVAILABLE)]),
        (True, [S.PREPARING, S.CHARGING, S.FINISHING], [(1, S.UNAVAILABLE)]),
    ],
)
def test_an_idle_connector_goes_out_of_service_by_listed_steps(connector, told, plugged, path, expected):
    connector.plugged = plugged
    connector.step(*path)
    told.clear()

    assert connector.want(1, OUT) is AvailabilityStatus.ACCEPTED
    assert told == []  # the answer comes first
    connector.settle()
    connector.settle()

    assert told == expected


@pytest.mark.parametrize(("plugged", "status"), [(False, S.AVAILABLE), (True, S.PREPARING)])
def test_back_in_service_it_is_as_the_cable_says(connector, told, plugged, status):
    connector.want(1, OUT)
    connector.settle()
    connector.plugged = plugged
    told.clear()

    assert connector.want(1, IN) is AvailabilityStatus.ACCEPTED
    connector.settle()

    assert told == [(1, status)]


@pytest.mark.parametrize(("connector_id", "main"), [(1, []), (0, [(0, S.UNAVAILABLE)])])
def test_during_a_transaction_it_is_scheduled_and_goes_directly_to_unavailable(connector, told, connector_id, main):
    connector.plugged = True
    connector.step(S.PREPARING, S.CHARGING)
    told.clear()

    assert connector.want(connector_id, OUT) is AvailabilityStatus.SCHEDULED
    connector.settle()
    assert told == []
    connector.rest()

    assert told == [(1, S.UNAVAILABLE), *main]


def test_the_opposite_takes_back_what_was_scheduled(connector, told):
    connector.plugged = True
    connector.step(S.PREPARING, S.CHARGING)

    connector.want(0, OUT)
    assert connector.want(0, IN) is AvailabilityStatus.ACCEPTED
    connector.rest()

    assert told[-1] == (1, S.FINISHING)


def test_the_charge_point_takes_its_connector_along(connector, told):
    connector.want(0, OUT)
    connector.settle()
    connector.want(0, IN)
    connector.settle()

    assert told == [(0, S.UNAVAILABLE), (1, S.UNAVAILABLE), (0, S.AVAILABLE), (1, S.AVAILABLE)]


def test_a_connector_is_not_in_service_while_its_charge_point_is_not(connector, told):
    connector.want(0, OUT)
    connector.settle()

    connector.want(1, IN)
    connector.settle()

    assert connector.status is S.UNAVAILABLE


def test_a_state_that_is_there_already_is_accepted_without_effect(connector, told):
    assert connector.want(1, IN) is AvailabilityStatus.ACCEPTED
    connector.settle()

    assert told == []


def test_there_is_no_second_connector(connector, told):
    assert connector.want(2, OUT) is AvailabilityStatus.REJECTED
    assert connector.operative
