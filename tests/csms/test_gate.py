"""Who may say what before its boot was accepted (OCPP 1.6 section 4.2), seen from the CSMS."""

import pytest

from ocpp_trio import Registration, v16

REFUSED = [4, "s-1", "SecurityError", "Heartbeat before BootNotification was accepted", {}]
HELD_BACK = [v16.RegistrationStatus.PENDING, v16.RegistrationStatus.REJECTED]


async def test_identity_that_never_booted_here_passes(ground, autojump_clock):
    """A CSMS that was restarted must not refuse its fleet."""
    async with ground.serve() as server, ground.connect() as station:
        answer = await station.call("Heartbeat")
        registration = server.sessions["CP-1"].registration

    assert answer[0] == 3
    assert registration is Registration.UNKNOWN


async def test_accepted_station_passes(ground, autojump_clock):
    async with ground.serve() as server, ground.connect() as station:
        boot = await station.boot()
        answer = await station.call("Heartbeat")
        registration = server.sessions["CP-1"].registration

    assert boot[2]["status"] == "Accepted"
    assert answer[0] == 3
    assert registration is Registration.ACCEPTED


@pytest.mark.parametrize("status", HELD_BACK)
async def test_station_that_was_not_accepted_may_only_boot_again(ground, status, autojump_clock):
    ground.status = status

    async with ground.serve(), ground.connect() as station:
        await station.boot()
        refused = await station.call("Heartbeat")
        ground.status = v16.RegistrationStatus.ACCEPTED
        boot = await station.boot()
        answer = await station.call("Heartbeat")

    assert refused == REFUSED
    assert boot[2]["status"] == "Accepted"
    assert answer[0] == 3


@pytest.mark.parametrize("status", HELD_BACK)
async def test_being_held_back_survives_the_socket(ground, status, autojump_clock):
    ground.status = status

    async with ground.serve() as server:
        async with ground.connect() as station:
            await station.boot()
        async with ground.connect() as station:
            refused = await station.call("Heartbeat")
            registration = server.sessions["CP-1"].registration

    assert refused == REFUSED
    assert registration.value == status.value


async def test_being_accepted_in_the_end_survives_the_socket_as_well(ground, autojump_clock):
    ground.status = v16.RegistrationStatus.PENDING

    async with ground.serve():
        async with ground.connect() as station:
            await station.boot()
            ground.status = v16.RegistrationStatus.ACCEPTED
            await station.boot()
        async with ground.connect() as station:
            answer = await station.call("Heartbeat")

    assert answer[0] == 3


async def test_only_the_identity_that_was_not_accepted_is_held_back(ground, autojump_clock):
    ground.status = v16.RegistrationStatus.REJECTED

    async with ground.serve(), ground.connect("CP-1") as first, ground.connect("CP-2") as second:
        await first.boot()
        answers = [await first.call("Heartbeat"), await second.call("Heartbeat")]

    assert [answer[0] for answer in answers] == [4, 3]


async def test_what_was_triggered_may_be_said_while_pending(ground, autojump_clock):
    ground.status = v16.RegistrationStatus.PENDING
    trigger = v16.TriggerMessageRequest(requested_message=v16.MessageTrigger.HEARTBEAT)

    async def task(session):
        await session.wait_closed() if session.registration is Registration.UNKNOWN else await session.call(trigger)

    async with ground.serve(session_task=task):
        async with ground.connect() as station:
            await station.boot()
        async with ground.connect() as station:
            _, message_id, action, _ = await station.receive()
            before = await station.call("Heartbeat")
            await station.send(3, message_id, {"status": "Accepted"})
            after = await station.call("Heartbeat")

    assert action == "TriggerMessage"
    assert before == REFUSED
    assert after[0] == 3


async def test_csms_may_call_a_station_that_is_held_back(ground, autojump_clock):
    ground.status = v16.RegistrationStatus.PENDING

    async def task(session):
        await session.call(v16.GetConfigurationRequest())

    async with ground.serve(session_task=task), ground.connect() as station:
        call = await station.receive()

    assert call[2] == "GetConfiguration"
