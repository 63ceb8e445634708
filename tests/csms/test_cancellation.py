"""Every public await of a server, cancelled at every moment: its stations are told, and its port is free again."""

from functools import partial

import pytest
import trio
import trio.testing

from ocpp_trio import (
    ConnectionClosed,
    CsmsServer,
    HandshakeError,
    Router,
    Session,
    serve_csms,
    v16,
)
from tests.blow import Blow, sweep
from tests.csms.conftest import NOW, Ground
from tests.link.conftest import assert_at_rest

PORT = 9000
RESET = v16.ResetRequest(type=v16.ResetType.SOFT)


def willing() -> Router:
    """Boots are accepted at once, tags after 5 s."""
    router = Router(v16)

    @router.on(v16.BootNotificationRequest)
    async def boot(session, request):
        return v16.BootNotificationResponse(current_time=NOW, interval=300, status=v16.RegistrationStatus.ACCEPTED)

    @router.on(v16.AuthorizeRequest)
    async def authorize(session, request):
        await trio.sleep(5)
        return v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status=v16.AuthorizationStatus.ACCEPTED))

    return router


async def call_and_lose(session: Session) -> None:
    """A CALL that the station never answers: whatever happens to the server, its caller is told."""
    with pytest.raises(ConnectionClosed):
        await session.call(RESET)


def assert_gone(server: CsmsServer, sessions: list[Session]) -> None:
    """No session, no handshake, and nothing pending in what was one."""
    assert (server.statistics().sessions, server.statistics().pending_handshakes) == (0, 0)
    for session in sessions:
        assert session.closed is not None
        assert_at_rest(session.statistics())


@pytest.mark.parametrize("seconds", [2, 9], ids=["too short", "long enough"])
def test_drain(seconds: float):
    """Cancelled it skips the wait and nothing else; the next one finds everything done."""

    async def scenario(blow: Blow) -> None:
        ground = Ground(virtual=True, router=willing())
        async with ground.serve() as server, ground.connect() as station, trio.open_nursery() as nursery:
            await station.boot()
            await station.send(2, "s-2", "Authorize", {"idTag": "A"})
            session = server.sessions["CP-1"]
            nursery.start_soon(call_and_lose, session)
            half_open = await ground.dial()
            await trio.testing.wait_all_tasks_blocked()
            assert server.statistics().pending_handshakes == 1

            with blow.strikes():
                await server.drain(seconds)
            assert server.statistics().draining
            assert (await station.wait_ended()).code == 1001
            assert await half_open.receive_some() == b""
            await ground.returned.wait()
            assert trio.current_time() <= seconds, "the half-open one waits for no handshake deadline"
            await server.drain(seconds)
            assert_gone(server, [session])
            with pytest.raises(ConnectionRefusedError):
                await ground.dial()

    assert sweep(scenario) >= 5


async def visit(ground: Ground, server: CsmsServer, sessions: list[Session]) -> None:
    """A station that boots and asks, with a CALL of the server open meanwhile; then the server stops."""
    async with ground.connect() as station, trio.open_nursery() as nursery:
        await station.boot()
        if session := server.sessions.get("CP-1"):
            sessions.append(session)
            nursery.start_soon(call_and_lose, session)
            assert (await station.receive())[2] == "Reset"
        await station.send(2, "s-2", "Authorize", {"idTag": "A"})
        assert (await station.receive())[:2] == [3, "s-2"]
        await server.drain(1)


async def visit_or_lose(ground: Ground, server: CsmsServer, sessions: list[Session]) -> None:
    try:
        await visit(ground, server, sessions)
    except* (ConnectionClosed, HandshakeError, ConnectionRefusedError):
        await trio.lowlevel.checkpoint()


def test_serve():
    """The scope around a whole server. Whoever serves next finds the port free, and serves."""

    async def scenario(blow: Blow) -> None:
        ground = Ground(virtual=True)
        ended = trio.Event()
        serve = partial(serve_csms, [willing()], PORT, host="127.0.0.1", listen=ground.network.listen)
        ground.port = PORT

        async def run(*, task_status: trio.TaskStatus[CsmsServer]) -> None:  # noqa: ASYNC128  # serve calls started()
            with blow.strikes():
                await serve(task_status=task_status)
            ended.set()

        async with trio.open_nursery() as nursery:
            sessions: list[Session] = []
            try:
                server = await nursery.start(run)
            except RuntimeError:
                assert blow.fell, "only a blow keeps it from starting"
            else:
                await visit_or_lose(ground, server, sessions)
                await ended.wait()
                assert_gone(server, sessions)

            server = await nursery.start(serve)
            await visit(ground, server, sessions)
            assert_gone(server, sessions)

    assert sweep(scenario) > 30
