"""From the request to the session: versions, refusals, defects, deadlines."""

import base64
import logging
from datetime import UTC, datetime

import attrs
import pytest
import trio
import trio.testing

from ocpp_trio import Acceptance, CloseReason, HandshakeError, Refusal, Router, v16

ANYBODY = Acceptance(authenticated=False)
VERSION_9 = attrs.evolve(v16.version, subprotocol="ocpp9.9")


@pytest.mark.parametrize("protocols", ["ocpp2.0.1, ocpp2.1", "OCPP1.6", "", "soap"])
async def test_no_common_version_is_upgraded_without_one_and_closed_at_once(ground, protocols, autojump_clock):
    async with ground.serve() as server:
        stream = await ground.dial()
        await stream.send_all(ground.request(protocols=protocols))
        head = await ground.read_head(stream)
        rest = await stream.receive_some()
        ground.assert_now(0)
        sessions = dict(server.sessions)
        await stream.aclose()

    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-protocol" not in head.lower()
    assert rest == b"\x88\x17\x03\xeano common subprotocol"
    assert sessions == {}
    assert ground.counters.value("handshake_failures", reason="protocol_error") == 1


async def test_client_of_this_library_takes_no_version_for_a_failure(ground, autojump_clock):
    async with ground.serve():
        with pytest.raises(HandshakeError, match="agreed on no subprotocol"):
            async with ground.connect(subprotocols=("ocpp2.0.1",)):
                pass


@pytest.mark.parametrize("offer", [("ocpp1.6", "ocpp9.9"), ("ocpp9.9", "ocpp1.6"), ("ocpp2.1", "ocpp9.9")])
async def test_order_of_the_client_decides_between_routers(ground, offer, autojump_clock):
    newer = Router(VERSION_9)

    @newer.on(v16.HeartbeatRequest)
    async def heartbeat(session, request):
        return v16.HeartbeatResponse(current_time=datetime(2099, 1, 1, tzinfo=UTC))

    async with ground.serve(ground.router, newer), ground.connect(subprotocols=offer) as station:
        agreed = station.transport.subprotocol
        *_, answer = await station.call("Heartbeat")

    chosen = next(name for name in offer if name != "ocpp2.1")
    assert agreed == chosen
    assert answer["currentTime"].startswith("2099" if chosen == "ocpp9.9" else "2026")


async def test_offer_may_be_split_over_several_header_lines(ground, autojump_clock):
    request = ground.request("/CP-1", "Sec-WebSocket-Protocol:   ocpp1.6", protocols="ocpp2.1 ,ocpp2.0.1")

    async with ground.serve():
        stream = await ground.dial()
        await stream.send_all(request)
        head = await ground.read_head(stream)

    assert b"\r\nsec-websocket-protocol: ocpp1.6\r\n" in head.lower()


async def test_hook_sees_the_request(ground, autojump_clock):
    seen = []

    async def authenticate(credentials):
        seen.append(credentials)
        return ANYBODY

    headers = ((b"Authorization", b"Basic " + base64.b64encode(b"CP 1:\x00\xff")),)
    async with (
        ground.serve(authenticate=authenticate),
        ground.connect("CP%201?x=1", subprotocols=("ocpp2.1", "ocpp1.6"), headers=headers) as station,
    ):
        answer = await station.call("Heartbeat")

    (credentials,) = seen
    assert answer[0] == 3
    assert credentials.identity == "CP 1"
    assert credentials.path == "/ocpp/CP%201?x=1"
    assert credentials.subprotocols == ("ocpp2.1", "ocpp1.6")
    assert credentials.peer == "memory:1"
    assert dict(credentials.headers)[b"authorization"] == b"Basic Q1AgMToA/w=="


