"""The two ends under fire, each beside a calm neighbour, in a network of memory."""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import cache, partial
from random import Random
from typing import Any, Final, Literal

import attrs
import trio
import trio.testing

from ocpp_trio import (
    Acceptance,
    AttemptLimit,
    Authenticator,
    CallFailed,
    ChargePoint,
    ConnectionClosed,
    Credentials,
    CsmsServer,
    ExponentialBackoff,
    NeverLower,
    PasswordHashes,
    ReconnectPolicy,
    Refusal,
    Request,
    Response,
    Router,
    Session,
    hash_password,
    open_charge_point,
    serve_csms,
    v16,
)
from ocpp_trio.link.basic import basic_authorization
from ocpp_trio.observe import Logs
from ocpp_trio.testing import CsmsStub, MemoryListener, MemoryNetwork
from ocpp_trio.wire.codec import codec_of
from tests.conformance.generate import sound
from tests.conformance.schemas import common
from tests.fuzz.cases import SECRET
from tests.fuzz.evil import Complaint, Evil
from tests.fuzz.frames import LIMITS
from tests.link.raw_peer import request

BOOT: Final = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")
ACCEPTED: Final = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 0}
AT_ONCE: Final = ReconnectPolicy(backoff=ExponentialBackoff(initial=0.1, maximum=0.1, jitter=0), resume_delay=0)
LONGEST_WAIT: Final = 100_000.0
"""Virtual seconds; a station believes a Retry-After of up to a day."""
AFTERMATH: Final = 60.0
"""Virtual seconds until everything bounded by a deadline has met it."""


@cache
def _willing_responses(role: Literal["charge_point", "csms"]) -> Mapping[type[Request[Any, Any]], Response]:
    """A sound response to every request that may come to this end."""
    version, responses = v16.version, {}
    for request_type in version.csms_requests if role == "charge_point" else version.charge_point_requests:
        name = f"{request_type.action}Response"
        payload = ACCEPTED if request_type is version.boot else sound(common(name), Random(name))
        responses[request_type] = codec_of(version).decode(request_type.response, json.dumps(payload).encode())
    return responses


def _answer_everything(role: Literal["charge_point", "csms"]) -> Router:
    router = Router(v16)

    def register(request_type: type[Request[Any, Any]], response: Response) -> None:
        @router.on(request_type)
        async def answer(session: Session, request: Any) -> Any:
            return response

    for request_type, response in _willing_responses(role).items():
        register(request_type, response)
    return router


async def _keep_asking(peer: Session | ChargePoint, request: Request[Any, Any]) -> None:
    """So that there is always a CALL for an evil reply to hit."""
    if not peer.identity.startswith("evil"):
        return
    while True:
        await trio.lowlevel.checkpoint()
        try:
            await peer.call(request)
        except ConnectionClosed:
            return
        except CallFailed:
            pass


class _Everybody(Mapping[str, str]):
    """The hash of one password for all identities there may be, of which none is listed."""

    def __init__(self, password: bytes) -> None:
        self._hash = hash_password(password, cost=1)

    def __getitem__(self, identity: str) -> str:
        return self._hash

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


async def _at_once(check: Callable[[], bool]) -> bool:
    """Without a thread, of which virtual time knows nothing."""
    return check()


def _door() -> Authenticator:
    """Everybody has the same password, and may try it as often as a run is long. Without any one may be anybody."""
    hashes = PasswordHashes(_Everybody(SECRET.encode()), accept_digits=True, run_blocking=_at_once)

    async def ask(credentials: Credentials) -> Acceptance | Refusal:
        return Acceptance(authenticated=False) if credentials.password is None else await hashes(credentials)

    return AttemptLimit(NeverLower(ask), per_address=10**9, per_identity=10**9 + 1)


def _ids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"c-{next(numbers)}"


@asynccontextmanager
async def _neighbour(network: MemoryNetwork, port: int) -> AsyncIterator[ChargePoint]:
    async with open_charge_point(
        f"ws://csms:{port}",
        "neighbour",
        router=Router(v16),
        boot=BOOT,
        dial=network.dial,
        limits=LIMITS,
        reconnect=AT_ONCE,
    ) as station:
        await station.wait_online()
        yield station
        await _check_calm(station)


async def _check_calm(station: ChargePoint) -> None:
    with trio.move_on_after(1) as patience:
        await station.call(v16.HeartbeatRequest())
    if patience.cancelled_caught or station.statistics().connections != 1:
        raise Complaint(f"the neighbour was disturbed: {station.statistics()!r}")


