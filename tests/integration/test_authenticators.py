"""The ready-made authenticators at the door of a server, seen from the stations and from those who only say so."""

import logging
import math
import ssl
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_trio import (
    AttemptLimit,
    CertificateNames,
    ConnectionState,
    Instruments,
    NeverLower,
    PasswordHashes,
    Router,
    any_of,
    hash_password,
    open_charge_point,
    serve_csms,
    v16,
)
from ocpp_trio.backend import MemoryBackend
from ocpp_trio.observe import Logs, Timeline
from ocpp_trio.testing import MemoryNetwork

KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF01234567")
BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")


async def inline(check):
    await trio.lowlevel.checkpoint()
    return check()


def hashes(**passwords: bytes) -> PasswordHashes:
    return PasswordHashes(
        {identity.replace("_", "-"): hash_password(password, cost=1) for identity, password in passwords.items()},
        run_blocking=inline,
    )


class Ground:
    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.timeline = Timeline()
        self.instrument = Instruments([self.timeline, Logs()])

    @asynccontextmanager
    async def serve(self, authenticate: Any, **options: Any):
        serve = partial(
            serve_csms,
            [MemoryBackend().router()],
            0,
            listen=self.network.listen,
            authenticate=authenticate,
            instrument=self.instrument,
            **options,
        )
        async with trio.open_nursery() as nursery:
            yield await nursery.start(serve)
            nursery.cancel_scope.cancel()

    def station(self, port: int, identity: str = "CP-1", scheme: str = "ws", **options: Any):
        return open_charge_point(
            f"{scheme}://127.0.0.1:{port}/ocpp",
            identity,
            router=Router(v16),
            boot=BOOT,
            dial=self.network.dial,
            instrument=self.instrument,
            **options,
        )

    async def status(self, port: int, *args: Any, **options: Any) -> int | None:
        """What a station is answered: 101 or why not, and None where it fails before."""
        async with self.station(port, *args, **options) as station:
            await trio.sleep(0.3)
            if station.online:
                return 101
            assert station.state is ConnectionState.BACKING_OFF
            closed = station.statistics().closed
            assert closed is not None
            return closed.status  # type: ignore[no-any-return]


@pytest.fixture
def ground():
    ground = Ground()
    yield ground
    print(ground.timeline)


@settings(max_examples=25, deadline=None)
@given(password=st.binary(max_size=40), other=st.binary(max_size=40))
def test_whatever_the_bytes_of_a_password_it_works_and_another_does_not(password, other):
    async def main():
        ground = Ground()
        async with ground.serve(hashes(CP_1=password)) as server:
            assert await ground.status(server.port, password=password) == 101
            same = other.rstrip(b"\0") == password.rstrip(b"\0")
            assert await ground.status(server.port, password=other) == (101 if same else 401)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_profiles_1_to_3_at_one_door_and_none_goes_back(ground, pki, autojump_clock):
    context = pki.server(client_ca=pki.ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    door = NeverLower(any_of(CertificateNames({"CP-1": "SN-1"}, organization="Operator"), hashes(CP_1=KEY)))
    bare, proved = pki.client(), pki.client(pki.station("SN-1"))
    foreign = pki.client(pki.station("SN-1", organization="Other"))
    async with ground.serve(door) as plain, ground.serve(door, ssl_context=context) as secure:
        status = partial(ground.status, secure.port, "CP-1", "wss")

        assert await ground.status(plain.port, password=KEY) == 101, "profile 1"
        assert await status(ssl_context=bare, password=KEY) == 101, "profile 2"
        assert await ground.status(plain.port, password=KEY) == 403
        assert await status(ssl_context=foreign) == 401
        assert await status(ssl_context=proved) == 101, "profile 3"
        assert await status(ssl_context=bare, password=KEY) == 403
        assert await status(ssl_context=bare, password=b"wrong") == 401
        assert await ground.status(plain.port) == 401


async def test_a_guesser_is_told_to_stay_away_and_the_station_is_not(ground, caplog, autojump_clock):
    caplog.set_level(logging.DEBUG)
    door = AttemptLimit(hashes(CP_1=KEY), seconds=600.0)
    async with ground.serve(door) as server, ground.station(server.port, password=KEY) as station:
        await station.wait_online()
        statuses = [await ground.status(server.port, "CP-2", password=b"guess-%d" % number) for number in range(12)]
        station.drop_link()
        await station.wait_offline()
        await station.wait_online()
        async with ground.station(server.port, "CP-3", password=b"guess") as guesser:
            await trio.sleep(0.3)
            backoff = guesser.statistics().current_backoff

    assert statuses == [401] * 10 + [429] * 2
    assert backoff is not None
    assert 590 < backoff <= 600, "Retry-After"
    assert backoff == math.ceil(backoff)
    for secret in ("guess", "Z3Vlc3", KEY.hex(), repr(KEY)):
        assert secret not in caplog.text + str(ground.timeline)