@pytest.mark.parametrize(
    ("refusal", "retry_after"),
    [
        (Refusal(401, "who are you?", headers=[(b"WWW-Authenticate", b'Basic realm="ocpp"')]), None),
        (Refusal(403), None),
        (Refusal(404, "unknown"), None),
        (Refusal(503, "later", headers=[(b"Retry-After", b"120")]), 120.0),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
async def test_hook_refuses_with_a_status_before_the_upgrade(ground, refusal, retry_after, autojump_clock):
    async def authenticate(credentials):
        return refusal

    async with ground.serve(authenticate=authenticate) as server:
        stream = await ground.dial()
        await stream.send_all(ground.request())
        response = await ground.read(stream)
        with pytest.raises(HandshakeError) as refused:
            async with ground.connect():
                pass
        await trio.testing.wait_all_tasks_blocked()
        ground.assert_now(0)
        statistics = server.statistics()

    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % refusal.status)
    for name, value in refusal.headers:
        assert b"\r\n%s: %s" % (name.lower(), value.lower()) in head.lower()
    assert b"upgrade" not in head.lower()
    assert refusal.detail.encode() in body
    assert (refused.value.status, refused.value.retry_after) == (refusal.status, retry_after)
    assert refused.value.closed.reason is CloseReason.REFUSED
    assert (statistics.sessions, statistics.pending_handshakes) == (0, 0)
    assert ground.counters.value("handshake_failures", reason="refused") == 2


@pytest.mark.parametrize("path", ["/", "/ocpp/", "/ocpp/50%", "/ocpp/%FF", "/ocpp/?CP-1"])
async def test_path_without_an_identity_is_not_found_and_the_hook_not_asked(ground, path, autojump_clock):
    async def authenticate(credentials):
        raise AssertionError("asked")

    async with ground.serve(authenticate=authenticate):
        stream = await ground.dial()
        await stream.send_all(ground.request(path))
        response = await ground.read(stream)

    assert response.startswith(b"HTTP/1.1 404 ")


async def test_hook_that_answers_nothing_refuses_with_500(ground, autojump_clock, caplog):
    async def authenticate(credentials):
        return ANYBODY if credentials.identity != "CP-1" else None

    async with ground.serve(authenticate=authenticate) as server, ground.neighbour():
        stream = await ground.dial()
        await stream.send_all(ground.request())
        response = await ground.read(stream)
        identities = list(server.sessions)

    assert response.startswith(b"HTTP/1.1 500 ")
    assert identities == ["neighbour"]
    assert "expected an Acceptance or a Refusal from the authenticator, found None" in caplog.text


async def test_hook_that_raises_refuses_with_500_and_its_error_is_only_in_the_log(ground, autojump_clock, caplog):
    async def authenticate(credentials):
        if credentials.identity == "evil'":
            raise RuntimeError("SECRET")
        return ANYBODY

    async with ground.serve(authenticate=authenticate), ground.neighbour():
        stream = await ground.dial()
        await stream.send_all(ground.request("/evil%27"))
        response = await ground.read(stream)

    assert response.startswith(b"HTTP/1.1 500 ")
    assert b"SECRET" not in response
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == 'the authenticator failed for "evil\'"'
    assert "SECRET" in caplog.text


async def test_hook_that_hangs_ends_at_the_handshake_deadline(ground, autojump_clock):
    async def authenticate(credentials):
        if credentials.identity == "CP-1":
            await trio.sleep_forever()
        return ANYBODY

    async with ground.serve(authenticate=authenticate) as server, ground.neighbour():
        await trio.sleep(3)
        stream = await ground.dial()
        await stream.send_all(ground.request())
        response = await ground.read(stream)
        ground.assert_now(3 + 10)
        await trio.testing.wait_all_tasks_blocked()
        pending = server.statistics().pending_handshakes

    assert response == b""
    assert pending == 0
    assert ground.counters.value("handshake_failures", reason="transport_error") == 1


async def test_request_and_hook_share_one_deadline(ground, autojump_clock):
    async def authenticate(credentials):
        await trio.sleep_forever()

    async with ground.serve(authenticate=authenticate):
        stream = await ground.dial()
        await trio.sleep(6)
        await stream.send_all(ground.request())
        await ground.read(stream)
        ground.assert_now(10)


@pytest.mark.parametrize("sent", [b"", b"GET /CP-1 HTT", b"GET /CP-1 HTTP/1.1\r\nHost: csms\r\n"])
async def test_request_that_never_ends_is_cut_off_at_the_deadline(ground, sent, autojump_clock):
    async with ground.serve() as server:
        stream = await ground.dial()
        await stream.send_all(sent)
        await trio.sleep(9.5)
        pending = server.statistics().pending_handshakes
        await ground.read(stream)
        ground.assert_now(10)

    assert pending == 1
    assert ground.counters.value("handshake_failures", reason="transport_error") == 1


async def test_slow_request_in_time_is_served(ground, autojump_clock):
    async with ground.serve():
        stream = await ground.dial()
        for byte in ground.request():
            await stream.send_all(bytes([byte]))
            await trio.sleep(0.02)
        head = await ground.read_head(stream)

    assert head.startswith(b"HTTP/1.1 101 ")


KEY_LINE = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (("HTTP/1.1", "HTTP/1.0"), 400),
        ((KEY_LINE, f"{KEY_LINE}\r\n{KEY_LINE}"), 400),
        ((KEY_LINE, "X-Key: none"), 400),
        ((KEY_LINE, "Sec-WebSocket-Key: c2hvcnQ="), 400),
        ((KEY_LINE, "Sec-WebSocket-Key: ***"), 400),
        (("Upgrade: websocket\r\n", ""), 400),
        (("Connection: Upgrade\r\n", ""), 400),
        (("GET ", "POST "), 405),
        (("Version: 13", "Version: 8"), 426),
        (("Host: csms\r\n", ""), 400),
        (("GET /", "GET /\xe9"), 400),
        (("GET /", "\x16\x03\x01 /"), 400),
    ],
    ids=[
        "http_1.0",
        "two_keys",
        "no_key",
        "short_key",
        "no_base64",
        "no_upgrade",
        "no_connection",
        "post",
        "old_version",
        "no_host",
        "path_not_ascii",
        "tls",
    ],
)
async def test_defective_request_is_answered_with_a_status_and_no_upgrade(ground, change, status, autojump_clock):
    async with ground.serve() as server, ground.neighbour():
        stream = await ground.dial()
        await stream.send_all(ground.request().replace(change[0].encode(), change[1].encode("latin-1")))
        response = await ground.read(stream)
        identities = list(server.sessions)

    assert response.startswith(b"HTTP/1.1 %d " % status)
    assert identities == ["neighbour"]


