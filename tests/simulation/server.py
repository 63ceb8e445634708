"""The CSMS of a simulated world: a real one that crashes, drains, and comes back."""

from typing import TYPE_CHECKING

import trio

from ocpp_trio import Acceptance, CsmsServer, Instruments, serve_csms
from tests.simulation.inside import CSMS
from tests.simulation.oracle import AT_ONCE

if TYPE_CHECKING:
    from tests.simulation.world import World

PORT = 9000


class Csms:
    """A CSMS that dies and comes back."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._life = trio.CancelScope()
        self._crashed = False
        self._restart = trio.Event()
        self._ids = world.run.message_ids("csms")
        self.server: CsmsServer | None = None

    async def live(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve, die, and serve again: at once if somebody cancelled this, and otherwise when told to."""
        self._world.inside.own(CSMS)
        while True:
            await trio.lowlevel.checkpoint()
            self._restart = trio.Event()
            self._crashed = died = False
            with self._world.cancelling.scope("server") as self._life:
                try:
                    async with trio.open_nursery() as nursery:
                        self._world.oracle.new_server()
                        self.server = await nursery.start(self._serve)
                        if self._world.oracle.lives == 1:
                            task_status.started()
                except* Exception as group:
                    died = True
                    self._world.judge_death(CSMS, group)
            told = died or self._life.cancel_called or self.server is None or self.server.statistics().draining
            if not told:
                self._world.oracle.violate("ENDED_IN_SILENCE", "the server, and nobody had told it to")
            self.server = None
            if self._crashed or not (died or self._life.cancelled_caught):
                await self._restart.wait()

    async def _serve(  # noqa: ASYNC128  # the server itself says when
        self, *, task_status: trio.TaskStatus[CsmsServer]
    ) -> None:
        world = self._world
        await serve_csms(
            [world.csms_router],
            PORT,
            listen=world.run.network.host("csms").listen,
            authenticate=_let_in if world.scenario.proof else None,
            session_task=world.drive_station,
            limits=world.limits,
            instrument=Instruments([world.run.instrument, world.ear_of("csms")]),
            new_message_id=self._ids,
            task_status=task_status,
        )

    def crash(self) -> None:
        """Die without a word."""
        self._crashed = True
        self._world.run.network.host("csms").crash()
        self._life.cancel()

    def restart(self) -> None:
        """Serve again, if nobody does."""
        self._restart.set()

    async def drain(self, seconds: float) -> None:
        """Let what is open be answered for so many seconds, and see that it takes no longer."""
        server, began = self.server, self._world.oracle.moment
        if server is None:
            return
        with self._world.cancelling.scope("drain"):
            await server.drain(seconds)
        took = self._world.oracle.since(began)
        if took > seconds + AT_ONCE:
            self._world.oracle.violate("SLOW_DRAIN", f"a drain of {seconds:g} s took {took:g} s")


async def _let_in(credentials: object) -> Acceptance:
    return Acceptance(authenticated=True)
