"""The Remote Trigger profile."""

import pytest

from ocpp_trio import v16
from ocpp_trio.v16 import remote_trigger
from ocpp_trio.wire.codec import codec_of

codec = codec_of(v16.version)


def test_a_trigger_is_written_in_the_order_of_the_specification() -> None:
    request = v16.TriggerMessageRequest(connector_id=1, requested_message=v16.MessageTrigger.METER_VALUES)

    assert codec.encode(request) == b'{"requestedMessage":"MeterValues","connectorId":1}'


def test_a_trigger_may_be_about_the_charge_point_itself() -> None:
    request = codec.decode(v16.TriggerMessageRequest, b'{"requestedMessage":"StatusNotification","connectorId":0}')

    assert request.connector_id == 0


def test_only_the_central_system_triggers() -> None:
    assert not remote_trigger.CHARGE_POINT_REQUESTS
    assert list(remote_trigger.CSMS_REQUESTS) == [v16.TriggerMessageRequest]


@pytest.mark.parametrize("trigger", list(v16.MessageTrigger))
def test_the_action_of_an_accepted_trigger_is_permitted(trigger: v16.MessageTrigger) -> None:
    request = v16.TriggerMessageRequest(requested_message=trigger)
    response = v16.TriggerMessageResponse(status=v16.TriggerMessageStatus.ACCEPTED)

    assert v16.version.triggers[v16.TriggerMessageRequest](request, response) == trigger.value


@pytest.mark.parametrize("status", [v16.TriggerMessageStatus.REJECTED, v16.TriggerMessageStatus.NOT_IMPLEMENTED])
def test_a_refused_trigger_permits_nothing(status: v16.TriggerMessageStatus) -> None:
    request = v16.TriggerMessageRequest(requested_message=v16.MessageTrigger.HEARTBEAT)
    response = v16.TriggerMessageResponse(status=status)

    assert v16.version.triggers[v16.TriggerMessageRequest](request, response) is None
