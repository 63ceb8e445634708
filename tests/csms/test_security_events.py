"""Each offence of a peer at a CSMS: one counter, one line of the log, and no more."""

import logging

import pytest
import trio
import trio.testing

from ocpp_trio import AttemptLimit, Instrument, Instruments, Refusal, SecurityEventKind, v16
from ocpp_trio.observe import Counters, Logs
from tests.link.raw_peer import request

EVIL = "\x1b[2J\r\nforged line\x07\u202e"


class Witness(Instrument):
    """Notes the security events and what they are about."""

    def __init__(self):
        self.events = []

    def security_event(self, link, event):
        self.events.append((event.kind.value, event.detail, link.identity, link.peer.split(":")[0]))


@pytest.fixture
def witness():
    return Witness()


@pytest.fixture
def told(ground, witness, caplog):
    """How often a kind was counted, noted and logged."""
    caplog.set_level(logging.INFO, logger="ocpp_trio")

    def told(kind):
        lines = [record for record in caplog.records if record.__dict__.get("outcome") == kind]
        return (
            ground.counters.value("security_events", kind=kind),
            [event[0] for event in witness.events].count(kind),
            len(lines),
        )

    return told


@pytest.fixture
def serve(ground, witness):
    def serve(**options):
        return ground.serve(instrument=Instruments([ground.counters, witness, Logs(), ground.timeline]), **options)

    return serve


def _masked(opcode, data, *, fin=True):
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes([(0x80 if fin else 0) | opcode]) + size + bytes(4) + data


NO_FRAMES = b"".join(_masked(1, b"[]") for _ in range(10))
OVERSIZE = b"".join(_masked(1 if n == 0 else 0, b"x" * 60_000, fin=False) for n in range(5))
MANY_FRAMES = _masked(1, b"x", fin=False) + _masked(0, b"", fin=False) * 1024


@pytest.mark.parametrize(
    ("sent", "kind", "detail"),
    [
        (NO_FRAMES, "malformed_frames", "10 bad frames in a row"),
        (_masked(2, b"binary"), "malformed_frames", "expected text, found a binary message"),
        (_masked(3, b"reserved"), "malformed_frames", None),
        (_masked(1, b"\xff\xfe"), "malformed_frames", None),
        (OVERSIZE, "oversize", "expected at most 262144 bytes in a message"),
        (MANY_FRAMES, "oversize", "expected at most 1024 frames in a message"),
    ],
    ids=["ten in a row", "binary", "reserved opcode", "no utf-8", "bytes", "frames"],
)
async def test_offence_of_a_session_is_told_once(ground, serve, witness, told, sent, kind, detail, autojump_clock):
    async with serve(), ground.neighbour(), await ground.dial() as stream:
        await stream.send_all(ground.request())
        await ground.read_head(stream)
        with trio.move_on_after(1):
            await stream.send_all(sent)
        await trio.sleep(1)

    assert told(kind) == (1, 1, 1)
    ((_, found, identity, peer),) = witness.events
    assert found == detail or detail is None
    assert (identity, peer) == ("CP-1", "memory")


async def test_flood_of_calls_is_told_once(ground, serve, told, witness, autojump_clock):
    @ground.router.on(v16.DataTransferRequest)
    async def transfer(session, request):
        return v16.DataTransferResponse(status=v16.DataTransferStatus.ACCEPTED, data="x" * 100_000)

    async with serve(inbox=1), ground.neighbour(), await ground.dial() as stream:
        await stream.send_all(ground.request())
        await ground.read_head(stream)
        ground.network.links[-1].stall(client=True)  # so that the first answer, and all after it, are on their way
        for number in range(1 + 1 + 1 + 9):
            await stream.send_all(ground.frame(f'[2,"m-{number}","DataTransfer",{{"vendorId":"x"}}]'))
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(1)

    assert told("flood") == (1, 1, 1)
    assert [event[1] for event in witness.events] == ["more than 8 excess CALLs at once"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    ],
    ids=["tls", "ssh"],
)
async def test_garbage_instead_of_a_handshake_is_told_once(ground, serve, told, witness, garbage, autojump_clock):
    async with serve(), ground.neighbour(), await ground.dial() as stream:
        await stream.send_all(garbage)
        await ground.read(stream)

    assert told("handshake_garbage") == (1, 1, 1)
    assert len(witness.events) == 1


