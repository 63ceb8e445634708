"""Both ends of the stack in each of the security profiles 0 to 3, in memory and on real sockets."""

import logging
import ssl
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from ocpp_trio import (
    Acceptance,
    CloseReason,
    ConnectionState,
    Credentials,
    Refusal,
    Router,
    open_charge_point,
    serve_csms,
    v16,
)
from ocpp_trio.backend import MemoryBackend
from ocpp_trio.observe import Timeline
from ocpp_trio.testing import MemoryNetwork

KEY = bytes.fromhex("0001020304050607FF00FF00FF00FF00AABBCCDD")
NEW_KEY = b":\xff:" + bytes(17)
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
PROFILES = [0, 1, 2, 3]


class Door:
    """Lets in whoever shows what the profile asks for."""

    def __init__(self, profile: int) -> None:
        self.profile = profile
        self.keys = {"CP-1": KEY}
        self.shown: list[Credentials] = []

    async def __call__(self, credentials: Credentials) -> Acceptance | Refusal:
        self.shown.append(credentials)
        if credentials.tls is not (self.profile >= 2):
            return Refusal(403)
        if self.profile in (1, 2) and credentials.password != self.keys.get(credentials.identity):
            return Refusal(401)
        if self.profile == 3 and (credentials.certificate is None or credentials.certificate.common_name != "SN-1"):
            return Refusal(401)
        return Acceptance(authenticated=self.profile > 0)


class Ground:
    def __init__(self, pki: Any, profile: int, *, real: bool, certificate: Path | None = None) -> None:
        self.pki, self.profile, self.real = pki, profile, real
        self.certificate = certificate
        self.door = Door(profile)
        self.network = MemoryNetwork()
        self.timeline = Timeline()

    @property
    def server_context(self) -> ssl.SSLContext | None:
        if self.profile < 2:
            return None
        return self.pki.server(self.certificate, client_ca=self.pki.ca_file if self.profile == 3 else None)  # type: ignore[no-any-return]

    @property
    def client_context(self) -> ssl.SSLContext | None:
        if self.profile < 2:
            return None
        return self.pki.client(self.pki.station("SN-1") if self.profile == 3 else None)  # type: ignore[no-any-return]

    @asynccontextmanager
    async def serve(self, **options: Any):
        listen = trio.open_tcp_listeners if self.real else self.network.listen
        serve = partial(
            serve_csms,
            [MemoryBackend().router()],
            0,
            host="127.0.0.1",
            listen=listen,
            authenticate=self.door,
            ssl_context=self.server_context,
            instrument=self.timeline,
            **options,
        )
        async with trio.open_nursery() as nursery:
            yield await nursery.start(serve)
            nursery.cancel_scope.cancel()

    def station(self, port: int, *, router: Router | None = None, **options: Any):
        scheme = "wss" if self.profile >= 2 else "ws"
        settings: dict[str, Any] = {
            "router": router or Router(v16),
            "boot": BOOT,
            "ssl_context": self.client_context,
            "password": KEY if self.profile in (1, 2) else None,
            "dial": trio.open_tcp_stream if self.real else self.network.dial,
            "instrument": self.timeline,
        }
        return open_charge_point(f"{scheme}://127.0.0.1:{port}/ocpp", "CP-1", **(settings | options))


@pytest.fixture
def make_ground(pki):
    return partial(Ground, pki, real=False)


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_station_comes_online(make_ground, profile, caplog, autojump_clock):
    caplog.set_level(logging.DEBUG)
    ground = make_ground(profile)
    async with ground.serve() as server, ground.station(server.port) as station:
        await station.wait_online()
        await station.call(v16.HeartbeatRequest())

    (shown,) = ground.door.shown
    assert shown.tls is (profile >= 2)
    assert shown.password == (KEY if profile in (1, 2) else None)
    assert (shown.certificate is not None) is (profile == 3)
    assert_no_secret(caplog.text + str(ground.timeline))


@pytest.mark.real
@pytest.mark.parametrize("profile", PROFILES)
async def test_a_station_comes_online_on_real_sockets(pki, profile, caplog):
    caplog.set_level(logging.DEBUG)
    ground = Ground(pki, profile, real=True)
    async with ground.serve() as server, ground.station(server.port) as station:
        await station.wait_online()
        await station.call(v16.HeartbeatRequest())

    assert ground.door.shown[0].tls is (profile >= 2)
    assert_no_secret(caplog.text + str(ground.timeline))


def assert_no_secret(text: str) -> None:
    for form in (repr(KEY), KEY.hex(), "AAECAwQF", "QUwx", "Q1AtMTo"):
        assert form.lower() not in text.lower()


@pytest.mark.parametrize("profile", [1, 2])
@pytest.mark.parametrize("password", [None, b"wrong", KEY + b"\x00", KEY.hex().encode()])
async def test_a_thief_without_the_password_stays_outside(make_ground, profile, password, caplog, autojump_clock):
    caplog.set_level(logging.DEBUG)
    ground = make_ground(profile)
    async with ground.serve() as server, ground.station(server.port) as station:
        await station.wait_online()
        session = server.sessions["CP-1"]
        async with ground.station(server.port, password=password) as thief:
            await trio.sleep(1)
            assert (thief.state, thief.statistics().closed.status) == (ConnectionState.BACKING_OFF, 401)
            assert thief.statistics().current_backoff == 60

        assert server.sessions["CP-1"] is session
        assert station.online
    assert_no_secret(caplog.text + str(ground.timeline))