@attrs.define(eq=False)
class Fire:
    """What a fuzz run needs of the ground it is fought on."""

    neighbour: ChargePoint
    evil: Evil | None = None

    async def meet(self) -> Evil:
        """The open connection to the end under test; another one if the last has ended."""
        if self.evil is None or self.evil.over:
            await self.part()
            self.evil = await self._meet()
        return self.evil

    async def part(self) -> None:
        """Drop the connection."""
        if self.evil is not None:
            await self.evil.leave()
            self.evil = None

    async def check_calm(self) -> None:
        """Raises Complaint if the neighbour notices anything."""
        await _check_calm(self.neighbour)

    async def _meet(self) -> Evil:
        raise NotImplementedError


@attrs.define(eq=False, kw_only=True)
class CsmsFire(Fire):
    """A CSMS, and evil stations. Each comes under a name of its own."""

    network: MemoryNetwork
    numbers: Any = attrs.Factory(lambda: itertools.count(1))

    async def dial(self) -> Evil:
        """A connection that is no WebSocket yet."""
        return Evil(await self.network.dial("csms", 9000), client=True)

    async def _meet(self) -> Evil:
        evil = await self.dial()
        name = b"evil-%d" % next(self.numbers)
        proof = (b"Authorization", basic_authorization(name.decode(), SECRET.encode()))
        await evil.send(request(proof, first_line=b"GET /" + name + b" HTTP/1.1"))
        with trio.fail_after(1):
            await evil.read_head()
        return evil


@attrs.define(eq=False, kw_only=True)
class StationFire(Fire):
    """A station, and the evil CSMS that it connects to again and again."""

    listener: MemoryListener

    async def accept(self) -> tuple[Evil, bytes]:
        """The station's next connection, and the head of its request."""
        with trio.move_on_after(LONGEST_WAIT):
            evil = Evil(await self.listener.accept(), client=False)
            return evil, await evil.read_head()
        raise Complaint(f"the station did not come back within {LONGEST_WAIT:g} s")

    async def _meet(self) -> Evil:
        evil, asked = await self.accept()
        await evil.send(evil.accept(asked))
        with trio.fail_after(1):
            frame = await evil.next_frame()
            assert frame is not None, "expected a BootNotification, found the end"
            await evil.send(evil.text(json.dumps([3, json.loads(frame.payload)[1], ACCEPTED])))
        return evil


@asynccontextmanager
async def csms_under_fire() -> AsyncIterator[CsmsFire]:
    """A CSMS and a calm station. Raises Complaint if anything but these is left at the end."""
    network = MemoryNetwork()
    serve = partial(
        serve_csms,
        [_answer_everything("csms")],
        9000,
        listen=network.listen,
        limits=LIMITS,
        instrument=Logs(),
        new_message_id=_ids(),
        authenticate=_door(),
        session_task=lambda session: _keep_asking(session, v16.GetLocalListVersionRequest()),
    )
    async with trio.open_nursery() as nursery:
        server: CsmsServer = await nursery.start(serve)
        async with _neighbour(network, 9000) as station, _nothing_left():
            fire = CsmsFire(neighbour=station, network=network)
            yield fire
            await fire.part()
            await trio.sleep(AFTERMATH)
            statistics = server.statistics()
            if (statistics.sessions, statistics.pending_handshakes) != (1, 0):
                raise Complaint(f"left at the end: {statistics!r}")
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def station_under_fire() -> AsyncIterator[StationFire]:
    """A station with an evil CSMS, and a calm one with a willing CSMS."""
    network, stub = MemoryNetwork(), CsmsStub(interval=0)
    (listener,) = await network.listen(9000)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(stub.serve, 9001, listen=network.listen))
        async with _neighbour(network, 9001) as neighbour, _nothing_left():
            async with open_charge_point(
                "ws://csms:9000",
                "evil",
                router=_answer_everything("charge_point"),
                boot=BOOT,
                password=SECRET.encode(),
                reconnect=AT_ONCE,
                session_task=lambda station: _keep_asking(station, v16.HeartbeatRequest()),
                limits=LIMITS,
                instrument=Logs(),
                new_message_id=_ids(),
                dial=network.dial,
                rng=Random(0),
            ):
                fire = StationFire(neighbour=neighbour, listener=listener)
                yield fire
                await fire.part()
            await trio.sleep(AFTERMATH)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _nothing_left() -> AsyncIterator[None]:
    """Raises Complaint if there are more tasks behind the body than before it."""
    await trio.testing.wait_all_tasks_blocked()
    before = trio.lowlevel.current_statistics().tasks_living
    yield
    await trio.testing.wait_all_tasks_blocked()
    after = trio.lowlevel.current_statistics().tasks_living
    if after != before:
        raise Complaint(f"{after - before} tasks are left at the end")