@pytest.mark.parametrize(
    "asked",
    [
        b"GET / HTTP/1.1\r\nHost: csms\r\n\r\n",
        b"GET /CP-1 HTTP/1.1\r\nHost: csms\r\nConnection: keep-alive\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: csms\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ],
    ids=["health check", "browser", "another upgrade"],
)
async def test_plain_http_is_answered_400_and_told_in_a_low_voice(
    ground, serve, told, witness, caplog, asked, autojump_clock
):
    async with serve(), ground.neighbour(), await ground.dial() as stream:
        await stream.send_all(asked)
        answer = await ground.read(stream)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert told("plain_http") == (1, 1, 1)
    assert len(witness.events) == 1
    assert ground.counters.value("handshake_failures", reason="protocol_error") == 1
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize(
    "asked",
    [
        b"HEAD / HTTP/1.0\r\n\r\n",
        b"POST /CP-1 HTTP/1.1\r\nHost: csms\r\nContent-Length: 2\r\n\r\n{}",
        request(first_line=b"PUT /CP-1 HTTP/1.1"),
    ],
    ids=["HEAD", "POST", "upgrade"],
)
async def test_another_method_is_answered_with_the_one_that_is_allowed(ground, serve, told, asked, autojump_clock):
    async with serve(), ground.neighbour(), await ground.dial() as stream:
        await stream.send_all(asked)
        answer = await ground.read(stream)

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nallow: get\r\n" in answer.lower()
    assert told("plain_http") == (1, 1, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda request: request.replace(b"HTTP/1.1", b"HTTP/1.0"),
        lambda request: request.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"short"),
        lambda request: request + b"too early",
        lambda request: request.replace(b"/ocpp/CP-1", b"*"),
    ],
    ids=["version", "key", "too early", "target"],
)
async def test_request_that_the_engine_overlooks_is_garbage_too(ground, serve, told, witness, change, autojump_clock):
    async with serve(), await ground.dial() as stream:
        await stream.send_all(change(ground.request()))
        await ground.read(stream)

    assert told("handshake_garbage") == (1, 1, 1)
    assert len(witness.events) == 1


async def test_silence_is_no_garbage(ground, serve, witness, autojump_clock):
    """A port scan, a health check, a station whose link broke."""
    async with serve(), await ground.dial() as stream:
        await ground.read(stream)
        async with await ground.dial():
            pass
        await trio.sleep(1)

    assert witness.events == []


@pytest.mark.parametrize("status", [401, 403])
async def test_refusal_of_the_authenticator_is_an_authentication_failure(
    ground, serve, told, witness, status, autojump_clock
):
    async def authenticate(credentials):
        return Refusal(status, "wrong password")

    async with serve(authenticate=authenticate), await ground.dial() as stream:
        await stream.send_all(ground.request())
        await ground.read(stream)

    assert told("authentication_failure") == (1, 1, 1)
    assert witness.events == [("authentication_failure", "wrong password", "CP-1", "memory")]


async def test_refused_peer_that_hangs_up_is_told_all_the_same(ground, serve, told, autojump_clock):
    async def authenticate(credentials):
        await trio.sleep(1)
        return Refusal(401)

    async with serve(authenticate=authenticate):
        stream = await ground.dial()
        await stream.send_all(ground.request())
        await stream.aclose()
        await trio.sleep(2)

    assert told("authentication_failure") == (1, 1, 1)


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_other_refusals_are_none(ground, serve, witness, status, autojump_clock):
    async def authenticate(credentials):
        return Refusal(status)

    async with serve(authenticate=authenticate), await ground.dial() as stream:
        await stream.send_all(ground.request())
        await ground.read(stream)

    assert witness.events == []


async def test_first_of_those_who_are_not_heard_any_more_is_told(ground, serve, told, witness, autojump_clock):
    async def authenticate(credentials):
        return Refusal(401, "wrong password")

    async with serve(authenticate=AttemptLimit(authenticate, per_address=2)):
        for _ in range(6):
            async with await ground.dial() as stream:
                await stream.send_all(ground.request())
                await ground.read(stream)

    assert [kind for kind, *_ in witness.events] == ["authentication_failure"] * 2 + ["too_many_attempts"]
    assert told("too_many_attempts") == (1, 1, 1)


async def test_authenticator_may_name_the_offence_itself(ground, serve, told, autojump_clock):
    async def authenticate(credentials):
        return Refusal(429, offence=SecurityEventKind.FLOOD)

    async with serve(authenticate=authenticate), await ground.dial() as stream:
        await stream.send_all(ground.request())
        await ground.read(stream)

    assert told("flood") == (1, 1, 1)


async def test_calm_sea_has_no_events(ground, serve, witness, autojump_clock):
    async with serve(), ground.connect() as station:
        await station.boot()
        await trio.sleep(100)
        async with ground.connect("CP-2"):
            ground.network.links[-1].reset()
            await trio.sleep(1)

    assert witness.events == []


async def test_text_of_a_peer_is_escaped_in_every_line(ground, serve, caplog, told, autojump_clock):
    async def authenticate(credentials):
        return Refusal(401, f"no such station: {credentials.headers}{EVIL}")

    async with serve(authenticate=authenticate), await ground.dial() as stream:
        await stream.send_all(ground.request("/ocpp/%E2%80%A8"))
        await ground.read(stream)
        async with await ground.dial() as other:
            await other.send_all(ground.request())
            await ground.read(other)

    assert told("authentication_failure") == (1, 1, 1)
    assert all(record.getMessage().isprintable() for record in caplog.records)


async def test_thousand_offenders_of_one_address_make_one_warning_a_minute(ground, caplog, autojump_clock):
    """Whatever port they come from; who counts, counts them all."""
    counters = Counters()
    caplog.set_level(logging.WARNING, logger="ocpp_trio")

    async with ground.serve(instrument=Instruments([counters, Logs()])):
        for _ in range(121):
            async with await ground.dial() as stream:
                await stream.send_all(b"garbage\r\n\r\n")
                await ground.read(stream)
            await trio.sleep(1)

    assert counters.value("security_events", kind="handshake_garbage") == 121
    assert [record.getMessage().partition(")")[0].rpartition("(")[2] for record in caplog.records][1:] == [
        "59 more were held back",
        "59 more were held back",
    ]