async def test_garbage_instead_of_a_request_ends_only_its_own_connection(ground, autojump_clock):
    async with ground.serve(), ground.neighbour():
        stream = await ground.dial()
        await stream.send_all(bytes(range(256)) * 300)
        response = await ground.read(stream)

    assert response.startswith(b"HTTP/1.1 400 ")


async def test_handshakes_over_the_limit_are_turned_away_and_the_others_are_not(ground, autojump_clock):
    async with ground.serve(pending_handshakes_per_address=3) as server:
        waiting = [await ground.dial() for _ in range(3)]
        await trio.testing.wait_all_tasks_blocked()
        dropped = await ground.dial()
        answer = await ground.read(dropped)
        await dropped.aclose()
        ground.assert_now(0)
        full = server.statistics()
        await waiting[0].send_all(ground.request())
        await ground.read_head(waiting[0])
        async with ground.connect("CP-2") as station:
            beat = await station.call("Heartbeat")
            await trio.testing.wait_all_tasks_blocked()
            served = server.statistics()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert (full.pending_handshakes, full.max_pending_handshakes, full.connections) == (3, 3, 4)
    assert beat[0] == 3
    assert (served.pending_handshakes, served.sessions) == (2, 2)
    assert ground.counters.value("handshake_failures", reason="refused") == 1


async def test_sessions_do_not_count_as_pending_handshakes(ground, autojump_clock):
    async with (
        ground.serve(pending_handshakes=1) as server,
        ground.connect("A") as a,
        ground.connect("B") as b,
        ground.connect("C") as c,
    ):
        answers = [await station.call("Heartbeat") for station in (a, b, c)]
        sessions = len(server.sessions)

    assert sessions == len(answers) == 3


async def test_refusal_that_cannot_be_sent_ends_only_its_own_connection(ground, autojump_clock):
    """The client is gone before the hook has made up its mind."""

    async def authenticate(credentials):
        if credentials.identity == "CP-1":
            await trio.sleep(1)
            return Refusal(403)
        return ANYBODY

    async with ground.serve(authenticate=authenticate) as server, ground.neighbour():
        stream = await ground.dial()
        await stream.send_all(ground.request())
        await trio.testing.wait_all_tasks_blocked()
        await stream.aclose()
        await trio.sleep(5)
        pending = server.statistics().pending_handshakes

    assert pending == 0
    assert ground.counters.value("handshake_failures") == 1


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (101, [], "status: expected an HTTP status of 300 to 599, found 101"),
        (200, [], "found 200"),
        (600, [], "found 600"),
        (403, [("Not", "bytes")], r"headers: expected pairs of bytes, found \('Not', 'bytes'\)"),
        (403, [(b"Name", "text")], "expected pairs of bytes"),
        (403, [b"Name: value"], "expected pairs of bytes"),
    ],
)
def test_refusal_that_http_cannot_carry_is_a_value_error(status, headers, message):
    with pytest.raises(ValueError, match=message):
        Refusal(status, headers=headers)


@pytest.mark.parametrize("target", ["*", "CP-1", "http://csms/CP-1", "csms:80/CP-1", "?CP-1", "x/../CP-1"])
async def test_target_that_is_no_path_is_400_whatever_it_ends_in(ground, target, autojump_clock):
    asked = []

    async def authenticate(credentials):
        asked.append(credentials)
        return Acceptance(authenticated=True)

    async with ground.serve(authenticate=authenticate) as server:
        stream = await ground.dial()
        await stream.send_all(ground.request(first=f"GET {target} HTTP/1.1"))
        answer = await ground.read(stream)
        statistics = server.statistics()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"expected a path that begins with a slash")
    assert (asked, statistics.sessions) == ([], 0)
