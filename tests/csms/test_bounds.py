"""What a server refuses to take: routers that are none, identities without end, and time after a drain."""

import pytest
import trio

from ocpp_trio import Acceptance, Router, serve_csms, v16
from ocpp_trio.csms.handshake import identity_of


@pytest.mark.parametrize(
    "routers",
    [v16, Router(v16), [v16], [Router(v16), None], {Router(v16)}],
    ids=["a version", "a router", "a list of a version", "a list with None", "a set"],
)
async def test_what_is_no_sequence_of_routers_is_named_before_the_port_is_taken(ground, routers, autojump_clock):
    with pytest.raises(ValueError, match="expected a sequence of Routers, found "):
        await serve_csms(routers, 9000, listen=ground.network.listen)

    await ground.network.listen(9000)


@pytest.mark.parametrize("character", ["x", "%C3%BC", "%2F"])
def test_an_identity_has_48_characters_at_most_counted_after_decoding(character):
    assert len(identity_of("/ocpp/" + character * 48) or "") == 48
    assert identity_of("/ocpp/" + character * 49) is None


async def test_a_longer_identity_is_answered_404(ground, autojump_clock):
    async with ground.serve() as server:
        stream = await ground.dial()
        await stream.send_all(ground.request("/ocpp/" + "x" * 49))
        answer = await ground.read(stream)

        assert answer.startswith(b"HTTP/1.1 404 ")
        assert b"at most 48 characters" in answer
        assert server.sessions == {}


@pytest.mark.parametrize("sent", ["nothing", "half a request"])
async def test_a_connection_before_its_upgrade_does_not_hold_up_a_drain(ground, sent, autojump_clock):
    async with ground.serve() as server:
        stream = await ground.dial()
        if sent != "nothing":
            await stream.send_all(ground.request()[:20])
        await trio.sleep(2)
        await server.drain(1)
        await ground.returned.wait()
        ground.assert_now(2)

    assert ground.counters.value("handshake_failures") == 1
    assert server.statistics().pending_handshakes == 0


@pytest.mark.parametrize("steps", range(8))
@pytest.mark.parametrize("order", range(4))
async def test_a_connection_that_is_being_accepted_does_not_hold_up_a_drain(ground, steps, order, autojump_clock):
    """However far it has come: some scheduler steps after its dial."""
    async with ground.serve() as server:
        stream = await ground.dial()
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        await server.drain(1)
        await ground.returned.wait()
        ground.assert_now(0)
        await stream.aclose()


async def test_an_admission_that_takes_its_time_is_given_up_when_the_drain_is_over(
    ground, answer_after, autojump_clock
):
    async def authenticate(credentials):
        if credentials.identity == "CP-2":
            await trio.sleep(9)
        return Acceptance(authenticated=False)

    answer_after(60)
    async with ground.serve(authenticate=authenticate) as server, ground.connect() as station:
        await station.send(2, "s-1", "Authorize", {"idTag": "TAG"})
        stream = await ground.dial()
        await stream.send_all(ground.request("/ocpp/CP-2"))
        await trio.sleep(1)
        await server.drain(3)
        ground.assert_now(4)
        assert b"101" not in await ground.read(stream)
        await ground.returned.wait()
        ground.assert_now(4)
