import pytest

from ocpp_trio import HandshakeError, Limits, open_client
from ocpp_trio.backend import MemoryBackend
from ocpp_trio.backend.api import make_api, token_subprotocol
from tests.operator_ground import TOKEN, Ground


@pytest.mark.parametrize("path", ["/api/stations", "/api/stations/CP-1", "/api/openapi.json", "/metrics", "/nowhere"])
@pytest.mark.parametrize("credentials", [None, "Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ", TOKEN])
async def test_without_the_token_nothing_is_told(autojump_clock, path, credentials):
    ground = Ground()
    async with ground.running():
        ground.token = None  # the client's
        headers = {} if credentials is None else {"Authorization": credentials}
        answer = await ground.get(path, **headers)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="ocpp-trio"'
    assert TOKEN not in answer.body.decode()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_with_the_token_everything_is(autojump_clock, scheme):
    ground = Ground()
    async with ground.running():
        answers = [await ground.get(path, Authorization=f"{scheme} {TOKEN}") for path in ("/api/stations", "/metrics")]

    assert [answer.status for answer in answers] == [200, 200]


async def test_health_needs_no_token(autojump_clock):
    ground = Ground()
    async with ground.running():
        ground.token = None
        answer = await ground.get("/health")

    assert (answer.status, answer.json) == (200, {"status": "ok"})


async def try_feed(ground: Ground, subprotocols: list[str], **headers: str) -> str | None:
    async with open_client(
        await ground.dial("127.0.0.1", ground.api.port),
        host="csms",
        resource="/api/feed",
        subprotocols=subprotocols,
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        limits=Limits(),
    ) as transport:
        await transport.receive()
        return transport.subprotocol


@pytest.mark.parametrize(
    "subprotocols",
    [
        ["ocpp-trio.feed"],
        ["ocpp-trio.feed", token_subprotocol("wrong")],
        ["ocpp-trio.feed", "ocpp-trio.token."],
        ["ocpp-trio.feed", "ocpp-trio.token.x"],
        ["ocpp-trio.feed", f"ocpp-trio.token.{TOKEN}"],
    ],
)
async def test_a_feed_without_the_token_is_never_accepted(autojump_clock, subprotocols):
    ground = Ground()
    async with ground.running():
        with pytest.raises(HandshakeError) as refused:
            await try_feed(ground, subprotocols)

    assert refused.value.status == 401


async def test_a_browser_brings_the_token_as_a_subprotocol_and_does_not_get_it_back(autojump_clock):
    ground = Ground()
    async with ground.running():
        agreed = await try_feed(ground, ["ocpp-trio.feed", token_subprotocol(TOKEN)])

    assert agreed == "ocpp-trio.feed"


async def test_without_a_token_pages_of_other_sites_get_no_feed(autojump_clock):
    ground = Ground(token=None)
    async with ground.running():
        with pytest.raises(HandshakeError) as refused:
            await try_feed(ground, ["ocpp-trio.feed"], Origin="http://evil.example")
        same = await try_feed(ground, ["ocpp-trio.feed"], Origin="http://csms")

    assert (refused.value.status, same) == (403, "ocpp-trio.feed")


@pytest.mark.parametrize("token", ["", "a b", "é", "a\n", "\x00"])
def test_a_token_that_a_header_cannot_carry_is_refused_and_not_quoted(token):
    backend = MemoryBackend()

    with pytest.raises(ValueError, match="expected printable ASCII characters without spaces, at least one$"):
        make_api(backend.live, backend.hub, sessions=dict, token=token)
