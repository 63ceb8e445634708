"""Somebody cancels a server's own tasks: it ends and says so, and what belongs to one connection ends that one."""

import pytest
import trio

from tests.meddling import cancel_around


@pytest.mark.parametrize("task", ["Session._read", "Dispatcher.serve", "Connection.write", "Transport.run"])
async def test_task_of_a_connection_takes_its_session_with_it_and_no_other(ground, task, autojump_clock):
    async with ground.serve() as server, ground.connect("CP-1") as station:
        await station.call("Heartbeat")
        cancel_around(task, below="._run_handler")
        closed = await station.wait_ended()
        ground.assert_now(0)
        async with ground.connect("CP-2") as other:
            await other.call("Heartbeat")
            identities = list(server.sessions)

    assert closed.code == 1001
    assert identities == ["CP-2"]


async def test_server_whose_connections_are_cancelled_ends_with_an_error(ground, autojump_clock):
    """Otherwise it would return as if it had been drained."""
    with pytest.RaisesGroup(
        pytest.RaisesExc(RuntimeError, match="expected a drain to end the server, found its tasks cancelled")
    ):
        async with ground.serve() as server, ground.connect("CP-1") as station:
            await station.call("Heartbeat")
            cancel_around("._run_handler")
            closed = await station.wait_ended()
            await trio.sleep_forever()

    assert closed.code == 1001
    assert server.sessions == {}