async def test_a_thief_with_a_certificate_of_another_ca_stays_outside(make_ground, pki, autojump_clock):
    ground = make_ground(3)
    stolen = pki.client(pki.station("SN-1", ca=pki.stranger))
    async with ground.serve() as server, ground.station(server.port, ssl_context=stolen) as thief:
        await trio.sleep(0.25)
        closed = thief.statistics().closed

        assert closed.reason is CloseReason.TLS_FAILURE
        assert closed.detail == "TLS: the peer refused: unknown ca"
    assert ground.door.shown == []


async def test_a_station_of_the_same_ca_is_not_another_station(make_ground, pki, autojump_clock):
    ground = make_ground(3)
    other = pki.client(pki.station("SN-2"))
    async with ground.serve() as server, ground.station(server.port, ssl_context=other) as thief:
        await trio.sleep(0.25)

        assert thief.statistics().closed.status == 401
        assert len(server.sessions) == 0


async def test_a_station_does_not_give_its_password_to_a_server_that_it_does_not_know(make_ground, pki, autojump_clock):
    ground = make_ground(2)
    careful = pki.client(ca=pki.stranger_file)
    async with ground.serve() as server, ground.station(server.port, ssl_context=careful) as station:
        await trio.sleep(0.25)
        closed = station.statistics().closed

    assert closed.reason is CloseReason.TLS_FAILURE
    assert "unable to get local issuer certificate" in closed.detail
    assert ground.door.shown == []
    assert "the peer refused: unknown ca" in str(ground.timeline)


async def test_a_station_trusts_the_systems_cas_unless_it_is_told_others(make_ground, autojump_clock):
    ground = make_ground(2)
    async with ground.serve() as server, ground.station(server.port, ssl_context=None) as station:
        await trio.sleep(0.25)

        assert "certificate is not valid: " in station.statistics().closed.detail
    assert ground.door.shown == []


async def test_a_server_with_a_good_certificate_for_another_host_is_not_trusted(make_ground, pki, autojump_clock):
    ground = make_ground(2, certificate=pki.issue("elsewhere", "localhost", "elsewhere.example"))
    async with ground.serve() as server, ground.station(server.port) as station:
        await trio.sleep(0.25)

        assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in station.statistics().closed.detail
    assert ground.door.shown == []


async def test_a_new_key_is_shown_after_the_old_connection_was_closed_in_order(make_ground, autojump_clock):
    """A new AuthorizationKey: accept, answer, disconnect, come back with the new key."""
    ground = make_ground(2)
    router = Router(v16)

    @router.on(v16.ChangeConfigurationRequest)
    async def change(session, request):
        return v16.ChangeConfigurationResponse(status=v16.ConfigurationStatus.ACCEPTED)

    @router.after(v16.ChangeConfigurationRequest)
    async def come_back(session, request, response):
        station.set_password(bytes.fromhex(request.value))
        station.reconnect()

    async with ground.serve() as server, ground.station(server.port, router=router) as station:
        await station.wait_online()
        session = server.sessions["CP-1"]
        ground.door.keys["CP-1"] = NEW_KEY
        answer = await session.call(v16.ChangeConfigurationRequest(key="AuthorizationKey", value=NEW_KEY.hex()))
        ended = await session.wait_closed()
        await station.wait_offline()
        await station.wait_online()

        assert trio.current_time() == 0.5, "the resume delay twice, and no backoff between"
        assert answer.status is v16.ConfigurationStatus.ACCEPTED
        assert (ended.code, ended.detail) == (1001, "reconnecting")
        assert [shown.password for shown in ground.door.shown] == [KEY, NEW_KEY]
        assert station.statistics().connections == 2


@pytest.mark.parametrize("password", ["text", bytearray(b"x"), 7])
async def test_a_password_is_bytes(make_ground, password):
    with pytest.raises(ValueError, match="expected a password as bytes or None, found") as wrong:
        async with make_ground(1).station(1, password=password):
            pytest.fail("it is taken")

    assert "text" not in str(wrong.value)


async def test_what_cannot_work_is_said_at_once(pki):
    with pytest.raises(ValueError, match="expected a wss:// URL with an ssl_context, or none"):
        async with open_charge_point("ws://csms/ocpp", "CP-1", router=Router(v16), boot=BOOT, ssl_context=pki.client()):
            pytest.fail("it is taken")
    with pytest.raises(ValueError, match="expected a client's ssl_context, found a server's"):
        async with open_charge_point(
            "wss://csms/ocpp", "CP-1", router=Router(v16), boot=BOOT, ssl_context=pki.server()
        ):
            pytest.fail("it is taken")
    with pytest.raises(ValueError, match="without a colon"):
        async with open_charge_point("ws://csms/ocpp", "a:b", router=Router(v16), boot=BOOT, password=KEY):
            pytest.fail("it is taken")
