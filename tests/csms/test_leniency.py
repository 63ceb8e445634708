"""Leniency for one station, on the wire beside a strict one."""

from ocpp_trio import Acceptance, Leniency, v16

LONG = {"chargePointVendor": "A" * 25, "chargePointModel": "One"}
STRICT = [4, "s-1", "PropertyConstraintViolation"]


def lenient_for(*identities):
    async def authenticate(credentials):
        leniency = Leniency.LONG_STRINGS if credentials.identity in identities else None
        return Acceptance(authenticated=True, leniency=leniency)

    return authenticate


async def test_of_two_stations_one_is_let_pass_and_the_other_is_not(ground, autojump_clock):
    async with (
        ground.serve(authenticate=lenient_for("OLD")) as server,
        ground.connect("OLD") as old,
        ground.connect("NEW") as new,
    ):
        answers = [await station.call("BootNotification", LONG) for station in (old, new, old)]
        sessions = sorted(server.sessions)

    assert answers[0][:2] == answers[2][:2] == [3, "s-1"]
    assert answers[1][:3] == STRICT
    assert sessions == ["NEW", "OLD"]
    assert ground.counters.value("leniencies") == 2


async def test_that_of_an_acceptance_takes_the_place_of_the_servers(ground, autojump_clock):
    """Also where it allows less."""

    async def authenticate(credentials):
        return Acceptance(authenticated=True, leniency=Leniency.STRICT if credentials.identity == "NEW" else None)

    async with (
        ground.serve(authenticate=authenticate, leniency=Leniency.LONG_STRINGS),
        ground.connect("OLD") as old,
        ground.connect("NEW") as new,
    ):
        answers = [await station.call("BootNotification", LONG) for station in (old, new)]

    assert answers[0][0] == 3
    assert answers[1][:3] == STRICT


async def test_it_is_asked_for_at_every_connection_anew(ground, autojump_clock):
    lenient = ["CP-1"]

    async def authenticate(credentials):
        return await lenient_for(*lenient)(credentials)

    async with ground.serve(authenticate=authenticate):
        async with ground.connect() as station:
            first = await station.call("BootNotification", LONG)
        lenient.clear()
        async with ground.connect() as station:
            second = await station.call("BootNotification", LONG)

    assert first[0] == 3
    assert second[:3] == STRICT


async def test_it_holds_for_answers_too(ground, autojump_clock):
    """The response to a call of ours is a payload of the station's like any other."""
    ends = {}

    async def ask(session):
        try:
            await session.call(v16.GetConfigurationRequest())
        except Exception as exc:
            ends[session.identity] = type(exc).__name__
        else:
            ends[session.identity] = "response"

    async with ground.serve(authenticate=lenient_for("OLD"), session_task=ask):
        for identity in ("OLD", "NEW"):
            async with ground.connect(identity) as station:
                _, message_id, *_ = await station.receive()
                await station.send(3, message_id, {"unknownKey": ["K" * 51]})
                await station.call("Heartbeat")

    assert ends == {"OLD": "response", "NEW": "InvalidResponse"}
